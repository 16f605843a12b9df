//! What every bus refuses before it looks any further.

use std::collections::BTreeSet;

use metalayer_proto::topics::{Partition, Topic};

use super::{BusError, KEY_BYTES_MAX, Ownership, RECORD_BYTES_MAX, Record};

/// The one partition of [`Topic::DeadLetter`].
const DEAD_LETTERS: Partition = Partition(0);

/// The partitions of a bus: the numbers of the chains that were registered.
#[derive(Clone, Debug)]
pub(super) struct Partitions(BTreeSet<Partition>);

impl Partitions {
    pub(super) fn new(chains: impl IntoIterator<Item = Partition>) -> Self {
        Self(chains.into_iter().collect())
    }

    /// Those of a topic, ascending.
    pub(super) fn of(&self, topic: Topic) -> Vec<Partition> {
        if topic == Topic::DeadLetter { vec![DEAD_LETTERS] } else { self.0.iter().copied().collect() }
    }

    pub(super) fn check(&self, topic: Topic, partition: Partition) -> Result<(), BusError> {
        let is_there = if topic == Topic::DeadLetter { partition == DEAD_LETTERS } else { self.0.contains(&partition) };
        is_there.then_some(()).ok_or(BusError::NoPartition { topic, partition })
    }

    pub(super) fn check_record(&self, record: &Record) -> Result<(), BusError> {
        self.check(record.topic, record.partition)?;
        let problem = if record.value.len() > RECORD_BYTES_MAX {
            "its value is longer than a record may be"
        } else if record.key.len() > KEY_BYTES_MAX {
            "its key is longer than a key may be"
        } else if record.topic.is_compacted() && record.key.is_empty() {
            "a compacted topic needs a key"
        } else if !record.topic.is_compacted() && record.value.is_empty() {
            "nothing can be deleted from a topic that is not compacted"
        } else {
            return Ok(());
        };
        Err(BusError::BadRecord(problem))
    }

    pub(super) fn check_owned(&self, ownership: &Ownership, record: &Record) -> Result<(), BusError> {
        self.check_record(record)?;
        let is_owned = record.partition == ownership.partition;
        is_owned.then_some(()).ok_or(BusError::BadRecord("it is for another partition than the owned one"))
    }
}

/// The refusal of a former owner.
pub(super) fn not_owner(ownership: &Ownership) -> BusError {
    BusError::NotOwner { topic: ownership.topic, partition: ownership.partition, lease: ownership.lease }
}
