//! The one member of a group.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use metalayer_proto::topics::Group;

use super::{
    RocksBus,
    writer::{Assignments, Command},
};
use crate::bus::{
    BusError, GroupEvent, InstanceId, LowWaterMark, Member, Offset, Ownership,
    feed::{BATCH_RECORDS, Feed},
};

/// A member's being there, as the writer sees it; over when this is dropped, also by a join that nobody waits for.
pub(super) struct Presence(Arc<AtomicBool>);

impl Presence {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

pub(super) struct RocksMember {
    bus: Arc<RocksBus>,
    group: Group,
    instance: InstanceId,
    /// Held for what its drop does.
    _presence: Presence,
    /// What it has not been told yet.
    assignments: VecDeque<(Ownership, Option<LowWaterMark>)>,
    feed: Feed,
}

impl RocksMember {
    pub(super) fn new(
        bus: Arc<RocksBus>,
        group: Group,
        instance: InstanceId,
        presence: Presence,
        assignments: Assignments,
    ) -> Self {
        Self { bus, group, instance, _presence: presence, assignments: assignments.into(), feed: Feed::default() }
    }

    /// What is there without waiting: first the partitions, then records.
    fn poll(&mut self) -> Result<Option<GroupEvent>, BusError> {
        let (shared, topic) = (&self.bus.shared, self.group.topic());
        if let Some((ownership, mark)) = self.assignments.pop_front() {
            let from = match &mark {
                Some(mark) => mark.offset,
                None => shared.range(topic, ownership.partition)?.low,
            };
            self.feed.begin(ownership.partition, from);
            return Ok(Some(GroupEvent::Assigned(ownership, mark)));
        }
        let records = self.feed.next(|partition, from| shared.read(topic, partition, from, BATCH_RECORDS))?;
        Ok(records.map(|(partition, records)| GroupEvent::Records(partition, records)))
    }
}

#[async_trait]
impl Member for RocksMember {
    async fn next(&mut self, wait: Duration) -> Result<GroupEvent, BusError> {
        let bus = Arc::clone(&self.bus);
        let clock = &*bus.shared.clock;
        let deadline = clock.now().after(wait);
        let mut changes = bus.shared.changes(self.group.topic())?.watch();
        loop {
            if let Some(event) = self.poll()? {
                return Ok(event);
            }
            if !changes.changed_before(clock, deadline).await {
                return Ok(GroupEvent::Idle);
            }
        }
    }

    async fn commit(&mut self, ownership: &Ownership, low: Offset) -> Result<(), BusError> {
        let mark = LowWaterMark { offset: low, instance: self.instance.clone() };
        let ownership = ownership.clone();
        self.bus.ask(|reply| Command::Commit { ownership, mark, reply }).await
    }
}
