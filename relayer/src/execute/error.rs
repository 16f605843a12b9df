//! Why a destination is not delivered to.

use alloy::primitives::TxHash;
use metalayer_node::{
    bus::BusError,
    chain::ChainError,
    task::{Severity, StageError},
};

use crate::record;

/// Why a destination is not delivered to.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The node failed or refuses.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The bus failed, or the partition is another's now.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The transaction could not be signed.
    #[error("cannot sign: {0}")]
    Sign(#[from] alloy::signers::Error),
    /// The bus has other bytes where these were journaled.
    #[error("the journal does not have transaction {0} any more")]
    Journal(TxHash),
}

impl StageError for ExecuteError {
    fn severity(&self) -> Severity {
        match self {
            // A node that refuses now (no gas money, a full pool) may take it later; nothing was lost.
            Self::Chain(_) => Severity::Retryable,
            Self::Bus(error) => record::severity(error),
            Self::Journal(_) => Severity::Chain,
            Self::Sign(_) => Severity::Process,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Bus(error) => record::reason(error),
            Self::Journal(_) => "journal",
            Self::Sign(_) => "sign",
        }
    }
}
