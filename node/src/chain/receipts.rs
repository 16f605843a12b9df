//! Receipts, whose root is recomputed from what an endpoint says.

use std::collections::BTreeSet;

use alloy::{
    consensus::ReceiptEnvelope,
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Log, U64},
};
use alloy_trie::root::ordered_trie_root_with_encoder;
use metalayer_proto::derivation::VerifiedLog;
use serde::Deserialize;
use serde_json::Value;

/// The root over `receipts`, keyed by index (Ethereum's receipts trie).
pub(super) fn root(receipts: &[ReceiptEnvelope]) -> B256 {
    ordered_trie_root_with_encoder(receipts, |receipt, out| receipt.encode_2718(out))
}

/// All logs of a block, proven by `expected`, the header's receipts root; else what stands in the way, with the stack
/// of a transaction type that Ethereum does not have.
pub(super) fn verify(receipts: &Value, expected: B256) -> Result<Vec<VerifiedLog>, String> {
    let list = receipts.as_array().ok_or("the receipts are no list")?;
    let parsed: Vec<ReceiptEnvelope> = list.iter().map(parse).collect::<Result<_, _>>()?;
    let computed = root(&parsed);
    if computed != expected {
        return Err(format!("the receipts have the root {computed}, not the header's {expected}"));
    }
    let hash = |receipt: &Value| receipt.get("transactionHash").and_then(|hash| B256::deserialize(hash).ok());
    Ok(number(parsed, list.iter().map(|receipt| hash(receipt).unwrap_or_default())))
}

/// The logs of a block's receipts with their places in the block.
pub(super) fn number(receipts: Vec<ReceiptEnvelope>, hashes: impl Iterator<Item = B256>) -> Vec<VerifiedLog> {
    let mut logs = Vec::new();
    for (transaction, (receipt, transaction_hash)) in (0..).zip(receipts.into_iter().zip(hashes)) {
        for Log { address, data } in receipt.into_logs() {
            let index = u64::try_from(logs.len()).unwrap_or(u64::MAX);
            let (topics, data) = data.split();
            logs.push(VerifiedLog { address, topics, data, index, transaction, transaction_hash });
        }
    }
    logs
}

/// The logs of every transaction in which one of `watched` has logged.
pub(super) fn concerning(logs: &[VerifiedLog], watched: &[Address]) -> Vec<VerifiedLog> {
    let concerned: BTreeSet<u64> =
        logs.iter().filter(|log| watched.contains(&log.address)).map(|log| log.transaction).collect();
    logs.iter().filter(|log| concerned.contains(&log.transaction)).cloned().collect()
}

fn parse(receipt: &Value) -> Result<ReceiptEnvelope, String> {
    let kind = receipt.get("type").map_or(Ok(U64::ZERO), U64::deserialize).map_err(|e| e.to_string())?.to::<u64>();
    if let Some(stack) = foreign_stack(kind) {
        return Err(format!(
            "a receipt of transaction type {kind:#04x} ({stack}), whose bytes Ethereum does not define"
        ));
    }
    ReceiptEnvelope::<Log>::deserialize(receipt).map_err(|error| format!("a receipt cannot be read: {error}"))
}

/// Whose a transaction type is that Ethereum does not have.
fn foreign_stack(kind: u64) -> Option<&'static str> {
    match kind {
        0..=4 => None,
        0x7e => Some("OP Stack deposit"),
        0x64..=0x6a => Some("Arbitrum"),
        0x71 | 0xff => Some("ZKsync"),
        0x7b | 0x7c => Some("Celo"),
        _ => Some("unknown stack"),
    }
}

/// Whether the receipts say, in fields that no root covers, that `contract` was created in this block.
pub(super) fn creates(receipts: &Value, contract: Address) -> bool {
    let created = |receipt: &Value| receipt.get("contractAddress").and_then(|c| Address::deserialize(c).ok());
    receipts.as_array().is_some_and(|list| list.iter().any(|receipt| created(receipt) == Some(contract)))
}
