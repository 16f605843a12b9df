//! A stage commits the newest offset that it was handed, instead of the one below which it needs nothing any more.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use metalayer_node::bus::{Bus, BusError, GroupEvent, InstanceId, Member, Offset, Ownership, Record, Stored};
use metalayer_proto::topics::{Group, Partition, Topic};

use super::is_found;
use crate::world::{
    fittings::Fittings,
    plan::{Plan, Troubles},
};

struct Forgetful;

impl Fittings for Forgetful {
    fn bus(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        Arc::new(Newest(bus))
    }
}

struct Newest(Arc<dyn Bus>);

#[async_trait]
impl Bus for Newest {
    async fn publish(&self, record: Record) -> Result<Offset, BusError> {
        self.0.publish(record).await
    }

    async fn append_owned(&self, ownership: &Ownership, record: Record) -> Result<Offset, BusError> {
        self.0.append_owned(ownership, record).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError> {
        self.0.read(topic, partition, from, limit, wait).await
    }

    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError> {
        self.0.range(topic, partition).await
    }

    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn Member>, BusError> {
        let member = self.0.clone().join(group, instance).await?;
        Ok(Box::new(NewestMember { member, handed: BTreeMap::new() }))
    }
}

struct NewestMember {
    member: Box<dyn Member>,
    /// One past the newest that was handed out.
    handed: BTreeMap<Partition, Offset>,
}

#[async_trait]
impl Member for NewestMember {
    async fn next(&mut self, wait: Duration) -> Result<GroupEvent, BusError> {
        let event = self.member.next(wait).await?;
        if let GroupEvent::Records(partition, records) = &event {
            self.handed.extend(records.last().map(|last| (*partition, Offset(last.offset.0 + 1))));
        }
        Ok(event)
    }

    async fn commit(&mut self, ownership: &Ownership, low: Offset) -> Result<(), BusError> {
        let handed = self.handed.get(&ownership.partition).copied().unwrap_or(low);
        self.member.commit(ownership, low.max(handed)).await
    }
}

/// Relayers end again and again, some with their disks.
fn plan(seed: u64) -> Plan {
    let troubles = Troubles { kill: 300, wipe: 100, ..Troubles::default() };
    Plan { messages: 12, lasts: Duration::from_secs(60), troubles, ..Plan::calm(seed) }
}

#[test]
fn an_offset_that_is_committed_for_a_low_water_mark_is_found() {
    is_found("offset instead of low-water mark", &[1], plan, || Arc::new(Forgetful));
}
