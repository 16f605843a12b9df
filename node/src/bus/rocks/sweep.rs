//! Forgets what has been kept long enough.

use std::{collections::BTreeMap, time::Duration};

use metalayer_proto::topics::{Partition, Topic};
use rocksdb::{Direction, IteratorMode, WriteBatch};

use super::{
    layout::{self, Range, family},
    shared::Shared,
    writer::trim,
};
use crate::{
    bus::Offset,
    clock::UnixMillis,
    store::{StoreError, database},
};

/// How long records of a topic are kept; whichever bound is reached first. A partition's newest record always stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// The most records of a partition.
    pub records: u64,
    /// The oldest a record grows.
    pub age: Duration,
}

/// How often the writer looks for what is to be forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// How long a deleted key can still be seen to be deleted, by a reader that follows the topic.
const TOMBSTONE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Sweeper {
    retention: BTreeMap<Topic, Retention>,
    due: UnixMillis,
}

impl Sweeper {
    pub(super) fn new(retention: BTreeMap<Topic, Retention>) -> Self {
        Self { retention, due: UnixMillis::default() }
    }

    pub(super) fn sweep_if_due(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let now = shared.clock.now();
        if now < self.due {
            return Ok(());
        }
        self.due = now.after(SWEEP_EVERY);
        for (topic, retention) in &self.retention {
            for partition in shared.partitions.of(*topic) {
                let low = first_kept(shared, *topic, partition, *retention, now)?;
                trim(shared, *topic, partition, low)?;
            }
        }
        let compacted = Topic::ALL.into_iter().filter(|topic| topic.is_compacted());
        for topic in compacted {
            for partition in shared.partitions.of(topic) {
                bury(shared, topic, partition, now)?;
            }
        }
        Ok(())
    }
}

fn first_kept(
    shared: &Shared,
    topic: Topic,
    partition: Partition,
    retention: Retention,
    now: UnixMillis,
) -> Result<Offset, StoreError> {
    let Ok(Range { low, next }) = shared.range(topic, partition) else { return Ok(Offset(0)) };
    let newest = next.0.saturating_sub(1);
    let mut kept = low.0.max(next.0.saturating_sub(retention.records));
    let start = layout::record_key(partition, Offset(kept));
    let entries =
        shared.db.iterator_cf(family(&shared.db, topic.name())?, IteratorMode::From(&start, Direction::Forward));
    for entry in entries {
        if kept >= newest {
            break;
        }
        let (_, value) = entry?;
        let (published, _) = layout::decode_record(Offset(kept), &value)?;
        if now.since(published) <= retention.age {
            break;
        }
        kept += 1;
    }
    Ok(Offset(kept.min(newest)))
}

/// Removes tombstones that everybody has had the time to see.
fn bury(shared: &Shared, topic: Topic, partition: Partition, now: UnixMillis) -> Result<(), StoreError> {
    let db = &shared.db;
    let tombstones = family(db, layout::TOMBSTONES)?;
    let prefix = layout::topic_key(topic, partition);
    let mut writes = WriteBatch::default();
    for entry in db.iterator_cf(tombstones, IteratorMode::From(&prefix, Direction::Forward)) {
        let (tombstone, value) = entry?;
        let (published, key) = layout::decode_tombstone(&value)?;
        if !tombstone.starts_with(&prefix) || now.since(published) <= TOMBSTONE_AGE {
            break;
        }
        let record = layout::record_key(partition, layout::offset_in(&tombstone)?);
        writes.delete_cf(family(db, topic.name())?, record);
        writes.delete_cf(family(db, layout::NEWEST)?, layout::newest_key(topic, partition, key));
        writes.delete_cf(tombstones, &tombstone);
    }
    if writes.is_empty() { Ok(()) } else { Ok(db.write_opt(writes, &database::synced())?) }
}
