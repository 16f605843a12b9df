//! Changes that are written with one sync, all or none.

use std::collections::HashMap;

use metalayer_proto::topics::{Partition, Topic};
use rocksdb::WriteBatch;
use tokio::sync::oneshot;

use super::{
    layout::{self, Range, family},
    shared::Shared,
};
use crate::{
    bus::{BusError, LowWaterMark, Offset, Ownership, Record},
    clock::UnixMillis,
    store::{StoreError, database},
};

/// Tells a caller what became of what it asked for.
pub(super) type Reply<T> = oneshot::Sender<Result<T, BusError>>;

pub(super) struct Batch<'a> {
    shared: &'a Shared,
    now: UnixMillis,
    writes: WriteBatch,
    /// Ranges as they will be.
    ranges: HashMap<(Topic, Partition), Range>,
    /// Where keys' newest records will stand.
    newest: HashMap<Vec<u8>, Offset>,
    appended: Vec<(Reply<Offset>, Offset)>,
    committed: Vec<Reply<()>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            now: shared.clock.now(),
            writes: WriteBatch::default(),
            ranges: HashMap::new(),
            newest: HashMap::new(),
            appended: Vec::new(),
            committed: Vec::new(),
        }
    }

    /// Adds a record; it is there, and its publisher is answered, once the batch is written.
    pub(super) fn append(&mut self, record: &Record) -> Result<Offset, BusError> {
        let Record { topic, partition, key, value } = record;
        let mut range = self.range(*topic, *partition)?;
        let offset = range.next;
        let bytes = layout::encode_record(self.now, key, value)?;
        if topic.is_compacted() {
            self.compact(record, offset)?;
        }
        self.writes.put_cf(family(&self.shared.db, topic.name())?, layout::record_key(*partition, offset), bytes);
        range.next = Offset(offset.0 + 1);
        self.set_range(*topic, *partition, range)?;
        Ok(offset)
    }

    /// Deletes what the record replaces, and notes that it may be replaced itself.
    fn compact(&mut self, record: &Record, offset: Offset) -> Result<(), StoreError> {
        let db = &self.shared.db;
        let Record { topic, partition, key, value } = record;
        let newest_key = layout::newest_key(*topic, *partition, key);
        let older = self.newest(&newest_key)?;
        let tombstones = family(db, layout::TOMBSTONES)?;
        if let Some(older) = older {
            self.writes.delete_cf(family(db, topic.name())?, layout::record_key(*partition, older));
            self.writes.delete_cf(tombstones, layout::tombstone_key(*topic, *partition, older));
        }
        if value.is_empty() {
            let tombstone = layout::encode_tombstone(self.now, key);
            self.writes.put_cf(tombstones, layout::tombstone_key(*topic, *partition, offset), tombstone);
        }
        self.writes.put_cf(family(db, layout::NEWEST)?, &newest_key, offset.0.to_be_bytes());
        self.newest.insert(newest_key, offset);
        Ok(())
    }

    /// Where the newest record of a key stands, by this batch or by the disk.
    fn newest(&self, newest_key: &[u8]) -> Result<Option<Offset>, StoreError> {
        if let Some(offset) = self.newest.get(newest_key) {
            return Ok(Some(*offset));
        }
        let bytes = self.shared.db.get_cf(family(&self.shared.db, layout::NEWEST)?, newest_key)?;
        bytes.map(|bytes| layout::number(&bytes).map(Offset)).transpose()
    }

    /// Answers the publisher of a record once the batch is written.
    pub(super) fn answer_append(&mut self, reply: Reply<Offset>, offset: Offset) {
        self.appended.push((reply, offset));
    }

    pub(super) fn commit(&mut self, ownership: &Ownership, mark: &LowWaterMark) -> Result<(), BusError> {
        let Ownership { group, topic, partition, .. } = *ownership;
        let Range { low, next } = self.range(topic, partition)?;
        if mark.offset > next {
            return Err(BusError::OutOfRange { topic, partition, wanted: mark.offset, low, next });
        }
        let key = layout::group_key(group, partition);
        self.writes.put_cf(family(&self.shared.db, layout::MARKS)?, key, layout::encode_mark(mark));
        Ok(())
    }

    /// Answers a member that committed once the batch is written.
    pub(super) fn answer_commit(&mut self, reply: Reply<()>) {
        self.committed.push(reply);
    }

    fn range(&self, topic: Topic, partition: Partition) -> Result<Range, BusError> {
        self.ranges.get(&(topic, partition)).map_or_else(|| self.shared.range(topic, partition), |range| Ok(*range))
    }

    fn set_range(&mut self, topic: Topic, partition: Partition, range: Range) -> Result<(), StoreError> {
        let key = layout::topic_key(topic, partition);
        self.writes.put_cf(family(&self.shared.db, layout::RANGES)?, key, range.to_bytes());
        self.ranges.insert((topic, partition), range);
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.writes.size_in_bytes()
    }

    /// Writes and syncs, then lets readers see what is new, then answers.
    pub(super) fn write(self) -> Result<(), StoreError> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let outcome = self.shared.db.write_opt(self.writes, &database::synced()).map_err(StoreError::from);
        if outcome.is_ok() {
            for ((topic, partition), range) in self.ranges {
                self.shared.set_range(topic, partition, range);
                if let Ok(changes) = self.shared.changes(topic) {
                    changes.announce();
                }
            }
        }
        // A caller that left meanwhile misses nothing but the answer.
        for (reply, offset) in self.appended {
            let _ = reply.send(outcome.clone().map(|()| offset).map_err(BusError::from));
        }
        for reply in self.committed {
            let _ = reply.send(outcome.clone().map_err(BusError::from));
        }
        outcome
    }
}
