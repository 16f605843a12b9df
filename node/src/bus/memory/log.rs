//! One partition of one topic.

use std::collections::{BTreeMap, HashMap};

use metalayer_proto::topics::{Partition, Topic};

use crate::bus::{ANSWER_BYTES_MAX, BusError, Offset, Record, Stored};

/// The records that are kept, by offset.
#[derive(Debug, Default)]
pub(super) struct Log {
    low: Offset,
    next: Offset,
    records: BTreeMap<Offset, (Vec<u8>, Vec<u8>)>,
    /// Where a key's newest record stands; compacted topics only.
    newest: HashMap<Vec<u8>, Offset>,
}

impl Log {
    pub(super) fn range(&self) -> (Offset, Offset) {
        (self.low, self.next)
    }

    pub(super) fn append(&mut self, record: Record) -> Offset {
        let offset = self.next;
        if record.topic.is_compacted()
            && let Some(older) = self.newest.insert(record.key.clone(), offset)
        {
            self.records.remove(&older);
        }
        self.records.insert(offset, (record.key, record.value));
        self.next = Offset(offset.0 + 1);
        offset
    }

    /// Forgets all records below `low`.
    pub(super) fn trim(&mut self, low: Offset) {
        self.low = self.low.max(low.min(self.next));
        self.records = self.records.split_off(&self.low);
        self.newest.retain(|_, offset| *offset >= low);
    }

    pub(super) fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
    ) -> Result<Vec<Stored>, BusError> {
        let Self { low, next, .. } = *self;
        if from < low || from > next {
            return Err(BusError::OutOfRange { topic, partition, wanted: from, low, next });
        }
        let mut bytes = 0;
        let mut answer = Vec::new();
        for (offset, (key, value)) in self.records.range(from..).take(limit) {
            bytes += key.len() + value.len();
            if bytes > ANSWER_BYTES_MAX && !answer.is_empty() {
                break;
            }
            answer.push(Stored { offset: *offset, key: key.clone(), value: value.clone() });
        }
        Ok(answer)
    }
}
