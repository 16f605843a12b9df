//! Aggregating: from single attestations of one origin to quorum proofs, and from those to what executors deliver.
//!
//! Both what attesters signed and what the watcher derived come over the bus, and neither is believed: signatures are
//! summed and the sum is checked by one pairing; blocks are believed through the roots that are proven (I7).
//!
//! While one epoch hands over to the next, each proves for itself, and a lane is handed on with the first proof that its destination
//! takes. Once the epoch that a lane was handed on with is about to expire, its root is handed on again under a newer one.

mod backlog;
mod handed_on;
mod pending;
mod ready;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use backlog::Backlog;
use handed_on::HandedOn;
use metalayer_node::{
    bus::{BusError, Offset},
    clock::{Clock, UnixMillis},
    epochs::{Epoch, EpochBook},
    task::{Severity, Stage, StageError, Step, Wake},
    telemetry::{context_of, continue_from},
};
use metalayer_proto::{
    envelope::{AttestationRecord, BlockRecord, Envelope, ProofRecord, ReadyRecord},
    ids::{GatewayId, LaneId},
    lanes::{LaneState, LanesError, LanesTree},
    quorum::ProvenCommitment,
    topics::{Partition, Topic},
};
use pending::{Added, Pending};
use ready::{Brought, TooManyLeaves};

use crate::{
    archive::ArchiveError,
    assignment::Assignment,
    collector::Collector,
    metrics::Metrics,
    record::{self, Records},
    tables::InForce,
};

/// How many records one step takes at most.
const RECORDS_MAX: usize = 512;

/// How long one step waits for blocks that a proof speaks of and the watcher has not published yet.
const BLOCKS_WAIT: Duration = Duration::from_millis(200);

/// How often it is looked whether a destination takes proofs of an epoch by now.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long before an epoch expires nothing is handed on with its proofs any more, if a newer one serves: a transaction may take as
/// long into a block.
const OUTLAST: Duration = Duration::from_secs(600);

/// Why an origin's commitments are not aggregated.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Where the origin was begun cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Proven lanes are no lanes; a fault of this program, since they were checked.
    #[error(transparent)]
    Lanes(#[from] LanesError),
    /// More at once than can be handed on.
    #[error(transparent)]
    TooMany(#[from] TooManyLeaves),
}

impl StageError for AggregateError {
    fn severity(&self) -> Severity {
        match self {
            Self::Bus(error) => record::severity(error),
            Self::Archive(_) => Severity::Process,
            Self::Lanes(_) | Self::TooMany(_) => Severity::Chain,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Bus(error) => record::reason(error),
            Self::Archive(_) => "archive",
            Self::Lanes(_) => "lanes",
            Self::TooMany(_) => "too_many_leaves",
        }
    }
}

/// What an aggregating stage works with.
pub struct Parts {
    /// The origin's partition of `attestations`.
    pub assignment: Assignment,
    /// The origin.
    pub origin: GatewayId,
    /// The partition of each destination.
    pub destinations: BTreeMap<GatewayId, Partition>,
    /// Who may sign.
    pub epochs: Arc<EpochBook>,
    /// Which epochs' proofs each destination takes.
    pub in_force: Arc<InForce>,
    /// Where records come from and go to.
    pub records: Records,
    /// Serves the newest proofs.
    pub collector: Arc<Collector>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The stage of one origin.
pub struct Aggregate {
    parts: Parts,
    pending: Pending,
    backlog: Backlog,
    /// The next record of `messages` to read; unknown until the first step.
    next_block: Option<Offset>,
    /// The first attestation that has not been taken.
    next_attestation: Offset,
    /// The newest proof of each epoch that holds.
    newest: BTreeMap<u64, Newest>,
    /// The epochs that hold, and will for [`OUTLAST`] at least.
    lasting: Vec<u64>,
    handed_on: HandedOn,
    /// How many messages the backlog had no room for.
    dropped: usize,
}

/// The newest proof of one epoch.
struct Newest {
    proven: ProvenCommitment,
    /// It is on the bus; before, it waits for the watcher's blocks.
    is_published: bool,
    /// Nothing is left to hand on with it, not even to destinations that do not take it yet.
    is_done: bool,
}

/// What a proven commitment brought to the destinations that take its proof.
struct Share {
    lanes: Vec<LaneState>,
    brought: Vec<Brought>,
    /// All destinations do.
    is_all: bool,
}

impl Aggregate {
    /// The stage of an assigned origin; it begins at the newest proof that the bus holds.
    pub fn new(parts: Parts) -> Self {
        let next_attestation = parts.assignment.mark.as_ref().map_or(Offset::default(), |mark| mark.offset);
        Self {
            parts,
            pending: Pending::default(),
            backlog: Backlog::default(),
            next_block: None,
            next_attestation,
            newest: BTreeMap::new(),
            lasting: Vec::new(),
            handed_on: HandedOn::default(),
            dropped: 0,
        }
    }

    fn partition(&self) -> Partition {
        self.parts.assignment.ownership.partition
    }

    /// Finds the newest proof of each epoch on the bus and goes on from there.
    async fn begin(&mut self) -> Result<Offset, AggregateError> {
        let (epochs, now) = (&self.parts.epochs, self.parts.clock.now());
        // Handed on before they were published; handing them on again is harmless, and tells how far each lane is.
        let newest = &mut self.newest;
        let take = |ProofRecord { commitment, proof }| {
            let proven = ProvenCommitment { commitment, proof };
            if is_above(newest, &proven) && epochs.verify(&proven, now).is_ok() {
                newest.insert(proven.proof.epoch(), Newest::new(proven));
            }
        };
        self.parts.records.each(self.parts.assignment.ownership.partition, take).await?;
        self.begin_backlog()?;
        let (first, _) = self.parts.records.bus.range(Topic::Messages, self.partition()).await?;
        Ok(first)
    }

    /// Forgets all blocks but for what was open where the origin was begun, and what destinations have not taken by their newest proofs.
    fn begin_backlog(&mut self) -> Result<(), AggregateError> {
        self.backlog = Backlog::default();
        let (archive, origin) = (self.parts.collector.archive(), self.parts.origin);
        for destination in self.parts.destinations.keys().copied() {
            self.handed_on.taken(destination, archive.taken(LaneId { origin, destination })?);
        }
        let Some((height, lanes)) = archive.begun_lanes(origin)? else { return Ok(()) };
        for lane in &lanes {
            self.handed_on.taken(lane.state.destination, lane.before.count());
        }
        let root = LanesTree::new(lanes.iter().map(|lane| lane.state).collect())?.root();
        self.backlog.begin(height, root, lanes);
        Ok(())
    }

    async fn take_attestations(&mut self) -> Result<bool, AggregateError> {
        let batch = self.parts.assignment.take(RECORDS_MAX).await?;
        let holding = self.parts.epochs.holding(self.parts.clock.now());
        for stored in &batch {
            self.next_attestation = Offset(stored.offset.0 + 1);
            let Some(envelope) = self.parts.records.open::<AttestationRecord>(self.partition(), stored).await? else {
                continue;
            };
            let (record, place) = (envelope.record, (Topic::Attestations, self.partition()));
            let is_of_here = record.commitment.origin == self.parts.origin
                && record.commitment.network == self.parts.epochs.network();
            if !is_of_here {
                self.parts.records.refuse(place, stored, "other_origin", &record.commitment.origin).await?;
            } else if !self.parts.epochs.has_member(record.attester) {
                // Of those who may sign only so many heights wait each; names made up would wait without bound (I8).
                self.parts.records.refuse(place, stored, "unknown_attester", &record.attester).await?;
            } else if holding.iter().any(|epoch| self.counts_in(epoch, &record)) {
                self.add(stored.offset, record);
            }
        }
        Ok(!batch.is_empty())
    }

    /// Whether the attestation may still lead to a proof of this epoch.
    fn counts_in(&self, epoch: &Epoch, record: &AttestationRecord) -> bool {
        let proven = self.newest.get(&epoch.number()).map(Newest::height);
        epoch.has_member(record.attester) && proven.is_none_or(|proven| record.commitment.block_number > proven)
    }

    fn add(&mut self, offset: Offset, record: AttestationRecord) {
        let (attester, height) = (record.attester, record.commitment.block_number);
        match self.pending.add(offset, record) {
            Added::Waits => {}
            Added::DroppedLowest => self.parts.metrics.attestation_refused("too_many_heights"),
            Added::Equivocates => {
                tracing::error!(%attester, origin = %self.parts.origin, height, "two digests signed at one height");
                self.parts.metrics.equivocation(self.parts.origin.chain);
            }
        }
    }

    /// Reads blocks that the watcher has published, waiting up to `wait` for the first.
    async fn take_blocks(&mut self, from: Offset, wait: Duration) -> Result<bool, AggregateError> {
        let bus = self.parts.records.bus.clone();
        let batch = bus.read(Topic::Messages, self.partition(), from, RECORDS_MAX, wait).await?;
        for stored in &batch {
            self.next_block = Some(Offset(stored.offset.0 + 1));
            let Some(envelope) = self.parts.records.open::<BlockRecord>(self.partition(), stored).await? else {
                continue;
            };
            let Envelope { trace, record } = envelope;
            if record.commitment.origin != self.parts.origin {
                let place = (Topic::Messages, self.partition());
                self.parts.records.refuse(place, stored, "other_origin", &record.commitment.origin).await?;
                continue;
            }
            let dropped = self.backlog.add(record, trace);
            self.dropped += dropped;
            self.parts.metrics.backlog(self.parts.origin.chain, self.backlog.len(), dropped);
        }
        Ok(!batch.is_empty())
    }

    /// Proves what it can for every epoch that holds, and forgets what each of them has proven.
    fn prove(&mut self) {
        let now = self.parts.clock.now();
        let holding = self.parts.epochs.holding(now);
        self.newest.retain(|number, _| holding.iter().any(|epoch| epoch.number() == *number));
        for epoch in &holding {
            self.prove_in(epoch);
        }
        let lowest = holding.iter().map(|epoch| self.newest.get(&epoch.number()).map(Newest::height)).min().flatten();
        if let Some(lowest) = lowest {
            self.pending.proven(lowest);
        }
        let lasting: Vec<_> =
            self.parts.epochs.holding(now.after(OUTLAST)).iter().map(|epoch| epoch.number()).collect();
        if self.lasting != lasting {
            // What was handed on with proofs that will not last is handed on again.
            self.lasting = lasting;
            self.newest.values_mut().for_each(|newest| newest.is_done = false);
        }
    }

    fn prove_in(&mut self, epoch: &Epoch) {
        let before = self.newest.get(&epoch.number()).map(Newest::height);
        let (proven, blamed) = self.pending.prove(&epoch.table, before);
        for attester in blamed {
            tracing::warn!(%attester, origin = %self.parts.origin, "a signature does not hold; theirs are checked alone from now on");
            self.parts.metrics.bad_signature(self.parts.origin.chain);
        }
        let Some(proven) = proven else { return };
        if self.newest.values().all(|newest| newest.height() < proven.commitment.block_number) {
            self.parts.metrics.proven(&proven.commitment);
        }
        self.newest.insert(epoch.number(), Newest::new(proven));
    }

    /// Hands on what is proven and not handed on, the oldest epoch first.
    async fn hand_on(&mut self) -> Result<bool, AggregateError> {
        let open = self.newest.values().filter(|newest| !newest.is_done).map(|newest| newest.proven.clone());
        let mut advanced = false;
        for proven in open.collect::<Vec<_>>() {
            advanced |= self.hand_on_one(proven).await?;
        }
        Ok(advanced)
    }

    /// Hands a proof on if its blocks are here: first what executors need, then the proof. A crash between the two repeats records;
    /// the other order would lose them.
    async fn hand_on_one(&mut self, proven: ProvenCommitment) -> Result<bool, AggregateError> {
        let Some(Share { lanes, brought, is_all }) = self.share(&proven)? else { return Ok(false) };
        let (commitment, epoch) = (proven.commitment, proven.proof.epoch());
        let span = tracing::info_span!("aggregate", origin = %self.parts.origin.chain, height = commitment.block_number, epoch);
        continue_from(self.backlog.trace(commitment.lanes_root), &span);
        let trace = context_of(&span);
        let mut advanced = !brought.is_empty();
        for part in brought {
            match self.parts.destinations.get(&part.lane.destination) {
                Some(partition) => {
                    for deliver in part.records(&proven)? {
                        let record = ReadyRecord::Deliver(Box::new(deliver));
                        self.parts.records.publish(*partition, Vec::new(), trace.clone(), record).await?;
                    }
                }
                // A lane to a gateway that this relayer does not serve.
                None => self.parts.metrics.unserved(self.parts.origin.chain),
            }
            self.handed_on.note(part, epoch);
        }
        if self.handed_on.is_whole(commitment.block_number, commitment.lanes_root, &lanes) {
            self.backlog.covered(commitment.block_number);
        }
        if self.newest.get(&epoch).is_some_and(|newest| !newest.is_published) {
            let record = ProofRecord { commitment, proof: proven.proof.clone() };
            self.parts.records.publish(self.partition(), Vec::new(), trace, record).await?;
            self.parts.collector.proven(proven);
            advanced = true;
        }
        if let Some(newest) = self.newest.get_mut(&epoch) {
            (newest.is_published, newest.is_done) = (true, is_all);
        }
        let low = self.pending.first_needed().unwrap_or(self.next_attestation);
        self.parts.assignment.done_below(low);
        Ok(advanced)
    }

    /// What a proven commitment brought; `None` while blocks are missing.
    fn share(&self, proven: &ProvenCommitment) -> Result<Option<Share>, AggregateError> {
        let (commitment, epoch) = (&proven.commitment, proven.proof.epoch());
        let known = self.handed_on.lanes(commitment.block_number, commitment.lanes_root);
        let Some(lanes) = known.or_else(|| self.backlog.lanes(commitment.lanes_root)) else { return Ok(None) };
        let tree = LanesTree::new(lanes.to_vec())?;
        let mut share = Share { lanes: lanes.to_vec(), brought: Vec::new(), is_all: true };
        for lane in lanes {
            if !self.takes(lane.destination, epoch) {
                share.is_all = false;
                continue;
            }
            match self.brought_by(lane, &tree, epoch) {
                None => {}
                Some(Some(part)) => share.brought.push(part),
                Some(None) => return Ok(None),
            }
        }
        Ok(Some(share))
    }

    /// `None` for a lane that brought nothing, `Some(None)` for one whose blocks are missing.
    #[allow(clippy::option_option, reason = "nothing new and not there yet are different answers")]
    fn brought_by(&self, lane: &LaneState, tree: &LanesTree, epoch: u64) -> Option<Option<Brought>> {
        let from = self.handed_on.count(lane.destination);
        let leaves = if from < lane.count {
            self.backlog.items(lane, from)
        } else {
            let is_outlived = |before| before < epoch && !self.lasting.contains(&before);
            Some(self.handed_on.again(lane.destination, is_outlived).filter(|_| from == lane.count)?)
        };
        Some(leaves.and_then(|(before, items)| {
            let (lane, lane_proof) = tree.prove(lane.destination)?;
            Some(Brought { lane, lane_proof, before, items })
        }))
    }

    /// Whether a destination takes proofs of this epoch: it knows the epoch, and if it knows a newer one too, this one outlasts what is
    /// sent now. One that has not said what it knows is taken to know the oldest that holds.
    fn takes(&self, destination: GatewayId, epoch: u64) -> bool {
        let Some(known) = self.parts.in_force.at(destination) else {
            let oldest = self.parts.epochs.holding(self.parts.clock.now()).first().map(|epoch| epoch.number());
            return oldest == Some(epoch) || !self.parts.destinations.contains_key(&destination);
        };
        let lasts = |number: &u64| self.lasting.contains(number);
        known.contains(&epoch) && (lasts(&epoch) || !known.iter().any(lasts))
    }

    /// When to look again although no attestation comes: for destinations that do not take a proof yet, and for what does not last.
    fn next_look(&self) -> Option<UnixMillis> {
        let now = self.parts.clock.now();
        let is_open = self.newest.values().any(|newest| !newest.is_done);
        let holding = self.parts.epochs.holding(now);
        // The last one is not handed over from.
        let lasts_until = |epoch: &Arc<Epoch>| {
            let outlast_s = OUTLAST.as_secs();
            UnixMillis(epoch.expires_at.saturating_sub(outlast_s).saturating_mul(1_000))
        };
        let outlived = holding.iter().rev().skip(1).map(lasts_until).filter(|until| *until > now).min();
        [is_open.then(|| now.after(LOOK_EVERY)), outlived].into_iter().flatten().min()
    }
}

impl Newest {
    const fn new(proven: ProvenCommitment) -> Self {
        Self { proven, is_published: false, is_done: false }
    }

    const fn height(&self) -> u64 {
        self.proven.commitment.block_number
    }
}

/// Whether a proof is above the newest of its epoch.
fn is_above(newest: &BTreeMap<u64, Newest>, proven: &ProvenCommitment) -> bool {
    newest.get(&proven.proof.epoch()).is_none_or(|known| known.height() < proven.commitment.block_number)
}

#[async_trait]
impl Stage for Aggregate {
    type Error = AggregateError;

    async fn step(&mut self) -> Result<Step, AggregateError> {
        let from = match self.next_block {
            Some(from) => from,
            None => {
                let first = self.begin().await?;
                *self.next_block.insert(first)
            }
        };
        let mut advanced = self.take_attestations().await?;
        self.prove();
        advanced |= self.take_blocks(from, Duration::ZERO).await?;
        advanced |= self.hand_on().await?;
        if self.newest.values().any(|newest| !newest.is_published) {
            self.wait_for_blocks().await?;
            return Ok(Step::Advanced);
        }
        if advanced {
            return Ok(Step::Advanced);
        }
        Ok(Step::Idle(Wake { notice: Some(self.parts.assignment.arrived()), at: self.next_look() }))
    }
}

impl Aggregate {
    /// Attesters may be faster than the watcher: a proof waits for the blocks it speaks of, whose arrival ends the wait.
    async fn wait_for_blocks(&mut self) -> Result<(), AggregateError> {
        let Some(from) = self.next_block else { return Ok(()) };
        if !self.take_blocks(from, BLOCKS_WAIT).await? && self.dropped > 0 {
            // What is missing may be what was dropped for want of room.
            self.dropped = 0;
            self.begin_backlog()?;
            self.next_block = Some(self.parts.records.bus.range(Topic::Messages, self.partition()).await?.0);
        }
        Ok(())
    }
}
