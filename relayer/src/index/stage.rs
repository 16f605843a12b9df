//! Fills the index: reads one chain's `messages` (as origin) and `deliveries` (as destination) from where it stopped.
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
    store::StoreError,
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    envelope::{BlockRecord, DeliveryRecord, Envelope, Record},
    ids::{LaneId, MessageId},
    topics::Partition,
};

use super::{Index, MessageEntry};
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

/// Entries that one batch of records changes.
type Entries = BTreeMap<MessageId, MessageEntry>;

impl IndexStage {
    /// The stage of one chain.
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Takes the next records of `R`'s topic. False if there were none.
    async fn take<R: Record>(
        &self,
        add: impl Fn(&Self, Envelope<R>, &mut Entries) -> Result<(), StoreError> + Send,
    ) -> Result<bool, IndexError> {
        let Parts { index, records, partition, .. } = &self.parts;
        let low = records.bus.range(R::TOPIC, *partition).await?.0;
        // What the bus no longer has is lost to the index alone; what it has of that it keeps.
        let from = index.next_offset(R::TOPIC, *partition)?.max(low);
        let batch = records.bus.read(R::TOPIC, *partition, from, READ_MAX, Duration::ZERO).await?;
        let Some(last) = batch.last() else { return Ok(false) };
        let next = Offset(last.offset.0 + 1);
        let mut entries = Entries::new();
        for stored in &batch {
            // Those that do not decode are dead-lettered by whoever consumes the topic.
            if let Ok(envelope) = Envelope::decode(&stored.value) {
                add(self, envelope, &mut entries)?;
            }
        }
        index.save(entries.into_values(), (R::TOPIC, *partition, next))?;
        Ok(true)
    }

    fn entry<'a>(
        &self,
        entries: &'a mut Entries,
        id: MessageId,
        lane: LaneId,
        sequence: u64,
    ) -> Result<&'a mut MessageEntry, StoreError> {
        Ok(match entries.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(place) => {
                let known = self.parts.index.find(id)?;
                place.insert(known.unwrap_or_else(|| MessageEntry::new(id, lane, sequence)))
            }
        })
    }

    fn add_sent(&self, envelope: Envelope<BlockRecord>, entries: &mut Entries) -> Result<(), StoreError> {
        let Envelope { trace, record } = envelope;
        for change in &record.changes {
            let lane = LaneId { origin: record.commitment.origin, destination: change.destination };
            for judged in &change.messages {
                let entry = self.entry(entries, judged.id, lane, judged.message.sequence)?;
                entry.was_sent(&record, judged, trace.as_ref());
            }
        }
        Ok(())
    }

    fn add_outcomes(&self, envelope: Envelope<DeliveryRecord>, entries: &mut Entries) -> Result<(), StoreError> {
        let record = envelope.record;
        for outcome in &record.outcomes {
            self.entry(entries, outcome.id, record.lane, outcome.sequence)?.came_to(&record, outcome);
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
        if sent || delivered {
            return Ok(Step::Advanced);
        }
        Ok(Step::Idle(Wake::at(self.parts.clock.now().after(self.parts.poll))))
    }
}
