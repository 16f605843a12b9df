#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use alloy::primitives::B256;
use async_trait::async_trait;
use metalayer_proto::{
    ids::NetworkId,
    topics::{Group, Partition, Topic},
};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{
    FORMAT, Retention, RocksBus, RocksBusConfig,
    batch::Reply,
    layout,
    shared::Shared,
    sweep::Sweeper,
    writer::{Command, Writer},
};
use crate::{
    bus::{
        Bus, BusError, InstanceId, Offset, Record,
        checks::Partitions,
        conformance::{self, CHAINS, Subject},
    },
    clock::{UnixMillis, manual::ManualClock},
    store::{StoreError, database, directory::Identity},
};

const NETWORK: NetworkId = NetworkId(B256::ZERO);

struct OnDisk {
    place: TempDir,
    clock: ManualClock,
    bus: Option<Arc<RocksBus>>,
}

impl OnDisk {
    fn new() -> Self {
        let mut subject = Self { place: tempfile::tempdir().unwrap(), clock: ManualClock::default(), bus: None };
        subject.bus = Some(subject.open().unwrap());
        subject
    }

    fn open(&self) -> Result<Arc<RocksBus>, BusError> {
        let retention = Retention { records: 4, age: Duration::from_secs(3600) };
        let retention = BTreeMap::from([(Topic::Proofs, retention)]);
        let config = RocksBusConfig { retention, ..RocksBusConfig::new(NETWORK, CHAINS.to_vec()) };
        RocksBus::open(self.place.path(), config, Arc::new(self.clock.clone()))
    }

    fn rocks(&self) -> &RocksBus {
        self.bus.as_ref().unwrap()
    }

    async fn publish(&self, topic: Topic, key: &str, value: &str) -> Offset {
        let record = Record { topic, partition: CHAINS[0], key: key.into(), value: value.into() };
        self.rocks().publish(record).await.unwrap()
    }

    /// Lets time pass and the writer look what is to be forgotten, which it does before it serves a command.
    async fn sweep_after(&self, span: Duration) {
        self.clock.advance(span);
        self.rocks().trim(Topic::Ready, CHAINS[0], Offset(0)).await.unwrap();
    }

    /// How many entries a family has.
    fn entries(&self, family: &'static str) -> usize {
        let db = &self.rocks().shared.db;
        db.iterator_cf(layout::family(db, family).unwrap(), rocksdb::IteratorMode::Start).count()
    }
}

#[async_trait]
impl Subject for OnDisk {
    fn bus(&self) -> Arc<dyn Bus> {
        self.bus.clone().unwrap()
    }

    async fn trim(&self, topic: Topic, partition: Partition, low: Offset) {
        self.rocks().trim(topic, partition, low).await.unwrap();
    }

    async fn elapse(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn reopen(&mut self) {
        self.bus = None;
        self.bus = Some(self.open().unwrap());
    }

    fn has_many_members(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn the_rocks_bus_conforms() {
    conformance::suite(|_| async { OnDisk::new() }).await;
}

#[tokio::test]
async fn a_second_opening_is_refused_as_locked() {
    let mut subject = OnDisk::new();
    assert!(matches!(subject.open().err().unwrap(), BusError::Disk(StoreError::Locked(_))));
    subject.reopen().await;
}

#[tokio::test]
async fn another_networks_bus_is_refused() {
    let subject = OnDisk::new();
    let config = RocksBusConfig::new(NetworkId(B256::repeat_byte(1)), CHAINS.to_vec());
    let error = RocksBus::open(subject.place.path(), config, Arc::new(subject.clock.clone())).err().unwrap();
    assert!(matches!(error, BusError::Disk(StoreError::WrongDirectory { .. })));
}

#[tokio::test]
async fn compaction_leaves_the_newest_record_of_a_key_on_the_disk() {
    let mut subject = OnDisk::new();
    for value in ["1", "2", "3"] {
        subject.publish(Topic::Cursors, "k", value).await;
    }
    subject.reopen().await;
    subject.publish(Topic::Cursors, "k", "4").await;
    assert_eq!(subject.entries(Topic::Cursors.name()), 1);
    let left = subject.bus().read(Topic::Cursors, CHAINS[0], Offset(0), 9, Duration::ZERO).await.unwrap();
    assert_eq!((left[0].offset, left[0].value.as_slice()), (Offset(3), &b"4"[..]));
}

#[tokio::test]
async fn a_tombstone_is_seen_for_a_day_and_then_leaves_nothing() {
    let subject = OnDisk::new();
    subject.publish(Topic::Cursors, "k", "1").await;
    subject.publish(Topic::Cursors, "k", "").await;
    subject.sweep_after(Duration::from_secs(23 * 3600)).await;
    let seen = subject.bus().read(Topic::Cursors, CHAINS[0], Offset(0), 9, Duration::ZERO).await.unwrap();
    assert_eq!(seen.len(), 1);
    subject.sweep_after(Duration::from_secs(2 * 3600)).await;
    for family in [Topic::Cursors.name(), layout::NEWEST, layout::TOMBSTONES] {
        assert_eq!(subject.entries(family), 0, "{family}");
    }
    assert_eq!(subject.publish(Topic::Cursors, "k", "2").await, Offset(2));
}

#[tokio::test]
async fn a_key_that_came_back_outlives_its_tombstone() {
    let subject = OnDisk::new();
    for value in ["1", "", "2"] {
        subject.publish(Topic::Cursors, "k", value).await;
    }
    subject.sweep_after(Duration::from_secs(48 * 3600)).await;
    let left = subject.bus().read(Topic::Cursors, CHAINS[0], Offset(0), 9, Duration::ZERO).await.unwrap();
    assert_eq!(left[0].value, b"2");
}

#[tokio::test]
async fn records_are_forgotten_by_count_and_by_age_but_the_newest_stays() {
    let subject = OnDisk::new();
    for n in 0..6 {
        subject.publish(Topic::Proofs, "", &n.to_string()).await;
        subject.publish(Topic::Messages, "", &n.to_string()).await;
    }
    let range = || subject.rocks().range(Topic::Proofs, CHAINS[0]);
    subject.sweep_after(Duration::from_secs(1800)).await;
    assert_eq!(range().await.unwrap(), (Offset(2), Offset(6)), "four are kept");
    subject.publish(Topic::Proofs, "", "young").await;
    subject.sweep_after(Duration::from_secs(2400)).await;
    assert_eq!(range().await.unwrap(), (Offset(6), Offset(7)), "those of an hour ago are gone");
    subject.sweep_after(Duration::from_secs(7 * 24 * 3600)).await;
    assert_eq!(range().await.unwrap(), (Offset(6), Offset(7)), "the newest proof is never gone");
    assert_eq!(subject.entries(Topic::Proofs.name()), 1);
    let all = subject.rocks().range(Topic::Messages, CHAINS[0]).await.unwrap();
    assert_eq!(all, (Offset(0), Offset(6)), "a topic without retention keeps all");
}

#[tokio::test]
async fn a_join_that_nobody_waits_for_does_not_occupy_the_group() {
    use futures::FutureExt;

    let subject = OnDisk::new();
    let name = InstanceId("i".to_owned());
    drop(subject.bus().join(Group::Execute, name.clone()).now_or_never());
    subject.bus().join(Group::Execute, name).await.unwrap();
}

/// A writer without a thread, whose commands are served when a test says so.
struct Bench {
    _place: TempDir,
    writer: Writer,
    send: mpsc::Sender<Command>,
    commands: mpsc::Receiver<Command>,
}

impl Bench {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let identity = Identity { kind: "bus", format: FORMAT, network: NETWORK };
        let db = database::open(place.path(), &identity, &layout::families()).unwrap();
        let clock = Arc::new(ManualClock::at(UnixMillis(1)));
        let shared = Arc::new(Shared::new(db, Partitions::new(CHAINS), clock).unwrap());
        let (send, commands) = mpsc::channel(1000);
        Self { _place: place, writer: Writer::new(shared, Sweeper::new(BTreeMap::new())), send, commands }
    }

    fn append(&self, value: Vec<u8>) -> oneshot::Receiver<Result<Offset, BusError>> {
        let record = Record { topic: Topic::Ready, partition: CHAINS[0], key: vec![], value };
        self.tell(|reply| Command::Append { record, owner: None, reply, room: room() })
    }

    fn tell<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> oneshot::Receiver<Result<T, BusError>> {
        let (reply, answer) = oneshot::channel();
        self.send.try_send(command(reply)).ok().unwrap();
        answer
    }

    fn serve_once(&mut self) {
        let first = self.commands.try_recv().unwrap();
        self.writer.serve(first, &mut self.commands);
    }

    /// RocksDB counts a batch of n changes as n: what one sync wrote.
    fn written(&self) -> u64 {
        self.writer.shared.db.latest_sequence_number()
    }
}

fn room() -> OwnedSemaphorePermit {
    Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
}

#[test]
fn all_that_wait_share_one_write() {
    let mut bench = Bench::new();
    let answers: Vec<_> = (0..100).map(|n| bench.append(vec![n])).collect();
    bench.serve_once();
    for (n, mut answer) in (0..).zip(answers) {
        assert_eq!(answer.try_recv().unwrap().unwrap(), Offset(n));
    }
}

#[test]
fn one_write_is_bounded() {
    let mut bench = Bench::new();
    let mut answers: Vec<_> = (0..5).map(|_| bench.append(vec![0; 7 << 20])).collect();
    bench.serve_once();
    let answered = answers.iter_mut().filter_map(|answer| answer.try_recv().ok()).count();
    assert_eq!(answered, 3, "the third passes 16 MiB, the others wait for the next write");
}

#[test]
fn a_join_sees_what_came_before_it_and_changes_what_comes_after() {
    let mut bench = Bench::new();
    let is_alive = || Arc::new(AtomicBool::new(true));
    let (first, gone) = (is_alive(), is_alive());
    let group = Group::Execute;
    let mut joined = bench.tell(|reply| Command::Join { group, is_alive: gone.clone(), reply });
    bench.serve_once();
    let former = joined.try_recv().unwrap().unwrap()[0].0.clone();
    let append = |bench: &Bench| {
        let record = Record { topic: Topic::Transactions, partition: CHAINS[0], key: vec![], value: vec![1] };
        let owner = Some(former.clone());
        bench.tell(|reply| Command::Append { record, owner, reply, room: room() })
    };
    let mut before = append(&bench);
    bench.serve_once();
    gone.store(false, std::sync::atomic::Ordering::Release);
    let mut joined = bench.tell(|reply| Command::Join { group, is_alive: first, reply });
    let mut after = append(&bench);
    bench.serve_once();
    bench.serve_once();
    assert_eq!(before.try_recv().unwrap().unwrap(), Offset(0));
    assert!(joined.try_recv().unwrap().is_ok());
    assert!(matches!(after.try_recv().unwrap(), Err(BusError::NotOwner { .. })));
}

#[test]
fn after_a_failed_write_nothing_is_written_any_more() {
    let mut bench = Bench::new();
    bench.writer.broken = Some(StoreError::Full("planned".to_owned()));
    let written = bench.written();
    let mut answer = bench.append(vec![1]);
    let mut joined =
        bench.tell(|reply| Command::Join { group: Group::Watch, is_alive: Arc::new(AtomicBool::new(true)), reply });
    bench.serve_once();
    assert!(matches!(answer.try_recv().unwrap(), Err(BusError::Disk(StoreError::Full(_)))));
    assert!(matches!(joined.try_recv().unwrap(), Err(BusError::Disk(StoreError::Full(_)))));
    assert_eq!(bench.written(), written);
}
