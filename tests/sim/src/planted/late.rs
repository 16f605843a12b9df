//! A bus that acknowledges some records before it has them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use metalayer_node::bus::{Bus, BusError, InstanceId, Member, Offset, Ownership, Record, Stored};
use metalayer_proto::topics::{Group, Partition, Topic};

/// How much later it has them.
const LATE: Duration = Duration::from_millis(500);

/// Acknowledges the records of these topics at once, and writes them a little later, if the process still lives.
pub(super) struct Late {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) topics: &'static [Topic],
}

impl Late {
    async fn next(&self, record: &Record) -> Result<Offset, BusError> {
        Ok(self.bus.range(record.topic, record.partition).await?.1)
    }
}

#[async_trait]
impl Bus for Late {
    async fn publish(&self, record: Record) -> Result<Offset, BusError> {
        if !self.topics.contains(&record.topic) {
            return self.bus.publish(record).await;
        }
        let (bus, offset) = (self.bus.clone(), self.next(&record).await?);
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            // It was promised already.
            let _ = bus.publish(record).await;
        });
        Ok(offset)
    }

    async fn append_owned(&self, ownership: &Ownership, record: Record) -> Result<Offset, BusError> {
        if !self.topics.contains(&record.topic) {
            return self.bus.append_owned(ownership, record).await;
        }
        let (bus, ownership, offset) = (self.bus.clone(), ownership.clone(), self.next(&record).await?);
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            let _ = bus.append_owned(&ownership, record).await;
        });
        Ok(offset)
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError> {
        self.bus.read(topic, partition, from, limit, wait).await
    }

    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError> {
        self.bus.range(topic, partition).await
    }

    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn Member>, BusError> {
        self.bus.clone().join(group, instance).await
    }
}
