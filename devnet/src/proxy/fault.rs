//! How an endpoint misbehaves: what the node answered, altered so that it might be true.

use alloy::{
    consensus::Header,
    primitives::{Bytes, U64},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How far above the newest final block a head that does not exist is claimed: not so far that nobody would think of it.
const AHEAD: u64 = 8;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Each receipt lacks its last log, as does whatever list of logs is asked for.
    DropsLog,
    /// In each log the last amount is greater by one; everything else is as it is.
    AltersReceipt,
    /// Claims that blocks are final which no chain has, and shows them.
    InventsHead,
    /// Answers nothing.
    Hangs,
}

impl Fault {
    /// Alters what the node answered to one call.
    pub(super) fn alter(self, call: &Value, result: &mut Value, invented: &mut InventedChain) {
        let method = call["method"].as_str().unwrap_or_default();
        match self {
            Self::DropsLog => logs(method, result).into_iter().for_each(drop_last),
            Self::AltersReceipt => logs(method, result).into_iter().flatten().for_each(raise_amount),
            Self::InventsHead if method == "eth_getBlockByNumber" => {
                invented.answer(call["params"][0].as_str().unwrap_or_default(), result);
            }
            Self::InventsHead | Self::Hangs => {}
        }
    }
}

/// The lists of logs in an answer: a list itself, or each receipt's.
fn logs<'a>(method: &str, result: &'a mut Value) -> Vec<&'a mut Vec<Value>> {
    let receipts = match method {
        "eth_getLogs" => return result.as_array_mut().into_iter().collect(),
        "eth_getTransactionReceipt" => std::slice::from_mut(result),
        "eth_getBlockReceipts" => result.as_array_mut().map_or(&mut [][..], Vec::as_mut_slice),
        _ => &mut [],
    };
    receipts.iter_mut().filter_map(|receipt| receipt.get_mut("logs")?.as_array_mut()).collect()
}

fn drop_last(logs: &mut Vec<Value>) {
    logs.pop();
}

fn raise_amount(log: &mut Value) {
    let data = log["data"].as_str().and_then(|data| data.parse::<Bytes>().ok());
    if let Some(mut data) = data.map(Vec::from)
        && let Some(last) = data.last_mut()
    {
        *last = last.wrapping_add(1);
        log["data"] = json!(Bytes::from(data));
    }
}

/// Blocks that no chain has, each the parent of the next, grown on one that its chain has.
#[derive(Debug, Default)]
pub(super) struct InventedChain(Vec<Value>);

impl InventedChain {
    /// Answers for the block of a tag or number.
    fn answer(&mut self, wanted: &str, result: &mut Value) {
        match wanted.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
            Some(number) => {
                if let Some(above) = self.first().and_then(|first| number.checked_sub(first)).filter(|above| *above > 0)
                {
                    *result = usize::try_from(above).ok().and_then(|above| self.0.get(above).cloned()).into();
                }
            }
            None => {
                if let Some(real) = number(result) {
                    if self.0.is_empty() {
                        self.0.push(result.clone());
                    }
                    self.grow(real + AHEAD);
                    *result = self.0.last().cloned().into();
                }
            }
        }
    }

    fn first(&self) -> Option<u64> {
        number(self.0.first()?)
    }

    fn grow(&mut self, to: u64) {
        while let Some(next) = self.0.last().filter(|last| number(last) < Some(to)).and_then(after) {
            self.0.push(next);
        }
    }
}

fn number(block: &Value) -> Option<u64> {
    U64::deserialize(block.get("number")?).ok().map(|number| number.to())
}

/// An empty block after `parent`, whose hash is really its own.
fn after(parent: &Value) -> Option<Value> {
    let mut header = Header::deserialize(parent).ok()?;
    header.parent_hash = serde_json::from_value(parent["hash"].clone()).ok()?;
    header.number += 1;
    header.timestamp += 1;
    let mut block = parent.clone();
    for (name, value) in json!(header).as_object()? {
        block[name] = value.clone();
    }
    block["hash"] = json!(header.hash_slow());
    block["transactions"] = json!([]);
    Some(block)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn altered(fault: Fault, method: &str, mut result: Value) -> Value {
        fault.alter(&json!({ "method": method }), &mut result, &mut InventedChain::default());
        result
    }

    #[test]
    fn the_last_log_of_each_receipt_and_of_each_list_is_missing() {
        let receipts = json!([{ "status": "0x1", "logs": [1, 2] }, { "logs": [] }, { "logs": [3] }]);
        let fewer = json!([{ "status": "0x1", "logs": [1] }, { "logs": [] }, { "logs": [] }]);
        assert_eq!(altered(Fault::DropsLog, "eth_getBlockReceipts", receipts.clone()), fewer);
        assert_eq!(altered(Fault::DropsLog, "eth_getTransactionReceipt", receipts[0].clone()), fewer[0]);
        assert_eq!(altered(Fault::DropsLog, "eth_getLogs", json!([1, 2])), json!([1]));
        assert_eq!(altered(Fault::DropsLog, "eth_call", receipts.clone()), receipts);
        assert_eq!(altered(Fault::DropsLog, "eth_getBlockReceipts", Value::Null), Value::Null);
    }

    #[test]
    fn the_last_amount_of_each_log_is_altered_and_nothing_else() {
        let receipt = |data: &str| json!({ "gasUsed": "0x5", "logs": [{ "topics": [7], "data": data }] });
        let altered = |data| altered(Fault::AltersReceipt, "eth_getTransactionReceipt", receipt(data));
        assert_eq!(altered("0x0001"), receipt("0x0002"));
        assert_eq!(altered("0x"), receipt("0x"));
    }

    #[test]
    fn an_invented_head_is_shown_with_all_that_leads_to_it() {
        let real = |number: u64| {
            let header = Header { number, ..Header::default() };
            let mut block = json!(header);
            block["hash"] = json!(header.hash_slow());
            block
        };
        let mut chain = InventedChain::default();
        let mut ask = |tag: &str, mut result: Value| {
            Fault::InventsHead.alter(
                &json!({ "method": "eth_getBlockByNumber", "params": [tag] }),
                &mut result,
                &mut chain,
            );
            result
        };
        let head = ask("finalized", real(100));
        assert_eq!(number(&head), Some(100 + AHEAD));
        let mut hash = real(100)["hash"].clone();
        for number in 101..=100 + AHEAD {
            let block = ask(&format!("{number:#x}"), real(number));
            assert_eq!(block["parentHash"], hash, "they are linked");
            assert_eq!(json!(Header::deserialize(&block).unwrap().hash_slow()), block["hash"]);
            assert_ne!(block["hash"], real(number)["hash"]);
            hash = block["hash"].clone();
        }
        assert_eq!(hash, head["hash"]);
        assert_eq!(ask("0x64", real(100)), real(100), "below it is what there is");
        assert_eq!(ask("0x1000", Value::Null), Value::Null);
        // It goes on with the chain.
        assert_eq!(ask("finalized", real(105))["number"], json!(U64::from(105 + AHEAD)));
    }
}
