//! What readers and the writer share: the database, and which offsets are there to be read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use metalayer_proto::topics::{Group, Partition, Topic};
use rocksdb::{DB, Direction, IteratorMode};

use super::layout::{self, Range, family};
use crate::{
    bus::{ANSWER_BYTES_MAX, BusError, LowWaterMark, Offset, Stored, changes::Changes, checks::Partitions},
    clock::Clock,
    store::StoreError,
};

pub(super) struct Shared {
    pub(super) db: DB,
    pub(super) partitions: Partitions,
    pub(super) clock: Arc<dyn Clock>,
    /// Only the writer changes them: up after a write, so that what is read is durable; `low` before a deletion, so
    /// that a reader who finds records gone knows why.
    ranges: RwLock<HashMap<(Topic, Partition), Range>>,
    changes: BTreeMap<Topic, Changes>,
}

impl Shared {
    pub(super) fn new(db: DB, partitions: Partitions, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let mut ranges = HashMap::new();
        for topic in Topic::ALL {
            for partition in partitions.of(topic) {
                let bytes = db.get_cf(family(&db, layout::RANGES)?, layout::topic_key(topic, partition))?;
                let range = bytes.map(|bytes| Range::from_bytes(&bytes)).transpose()?.unwrap_or_default();
                ranges.insert((topic, partition), range);
            }
        }
        let changes = Topic::ALL.into_iter().map(|topic| (topic, Changes::default())).collect();
        Ok(Self { db, partitions, clock, ranges: RwLock::new(ranges), changes })
    }

    pub(super) fn range(&self, topic: Topic, partition: Partition) -> Result<Range, BusError> {
        let ranges = self.ranges.read().unwrap_or_else(PoisonError::into_inner);
        ranges.get(&(topic, partition)).copied().ok_or(BusError::NoPartition { topic, partition })
    }

    pub(super) fn set_range(&self, topic: Topic, partition: Partition, range: Range) {
        self.ranges.write().unwrap_or_else(PoisonError::into_inner).insert((topic, partition), range);
    }

    /// What wakes those who wait for records of a topic.
    pub(super) fn changes(&self, topic: Topic) -> Result<&Changes, BusError> {
        self.changes.get(&topic).ok_or_else(|| StoreError::UnknownTable(topic.name()).into())
    }

    /// The records from `from` on that are there now.
    pub(super) fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
    ) -> Result<Vec<Stored>, BusError> {
        let Range { next, .. } = self.range(topic, partition)?;
        let records = if from < next { self.scan(topic, partition, from, next, limit)? } else { Vec::new() };
        // Asked only now: what was trimmed before the scan is known by now, so that a gap cannot pass for none.
        let Range { low, next } = self.range(topic, partition)?;
        if from < low || from > next {
            return Err(BusError::OutOfRange { topic, partition, wanted: from, low, next });
        }
        Ok(records)
    }

    fn scan(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        next: Offset,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        let (start, end) = (layout::record_key(partition, from), layout::record_key(partition, next));
        let entries =
            self.db.iterator_cf(family(&self.db, topic.name())?, IteratorMode::From(&start, Direction::Forward));
        let mut bytes = 0;
        let mut records = Vec::new();
        for entry in entries.take(limit) {
            let (key, value) = entry?;
            bytes += value.len();
            if *key >= end[..] || (bytes > ANSWER_BYTES_MAX && !records.is_empty()) {
                break;
            }
            records.push(layout::decode_record(layout::offset_in(&key)?, &value)?.1);
        }
        Ok(records)
    }

    pub(super) fn mark(&self, group: Group, partition: Partition) -> Result<Option<LowWaterMark>, StoreError> {
        let bytes = self.db.get_cf(family(&self.db, layout::MARKS)?, layout::group_key(group, partition))?;
        bytes.map(|bytes| layout::decode_mark(&bytes)).transpose()
    }

    pub(super) fn lease(&self, group: Group, partition: Partition) -> Result<u64, StoreError> {
        let bytes = self.db.get_cf(family(&self.db, layout::LEASES)?, layout::group_key(group, partition))?;
        bytes.map_or(Ok(0), |bytes| layout::number(&bytes))
    }
}
