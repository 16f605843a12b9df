//! Taking what is ready, and beginning where the last owner of the partition stopped.

use std::time::Duration;

use metalayer_node::bus::{BusError, Offset, Stored};
use metalayer_proto::{
    envelope::{Action, Deliver, Envelope, ReadyRecord, TraceContext},
    quorum::ProvenCommitment,
    topics::Topic,
};

use super::{
    Execute, ExecuteError,
    actions::{self, Queued},
    batch::Cargo,
    lane::LaneQueue,
};

/// How many records one step takes at most.
const RECORDS_MAX: usize = 128;

/// How many messages of a destination are queued at most; further records stay on the bus.
const QUEUED_MAX: usize = 100_000;

impl Execute {
    /// What a new instance does first: it queues what is ready from the low-water mark on, and takes over the transactions that are not
    /// final.
    pub(super) async fn begin(&mut self) -> Result<(), ExecuteError> {
        self.lanes.clear();
        self.fresh.clear();
        self.actions = actions::Actions::default();
        self.seen.clear();
        let (low, end) = self.parts.records.bus.range(Topic::Ready, self.partition()).await?;
        self.next_record = self.parts.assignment.mark.as_ref().map_or(low, |mark| mark.offset);
        while self.next_record < end && self.queued() < QUEUED_MAX {
            let batch = self.read_ready(self.next_record, RECORDS_MAX).await?;
            if batch.is_empty() {
                break;
            }
            self.queue(&batch).await?;
        }
        self.transactions.resume().await?;
        for (nonce, cargo) in self.transactions.cargo() {
            match cargo {
                Cargo::Messages(carried) => {
                    if let Some(queue) = self.lanes.get_mut(&carried.lane) {
                        queue.sent(&carried.sequences, nonce);
                    }
                }
                Cargo::Action(id) => self.actions.sent(*id, nonce),
            }
        }
        Ok(())
    }

    /// Asks the gateway about lanes of which nothing was queued before, so that nothing is sent for what is settled: after a restart of
    /// the aggregator all of a lane comes again.
    pub(super) async fn look_at_fresh(&mut self) -> Result<(), ExecuteError> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        self.pass_over_settled();
        while let Some(lane) = self.fresh.first().copied() {
            let open = self.lanes.get(&lane).map(LaneQueue::open).unwrap_or_default();
            self.ask_about(lane, &open).await?;
            self.fresh.remove(&lane);
        }
        Ok(())
    }

    /// Takes out of these lanes what was settled by the destination's newest proof: few are left then for the gateway to be asked about.
    fn pass_over_settled(&mut self) {
        let destination = self.parts.destination;
        let facts = match self.parts.archive.facts(destination) {
            Ok(facts) => facts,
            Err(error) => {
                tracing::warn!(%destination, %error, "the gateway is asked about all that came");
                None
            }
        };
        let Some((_, facts)) = facts else { return };
        for lane in &self.fresh {
            let (Some(credited), Some(queue)) = (facts.credited(lane.origin), self.lanes.get_mut(lane)) else {
                continue;
            };
            let settled: Vec<_> = queue.open().into_iter().filter(|sequence| credited.contains(*sequence)).collect();
            settled.iter().for_each(|sequence| queue.settled(*sequence, None));
            queue.done(&settled, None);
        }
    }

    pub(super) async fn read_ready(&self, from: Offset, limit: usize) -> Result<Vec<Stored>, BusError> {
        self.parts.records.bus.read(Topic::Ready, self.partition(), from, limit, Duration::ZERO).await
    }

    pub(super) async fn take_records(&mut self) -> Result<bool, ExecuteError> {
        if self.queued() >= QUEUED_MAX {
            return Ok(false);
        }
        let batch = self.parts.assignment.take(RECORDS_MAX).await?;
        self.queue(&batch).await?;
        Ok(!batch.is_empty())
    }

    /// Queues the records that were not read before.
    async fn queue(&mut self, batch: &[Stored]) -> Result<(), BusError> {
        for stored in batch {
            if stored.offset < self.next_record {
                continue;
            }
            self.next_record = Offset(stored.offset.0 + 1);
            if let Some(envelope) = self.parts.records.open::<ReadyRecord>(self.partition(), stored).await? {
                self.queue_one(stored, envelope).await?;
            }
        }
        Ok(())
    }

    async fn queue_one(&mut self, stored: &Stored, envelope: Envelope<ReadyRecord>) -> Result<(), BusError> {
        let Envelope { trace, record } = envelope;
        let (place, proven) = match &record {
            ReadyRecord::Deliver(deliver) => {
                let Deliver { commitment, proof, lane, .. } = deliver.as_ref();
                (lane.destination, Some(ProvenCommitment { commitment: *commitment, proof: proof.clone() }))
            }
            ReadyRecord::Act(action) => (action.gateway(), action.proven().cloned()),
        };
        if place != self.parts.destination {
            return self.refuse_ready(stored, "other_destination", &place).await;
        }
        let now = self.parts.clock.now();
        if let Some(proven) = proven
            && let Err(error) = self.verified.check(&proven, &self.parts.epochs, now)
        {
            return self.refuse_ready(stored, "unproven", &error).await;
        }
        match record {
            ReadyRecord::Deliver(deliver) => self.queue_delivery(stored, *deliver, trace.as_ref()).await,
            ReadyRecord::Act(action) => self.queue_action(stored, &action, trace).await,
        }
    }

    async fn queue_delivery(
        &mut self,
        stored: &Stored,
        deliver: Deliver,
        trace: Option<&TraceContext>,
    ) -> Result<(), BusError> {
        let lane = deliver.lane_id();
        let is_fresh = !self.lanes.contains_key(&lane);
        let queue = self.lanes.entry(lane).or_insert_with(|| LaneQueue::new(lane));
        if let Err(error) = queue.add(stored.offset, deliver, trace) {
            return self.refuse_ready(stored, "gap", &error).await;
        }
        if is_fresh {
            self.fresh.insert(lane);
        }
        Ok(())
    }

    async fn queue_action(
        &mut self,
        stored: &Stored,
        action: &Action,
        trace: Option<TraceContext>,
    ) -> Result<(), BusError> {
        let mut queued = Queued::new(action, stored.offset, trace);
        if matches!(action, Action::LoadChunk(_)) {
            // Whom this account calls no record says (I7).
            queued.to = self.parts.attester_set;
        }
        if self.actions.add(queued) {
            return Ok(());
        }
        let detail = format!("{} actions wait already; ask again", actions::ACTIONS_MAX);
        self.refuse_ready(stored, "too_many_actions", &detail).await
    }

    pub(super) async fn refuse_ready(
        &self,
        stored: &Stored,
        reason: &'static str,
        detail: &(dyn std::fmt::Display + Sync),
    ) -> Result<(), BusError> {
        self.parts.records.refuse((Topic::Ready, self.partition()), stored, reason, detail).await
    }

    /// Reads the bodies again of messages that were met and are to be sent after all.
    pub(super) async fn restore_bodies(&mut self) -> Result<(), ExecuteError> {
        let bodiless: Vec<_> = self
            .lanes
            .iter()
            .flat_map(|(lane, queue)| queue.bodiless().into_iter().map(|(sequence, from)| (*lane, sequence, from)))
            .collect();
        for (lane, sequence, from) in bodiless {
            let stored = self.read_ready(from, 1).await?;
            let Some(stored) = stored.first() else { continue };
            let envelope = self.parts.records.open::<ReadyRecord>(self.partition(), stored).await?;
            let Some(ReadyRecord::Deliver(deliver)) = envelope.map(|envelope| envelope.record) else { continue };
            let at = sequence.checked_sub(deliver.before.count()).and_then(|at| usize::try_from(at).ok());
            if let (Some(item), Some(queue)) = (at.and_then(|at| deliver.items.get(at)), self.lanes.get_mut(&lane)) {
                queue.restore(sequence, item);
            }
        }
        Ok(())
    }
}
