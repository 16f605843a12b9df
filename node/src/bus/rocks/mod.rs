//! The bus on RocksDB: for one relayer process on one machine.
//!
//! One process (the directory is locked), one member a group. What was acknowledged is on disk; a lease that grows
//! with every assignment refuses whoever owned a partition before, also across restarts.

mod batch;
mod layout;
mod member;
mod shared;
mod sweep;
#[cfg(test)]
mod tests;
mod writer;

use std::{collections::BTreeMap, path::Path, sync::Arc, thread::JoinHandle, time::Duration};

use async_trait::async_trait;
use metalayer_proto::{
    ids::NetworkId,
    topics::{Group, Partition, Topic},
};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use self::sweep::Retention;
use self::{
    batch::Reply,
    layout::Range,
    member::{Presence, RocksMember},
    shared::Shared,
    sweep::Sweeper,
    writer::{Command, Writer},
};
use super::{Bus, BusError, InstanceId, Member, Offset, Ownership, Record, Stored, checks::Partitions};
use crate::{
    clock::Clock,
    store::{StoreError, database, directory::Identity},
};

/// The format of what is written; counted up with every change of `layout`.
const FORMAT: u32 = 1;

/// The most commands that wait for the writer; who comes then waits too.
const WAITING_MAX: usize = 1024;

/// The most bytes of records that wait for the writer, in KiB; a single record always fits.
const WAITING_KIB_MAX: u32 = 64 * 1024;

/// What an embedded bus serves.
#[derive(Clone, Debug)]
pub struct RocksBusConfig {
    /// The network that it belongs to; a directory of another one is refused.
    pub network: NetworkId,
    /// The numbers of the chains that were registered.
    pub chains: Vec<Partition>,
    /// How long records are kept; topics that are not named keep all.
    pub retention: BTreeMap<Topic, Retention>,
}

impl RocksBusConfig {
    /// All records of these chains are kept, but for proofs: those are published again daily and kept for a week.
    pub fn new(network: NetworkId, chains: Vec<Partition>) -> Self {
        let proofs = Retention { records: 100_000, age: Duration::from_secs(7 * 24 * 60 * 60) };
        Self { network, chains, retention: BTreeMap::from([(Topic::Proofs, proofs)]) }
    }
}

/// An embedded, durable bus. Dropping the last handle closes it once all that waits is written.
pub struct RocksBus {
    shared: Arc<Shared>,
    /// None only while it is being dropped.
    commands: Option<mpsc::Sender<Command>>,
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

impl RocksBus {
    /// Opens the bus in the directory `path`, creating it if there is none.
    ///
    /// # Errors
    /// [`BusError::Disk`]: another process has it open, it is of another network or format, or what the disk says.
    pub fn open(path: &Path, config: RocksBusConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, BusError> {
        let identity = Identity { kind: "bus", format: FORMAT, network: config.network };
        let db = database::open(path, &identity, &layout::families())?;
        let shared = Arc::new(Shared::new(db, Partitions::new(config.chains), clock)?);
        let mut sweeper = Sweeper::new(config.retention);
        sweeper.sweep_if_due(&shared)?;
        let (commands, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer::new(Arc::clone(&shared), sweeper);
        let thread = std::thread::Builder::new().name("bus-writer".to_owned()).spawn(move || writer.run(waiting));
        let writer = thread.map_err(|error| StoreError::Disk(format!("no thread for the bus: {error}")))?;
        let room = Arc::new(Semaphore::new(WAITING_KIB_MAX as usize));
        Ok(Arc::new(Self { shared, commands: Some(commands), room, writer: Some(writer) }))
    }

    /// Forgets all records of a partition below `low`, as retention does.
    ///
    /// # Errors
    /// [`BusError::NoPartition`], or what the disk says.
    pub async fn trim(&self, topic: Topic, partition: Partition, low: Offset) -> Result<(), BusError> {
        self.shared.partitions.check(topic, partition)?;
        self.ask(|reply| Command::Trim { topic, partition, low, reply }).await
    }

    async fn append(&self, record: Record, owner: Option<Ownership>) -> Result<Offset, BusError> {
        let kib = u32::try_from((record.key.len() + record.value.len()) / 1024).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib.saturating_add(1).min(WAITING_KIB_MAX)).await;
        let room = room.map_err(|_| closed())?;
        self.ask(|reply| Command::Append { record, owner, reply, room }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, BusError> {
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or_else(closed)?;
        commands.send(command(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

/// The writer is gone, which only a panic there can bring about.
fn closed() -> BusError {
    StoreError::Disk("the bus's writer has ended".to_owned()).into()
}

impl Drop for RocksBus {
    fn drop(&mut self) {
        // Ends the writer, which holds the database open: what follows may open it again.
        self.commands = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Bus for RocksBus {
    async fn publish(&self, record: Record) -> Result<Offset, BusError> {
        self.shared.partitions.check_record(&record)?;
        self.append(record, None).await
    }

    async fn append_owned(&self, ownership: &Ownership, record: Record) -> Result<Offset, BusError> {
        self.shared.partitions.check_owned(ownership, &record)?;
        self.append(record, Some(ownership.clone())).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError> {
        let clock = &*self.shared.clock;
        let deadline = clock.now().after(wait);
        let mut changes = self.shared.changes(topic)?.watch();
        loop {
            let records = self.shared.read(topic, partition, from, limit)?;
            if !records.is_empty() || limit == 0 || !changes.changed_before(clock, deadline).await {
                return Ok(records);
            }
        }
    }

    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError> {
        self.shared.range(topic, partition).map(|Range { low, next }| (low, next))
    }

    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn Member>, BusError> {
        let presence = Presence::new();
        let assignments = self.ask(|reply| Command::Join { group, is_alive: presence.flag(), reply }).await?;
        Ok(Box::new(RocksMember::new(self, group, instance, presence, assignments)))
    }
}
