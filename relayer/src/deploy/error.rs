//! Why a network was not deployed.

use std::time::Duration;

use alloy::primitives::{Address, Bytes, TxHash};
use metalayer_proto::ids::{ChainId, InvalidChainId};

/// Why a network was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// None of the accounts is the hub's.
    #[error("{0} is the hub, and no account there was given: deploy on the hub and the other chains together")]
    NoHub(ChainId),
    /// Two accounts are of one chain.
    #[error("{0} is named twice")]
    ChainTwice(ChainId),
    /// An account is of a chain that is not in the plan.
    #[error("{0} is no chain of the plan")]
    NotPlanned(ChainId),
    /// No account was given for a chain of the plan.
    #[error("{0} is a chain of the plan, and no account there was given")]
    NoAccount(ChainId),
    /// The chain cannot check an aggregate signature.
    #[error(
        "{chain} cannot be part of a network: its EVM lacks the BLS12-381 precompile at {precompile} (EIP-2537, since Prague), \
         or that computes something else. Upgrade the chain, or leave it out"
    )]
    NoBls {
        /// The chain.
        chain: ChainId,
        /// The first precompile that is missing or wrong.
        precompile: Address,
    },
    /// The account sent something else meanwhile.
    #[error(
        "{chain}: {contract} was created at {got}, not at {expected}: the deploying account must send nothing else meanwhile"
    )]
    Address {
        /// The chain.
        chain: ChainId,
        /// Which contract.
        contract: &'static str,
        /// Where it was predicted.
        expected: Address,
        /// Where it is.
        got: Address,
    },
    /// AttesterSet does not have the epoch as planned.
    #[error("{chain}: epoch {epoch} is not usable after its table was loaded")]
    EpochUnusable {
        /// The chain.
        chain: ChainId,
        /// The epoch.
        epoch: u64,
    },
    /// A committed artifact is not what the artifacts tool writes.
    #[error("contracts/artifacts/{name}.json: {source}")]
    Artifact {
        /// Which contract.
        name: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A transaction came to nothing.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// Why an account could not do something on its chain.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// The URL is none.
    #[error("`{0}` is no URL of a node")]
    Url(String),
    /// The node did not answer, or with an error of its own. Names no URL, which may hold a secret (I12).
    #[error("{what}: {problem}")]
    Node {
        /// What was asked.
        what: &'static str,
        /// The node's, or the network's, words.
        problem: String,
    },
    /// The node names a chain that cannot exist.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The transaction would revert, and was not sent.
    #[error("{chain}: {what} would revert: {problem} ({revert})")]
    WouldRevert {
        /// The chain.
        chain: ChainId,
        /// What was tried.
        what: String,
        /// The node's words.
        problem: String,
        /// What the contract returned.
        revert: Bytes,
    },
    /// The transaction is in a block, and reverted.
    #[error("{chain}: {what} reverted in transaction {hash}")]
    Reverted {
        /// The chain.
        chain: ChainId,
        /// What was tried.
        what: String,
        /// The transaction.
        hash: TxHash,
    },
    /// It could not be signed.
    #[error("{chain}: {what} could not be signed: {problem}")]
    Unsigned {
        /// The chain.
        chain: ChainId,
        /// What was tried.
        what: String,
        /// Why.
        problem: String,
    },
    /// The transaction is in no block yet.
    #[error("{chain}: {what} (transaction {hash}) is in no block after {} s", .waited.as_secs())]
    NotIncluded {
        /// The chain.
        chain: ChainId,
        /// What was tried.
        what: String,
        /// The transaction.
        hash: TxHash,
        /// How long it was waited for.
        waited: Duration,
    },
}
