//! The archive: what others need to begin where this relayer already is, as the collector serves it.
//!
//! Filled by the watcher with what it derives: every lane's tree, the messages until they have long been settled, and per origin the state that the
//! newest proof is of. Whoever gets something from it checks it against a quorum's roots. A cache (I10), deleted and derived again together with what
//! derivations have kept.

mod begun;
mod states;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use metalayer_node::{
    lanes::{self, LaneStore, LaneStoreError},
    store::{Change, Store, StoreError, Table},
};
use metalayer_proto::{
    batch::Attestation,
    bls::AttesterId,
    derivation::{BlockOutcome, Derivation, JudgedMessage, LeafId, Verdict},
    facts::{Fact, FactsMap},
    ids::{ChainId, GatewayId, LaneId},
    lane::{ConsistencyProof, RangeProof},
    lanes::LanesTree,
    quorum::ProvenCommitment,
    served::{LeafContent, ProvenLane, ProvenSnapshot, ServedLeaf, ServedLeaves},
};

use crate::metrics::Metrics;
use begun::BEGUN;
use states::States;

pub use begun::BegunLane;

/// By lane and sequence: the message as it is served.
const BODIES: Table = Table("bodies");
/// By the time at which it was settled, and lane and sequence: nothing.
const SETTLED: Table = Table("settled_bodies");
/// By origin: where it can be begun.
const SNAPSHOTS: Table = Table("snapshots");
/// By attester and origin: the newest attestation.
const ATTESTATIONS: Table = Table("attestations");

/// The tables of the archive's store.
pub const TABLES: [Table; 7] = [lanes::TABLES[0], lanes::TABLES[1], BODIES, SETTLED, SNAPSHOTS, ATTESTATIONS, BEGUN];

/// How long after it was settled a message is still served, by its destination's time: whoever begins at a proof of that age asks for it.
const KEPT_SETTLED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many settled messages are deleted at most when a block is added.
const SWEPT_MAX: usize = 1_000;

/// How many attestations are read at once.
const PAGE: usize = 10_000;

/// Why the archive could not be added to or asked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A lane could not be added to.
    #[error(transparent)]
    Lane(#[from] LaneStoreError),
    /// What is stored is not what was written.
    #[error("the archive is damaged ({0}); delete the folder `sent` of the data directory: it is built again")]
    Damaged(String),
}

/// What can be begun at, as it is served.
pub struct Served {
    proven: ProvenCommitment,
    lanes: LanesTree,
    bytes: Vec<u8>,
    /// Of each origin, how many messages it had taken without a gap; found when it is first asked for.
    taken: OnceLock<BTreeMap<GatewayId, u64>>,
}

impl Served {
    fn new(start: &ProvenSnapshot) -> Result<Self, ArchiveError> {
        let lanes = start.snapshot.lane_states();
        let lanes = LanesTree::new(lanes).map_err(|error| ArchiveError::Damaged(error.to_string()))?;
        Ok(Self { proven: start.proven.clone(), lanes, bytes: start.to_bytes(), taken: OnceLock::new() })
    }

    fn facts(&self) -> Result<FactsMap, ArchiveError> {
        let facts = FactsMap::from_snapshot(&read_start(&self.bytes)?.snapshot.facts);
        facts.map_err(|error| ArchiveError::Damaged(error.to_string()))
    }

    fn taken(&self) -> Result<&BTreeMap<GatewayId, u64>, ArchiveError> {
        if let Some(taken) = self.taken.get() {
            return Ok(taken);
        }
        let facts = self.facts()?;
        let watermark = |fact: &Fact| match fact {
            Fact::Credited { origin, credited } => Some((*origin, credited.watermark())),
            _ => None,
        };
        Ok(self.taken.get_or_init(|| facts.iter().filter_map(watermark).collect()))
    }

    /// The proof.
    pub const fn proven(&self) -> &ProvenCommitment {
        &self.proven
    }

    /// A [`ProvenSnapshot`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The archive of all origins.
pub struct Archive {
    store: Arc<dyn Store>,
    lanes: LaneStore,
    origins: Mutex<BTreeMap<GatewayId, Origin>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Origin {
    states: States,
    /// The newest proof, until the state that it is of is found.
    wanted: Option<ProvenCommitment>,
    served: Option<Arc<Served>>,
}

impl Archive {
    /// The archive in `store`, which has [`TABLES`].
    pub fn open(
        store: Arc<dyn Store>,
        origins: impl IntoIterator<Item = GatewayId>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ArchiveError> {
        let mut opened = BTreeMap::new();
        for origin in origins {
            let served = store.get(SNAPSHOTS, &origin.to_bytes())?.map(|bytes| read_served(&bytes)).transpose()?;
            opened.insert(origin, Origin { served: served.map(Arc::new), ..Origin::default() });
        }
        Ok(Self { lanes: LaneStore::new(store.clone()), store, origins: Mutex::new(opened), metrics })
    }

    /// Adds a block that was derived. One that is derived again changes nothing.
    pub fn derived(&self, derivation: &Derivation, outcome: &BlockOutcome) -> Result<(), ArchiveError> {
        let origin = derivation.deployment().origin;
        let mut changes = Vec::new();
        for change in &outcome.lanes {
            let lane = LaneId { origin, destination: change.destination };
            let first = change.before.count();
            self.lanes.append(lane, first, &change.leaves().collect::<Vec<_>>())?;
            for (sequence, judged) in (first..).zip(&change.messages) {
                changes.push(Change::Put(BODIES, leaf_key(LeafId { lane, sequence }), content_of(judged).to_bytes()));
            }
        }
        for leaf in &outcome.settled {
            changes.push(Change::Put(SETTLED, settled_key(outcome.timestamp, *leaf), Vec::new()));
        }
        if !outcome.settled.is_empty() {
            changes.extend(self.long_settled(outcome.timestamp)?);
        }
        if !changes.is_empty() {
            self.store.write(changes)?;
        }
        let mut origins = self.lock();
        let dropped = origins.entry(origin).or_default().states.add(derivation, outcome);
        self.metrics.states_dropped(origin.chain, dropped);
        Ok(())
    }

    /// Deletes what was settled so long before `now` that nobody asks for it.
    fn long_settled(&self, now: u64) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        for (key, _) in self.store.scan(SETTLED, &[], &[], SWEPT_MAX)? {
            let Some((time, leaf)) = key.split_first_chunk() else { continue };
            if u64::from_be_bytes(*time).saturating_add(KEPT_SETTLED.as_secs()) >= now {
                break;
            }
            changes.push(Change::Delete(BODIES, leaf.to_vec()));
            changes.push(Change::Delete(SETTLED, key));
        }
        Ok(changes)
    }

    /// Takes note of a proof that holds. Nothing is written: [`Self::pair`] does, in the watcher's own time.
    pub fn proven(&self, proven: &ProvenCommitment) {
        let mut origins = self.lock();
        let origin = origins.entry(proven.commitment.origin).or_default();
        let known = origin.wanted.as_ref().or_else(|| origin.served.as_deref().map(Served::proven));
        // A newer epoch's proof of the same commitment holds for longer.
        let age = |proven: &ProvenCommitment| (proven.commitment.block_number, proven.proof.epoch());
        if known.is_none_or(|known| age(known) < age(proven)) {
            origin.wanted = Some(proven.clone());
        }
    }

    /// Brings the newest proof and its state together, if both are here, so that the origin can be begun there.
    pub fn pair(&self, origin: GatewayId) -> Result<(), ArchiveError> {
        let Some((proven, derivation)) = self.lock().get_mut(&origin).and_then(Origin::found) else { return Ok(()) };
        self.serve(&ProvenSnapshot { proven, snapshot: derivation.snapshot() })
    }

    /// Lets an origin be begun there.
    pub(crate) fn serve(&self, start: &ProvenSnapshot) -> Result<(), ArchiveError> {
        let (origin, served) = (start.proven.commitment.origin, Served::new(start)?);
        self.store.write(vec![Change::Put(SNAPSHOTS, origin.to_bytes().to_vec(), served.bytes.clone())])?;
        self.lock().entry(origin).or_default().served = Some(Arc::new(served));
        Ok(())
    }

    /// Where an origin can be begun, if it was ever proven.
    pub fn start_of(&self, origin: ChainId) -> Option<Arc<Served>> {
        let origins = self.lock();
        origins.iter().find(|(id, _)| id.chain == origin).and_then(|(_, one)| one.served.clone())
    }

    /// The lane as it stands where its origin can be begun.
    pub fn lane(&self, lane: LaneId) -> Option<ProvenLane> {
        let served = self.lock().get(&lane.origin)?.served.clone()?;
        let (lane, proof) = served.lanes.prove(lane.destination)?;
        Some(ProvenLane { proven: served.proven.clone(), lane, proof })
    }

    /// A message with its path in the tree of the lane's first `count`; `None` if it is not there, or not any more.
    pub fn leaf(&self, leaf: LeafId, count: u64) -> Result<Option<ServedLeaf>, ArchiveError> {
        let Some(content) = self.store.get(BODIES, &leaf_key(leaf))? else { return Ok(None) };
        let content = read_content(&content)?;
        Ok(self.path(leaf, count)?.map(|path| ServedLeaf { path, content }))
    }

    /// The path of a leaf in the tree of the lane's first `count`; `None` if the lane is not so long here.
    pub fn path(&self, leaf: LeafId, count: u64) -> Result<Option<RangeProof>, ArchiveError> {
        found(self.lanes.path(leaf.lane, leaf.sequence, count))
    }

    /// The lane from sequence `from` on, among its first `count`; `None` if not all of it is here, or it is more than is served at once.
    pub fn leaves(&self, lane: LaneId, from: u64, count: u64) -> Result<Option<ServedLeaves>, ArchiveError> {
        if count.checked_sub(from).is_none_or(|leaves| leaves > ServedLeaves::MAX as u64) {
            return Ok(None);
        }
        let Some(leaves) = found(self.lanes.leaves(lane, from, count))? else { return Ok(None) };
        let before = found(self.lanes.frontier(lane, from))?;
        Ok(before.map(|before| ServedLeaves { before, leaves }))
    }

    /// The facts of an origin where it can be begun, and the proof of them, if it was ever proven.
    pub fn facts(&self, origin: GatewayId) -> Result<Option<(ProvenCommitment, FactsMap)>, ArchiveError> {
        let Some(served) = self.lock().get(&origin).and_then(|one| one.served.clone()) else { return Ok(None) };
        Ok(Some((served.proven.clone(), served.facts()?)))
    }

    /// How many of a lane's first messages its destination has taken without a gap, as far as that is proven.
    pub fn taken(&self, lane: LaneId) -> Result<u64, ArchiveError> {
        let served = self.lock().get(&lane.destination).and_then(|one| one.served.clone());
        let taken = served.map(|served| Ok::<_, ArchiveError>(served.taken()?.get(&lane.origin).copied()));
        Ok(taken.transpose()?.flatten().unwrap_or_default())
    }

    /// That the lane grew from its first `from` messages to its first `to`; `None` if it is not so long here.
    pub fn consistency(&self, lane: LaneId, from: u64, to: u64) -> Result<Option<ConsistencyProof>, ArchiveError> {
        found(self.lanes.consistency(lane, from, to))
    }

    /// The newest attestation of each attester and origin.
    pub fn attestations(&self) -> Result<BTreeMap<(AttesterId, GatewayId), Attestation>, ArchiveError> {
        let mut newest = BTreeMap::new();
        let mut from = Vec::new();
        loop {
            let page = self.store.scan(ATTESTATIONS, &[], &from, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(newest) };
            from = [last, &[0][..]].concat();
            for (key, value) in &page {
                let damaged = || ArchiveError::Damaged("an attestation".into());
                let attester = key.first_chunk::<32>().ok_or_else(damaged)?;
                let attestation = Attestation::from_bytes(value).map_err(|_| damaged())?;
                newest.insert((AttesterId(attester.into()), attestation.commitment.origin), attestation);
            }
        }
    }

    /// Keeps the newest attestations of an attester.
    pub fn keep_attestations(&self, attester: AttesterId, newest: &[Attestation]) -> Result<(), StoreError> {
        let put = |one: &Attestation| {
            let key = [attester.0.as_slice(), &one.commitment.origin.to_bytes()].concat();
            Change::Put(ATTESTATIONS, key, one.to_bytes())
        };
        if newest.is_empty() { Ok(()) } else { self.store.write(newest.iter().map(put).collect()) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GatewayId, Origin>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// The proof that is waited for and its state, once that is there.
    fn found(&mut self) -> Option<(ProvenCommitment, Derivation)> {
        let state = self.states.take(&self.wanted.as_ref()?.commitment)?;
        self.wanted.take().zip(Some(state))
    }
}

fn read_served(bytes: &[u8]) -> Result<Served, ArchiveError> {
    Served::new(&read_start(bytes)?)
}

fn read_start(bytes: &[u8]) -> Result<ProvenSnapshot, ArchiveError> {
    ProvenSnapshot::from_bytes(bytes).map_err(|error| ArchiveError::Damaged(error.to_string()))
}

/// What the lane is too short for, or has begun behind, is not there; anything else is an error.
fn found<T>(answer: Result<T, LaneStoreError>) -> Result<Option<T>, ArchiveError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(LaneStoreError::Beyond { .. } | LaneStoreError::Before { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn content_of(judged: &JudgedMessage) -> LeafContent {
    match judged.verdict {
        Verdict::Valid => LeafContent::Message(judged.message.encode()),
        Verdict::Void(_) => LeafContent::Void(judged.message.encode()),
    }
}

fn read_content(bytes: &[u8]) -> Result<LeafContent, ArchiveError> {
    LeafContent::from_bytes(bytes).map_err(|error| ArchiveError::Damaged(error.to_string()))
}

fn lane_key(LaneId { origin, destination }: LaneId) -> Vec<u8> {
    [origin.to_bytes(), destination.to_bytes()].concat()
}

fn leaf_key(LeafId { lane, sequence }: LeafId) -> Vec<u8> {
    [&lane_key(lane)[..], &sequence.to_be_bytes()].concat()
}

fn settled_key(time: u64, leaf: LeafId) -> Vec<u8> {
    [&time.to_be_bytes()[..], &leaf_key(leaf)].concat()
}
