//! Other relayers' collectors, asked one after the other: what one does not show, or shows falsely, the next may.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use alloy::primitives::B256;
use metalayer_node::{
    clock::Clock,
    collector::{CollectorError, NotBegun, Serves, begin_at},
    epochs::{EpochBook, ProvenError},
};
use metalayer_proto::{
    derivation::{Arrival, Deployment, Derivation, LeafId, ShowError, TrustedRoot},
    ids::{ChainId, LaneId},
    quorum::ProvenCommitment,
    served::{ServedLeaf, ServedLeaves},
};

use crate::metrics::Metrics;

/// Why what a peer served is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No origin begins at it.
    #[error(transparent)]
    NotBegun(#[from] NotBegun),
    /// Its leaves are not those of the lane.
    #[error("its leaves do not lead to the root of the lane {0}")]
    Leaves(LaneId),
    /// Its message is not what stands in the lane.
    #[error(transparent)]
    Leaf(#[from] ShowError),
}

impl From<CollectorError> for Refusal {
    fn from(error: CollectorError) -> Self {
        Self::NotBegun(error.into())
    }
}

impl From<ProvenError> for Refusal {
    fn from(error: ProvenError) -> Self {
        Self::NotBegun(error.into())
    }
}

impl Refusal {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotBegun(error) => error.reason(),
            Self::Leaves(_) => "leaves",
            Self::Leaf(_) => "leaf",
        }
    }

    const fn is_unreachable(&self) -> bool {
        matches!(self, Self::NotBegun(NotBegun::Collector(CollectorError::Unreachable { .. })))
    }
}

/// All peers of a start.
pub(super) struct Peers {
    peers: Vec<Peer>,
    epochs: Arc<EpochBook>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

struct Peer {
    collector: Arc<dyn Serves>,
    /// It could not be reached, and is not asked again.
    is_gone: AtomicBool,
}

impl Peers {
    pub(super) fn new(
        collectors: Vec<Arc<dyn Serves>>,
        epochs: Arc<EpochBook>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let peer = |collector| Peer { collector, is_gone: AtomicBool::new(false) };
        Self { peers: collectors.into_iter().map(peer).collect(), epochs, clock, metrics }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// The first answer that holds.
    async fn first<T, F>(&self, what: impl Display, ask: impl Fn(Arc<dyn Serves>) -> F) -> Option<T>
    where
        F: Future<Output = Result<Option<T>, Refusal>> + Send,
    {
        for Peer { collector, is_gone } in &self.peers {
            if is_gone.load(Ordering::Relaxed) {
                continue;
            }
            match ask(collector.clone()).await {
                Ok(Some(answer)) => return Some(answer),
                Ok(None) => {}
                Err(refusal) => {
                    is_gone.fetch_or(refusal.is_unreachable(), Ordering::Relaxed);
                    let (collector, reason) = (collector.name(), refusal.reason());
                    self.metrics.answer_refused(collector, reason);
                    tracing::warn!(collector, reason, %what, "not taken: {refusal}");
                }
            }
        }
        None
    }

    /// The origin at a newest proof.
    pub(super) async fn origin(&self, deployment: Deployment) -> Option<(ProvenCommitment, Derivation)> {
        let now = self.clock.now();
        let ask =
            |peer: Arc<dyn Serves>| async move { Ok(begin_at(peer.as_ref(), &self.epochs, deployment, now).await?) };
        self.first(deployment.origin, ask).await
    }

    /// The newest proof of an origin in an epoch, though nobody serves the state that it is of yet.
    pub(super) async fn newest_proof(&self, epoch: u64, origin: ChainId) -> Option<ProvenCommitment> {
        let ask = |peer: Arc<dyn Serves>| async move {
            let Some(proven) = peer.proof_in(epoch, origin).await? else { return Ok(None) };
            self.epochs.verify(&proven, self.clock.now())?;
            Ok(Some(proven))
        };
        self.first(origin, ask).await
    }

    /// The lane from sequence `first` on, up to its proven root.
    pub(super) async fn leaves(&self, root: &TrustedRoot, first: u64) -> Option<ServedLeaves> {
        let ask = |peer: Arc<dyn Serves>| async move {
            let Some(served) = peer.leaves(root.lane(), first, root.count()).await? else { return Ok(None) };
            if leads_to(&served, first, root) { Ok(Some(served)) } else { Err(Refusal::Leaves(root.lane())) }
        };
        self.first(root.lane(), ask).await
    }

    /// A message that stands under the lane's proven root.
    pub(super) async fn message(&self, root: &TrustedRoot, sequence: u64) -> Option<(Arrival, ServedLeaf)> {
        let leaf = LeafId { lane: root.lane(), sequence };
        let ask = |peer: Arc<dyn Serves>| async move {
            let Some(served) = peer.leaf(leaf, root.count()).await? else { return Ok(None) };
            let arrival = root.show(sequence, served.content.shown(), &served.path)?;
            Ok(Some((arrival, served)))
        };
        self.first(leaf.lane, ask).await
    }
}

/// Whether the leaves are those of the lane from sequence `first` on.
fn leads_to(served: &ServedLeaves, first: u64, root: &TrustedRoot) -> bool {
    let mut frontier = served.before.clone();
    let all_fit = served.leaves.iter().all(|leaf: &B256| frontier.append(*leaf).is_ok());
    all_fit && served.before.count() == first && root.is_of(&frontier)
}
