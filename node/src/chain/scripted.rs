//! A JSON-RPC node over a [`MemoryChain`] that lies, hangs or lacks things on demand.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::{
    primitives::{Address, B256, Log, U64},
    rpc::types::Log as RpcLog,
};
use axum::{Json, Router, extract::State, routing::post};
use metalayer_proto::ids::ChainId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::memory::{MemoryBlock, MemoryChain, transaction_hash};

/// What is wrong with a node.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Answers nothing, for ever.
    pub hangs: bool,
    /// Says that this block is final, whatever the chain says; invents it if the chain does not have it.
    pub finalized: Option<u64>,
    /// Says every header's time is one second later, under the true hash.
    pub alters_headers: bool,
    /// Says every header has another parent, under the true hash.
    pub wrong_parent: bool,
    /// Leaves out the last log of each receipt.
    pub drops_logs: bool,
    /// Adds one to each receipt's gas.
    pub alters_receipts: bool,
    /// Says that every transaction has this type.
    pub transaction_type: Option<u8>,
    /// Gives headers a field that Ethereum's do not have, and a hash that nobody can recompute.
    pub foreign_header: bool,
    /// Claims this log, in this block, by `eth_getLogs`.
    pub forges_log: Option<(u64, Log)>,
    /// Claims no log by `eth_getLogs`.
    pub hides_logs: bool,
    /// Does not know `eth_getBlockReceipts`.
    pub no_block_receipts: bool,
    /// Does not know the tags `finalized` and `safe`.
    pub no_finality: bool,
    /// Says it is another chain.
    pub chain: Option<ChainId>,
}

/// A running node. It ends when dropped.
#[derive(Debug)]
pub struct ScriptedNode {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    chain: Arc<MemoryChain>,
    faults: Mutex<Faults>,
    calls: Mutex<BTreeMap<String, u64>>,
}

impl ScriptedNode {
    /// Serves `chain` on a free port of the loopback interface.
    pub async fn start(chain: Arc<MemoryChain>) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { chain, faults: Mutex::default(), calls: Mutex::default() });
        let app = Router::new().route("/", post(answer)).with_state(shared.clone());
        let server = tokio::spawn(async move {
            // Serving ends with the task; an error could be told to nobody.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is wrong with it.
    pub fn set(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// How often each method was called since the last time this was asked.
    pub fn take_calls(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for ScriptedNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, Json(request): Json<Value>) -> Json<Value> {
    let faults = shared.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if faults.hangs {
        std::future::pending::<()>().await;
    }
    Json(match request {
        Value::Array(calls) => calls.iter().map(|call| shared.one(&faults, call)).collect(),
        call => shared.one(&faults, &call),
    })
}

impl Shared {
    fn one(&self, faults: &Faults, call: &Value) -> Value {
        let method = call["method"].as_str().unwrap_or_default();
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method.to_owned()).or_default() += 1;
        match self.result(faults, method, &call["params"]) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": code, "message": message } })
            }
        }
    }

    fn result(&self, faults: &Faults, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        match method {
            "eth_chainId" => Ok(format!("{:#x}", faults.chain.unwrap_or(self.chain.chain()).get()).into()),
            "eth_getBlockByNumber" => self.block(faults, params[0].as_str().unwrap_or_default()),
            "eth_getBlockReceipts" if !faults.no_block_receipts => {
                let block = number(&params[0]).and_then(|number| self.chain.block(number));
                Ok(block.map_or(Value::Null, |block| receipts(faults, &block).into()))
            }
            "eth_getTransactionReceipt" => Ok(self.receipt(faults, &params[0])),
            "eth_getLogs" => Ok(self.logs(faults, &params[0])),
            _ => Err((-32601, format!("the method {method} does not exist"))),
        }
    }

    fn block(&self, faults: &Faults, tag: &str) -> Result<Value, (i64, String)> {
        let block = match tag {
            "latest" => Some(self.chain.latest()),
            "finalized" | "safe" if faults.no_finality => return Err((-39001, "unknown block".into())),
            "finalized" | "safe" => match faults.finalized {
                Some(number) => self.chain.block(number).or_else(|| Some(invented(number))),
                None => Some(self.chain.finalized()),
            },
            number => self.chain.block(parse(number).unwrap_or(u64::MAX)),
        };
        Ok(block.map_or(Value::Null, |block| header(faults, block)))
    }

    fn receipt(&self, faults: &Faults, wanted: &Value) -> Value {
        let blocks = (0..=self.chain.latest().header.number).filter_map(|number| self.chain.block(number));
        let mut all = blocks.flat_map(|block| receipts(faults, &block));
        all.find(|receipt| receipt["transactionHash"] == *wanted).unwrap_or(Value::Null)
    }

    fn logs(&self, faults: &Faults, filter: &Value) -> Value {
        let watched = Vec::<Address>::deserialize(&filter["address"]).unwrap_or_default();
        let (Some(from), Some(to)) = (number(&filter["fromBlock"]), number(&filter["toBlock"])) else {
            return Value::Null;
        };
        let mut claimed = Vec::new();
        for block in (from..=to).filter_map(|number| self.chain.block(number)).filter(|_| !faults.hides_logs) {
            let logs = block.receipts.iter().flat_map(|receipt| receipt.logs());
            let ours = (0..).zip(logs).filter(|(_, log)| watched.contains(&log.address));
            claimed.extend(ours.map(|(index, log)| rpc_log(block.header.number, block.hash, index, log.clone())));
        }
        if let Some((number, log)) = faults.forges_log.clone().filter(|(number, _)| (from..=to).contains(number)) {
            claimed.push(rpc_log(number, B256::repeat_byte(1), 0, log));
        }
        json!(claimed)
    }
}

fn header(faults: &Faults, MemoryBlock { mut header, hash, receipts }: MemoryBlock) -> Value {
    header.timestamp += u64::from(faults.alters_headers);
    if faults.wrong_parent {
        header.parent_hash = B256::repeat_byte(0xbb);
    }
    let mut json = json!(header);
    json["hash"] = json!(hash);
    json["transactions"] = (0..receipts.len()).map(|index| json!(transaction_hash(hash, index))).collect();
    if faults.foreign_header {
        json["l1BatchNumber"] = json!("0x1");
        json["gasUsed"] = json!("0x1234");
    }
    json
}

fn receipts(faults: &Faults, block: &MemoryBlock) -> Vec<Value> {
    let mut index = 0;
    let mut list = Vec::new();
    for (position, receipt) in block.receipts.iter().enumerate() {
        let mut logs: Vec<RpcLog> = Vec::new();
        for log in receipt.logs() {
            logs.push(rpc_log(block.header.number, block.hash, index, log.clone()));
            index += 1;
        }
        if faults.drops_logs {
            logs.pop();
        }
        list.push(json!({
            "type": format!("{:#x}", faults.transaction_type.unwrap_or(2)),
            "status": "0x1",
            "cumulativeGasUsed": format!("{:#x}", receipt.cumulative_gas_used() + u64::from(faults.alters_receipts)),
            "logsBloom": receipt.logs_bloom(),
            "logs": logs,
            "transactionHash": transaction_hash(block.hash, position),
        }));
    }
    list
}

fn rpc_log(number: u64, hash: B256, index: u64, log: Log) -> RpcLog {
    RpcLog {
        inner: log,
        block_hash: Some(hash),
        block_number: Some(number),
        log_index: Some(index),
        ..RpcLog::default()
    }
}

/// A block that no chain has.
fn invented(number: u64) -> MemoryBlock {
    let header = alloy::consensus::Header { number, ..Default::default() };
    MemoryBlock { hash: header.hash_slow(), header, receipts: Vec::new() }
}

fn number(value: &Value) -> Option<u64> {
    parse(value.as_str()?)
}

fn parse(hex: &str) -> Option<u64> {
    serde_json::from_value::<U64>(hex.into()).ok().map(|number| number.to())
}
