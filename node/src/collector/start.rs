//! Beginning at what a collector serves, and what is open there: shared by whoever begins.

use metalayer_proto::{
    derivation::{Deployment, Derivation, RestoreError},
    facts::Credited,
    lane::Frontier,
    quorum::ProvenCommitment,
};

use super::{CollectorError, Serves};
use crate::{
    clock::UnixMillis,
    epochs::{EpochBook, ProvenError},
};

/// Why an origin does not begin at what a collector served.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// The collector gave no answer that is one.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// No quorum that counts signed the commitment.
    #[error(transparent)]
    Proven(#[from] ProvenError),
    /// The snapshot is not the commitment's, or that is of another origin.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
}

impl NotBegun {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Collector(error) => error.reason(),
            Self::Proven(error) => error.reason(),
            Self::Snapshot(RestoreError::Foreign(_)) => "other_origin",
            Self::Snapshot(RestoreError::FactsRoot { .. } | RestoreError::Facts(_)) => "facts",
            Self::Snapshot(RestoreError::LanesRoot { .. } | RestoreError::Lanes(_)) => "lanes",
            Self::Snapshot(RestoreError::Version { .. }) => "version",
            Self::Snapshot(RestoreError::RulesUnknown(_)) => "rules_unknown",
        }
    }
}

/// The origin at the newest proof that this collector has a state of, if it has one: the quorum and both roots are checked (I6, I7).
pub async fn begin_at(
    collector: &dyn Serves,
    epochs: &EpochBook,
    deployment: Deployment,
    now: UnixMillis,
) -> Result<Option<(ProvenCommitment, Derivation)>, NotBegun> {
    let Some(start) = collector.start_of(deployment.origin.chain).await? else { return Ok(None) };
    epochs.verify(&start.proven, now)?;
    let derivation = Derivation::restore(deployment, &start.proven.commitment, start.snapshot)?;
    Ok(Some((start.proven, derivation)))
}

/// What of a lane its destination has not taken for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untaken {
    /// What failed and waits, ascending; all of it below `never`'s end.
    pub failed: Vec<u64>,
    /// What was never taken, ascending.
    pub never: Vec<u64>,
}

/// The messages of `origin` that `destination` has not taken for good, each as far as it is derived; `None` if they span more than `max`.
pub fn untaken(origin: &Derivation, destination: &Derivation, max: u64) -> Option<Untaken> {
    let (from, to) = (origin.deployment().origin, destination.deployment().origin);
    let (count, facts) = (origin.frontier(to).map_or(0, Frontier::count), destination.facts());
    let taken = facts.credited(from);
    let first = taken.map_or(0, Credited::watermark);
    if count.saturating_sub(first) > max {
        return None;
    }
    let never = (first..count).filter(|sequence| taken.is_none_or(|taken| !taken.contains(*sequence))).collect();
    // A destination that is ahead of where its origin begins may name later ones: those the origin derives.
    let mut failed: Vec<_> = facts.failures_of(from).filter(|sequence| *sequence < count).collect();
    failed.sort_unstable();
    Some(Untaken { failed, never })
}
