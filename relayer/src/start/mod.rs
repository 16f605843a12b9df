//! Where this relayer begins: where it was kept; else, with an empty data directory, at the newest proofs of other relayers' collectors;
//! else at the deployments.
//!
//! Nothing a peer serves is believed unchecked (I6, I7): a quorum and both roots authenticate where an origin begins, and the lane's root there
//! what is open of it. All origins begin so, but those of which no peer shows a proof that holds, or none: what one of them has sent and nobody
//! shows, another would wait for.

mod peers;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use metalayer_node::{
    bus::{BusError, Offset},
    clock::Clock,
    collector::{Serves, Untaken, untaken},
    epochs::EpochBook,
    sent::Sent,
    store::StoreError,
};
use metalayer_proto::{
    commitment::Commitment,
    derivation::{Deployment, Derivation, LeafId, TrustedRoot},
    envelope::ProofRecord,
    ids::{GatewayId, LaneId},
    lane::Frontier,
    quorum::ProvenCommitment,
    served::{ProvenSnapshot, ServedLeaves},
    topics::{Partition, Topic},
};

use crate::{
    archive::{Archive, ArchiveError},
    metrics::Metrics,
    record::Records,
};
use peers::Peers;

pub use peers::Refusal;

/// How many messages are asked for at the same time, and kept in one write.
const AT_ONCE: usize = 32;

/// Why this relayer cannot begin at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was sent could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Why no proof is begun at.
enum Stop {
    /// What no peer shows.
    Lacking(String),
    Failed(StartError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<BusError> for Stop {
    fn from(error: BusError) -> Self {
        Self::Failed(error.into())
    }
}

/// What it takes to begin.
pub struct Parts {
    /// Each chain's partition and deployment.
    pub chains: Vec<(Partition, Deployment)>,
    /// Other relayers' collectors.
    pub peers: Vec<Arc<dyn Serves>>,
    /// Who may have signed.
    pub epochs: Arc<EpochBook>,
    /// Where derivations are kept, and what was sent.
    pub sent: Arc<Sent>,
    /// What was derived, for those who ask.
    pub archive: Arc<Archive>,
    /// The bus.
    pub records: Records,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Where this relayer begins.
pub struct Start {
    chains: Vec<(Partition, Deployment)>,
    peers: Peers,
    epochs: Arc<EpochBook>,
    sent: Arc<Sent>,
    archive: Arc<Archive>,
    records: Records,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

/// An origin that begins at a proof.
struct Begun {
    partition: Partition,
    proven: ProvenCommitment,
    derivation: Derivation,
    /// By destination, the first message that was not taken there, or how many there are.
    first: BTreeMap<GatewayId, u64>,
}

impl Start {
    /// With these parts.
    pub fn new(Parts { chains, peers, epochs, sent, archive, records, clock, metrics }: Parts) -> Self {
        let peers = Peers::new(peers, epochs.clone(), clock.clone(), metrics.clone());
        Self { chains, peers, epochs, sent, archive, records, clock, metrics }
    }

    /// Sees to it that each chain's stages find where to begin.
    pub async fn begin(&self) -> Result<(), StartError> {
        let is_kept = self.chains.iter().any(|(_, one)| self.sent.kept(one.origin).is_some());
        if !is_kept {
            // What a start that did not come to its end may have left.
            self.forget()?;
        }
        let is_new = !is_kept && !self.peers.is_empty() && self.is_bus_empty().await?;
        if is_new && let Err(stop) = self.begin_at_proofs().await {
            match stop {
                Stop::Failed(error) => return Err(error),
                Stop::Lacking(what) => tracing::warn!("no peer shows {what}: all origins begin at their deployments"),
            }
            self.forget()?;
        }
        for (_, Deployment { origin, deployed_at, .. }) in &self.chains {
            let kept = self.sent.kept(*origin);
            let at = if kept.is_none() {
                "deployment"
            } else if is_new {
                "proof"
            } else {
                "kept"
            };
            let height = kept.map_or(*deployed_at, |kept| kept.next_block());
            self.metrics.begun(at);
            tracing::info!(%origin, height, at, "the origin begins");
        }
        Ok(())
    }

    fn forget(&self) -> Result<(), StoreError> {
        self.sent.begin_anew()?;
        self.chains.iter().try_for_each(|(_, one)| self.archive.forget(one.origin))
    }

    /// Whether no chain was watched yet by who has this bus.
    async fn is_bus_empty(&self) -> Result<bool, BusError> {
        for (partition, _) in &self.chains {
            if self.records.bus.range(Topic::Cursors, *partition).await?.1 > Offset::default() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn begin_at_proofs(&self) -> Result<(), Stop> {
        let (mut begun, mut unproven) = (Vec::new(), Vec::new());
        for (partition, deployment) in &self.chains {
            match self.peers.origin(*deployment).await {
                Some((proven, derivation)) => {
                    begun.push(Begun { partition: *partition, proven, derivation, first: BTreeMap::new() });
                }
                None => unproven.push(Derivation::new(*deployment)),
            }
        }
        if begun.is_empty() {
            return Err(Stop::Lacking("where any origin can be begun".to_owned()));
        }
        self.take_over(&mut begun, &unproven).await?;
        for one in &begun {
            self.publish_proofs(one).await?;
            let start = ProvenSnapshot { proven: one.proven.clone(), snapshot: one.derivation.snapshot() };
            self.archive.begin(&start, &one.first)?;
        }
        // Last, and all at once: before it nothing has begun.
        Ok(self.sent.begin(&begun.into_iter().map(|one| one.derivation).collect::<Vec<_>>())?)
    }

    /// Takes over the lanes of all that begin at a proof, and what is open of them where their destinations begin.
    async fn take_over(&self, begun: &mut [Begun], unproven: &[Derivation]) -> Result<(), Stop> {
        let (mut open, mut firsts) = (BTreeMap::<LaneId, Vec<u64>>::new(), BTreeMap::new());
        let everywhere: Vec<_> = begun.iter().map(|one| &one.derivation).chain(unproven).collect();
        for origin in begun.iter().map(|one| &one.derivation) {
            for (lane, frontier, root) in lanes_of(origin) {
                let Some(destination) = everywhere.iter().find(|one| one.deployment().origin == lane.destination)
                else {
                    // Nobody here delivers there.
                    self.archive.begin_lane(lane, frontier, &[])?;
                    continue;
                };
                let Untaken { mut failed, never } = untaken(origin, destination, ServedLeaves::MAX as u64)
                    .ok_or_else(|| Stop::Lacking(format!("so many open messages of the lane {lane}")))?;
                let first = never.first().copied().unwrap_or(root.count());
                self.begin_lane(frontier, &root, first).await?;
                firsts.insert(lane, first);
                failed.extend(never);
                open.insert(lane, failed);
            }
        }
        let roots: BTreeMap<_, _> =
            begun.iter().flat_map(|one| lanes_of(&one.derivation)).map(|(lane, _, root)| (lane, root)).collect();
        let coming_home = self.take_messages(&roots, open).await?;
        self.take_messages(&roots, coming_home).await?;
        for one in begun {
            let origin = one.derivation.deployment().origin;
            let of_origin = firsts.iter().filter(|(lane, _)| lane.origin == origin);
            one.first = of_origin.map(|(lane, first)| (lane.destination, *first)).collect();
        }
        Ok(())
    }

    async fn begin_lane(&self, frontier: &Frontier, root: &TrustedRoot, first: u64) -> Result<(), Stop> {
        let lane = root.lane();
        if first == root.count() {
            return Ok(self.archive.begin_lane(lane, frontier, &[])?);
        }
        let served = self.peers.leaves(root, first).await;
        let ServedLeaves { before, leaves } =
            served.ok_or_else(|| Stop::Lacking(format!("the lane {lane} from sequence {first} on")))?;
        Ok(self.archive.begin_lane(lane, &before, &leaves)?)
    }

    /// Takes over these messages; the places of those that come home with them.
    async fn take_messages(
        &self,
        roots: &BTreeMap<LaneId, TrustedRoot>,
        wanted: BTreeMap<LaneId, Vec<u64>>,
    ) -> Result<BTreeMap<LaneId, Vec<u64>>, Stop> {
        let mut coming_home = BTreeMap::<LaneId, Vec<u64>>::new();
        for (lane, sequences) in wanted {
            let lacking = |sequence| Stop::Lacking(format!("sequence {sequence} of the lane {lane}"));
            // A refusal can come home only to an origin that begins at its deployment and derives what it sent.
            let Some(root) = roots.get(&lane) else { continue };
            for part in sequences.chunks(AT_ONCE) {
                let asked = part.iter().map(|sequence| self.peers.message(root, *sequence));
                let shown = join_all(asked).await.into_iter().zip(part);
                let shown = shown.map(|(shown, sequence)| shown.ok_or_else(|| lacking(*sequence)));
                let (arrivals, served): (Vec<_>, Vec<_>) = shown.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
                for LeafId { lane, sequence } in arrivals.iter().filter_map(|arrival| arrival.home_leaf()) {
                    coming_home.entry(lane).or_default().push(sequence);
                }
                self.sent.take(&arrivals)?;
                let served: Vec<_> = part.iter().copied().zip(served).collect();
                self.archive.begin_messages(lane, root.count(), &served)?;
            }
        }
        Ok(coming_home)
    }

    /// Publishes the proof that an origin begins at, and newer ones that peers hold of it: attesters do not repeat what is proven.
    async fn publish_proofs(&self, Begun { partition, proven, .. }: &Begun) -> Result<(), Stop> {
        let Commitment { origin, block_number, .. } = proven.commitment;
        let mut proofs = vec![proven.clone()];
        for epoch in self.epochs.holding(self.clock.now()) {
            let newest = self.peers.newest_proof(epoch.number(), origin.chain).await;
            let is_newer = |newest: &ProvenCommitment| {
                newest.commitment.origin == origin && newest.commitment.block_number >= block_number
            };
            proofs.extend(newest.filter(is_newer));
        }
        for ProvenCommitment { commitment, proof } in proofs {
            let record = ProofRecord { commitment, proof };
            self.records.publish(*partition, Vec::new(), None, record).await?;
        }
        Ok(())
    }
}

/// The lanes of an origin as they stand.
fn lanes_of(origin: &Derivation) -> impl Iterator<Item = (LaneId, &Frontier, TrustedRoot)> {
    origin.lanes().into_iter().filter_map(|lane| {
        let root = origin.trusted_root(lane.destination)?;
        Some((root.lane(), origin.frontier(lane.destination)?, root))
    })
}
