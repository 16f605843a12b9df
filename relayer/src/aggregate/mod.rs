//! Aggregating: from single attestations of one origin to quorum proofs, and from those to what executors deliver.
//!
//! Both what attesters signed and what the watcher derived come over the bus, and neither is believed: signatures are
//! summed and the sum is checked by one pairing; blocks are believed through the roots that are proven (I7).

mod backlog;
mod pending;
mod ready;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy::primitives::B256;
use async_trait::async_trait;
use backlog::Backlog;
use metalayer_node::{
    bus::{BusError, Offset},
    clock::Clock,
    epochs::EpochBook,
    task::{Severity, Stage, StageError, Step, Wake},
    telemetry::{context_of, continue_from},
};
use metalayer_proto::{
    envelope::{AttestationRecord, BlockRecord, Envelope, ProofRecord, ReadyRecord},
    ids::GatewayId,
    lanes::{LaneState, LanesError, LanesTree, no_lanes},
    quorum::ProvenCommitment,
    topics::{Partition, Topic},
};
use pending::{Added, Pending};
use ready::{Brought, TooManyLeaves};

use crate::{
    assignment::Assignment,
    collector::Collector,
    metrics::Metrics,
    record::{self, Records},
};

/// How many records one step takes at most.
const RECORDS_MAX: usize = 512;

/// How long one step waits for blocks that a proof speaks of and the watcher has not published yet.
const BLOCKS_WAIT: Duration = Duration::from_millis(200);

/// Why an origin's commitments are not aggregated.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
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
            Self::Lanes(_) | Self::TooMany(_) => Severity::Chain,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Bus(error) => record::reason(error),
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
    /// The height that is proven and handed on.
    proven_height: Option<u64>,
    /// How far each lane is handed on, and the lanes root it came to.
    handed_on: BTreeMap<GatewayId, u64>,
    handed_on_root: B256,
    /// How many messages the backlog had no room for.
    dropped: usize,
    /// Proven, and waiting for the watcher's blocks.
    waiting: Option<ProvenCommitment>,
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
            proven_height: None,
            handed_on: BTreeMap::new(),
            handed_on_root: no_lanes(),
            dropped: 0,
            waiting: None,
        }
    }

    fn partition(&self) -> Partition {
        self.parts.assignment.ownership.partition
    }

    /// Finds the newest proof on the bus and goes on from there.
    async fn begin(&mut self) -> Result<Offset, AggregateError> {
        let (epochs, now) = (&self.parts.epochs, self.parts.clock.now());
        let mut newest: Option<ProvenCommitment> = None;
        let take = |ProofRecord { commitment, proof }| {
            let higher = newest.as_ref().is_none_or(|known| known.commitment.block_number < commitment.block_number);
            let proven = ProvenCommitment { commitment, proof };
            if higher && epochs.verify(&proven, now).is_ok() {
                newest = Some(proven);
            }
        };
        self.parts.records.each(self.partition(), take).await?;
        let (first, _) = self.parts.records.bus.range(Topic::Messages, self.partition()).await?;
        if newest.is_some() {
            // Handed on before it was published; handing it on again is harmless, and tells how far each lane is.
            self.waiting = newest;
        }
        Ok(first)
    }

    async fn take_attestations(&mut self) -> Result<bool, AggregateError> {
        let batch = self.parts.assignment.take(RECORDS_MAX).await?;
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
            } else if self.proven_height.is_none_or(|proven| record.commitment.block_number > proven) {
                self.add(stored.offset, record);
            }
        }
        Ok(!batch.is_empty())
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

    fn prove(&mut self) {
        let now = self.parts.clock.now();
        let Some(epoch) = self.parts.epochs.holding(now).last() else { return };
        let (proven, blamed) = self.pending.prove(&epoch.table);
        for attester in blamed {
            tracing::warn!(%attester, origin = %self.parts.origin, "a signature does not hold; theirs are checked alone from now on");
            self.parts.metrics.bad_signature(self.parts.origin.chain);
        }
        let Some(proven) = proven else { return };
        let height = proven.commitment.block_number;
        self.pending.proven(height);
        let higher = self.waiting.as_ref().is_none_or(|waiting| waiting.commitment.block_number < height);
        if higher && self.proven_height.is_none_or(|known| known < height) {
            self.parts.metrics.proven(&proven.commitment);
            self.waiting = Some(proven);
        }
    }

    /// Hands on what waits, if its blocks are here: first what executors need, then the proof. A crash between the two
    /// repeats records; the other order would lose them.
    async fn hand_on(&mut self) -> Result<bool, AggregateError> {
        let Some(proven) = self.waiting.clone() else { return Ok(false) };
        let Some(brought) = self.brought(&proven)? else { return Ok(false) };
        let span = tracing::info_span!("aggregate", origin = %self.parts.origin.chain, height = proven.commitment.block_number);
        continue_from(self.backlog.trace(proven.commitment.lanes_root), &span);
        let trace = context_of(&span);
        for part in &brought {
            let Some(partition) = self.parts.destinations.get(&part.lane.destination) else {
                // A lane to a gateway that this relayer does not serve.
                self.parts.metrics.unserved(self.parts.origin.chain);
                continue;
            };
            for deliver in part.records(&proven)? {
                let record = ReadyRecord::Deliver(Box::new(deliver));
                self.parts.records.publish(*partition, Vec::new(), trace.clone(), record).await?;
            }
        }
        let ProvenCommitment { commitment, proof } = proven.clone();
        let record = ProofRecord { commitment, proof };
        self.parts.records.publish(self.partition(), Vec::new(), trace, record).await?;
        self.handed_on.extend(brought.iter().map(|part| (part.lane.destination, part.lane.count)));
        self.backlog.covered(commitment.block_number);
        self.handed_on_root = commitment.lanes_root;
        self.proven_height = Some(commitment.block_number);
        self.waiting = None;
        self.parts.collector.proven(proven);
        let low = self.pending.first_needed().unwrap_or(self.next_attestation);
        self.parts.assignment.done_below(low);
        Ok(true)
    }

    /// What each lane of a proven commitment brought; `None` while blocks are missing.
    fn brought(&self, proven: &ProvenCommitment) -> Result<Option<Vec<Brought>>, AggregateError> {
        let lanes_root = proven.commitment.lanes_root;
        if lanes_root == self.handed_on_root {
            // A heartbeat: nothing changed since.
            return Ok(Some(Vec::new()));
        }
        let Some(lanes) = self.backlog.lanes(lanes_root) else {
            return Ok(None);
        };
        let tree = LanesTree::new(lanes.to_vec())?;
        let mut brought = Vec::new();
        for lane in lanes {
            let Some(part) = self.brought_by(lane, &tree) else { continue };
            match part {
                Some(part) => brought.push(part),
                None => return Ok(None),
            }
        }
        Ok(Some(brought))
    }

    /// `None` for a lane that brought nothing, `Some(None)` for one whose blocks are missing.
    #[allow(clippy::option_option, reason = "nothing new and not there yet are different answers")]
    fn brought_by(&self, lane: &LaneState, tree: &LanesTree) -> Option<Option<Brought>> {
        let from = self.handed_on.get(&lane.destination).copied().unwrap_or(0);
        if from >= lane.count {
            return None;
        }
        let part = self.backlog.items(lane, from).and_then(|(before, items)| {
            let (lane, lane_proof) = tree.prove(lane.destination)?;
            Some(Brought { lane, lane_proof, before, items })
        });
        Some(part)
    }
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
        if self.waiting.is_some() {
            self.wait_for_blocks().await?;
            return Ok(Step::Advanced);
        }
        if advanced {
            return Ok(Step::Advanced);
        }
        Ok(Step::Idle(Wake { notice: Some(self.parts.assignment.arrived()), at: None }))
    }
}

impl Aggregate {
    /// Attesters may be faster than the watcher: a proof waits for the blocks it speaks of, whose arrival ends the wait.
    async fn wait_for_blocks(&mut self) -> Result<(), AggregateError> {
        let Some(from) = self.next_block else { return Ok(()) };
        if !self.take_blocks(from, BLOCKS_WAIT).await? && self.dropped > 0 {
            // What is missing may be what was dropped for want of room.
            self.dropped = 0;
            self.backlog = Backlog::default();
            self.next_block = Some(self.parts.records.bus.range(Topic::Messages, self.partition()).await?.0);
        }
        Ok(())
    }
}
