//! Taking what is ready, and beginning where the last owner of the partition stopped.

use std::time::Duration;

use metalayer_node::bus::{BusError, Offset, Stored};
use metalayer_proto::{
    envelope::{Envelope, ReadyRecord},
    topics::Topic,
};

use super::{Execute, ExecuteError, lane::LaneQueue};

/// How many records one step takes at most.
const RECORDS_MAX: usize = 128;

/// How many messages of a destination are queued at most; further records stay on the bus.
const QUEUED_MAX: usize = 100_000;

impl Execute {
    /// What a new instance does first: it queues what is ready from the low-water mark on, takes over the transactions that are not
    /// final, and asks the gateway about the rest, so that nothing is sent for what is settled.
    pub(super) async fn begin(&mut self) -> Result<(), ExecuteError> {
        self.lanes.clear();
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
            if let Some(queue) = self.lanes.get_mut(&cargo.lane) {
                queue.sent(&cargo.sequences, nonce);
            }
        }
        let open: Vec<_> = self.lanes.iter().map(|(lane, queue)| (*lane, queue.open())).collect();
        for (lane, sequences) in open {
            self.ask_about(lane, &sequences).await?;
        }
        Ok(())
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
        let ReadyRecord::Deliver(deliver) = envelope.record;
        let place = (Topic::Ready, self.partition());
        if deliver.lane.destination != self.parts.destination {
            return self.parts.records.refuse(place, stored, "other_destination", &deliver.lane.destination).await;
        }
        let now = self.parts.clock.now();
        if let Err(error) = self.verified.check(&deliver, &self.parts.epochs, now) {
            return self.parts.records.refuse(place, stored, "unproven", &error).await;
        }
        let lane = deliver.lane_id();
        let queue = self.lanes.entry(lane).or_insert_with(|| LaneQueue::new(lane));
        if let Err(error) = queue.add(stored.offset, *deliver, envelope.trace.as_ref()) {
            return self.parts.records.refuse(place, stored, "gap", &error).await;
        }
        Ok(())
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
