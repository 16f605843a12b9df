//! Chains: reading them without trust (PROTOCOL "Reading without trust"), and writing to them.

mod blocks;
mod claims;
mod endpoint;
mod header;
mod memory;
mod metrics;
mod pool;
mod probe;
mod reader;
mod receipts;
#[cfg(any(test, feature = "conformance"))]
mod scripted;
mod transport;
mod writer;

#[cfg(test)]
mod anvil;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use alloy::primitives::{Address, B256, Bytes, Log, TxHash, U256};
use async_trait::async_trait;
use metalayer_proto::{derivation::VerifiedBlock, ids::ChainId};

pub use endpoint::{CallError, Endpoint, EndpointError};
pub use memory::{BlockContent, MemoryChain, MemoryReader};
pub use metrics::{Lie, ReaderMetrics, RpcMetrics};
pub use probe::{Expected, ProbeProblem, probe};
pub use reader::{Finality, InvalidQuorum, Lacking, QuorumReader, ReaderSettings, ReadingMode};
#[cfg(any(test, feature = "conformance"))]
pub use scripted::{Faults, ScriptedNode};
pub use transport::Transport;
pub use writer::RpcWriter;

/// A block by number and hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// Why a chain could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Fewer than k endpoints answered in time.
    #[error("{chain}: {answered} of the {needed} endpoints that must agree answered{detail}")]
    TooFewAnswers {
        /// Chain that was asked.
        chain: ChainId,
        /// How many answered.
        answered: usize,
        /// How many must agree.
        needed: usize,
        /// What the others said, without secrets (I12: never a URL's credentials).
        detail: String,
    },
    /// Enough answered, but no k of them say the same.
    #[error("{chain}: no {needed} endpoints agree on {what}")]
    Disagreement {
        /// Chain that was asked.
        chain: ChainId,
        /// How many must agree.
        needed: usize,
        /// What they differ on.
        what: String,
    },
    /// A block at or below one that was read before has another hash: final history changed.
    #[error("{chain}: final block {number} changed from {was} to {now}")]
    FinalHistoryChanged {
        /// Chain.
        chain: ChainId,
        /// Height.
        number: u64,
        /// Hash as it was read before.
        was: B256,
        /// Hash as it is said to be now.
        now: B256,
    },
    /// Something of this chain cannot be verified in the mode it was registered with; it is never read more weakly.
    #[error("{chain}: {problem}")]
    Unverifiable {
        /// Chain.
        chain: ChainId,
        /// What cannot be checked (unknown header field, transaction type of a stack, bloom that lies …).
        problem: String,
    },
    /// A transaction was refused by the node.
    #[error("{chain}: transaction refused: {problem}")]
    Refused {
        /// Chain.
        chain: ChainId,
        /// The node's words, decoded where they can be.
        problem: String,
        /// What the call reverted with; empty if it did not revert, or without data.
        revert: Bytes,
    },
}

impl ChainError {
    /// A short, stable word for metrics and `/readyz?verbose`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooFewAnswers { .. } => "too_few_answers",
            Self::Disagreement { .. } => "disagreement",
            Self::FinalHistoryChanged { .. } => "final_history_changed",
            Self::Unverifiable { .. } => "unverifiable",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::TooFewAnswers { .. } | Self::Disagreement { .. })
    }
}

/// One chain's verified, final history.
#[async_trait]
pub trait ChainReader: Send + Sync + 'static {
    /// The chain that is read.
    fn chain(&self) -> ChainId;

    /// The newest final block on whose hash k of n endpoints agree.
    async fn finalized(&self) -> Result<BlockRef, ChainError>;

    /// All blocks from `from` to `to` inclusive, at most [`READ_BLOCKS_MAX`], linked by parent hash up to `to.hash`,
    /// each with every log of every transaction in which the contracts that this reader was built for have logged, in
    /// order. Nothing if `from` is above `to`.
    async fn read(&self, from: u64, to: BlockRef) -> Result<Vec<VerifiedBlock>, ChainError>;

    /// The hash of one final block, agreed by k.
    async fn block_at(&self, number: u64) -> Result<BlockRef, ChainError>;
}

/// Whether logs are what they should be; if not, why.
pub type LogCheck<'a> = &'a (dyn Fn(&[Log]) -> Result<(), String> + Sync);

/// What endpoints say by `eth_getLogs`, for whoever can check it otherwise: no header and no receipt is looked at.
#[async_trait]
pub trait LogSource: Send + Sync + 'static {
    /// All logs of `contract` in these blocks, in order, as k endpoints tell them alike and `check` accepts them. Endpoints whose
    /// answer it refuses are passed over.
    async fn told(
        &self,
        contract: Address,
        blocks: RangeInclusive<u64>,
        check: LogCheck<'_>,
    ) -> Result<Vec<Log>, ChainError>;
}

/// The most blocks a single [`ChainReader::read`] returns.
pub const READ_BLOCKS_MAX: u64 = 128;

/// A transaction's fate as the node tells it; believed only for what costs nobody but the sender (gas, nonces).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Transaction.
    pub hash: TxHash,
    /// Block it is in.
    pub block: BlockRef,
    /// Whether it succeeded.
    pub success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Its logs: address, topics, data.
    pub logs: Vec<Log>,
}

/// What an account pays for gas, in wei.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fees {
    /// What a unit of gas costs in the latest block, before the tip.
    pub base_fee_per_gas: u128,
    /// The most a unit of gas may cost.
    pub max_fee_per_gas: u128,
    /// Of which for the block's maker.
    pub max_priority_fee_per_gas: u128,
}

/// A node through which transactions are sent.
#[async_trait]
pub trait ChainWriter: Send + Sync + 'static {
    /// The chain that is written.
    fn chain(&self) -> ChainId;

    /// The account's next nonce by the latest block (not counting what waits in the pool).
    async fn nonce(&self, account: Address) -> Result<u64, ChainError>;

    /// What gas costs now.
    async fn fees(&self) -> Result<Fees, ChainError>;

    /// The latest block's number, hash, timestamp (seconds) and gas limit.
    async fn latest(&self) -> Result<Head, ChainError>;

    /// Gas that the call would use; [`ChainError::Refused`] when it reverts.
    async fn estimate(&self, from: Address, to: Address, data: Bytes) -> Result<u64, ChainError>;

    /// The call's answer at the latest block; [`ChainError::Refused`] when it reverts.
    async fn call(&self, from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError>;

    /// Broadcasts signed bytes. Already known is no error.
    async fn send_raw(&self, raw: Bytes) -> Result<TxHash, ChainError>;

    /// The receipt, once the transaction is in a block.
    async fn receipt(&self, hash: TxHash) -> Result<Option<Receipt>, ChainError>;

    /// What the account has, in wei.
    async fn balance(&self, account: Address) -> Result<U256, ChainError>;
}

/// The latest block, as far as a sender needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Number and hash.
    pub block: BlockRef,
    /// Its time, in seconds since the Unix epoch: the destination's clock.
    pub timestamp: u64,
    /// The most gas a block may use.
    pub gas_limit: u64,
}
