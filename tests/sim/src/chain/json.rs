//! Blocks, receipts and logs as nodes write them.

use alloy::{
    consensus::Transaction,
    primitives::{Log, U256},
    rpc::types::{Block as RpcBlock, BlockTransactions, Header, Log as RpcLog, TransactionReceipt},
};
use serde_json::{Value, json};

use super::block::Block;

/// A block with its transactions' hashes.
pub(super) fn block(block: &Block) -> Value {
    let header =
        Header { hash: block.hash, inner: block.header.clone(), total_difficulty: None, size: Some(U256::ZERO) };
    let hashes = block.transactions.iter().map(|one| one.signed.hash).collect();
    let transactions: BlockTransactions<()> = BlockTransactions::Hashes(hashes);
    json!(RpcBlock { header, uncles: Vec::new(), transactions, withdrawals: Some(Vec::new().into()) })
}

/// The receipt of the transaction at `place`.
pub(super) fn receipt(block: &Block, place: usize) -> Value {
    let transaction = &block.transactions[place];
    let mut logs = logs(block).filter(|log| log.transaction_hash == Some(transaction.signed.hash));
    // Each of the receipt's logs is found, in order.
    let inner = transaction.receipt.clone().map_logs(|log| logs.next().unwrap_or_else(|| unplaced(log)));
    json!(TransactionReceipt {
        inner,
        transaction_hash: transaction.signed.hash,
        transaction_index: index(place),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        gas_used: transaction.gas_used,
        effective_gas_price: block.price_paid(transaction),
        blob_gas_used: None,
        blob_gas_price: None,
        from: transaction.signed.sender,
        to: transaction.signed.envelope.to(),
        contract_address: transaction.created,
    })
}

/// All receipts of a block.
pub(super) fn receipts(block: &Block) -> Value {
    (0..block.transactions.len()).map(|place| receipt(block, place)).collect()
}

/// All logs of a block, with their places.
pub(super) fn logs(block: &Block) -> impl Iterator<Item = RpcLog> {
    let of = block.transactions.iter().enumerate();
    let logs = of.flat_map(|(place, one)| one.receipt.logs().iter().map(move |log| (place, one.signed.hash, log)));
    logs.enumerate().map(|(number, (place, hash, log))| RpcLog {
        inner: log.clone(),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(hash),
        transaction_index: index(place),
        log_index: index(number),
        removed: false,
    })
}

fn unplaced(log: Log) -> RpcLog {
    RpcLog { inner: log, ..RpcLog::default() }
}

fn index(place: usize) -> Option<u64> {
    u64::try_from(place).ok()
}
