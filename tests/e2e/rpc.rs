//! Nodes that already run, of whom nothing is asked but what every client answers.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    binaries::{complaint, program},
    demo::{MESSAGES, sum},
    elsewhere::{Elsewhere, anvil},
    schema,
};

/// The key that every anvil gives coin to.
const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// A process that ends with the test, and where it listens.
struct Listener {
    child: Child,
    url: String,
}

impl Listener {
    /// Starts it, and reads where it listens from its standard output.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        let line = said.find_map(|line| Some(line.ok()?.strip_prefix("Listening on ")?.trim().to_owned()));
        // It would end if nobody could read what it says.
        std::thread::spawn(move || said.for_each(drop));
        Self { child, url: format!("http://{}", line.expect("it listens")) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn secret(elsewhere: &Elsewhere, name: &str, line: &str) -> PathBuf {
    let path = elsewhere.path().join(name);
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a secret file");
    path
}

#[test]
fn a_demo_on_nodes_that_answer_no_development_calls() {
    let elsewhere = Elsewhere::new();
    let mut listeners = Vec::new();
    let mut arguments: Vec<String> =
        ["demo", "--json", "--seed", "5", "--messages", &MESSAGES.to_string()].map(str::to_owned).into();
    for chain in ["31", "32", "33"] {
        let arguments_of_node = ["--port", "0", "--chain-id", chain, "--block-time", "1", "--slots-in-an-epoch", "1"];
        let node = Listener::start(Command::new(anvil()).args(arguments_of_node));
        let file = secret(&elsewhere, chain, &node.url);
        let mut proxy = Command::new(program("devnet"));
        proxy.arg("proxy").arg("--node-file").arg(file);
        proxy.args(["anvil_", "evm_", "hardhat_"].iter().flat_map(|prefix| ["--reject", prefix]));
        let proxy = Listener::start(&mut proxy);
        arguments.extend(["--rpc".to_owned(), format!("{chain}={}", proxy.url)]);
        listeners.extend([node, proxy]);
    }
    let key_file = secret(&elsewhere, "key", KEY);
    arguments.extend(["--key-file".to_owned(), key_file.display().to_string()]);

    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = elsewhere.devnet(&arguments).output().expect("devnet starts");
    let said = complaint(&output);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("time cannot be moved on these nodes: no message is refused"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("standard output is one JSON document");
    schema::check(&report);
    let lanes = report["lanes"].as_array().expect("lanes");
    assert_eq!((sum(lanes, "sent"), sum(lanes, "refused")), (MESSAGES, 0));
    assert_eq!(sum(lanes, "delivered") + sum(lanes, "voided"), MESSAGES);
    assert_eq!(sum(lanes, "reclaimed"), sum(lanes, "voided"));
}
