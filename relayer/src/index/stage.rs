//! Fills the index: reads one chain's `messages` and `home` (as origin) and `deliveries` (as destination) from where it stopped.
//!
//! Outside any group: every relayer process has its own index. A record may be read twice; entries are written together with how
//! far was read.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use async_trait::async_trait;
use metalayer_node::{
    bus::{BusError, Offset},
    clock::Clock,
    store::{Change, StoreError},
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    envelope::{BlockRecord, DeliveryRecord, Envelope, HomeEvent, HomeRecord, Record},
    ids::{LaneId, MessageId},
    topics::Partition,
};

use super::{BODIES, Index, MessageEntry, Snapshot, lanes::keep_snapshot};
use crate::record::Records;

/// How many records are read at once.
const READ_MAX: usize = 128;

/// Why a chain's messages are not indexed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The index could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StageError for IndexError {
    fn severity(&self) -> Severity {
        Severity::Process
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Bus(_) => "bus",
            Self::Store(_) => "index_store",
        }
    }
}

/// What an indexing stage works with.
pub struct Parts {
    /// Where entries go.
    pub index: Index,
    /// Where records come from.
    pub records: Records,
    /// The chain's partition.
    pub partition: Partition,
    /// Time.
    pub clock: std::sync::Arc<dyn Clock>,
    /// How often the bus is looked at.
    pub poll: Duration,
}

/// The stage that indexes one chain.
pub struct IndexStage {
    parts: Parts,
}

/// What one batch of records changes.
#[derive(Default)]
struct Found {
    entries: BTreeMap<MessageId, MessageEntry>,
    changes: Vec<Change>,
}

impl IndexStage {
    /// The stage of one chain.
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Takes the next records of `R`'s topic. False if there were none.
    async fn take<R: Record>(
        &self,
        add: impl Fn(&Self, Envelope<R>, &mut Found) -> Result<(), StoreError> + Send,
    ) -> Result<bool, IndexError> {
        let Parts { index, records, partition, .. } = &self.parts;
        let low = records.bus.range(R::TOPIC, *partition).await?.0;
        // What the bus no longer has is lost to the index alone; what it has of that it keeps.
        let from = index.next_offset(R::TOPIC, *partition)?.max(low);
        let batch = records.bus.read(R::TOPIC, *partition, from, READ_MAX, Duration::ZERO).await?;
        let Some(last) = batch.last() else { return Ok(false) };
        let next = Offset(last.offset.0 + 1);
        let mut found = Found::default();
        for stored in &batch {
            // Those that do not decode are dead-lettered by whoever consumes the topic.
            if let Ok(envelope) = Envelope::decode(&stored.value) {
                add(self, envelope, &mut found)?;
            }
        }
        index.save(found.entries.into_values(), found.changes, (R::TOPIC, *partition, next))?;
        Ok(true)
    }

    fn entry<'a>(
        &self,
        found: &'a mut Found,
        id: MessageId,
        lane: LaneId,
        sequence: u64,
    ) -> Result<&'a mut MessageEntry, StoreError> {
        Ok(match found.entries.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(place) => {
                let known = self.parts.index.find(id)?;
                place.insert(known.unwrap_or_else(|| MessageEntry::new(id, lane, sequence)))
            }
        })
    }

    fn add_sent(&self, envelope: Envelope<BlockRecord>, found: &mut Found) -> Result<(), StoreError> {
        let Envelope { trace, record } = envelope;
        for change in &record.changes {
            let lane = LaneId { origin: record.commitment.origin, destination: change.destination };
            for judged in &change.messages {
                let entry = self.entry(found, judged.id, lane, judged.message.sequence)?;
                entry.was_sent(&record, judged, trace.as_ref());
                found.changes.push(Change::Put(BODIES, judged.id.0.to_vec(), judged.message.encode()));
            }
            // Not together with the entries: ids that come again change nothing.
            let ids: Vec<_> = change.messages.iter().map(|judged| judged.id.leaf()).collect();
            self.parts.index.keep_ids(lane, change.before.count(), &ids)?;
        }
        Ok(())
    }

    fn add_outcomes(&self, envelope: Envelope<DeliveryRecord>, found: &mut Found) -> Result<(), StoreError> {
        let record = envelope.record;
        // What governance settled unproven has no id.
        for outcome in record.outcomes.iter().filter(|outcome| !outcome.id.0.is_zero()) {
            self.entry(found, outcome.id, record.lane, outcome.sequence)?.came_to(&record, outcome);
        }
        Ok(())
    }

    fn add_home(&self, envelope: Envelope<HomeRecord>, found: &mut Found) -> Result<(), StoreError> {
        let record = envelope.record;
        for event in &record.events {
            match *event {
                HomeEvent::Refused { destination, sequence, id } if !id.0.is_zero() => {
                    let lane = LaneId { origin: record.origin, destination };
                    self.entry(found, id, lane, sequence)?.came_home(&record);
                }
                HomeEvent::Reclaimed { id, value, fee } => {
                    // The log names no lane: of a message that the bus has forgotten there is nothing to say.
                    if let Some(known) = self.parts.index.find(id)? {
                        found.entries.entry(id).or_insert(known).was_reclaimed(&record, value, fee);
                    }
                }
                HomeEvent::SnapshotTaken { destination, count, root } => {
                    let lane = LaneId { origin: record.origin, destination };
                    found.changes.push(keep_snapshot(lane, Snapshot { count, root }));
                }
                HomeEvent::Refused { .. } | HomeEvent::FeesClaimed { .. } => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Stage for IndexStage {
    type Error = IndexError;

    async fn step(&mut self) -> Result<Step, IndexError> {
        let sent = self.take::<BlockRecord>(Self::add_sent).await?;
        let delivered = self.take::<DeliveryRecord>(Self::add_outcomes).await?;
        // After the messages that it is about.
        let came_home = !sent && self.take::<HomeRecord>(Self::add_home).await?;
        if sent || delivered || came_home {
            return Ok(Step::Advanced);
        }
        Ok(Step::Idle(Wake::at(self.parts.clock.now().after(self.parts.poll))))
    }
}
