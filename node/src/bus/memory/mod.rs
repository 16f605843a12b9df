//! The bus in memory: several members a group, for simulation and for the tests of every stage.

mod group;
mod log;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use metalayer_proto::topics::{Group, Partition, Topic};

use self::{
    group::{GroupState, MemberId, Revocation},
    log::Log,
};
use super::{
    Bus, BusError, GroupEvent, InstanceId, Member, Offset, Ownership, Record, Stored,
    changes::Changes,
    checks::{Partitions, not_owner},
    feed::{BATCH_RECORDS, Feed},
};
use crate::clock::Clock;

/// How long a member may take to drain a partition before it is taken from it.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// A bus that lives as long as its process. Waits and deadlines are its clock's.
pub struct MemoryBus {
    partitions: Partitions,
    clock: Arc<dyn Clock>,
    changes: Changes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: HashMap<(Topic, Partition), Log>,
    groups: HashMap<Group, GroupState>,
}

impl MemoryBus {
    /// An empty bus of the chains with these numbers.
    pub fn new(chains: impl IntoIterator<Item = Partition>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let partitions = Partitions::new(chains);
        Arc::new(Self { partitions, clock, changes: Changes::default(), state: Mutex::default() })
    }

    /// Forgets all records below `low`, as retention does.
    pub fn trim(&self, topic: Topic, partition: Partition, low: Offset) {
        self.lock().log(topic, partition).trim(low);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, record: Record, owner: Option<&Ownership>) -> Result<Offset, BusError> {
        let mut state = self.lock();
        if let Some(owner) = owner {
            state.groups.get(&owner.group).ok_or_else(|| not_owner(owner))?.check(owner)?;
        }
        let offset = state.log(record.topic, record.partition).append(record);
        drop(state);
        self.changes.announce();
        Ok(offset)
    }

    /// Changes a group, and follows up on the partitions that its members are told to give up.
    fn change_group<T>(
        self: &Arc<Self>,
        group: Group,
        change: impl FnOnce(&mut GroupState) -> (T, Vec<Revocation>),
    ) -> T {
        let mut state = self.lock();
        let partitions = || self.partitions.of(group.topic());
        let (answer, revocations) =
            change(state.groups.entry(group).or_insert_with(|| GroupState::new(group, partitions())));
        drop(state);
        for revocation in revocations {
            tokio::spawn(hand_on(Arc::downgrade(self), Arc::clone(&self.clock), group, revocation));
        }
        self.changes.announce();
        answer
    }
}

/// Waits until a partition is drained, or its owner's time to do so is over, and takes it away.
async fn hand_on(bus: Weak<MemoryBus>, clock: Arc<dyn Clock>, group: Group, revocation: Revocation) {
    let Revocation { partition, lease, drained } = revocation;
    let deadline = clock.now().after(DRAIN_MAX);
    tokio::select! {
        biased;
        _ = drained => {}
        () = clock.sleep_until(deadline) => {}
    }
    if let Some(bus) = bus.upgrade() {
        bus.change_group(group, |state| ((), state.release(partition, lease)));
    }
}

impl State {
    fn log(&mut self, topic: Topic, partition: Partition) -> &mut Log {
        self.logs.entry((topic, partition)).or_default()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, record: Record) -> Result<Offset, BusError> {
        self.partitions.check_record(&record)?;
        self.append(record, None)
    }

    async fn append_owned(&self, ownership: &Ownership, record: Record) -> Result<Offset, BusError> {
        self.partitions.check_owned(ownership, &record)?;
        self.append(record, Some(ownership))
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError> {
        self.partitions.check(topic, partition)?;
        let deadline = self.clock.now().after(wait);
        let mut changes = self.changes.watch();
        loop {
            let records = self.lock().log(topic, partition).read(topic, partition, from, limit)?;
            if !records.is_empty() || limit == 0 || !changes.changed_before(&*self.clock, deadline).await {
                return Ok(records);
            }
        }
    }

    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError> {
        self.partitions.check(topic, partition)?;
        Ok(self.lock().log(topic, partition).range())
    }

    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn Member>, BusError> {
        let member = self.change_group(group, GroupState::join);
        Ok(Box::new(MemoryMember { bus: self, group, instance, member, feed: Feed::default() }))
    }
}

struct MemoryMember {
    bus: Arc<MemoryBus>,
    group: Group,
    instance: InstanceId,
    member: MemberId,
    feed: Feed,
}

impl MemoryMember {
    /// What is there without waiting: first what the group has to say, then records.
    fn poll(&mut self) -> Result<Option<GroupEvent>, BusError> {
        let topic = self.group.topic();
        let mut state = self.bus.lock();
        let event = state.groups.get_mut(&self.group).and_then(|group| group.next_event(self.member));
        match &event {
            Some(GroupEvent::Assigned(ownership, mark)) => {
                let (low, _) = state.log(topic, ownership.partition).range();
                self.feed.begin(ownership.partition, mark.as_ref().map_or(low, |mark| mark.offset));
            }
            Some(GroupEvent::Revoked(partition, _)) => self.feed.end(*partition),
            _ => {
                let read = |partition, from| match state.logs.get(&(topic, partition)) {
                    Some(log) => log.read(topic, partition, from, BATCH_RECORDS),
                    None => Log::default().read(topic, partition, from, BATCH_RECORDS),
                };
                let records = self.feed.next(read)?;
                return Ok(records.map(|(partition, records)| GroupEvent::Records(partition, records)));
            }
        }
        Ok(event)
    }
}

#[async_trait]
impl Member for MemoryMember {
    async fn next(&mut self, wait: Duration) -> Result<GroupEvent, BusError> {
        let deadline = self.bus.clock.now().after(wait);
        let mut changes = self.bus.changes.watch();
        loop {
            if let Some(event) = self.poll()? {
                return Ok(event);
            }
            if !changes.changed_before(&*self.bus.clock, deadline).await {
                return Ok(GroupEvent::Idle);
            }
        }
    }

    async fn commit(&mut self, ownership: &Ownership, low: Offset) -> Result<(), BusError> {
        let mut state = self.bus.lock();
        let (topic, partition) = (ownership.topic, ownership.partition);
        let (oldest, next) = state.log(topic, partition).range();
        if low > next {
            return Err(BusError::OutOfRange { topic, partition, wanted: low, low: oldest, next });
        }
        let group = state.groups.get_mut(&ownership.group).ok_or_else(|| not_owner(ownership))?;
        group.commit(ownership, low, self.instance.clone())
    }
}

impl Drop for MemoryMember {
    fn drop(&mut self) {
        self.bus.change_group(self.group, |state| ((), state.leave(self.member)));
    }
}
