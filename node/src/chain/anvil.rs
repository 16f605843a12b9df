//! A real node for tests: anvil on a free port, ended by its own id.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use alloy::primitives::{Address, Bytes, address};
use serde_json::{Value, json};

/// The first account that anvil holds the key of.
pub(super) const RICH: Address = address!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");

/// A running anvil that makes blocks only when it is told to.
pub(super) struct Anvil {
    child: Child,
    pub url: String,
    http: reqwest::Client,
}

impl Anvil {
    pub(super) fn start() -> Self {
        let mut child = Command::new(binary())
            .args(["--port", "0", "--no-mining", "--slots-in-an-epoch", "1", "--chain-id", "901"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("anvil is not there; run `npm ci --ignore-scripts` in contracts/");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .find_map(|line| line.ok()?.strip_prefix("Listening on ").map(str::to_owned))
            .expect("anvil says where it listens");
        // It blocks when nobody reads what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://{address}"), http: reqwest::Client::new() }
    }

    pub(super) async fn call(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.http.post(&self.url).json(&request).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Sends from [`RICH`] without waiting for a block.
    pub(super) async fn send(&self, to: Option<Address>, data: Bytes) -> Value {
        self.call("eth_sendTransaction", json!([{ "from": RICH, "to": to, "data": data, "gas": "0x100000" }])).await
    }

    /// Deploys code and returns where it is, and in which block.
    pub(super) async fn deploy(&self, code: Bytes) -> (Address, u64) {
        let hash = self.send(None, code).await;
        self.mine(1).await;
        let receipt = self.call("eth_getTransactionReceipt", json!([hash])).await;
        let block = receipt["blockNumber"].as_str().unwrap().trim_start_matches("0x");
        (receipt["contractAddress"].as_str().unwrap().parse().unwrap(), u64::from_str_radix(block, 16).unwrap())
    }

    pub(super) async fn mine(&self, blocks: u64) {
        self.call("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program itself, not npm's wrapper: killing that would leave it running.
fn binary() -> PathBuf {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", _) => "darwin-amd64",
        (_, "aarch64") => "linux-arm64",
        _ => "linux-amd64",
    };
    let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../contracts/node_modules/@foundry-rs");
    modules.join(format!("anvil-{platform}/bin/anvil"))
}
