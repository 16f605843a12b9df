//! Nodes: the ways to a chain, of which some are dead and some lie.

use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::B256;
use async_trait::async_trait;
use metalayer_node::chain::{CallError, Transport};
use serde_json::{Value, json};

use super::{life::Life, monitor::Monitor};
use crate::chain::SimChain;

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manners {
    /// Nothing.
    #[default]
    Honest,
    /// It refuses connections.
    Dead,
    /// It answers nothing, for ever.
    Hangs,
    /// It does what it is asked, and the answer is lost.
    Mute,
    /// It says that its newest block is final.
    Hasty,
    /// Its headers say another time, under the true hash.
    AltersHeaders,
    /// Its headers have another parent, under the true hash.
    WrongParent,
    /// It says that blocks have another hash.
    OtherHash,
    /// It says that a block is final which no chain has.
    Invents,
    /// Its receipts say another gas.
    AltersReceipts,
    /// It claims a log once more, at another place in its block.
    ForgesLog,
    /// It leaves out the last log of each receipt.
    DropsLogs,
    /// It knows no log.
    HidesLogs,
}

impl Manners {
    /// Everything that may be wrong.
    pub const BAD: [Self; 12] = [
        Self::Dead,
        Self::Hangs,
        Self::Mute,
        Self::Hasty,
        Self::AltersHeaders,
        Self::WrongParent,
        Self::OtherHash,
        Self::Invents,
        Self::AltersReceipts,
        Self::ForgesLog,
        Self::DropsLogs,
        Self::HidesLogs,
    ];
}

/// One node of a chain. Clones are the same node.
#[derive(Clone, Debug)]
pub struct SimNode {
    chain: SimChain,
    manners: Arc<Mutex<(Manners, u64)>>,
}

impl SimNode {
    /// An honest node of `chain`.
    pub fn of(chain: SimChain) -> Self {
        Self { chain, manners: Arc::default() }
    }

    /// From now on this is wrong with it.
    pub fn set(&self, manners: Manners) {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner).0 = manners;
    }

    /// How often it was asked while something was wrong with it.
    pub fn misbehaved(&self) -> u64 {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn meet(&self) -> Manners {
        let mut manners = self.manners.lock().unwrap_or_else(PoisonError::into_inner);
        manners.1 += u64::from(manners.0 != Manners::Honest);
        manners.0
    }

    fn answer(&self, manners: Manners, call: &Value) -> Value {
        let mut call = call.clone();
        let method = call["method"].as_str().unwrap_or_default().to_owned();
        if manners == Manners::Hasty && method == "eth_getBlockByNumber" && call["params"][0] == "finalized" {
            call["params"][0] = "latest".into();
        }
        let mut answer = self.chain.answer(&call);
        let is_final = call["params"][0] == "finalized";
        match (manners, method.as_str()) {
            (Manners::AltersHeaders, "eth_getBlockByNumber") if answer["result"].is_object() => {
                answer["result"]["timestamp"] = json!("0x1");
            }
            (Manners::WrongParent, "eth_getBlockByNumber") if answer["result"].is_object() => {
                answer["result"]["parentHash"] = json!(B256::repeat_byte(0xbb));
            }
            (Manners::OtherHash, "eth_getBlockByNumber") if answer["result"].is_object() => {
                answer["result"]["hash"] = json!(B256::repeat_byte(0xee));
            }
            (Manners::Invents, "eth_getBlockByNumber") if is_final => {
                answer["result"]["number"] = json!("0xffffff");
                answer["result"]["hash"] = json!(B256::repeat_byte(0xff));
            }
            (Manners::AltersReceipts, "eth_getBlockReceipts") => {
                let receipts = answer["result"].as_array_mut();
                receipts.into_iter().flatten().for_each(|receipt| receipt["cumulativeGasUsed"] = json!("0x1"));
            }
            (Manners::ForgesLog, "eth_getLogs") => {
                if let Some(logs) = answer["result"].as_array_mut()
                    && let Some(mut forged) = logs.first().cloned()
                {
                    forged["logIndex"] = json!("0xffff");
                    logs.push(forged);
                }
            }
            (Manners::DropsLogs, "eth_getBlockReceipts") => {
                let receipts = answer["result"].as_array_mut();
                receipts.into_iter().flatten().filter_map(|receipt| receipt["logs"].as_array_mut()).for_each(|logs| {
                    logs.pop();
                });
            }
            (Manners::HidesLogs, "eth_getLogs") => answer["result"] = json!([]),
            _ => {}
        }
        answer
    }
}

/// The way of one process to a node.
pub struct Line {
    life: Life,
    node: SimNode,
    monitor: Arc<Monitor>,
}

impl Line {
    /// The way of this life to `node`; what is broadcast on it is seen.
    pub fn new(life: Life, node: SimNode, monitor: Arc<Monitor>) -> Self {
        Self { life, node, monitor }
    }
}

#[async_trait]
impl Transport for Line {
    async fn exchange(&self, request: &Value) -> Result<Value, CallError> {
        self.life.passing().await;
        if request["method"] == "eth_sendRawTransaction" {
            self.monitor.broadcast(&request["params"][0]);
        }
        let manners = self.node.meet();
        match manners {
            Manners::Dead => return Err(CallError::Transport("connection refused".to_owned())),
            Manners::Hangs => return std::future::pending().await,
            _ => {}
        }
        let answer = match request {
            Value::Array(calls) => calls.iter().map(|call| self.node.answer(manners, call)).collect(),
            call => self.node.answer(manners, call),
        };
        let method = request["method"].as_str().or_else(|| request[0]["method"].as_str()).unwrap_or_default();
        if method == "eth_sendRawTransaction" {
            self.life.trace.note(&self.life.name, format_args!("sends to {}: {answer}", self.node.chain.chain()));
        }
        if manners == Manners::Mute {
            return std::future::pending().await;
        }
        self.life.passing().await;
        Ok(answer)
    }
}
