//! The one hand that writes: a thread that takes all that is waiting, writes it with one sync and answers.
//!
//! While a sync is under way the next batch gathers, so that many publishers share each sync and a lone one never
//! waits. Ownership is checked here, where nothing can come between the check and the write.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use metalayer_proto::topics::{Group, Partition, Topic};
use rocksdb::WriteBatch;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{
    batch::{Batch, Reply},
    layout::{self, Range, family},
    shared::Shared,
    sweep::Sweeper,
};
use crate::{
    bus::{BusError, LowWaterMark, Offset, Ownership, Record, checks::not_owner},
    store::{StoreError, database},
};

/// The most bytes that are written with one sync, unless a single record is longer.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// What a member is told when it joins.
pub(super) type Assignments = Vec<(Ownership, Option<LowWaterMark>)>;

pub(super) enum Command {
    Append { record: Record, owner: Option<Ownership>, reply: Reply<Offset>, room: OwnedSemaphorePermit },
    Commit { ownership: Ownership, mark: LowWaterMark, reply: Reply<()> },
    Join { group: Group, is_alive: Arc<AtomicBool>, reply: Reply<Assignments> },
    Trim { topic: Topic, partition: Partition, low: Offset, reply: Reply<()> },
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    sweeper: Sweeper,
    /// Each group's member of this process; false when it is gone.
    members: HashMap<Group, Arc<AtomicBool>>,
    leases: HashMap<(Group, Partition), u64>,
    /// Set by the first write that failed. What is on disk is unknown from then on, so nothing is written any more.
    pub(super) broken: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, sweeper: Sweeper) -> Self {
        Self { shared, sweeper, members: HashMap::new(), leases: HashMap::new(), broken: None }
    }

    /// Serves until the last sender is gone.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            if self.broken.is_none() {
                self.broken = self.sweeper.sweep_if_due(&self.shared).err();
            }
            self.serve(first, &mut commands);
        }
    }

    /// Serves one command and all that wait behind it and can be written with it.
    pub(super) fn serve(&mut self, first: Command, commands: &mut mpsc::Receiver<Command>) {
        let shared = Arc::clone(&self.shared);
        let mut batch = Batch::new(&shared);
        // What the records take of the room for waiting ones, until they are written.
        let mut rooms = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Append { record, owner, reply, room } => {
                    rooms.push(room);
                    self.append(&mut batch, &record, owner.as_ref(), reply);
                }
                Command::Commit { ownership, mark, reply } => self.commit(&mut batch, &ownership, &mark, reply),
                // These two are rare: they write by themselves, after all that came before them.
                Command::Join { group, is_alive, reply } => {
                    self.write(batch);
                    return drop(reply.send(self.join(group, is_alive)));
                }
                Command::Trim { topic, partition, low, reply } => {
                    self.write(batch);
                    return drop(reply.send(self.trim(topic, partition, low)));
                }
            }
            next = if batch.bytes() < BATCH_BYTES { commands.try_recv().ok() } else { None };
        }
        self.write(batch);
    }

    fn write(&mut self, batch: Batch<'_>) {
        if let Err(error) = batch.write() {
            tracing::error!("the bus takes no more writes: {error}");
            self.broken.get_or_insert(error);
        }
    }

    fn append(&self, batch: &mut Batch<'_>, record: &Record, owner: Option<&Ownership>, reply: Reply<Offset>) {
        let checked = self.check_usable().and_then(|()| owner.map_or(Ok(()), |owner| self.check_owner(owner)));
        match checked.and_then(|()| batch.append(record)) {
            Ok(offset) => batch.answer_append(reply, offset),
            // A caller that left meanwhile misses nothing but the answer.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn commit(&self, batch: &mut Batch<'_>, ownership: &Ownership, mark: &LowWaterMark, reply: Reply<()>) {
        let checked = self.check_usable().and_then(|()| self.check_owner(ownership));
        match checked.and_then(|()| batch.commit(ownership, mark)) {
            Ok(()) => batch.answer_commit(reply),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn check_usable(&self) -> Result<(), BusError> {
        self.broken.clone().map_or(Ok(()), |error| Err(error.into()))
    }

    fn check_owner(&self, ownership: &Ownership) -> Result<(), BusError> {
        let is_held = self.leases.get(&(ownership.group, ownership.partition)) == Some(&ownership.lease);
        (is_held && self.has_member(ownership.group)).then_some(()).ok_or_else(|| not_owner(ownership))
    }

    fn has_member(&self, group: Group) -> bool {
        self.members.get(&group).is_some_and(|is_alive| is_alive.load(Ordering::Acquire))
    }

    /// Gives all partitions of the group's topic to its one member, under new leases.
    fn join(&mut self, group: Group, is_alive: Arc<AtomicBool>) -> Result<Assignments, BusError> {
        self.check_usable()?;
        if self.has_member(group) {
            return Err(BusError::Occupied(group));
        }
        let (topic, db) = (group.topic(), &self.shared.db);
        let mut writes = WriteBatch::default();
        let mut assignments = Vec::new();
        for partition in self.shared.partitions.of(topic) {
            let lease = self.shared.lease(group, partition)? + 1;
            writes.put_cf(family(db, layout::LEASES)?, layout::group_key(group, partition), lease.to_be_bytes());
            let ownership = Ownership { group, topic, partition, lease };
            assignments.push((ownership, self.shared.mark(group, partition)?));
        }
        db.write_opt(writes, &database::synced()).map_err(StoreError::from)?;
        for (ownership, _) in &assignments {
            self.leases.insert((group, ownership.partition), ownership.lease);
        }
        self.members.insert(group, is_alive);
        Ok(assignments)
    }

    fn trim(&self, topic: Topic, partition: Partition, low: Offset) -> Result<(), BusError> {
        self.check_usable()?;
        Ok(trim(&self.shared, topic, partition, low)?)
    }
}

/// Forgets all records of a partition below `low`.
pub(super) fn trim(shared: &Shared, topic: Topic, partition: Partition, low: Offset) -> Result<(), StoreError> {
    let Ok(was) = shared.range(topic, partition) else { return Ok(()) };
    let range = Range { low: low.min(was.next), ..was };
    if range.low <= was.low {
        return Ok(());
    }
    shared.set_range(topic, partition, range);
    let mut writes = WriteBatch::default();
    let (from, to) = (layout::record_key(partition, was.low), layout::record_key(partition, range.low));
    writes.delete_range_cf(family(&shared.db, topic.name())?, from, to);
    writes.put_cf(family(&shared.db, layout::RANGES)?, layout::topic_key(topic, partition), range.to_bytes());
    Ok(shared.db.write_opt(writes, &database::synced())?)
}
