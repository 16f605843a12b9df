//! Why an origin is not attested.

use metalayer_node::{
    chain::ChainError,
    sent::SentError,
    task::{Severity, StageError},
};
use metalayer_proto::derivation::DerivationError;

use crate::guard::NotSafe;

/// Why an origin is not attested.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// It could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its history could not be derived.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// What it sent could not be kept, or what it needs not be found.
    #[error(transparent)]
    Sent(#[from] SentError),
    /// The guard refuses.
    #[error(transparent)]
    NotSafe(#[from] NotSafe),
}

impl StageError for OriginError {
    fn severity(&self) -> Severity {
        match self {
            Self::Chain(error) if error.is_retryable() => Severity::Retryable,
            Self::Chain(_) | Self::Derivation(_) => Severity::Chain,
            Self::NotSafe(NotSafe::Store(_)) | Self::Sent(_) => Severity::Process,
            Self::NotSafe(_) => Severity::Chain,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Derivation(error) => error.reason(),
            Self::Sent(_) => "sent_store",
            Self::NotSafe(NotSafe::Store(_)) => "guard_store",
            Self::NotSafe(_) => "guard_refuses",
        }
    }
}
