//! What a derivation reads: final blocks whose logs were proven against their headers.

use alloy::primitives::{Address, B256, Bytes};

/// A final block of an origin, with every log of every transaction that concerns the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifiedBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block before it.
    pub parent_hash: B256,
    /// Its time, in Unix seconds.
    pub timestamp: u64,
    /// Its logs, strictly ascending by index. Logs of other contracts may stand among them.
    pub logs: Vec<VerifiedLog>,
}

/// A log that was proven to be in its block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifiedLog {
    /// Who wrote it.
    pub address: Address,
    /// Its topics, at most four.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Bytes,
    /// Its place among all logs of the block.
    pub index: u64,
    /// The place in the block of the transaction it was written in: proven, so that logs of one transaction are known
    /// by it.
    pub transaction: u64,
    /// That transaction's hash as an endpoint says it: no receipts root covers it. For people, never for judging.
    pub transaction_hash: B256,
}
