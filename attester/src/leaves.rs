//! Leaves that this attester did not derive: asked of collectors, believed under a lane root that a quorum has proven (I6, I7).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use metalayer_node::{
    clock::Clock,
    collector::{Collector, CollectorError},
    epochs::EpochBook,
};
use metalayer_proto::{
    derivation::{Arrival, LeafId, RootError, ShowError, TrustedRoot},
    ids::LaneId,
    served::ProvenLane,
};

use crate::metrics::Metrics;

/// How many leaves are asked for at once.
pub const ASKED_MAX: usize = 256;

/// Why a collector did not show a leaf.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// It gave no answer that is one.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Its proof is of another lane.
    #[error("it answered with the lane {0}")]
    OtherLane(LaneId),
    /// Its proof is of an epoch that is unknown here, or does not hold now.
    #[error("epoch {0} is unknown here, not active yet, or expired")]
    Epoch(u64),
    /// Its proof does not hold.
    #[error(transparent)]
    Root(#[from] RootError),
    /// What it sent is not what stands in the lane.
    #[error(transparent)]
    Leaf(#[from] ShowError),
}

impl LeafError {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Collector(error) => error.reason(),
            Self::OtherLane(_) => "other_lane",
            Self::Epoch(_) => "epoch",
            Self::Root(_) => "proof",
            Self::Leaf(_) => "leaf",
        }
    }
}

/// Who is asked, and the lane roots that were proven so far.
pub struct Leaves {
    collectors: Vec<Arc<dyn Collector>>,
    epochs: Arc<EpochBook>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    roots: Mutex<BTreeMap<LaneId, TrustedRoot>>,
}

impl Leaves {
    /// Asks `collectors`.
    pub fn new(
        collectors: Vec<Arc<dyn Collector>>,
        epochs: Arc<EpochBook>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { collectors, epochs, clock, metrics, roots: Mutex::default() }
    }

    /// Those of `leaves` that some collector shows, of the first [`ASKED_MAX`].
    pub async fn find(&self, leaves: &[LeafId]) -> Vec<Arrival> {
        let mut missing: Vec<_> = leaves.iter().take(ASKED_MAX).copied().collect();
        let mut found = Vec::new();
        for collector in &self.collectors {
            missing = self.find_at(collector.as_ref(), missing, &mut found).await;
            if missing.is_empty() {
                break;
            }
        }
        found
    }

    /// Asks one collector; what it did not show. One that cannot be reached is not asked again for each.
    async fn find_at(&self, collector: &dyn Collector, leaves: Vec<LeafId>, found: &mut Vec<Arrival>) -> Vec<LeafId> {
        let mut missing = Vec::new();
        let mut leaves = leaves.into_iter();
        for leaf in leaves.by_ref() {
            match self.ask(collector, leaf).await {
                Ok(Some(arrival)) => found.push(arrival),
                Ok(None) => missing.push(leaf),
                Err(error) => {
                    let (name, reason) = (collector.name(), error.reason());
                    self.metrics.answer_refused(name, reason);
                    tracing::warn!(collector = name, reason, lane = %leaf.lane, sequence = leaf.sequence, "no leaf: {error}");
                    missing.push(leaf);
                    if matches!(error, LeafError::Collector(CollectorError::Unreachable { .. })) {
                        break;
                    }
                }
            }
        }
        missing.extend(leaves);
        missing
    }

    async fn ask(&self, collector: &dyn Collector, leaf: LeafId) -> Result<Option<Arrival>, LeafError> {
        let Some(root) = self.root_above(collector, leaf).await? else { return Ok(None) };
        let Some(served) = collector.leaf(leaf, root.count()).await? else { return Ok(None) };
        Ok(Some(root.show(leaf.sequence, served.content.shown(), &served.path)?))
    }

    /// A proven root of the lane that has the leaf, if there is one.
    async fn root_above(&self, collector: &dyn Collector, leaf: LeafId) -> Result<Option<TrustedRoot>, LeafError> {
        let has_it = |root: &TrustedRoot| leaf.sequence < root.count();
        let known = self.roots().get(&leaf.lane).copied();
        if let Some(root) = known.filter(has_it) {
            return Ok(Some(root));
        }
        let Some(ProvenLane { proven, lane, proof }) = collector.lane(leaf.lane).await? else { return Ok(None) };
        let named = LaneId { origin: proven.commitment.origin, destination: lane.destination };
        if named != leaf.lane {
            return Err(LeafError::OtherLane(named));
        }
        let number = proven.proof.epoch();
        let epoch = self.epochs.get(number).filter(|epoch| epoch.holds(self.clock.now()));
        let table = epoch.ok_or(LeafError::Epoch(number))?.table.clone();
        let root = TrustedRoot::proven(self.epochs.network(), &proven, &table, &lane, &proof)?;
        self.roots().insert(leaf.lane, root);
        Ok(Some(root).filter(has_it))
    }

    fn roots(&self) -> MutexGuard<'_, BTreeMap<LaneId, TrustedRoot>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
