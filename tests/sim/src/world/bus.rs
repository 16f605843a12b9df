//! The bus as one process reaches it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use metalayer_node::bus::{
    Bus, BusError, GroupEvent, InstanceId, Member, Offset, Ownership, Record, Stored, memory::MemoryBus,
};
use metalayer_proto::topics::{Group, Partition, Topic};
use tokio::sync::Mutex;

use super::{
    life::{Ended, Life},
    monitor::Monitor,
};

/// How long the bus waits for a member that is silent before it takes what that member had.
const SESSION: Duration = Duration::from_secs(6);

/// The way of one process to the bus.
pub(super) struct Reached {
    life: Life,
    bus: Arc<MemoryBus>,
    monitor: Arc<Monitor>,
}

impl Reached {
    /// The way of this life to `bus`, which `monitor` sees all records of.
    pub(super) fn new(life: Life, bus: Arc<MemoryBus>, monitor: Arc<Monitor>) -> Arc<Self> {
        Arc::new(Self { life, bus, monitor })
    }

    /// The bus has the record, if it was done.
    fn published<T>(&self, record: &Record, done: &Option<Result<T, BusError>>) {
        if let Some(Ok(_)) = done {
            self.monitor.published(record);
        }
    }
}

impl Life {
    /// A write to the bus in memory, which never waits. The answer has its way back.
    async fn written<T>(&self, done: Result<Option<Result<T, BusError>>, Ended>) -> Result<T, BusError> {
        // Never returns if the process has ended.
        self.passing().await;
        done.ok().flatten().unwrap_or_else(|| Err(BusError::Unavailable("the bus in memory waits".to_owned())))
    }
}

#[async_trait]
impl Bus for Reached {
    async fn publish(&self, record: Record) -> Result<Offset, BusError> {
        let what = format!("publishes {} {}, {} bytes", record.topic, record.partition, record.value.len());
        self.life.passing().await;
        let done = self.life.write(what, || {
            let done = self.bus.publish(record.clone()).now_or_never();
            self.published(&record, &done);
            done
        });
        self.life.written(done).await
    }

    async fn append_owned(&self, ownership: &Ownership, record: Record) -> Result<Offset, BusError> {
        let what = format!("appends {} {}, {} bytes", record.topic, record.partition, record.value.len());
        self.life.passing().await;
        let done = self.life.write(what, || {
            let done = self.bus.append_owned(ownership, record.clone()).now_or_never();
            self.published(&record, &done);
            done
        });
        self.life.written(done).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError> {
        self.life.passing().await;
        let records = self.bus.read(topic, partition, from, limit, wait).await;
        self.life.alive().await;
        records
    }

    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError> {
        self.life.passing().await;
        self.bus.range(topic, partition).await
    }

    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn Member>, BusError> {
        self.life.passing().await;
        let member = self.bus.clone().join(group, instance).await?;
        self.life.trace.note(&self.life.name, format_args!("joins {group}"));
        let seat = Arc::new(Mutex::new(Some(member)));
        tokio::spawn(leave_when_ended(self.life.clone(), seat.clone()));
        Ok(Box::new(Seated { life: self.life.clone(), bus: self.bus.clone(), monitor: self.monitor.clone(), seat }))
    }
}

type Seat = Arc<Mutex<Option<Box<dyn Member>>>>;

/// A member that has ended says nothing: the bus finds out when its session is over.
async fn leave_when_ended(life: Life, seat: Seat) {
    life.ended().await;
    tokio::time::sleep(SESSION).await;
    seat.lock().await.take();
}

struct Seated {
    life: Life,
    bus: Arc<MemoryBus>,
    monitor: Arc<Monitor>,
    seat: Seat,
}

impl Seated {
    /// What is ready below an offset.
    async fn below(&self, partition: Partition, end: Offset) -> Vec<Stored> {
        let Ok((low, _)) = self.bus.range(Topic::Ready, partition).await else { return Vec::new() };
        let limit = usize::try_from(end.0.saturating_sub(low.0)).unwrap_or_default();
        self.bus.read(Topic::Ready, partition, low, limit, Duration::ZERO).await.unwrap_or_default()
    }
}

#[async_trait]
impl Member for Seated {
    async fn next(&mut self, wait: Duration) -> Result<GroupEvent, BusError> {
        // The wait stands before, so that whoever loses interest in it loses no event.
        self.life.passing().await;
        let event = async {
            match self.seat.lock().await.as_mut() {
                Some(member) => member.next(wait).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            () = self.life.ended() => std::future::pending().await,
            event = event => event,
        };
        if let Ok(GroupEvent::Assigned(Ownership { group, partition, .. }, _)) = &event {
            self.life.trace.note(&self.life.name, format_args!("is given {group} {partition}"));
        }
        event
    }

    async fn commit(&mut self, ownership: &Ownership, low: Offset) -> Result<(), BusError> {
        let what = format!("commits {} {} below {low}", ownership.group, ownership.partition);
        self.life.passing().await;
        if ownership.topic == Topic::Ready {
            self.monitor.unneeded(&self.below(ownership.partition, low).await);
        }
        let done = {
            let mut seat = self.seat.lock().await;
            self.life.write(what, || seat.as_mut().and_then(|member| member.commit(ownership, low).now_or_never()))
        };
        self.life.written(done).await
    }
}
