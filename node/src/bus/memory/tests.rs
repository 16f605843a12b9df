#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use metalayer_proto::topics::{Group, Partition, Topic};
use proptest::prelude::*;

use super::{DRAIN_MAX, MemoryBus};
use crate::{
    bus::{
        Bus, BusError, Drained, GroupEvent, InstanceId, Member, Offset, Ownership, Record,
        conformance::{self, CHAINS, Subject},
    },
    clock::manual::ManualClock,
};

struct InMemory {
    bus: Arc<MemoryBus>,
    clock: ManualClock,
}

impl InMemory {
    fn new() -> Self {
        let clock = ManualClock::default();
        Self { bus: MemoryBus::new(CHAINS, Arc::new(clock.clone())), clock }
    }
}

#[async_trait]
impl Subject for InMemory {
    fn bus(&self) -> Arc<dyn Bus> {
        self.bus.clone()
    }

    async fn trim(&self, topic: Topic, partition: Partition, low: Offset) {
        self.bus.trim(topic, partition, low);
    }

    async fn elapse(&self, span: Duration) {
        // Those who were woken lie down again before time moves.
        tokio::task::yield_now().await;
        self.clock.advance(span);
    }

    async fn reopen(&mut self) {}

    fn has_many_members(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_memory_bus_conforms() {
    conformance::suite(|_| async { InMemory::new() }).await;
}

#[tokio::test]
async fn compaction_leaves_the_newest_record_of_a_key() {
    let bus = InMemory::new().bus;
    for value in ["1", "2", ""] {
        let record = Record { topic: Topic::Cursors, partition: CHAINS[0], key: b"k".to_vec(), value: value.into() };
        bus.publish(record).await.unwrap();
    }
    let left = bus.read(Topic::Cursors, CHAINS[0], Offset(0), 9, Duration::ZERO).await.unwrap();
    assert_eq!(left.iter().map(|stored| (stored.offset, stored.value.len())).collect::<Vec<_>>(), [(Offset(2), 0)]);
}

/// What happens to the group in the property below.
#[derive(Clone, Debug)]
enum Act {
    Join,
    Leave(usize),
    Publish(usize),
    /// The member takes its next event; it commits what it processed if it is to.
    Take {
        member: usize,
        commits: bool,
    },
    /// The member ends all drains that it owes.
    Drain(usize),
    /// All who owe a drain lose the partition.
    Overdue,
    /// Somebody tries every ownership that ever was.
    TryAll,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => Just(Act::Join),
        1 => (0..4usize).prop_map(Act::Leave),
        6 => (0..CHAINS.len()).prop_map(Act::Publish),
        12 => (0..4usize, any::<bool>()).prop_map(|(member, commits)| Act::Take { member, commits }),
        2 => (0..4usize).prop_map(Act::Drain),
        1 => Just(Act::Overdue),
        2 => Just(Act::TryAll),
    ];
    prop::collection::vec(act, 1..80)
}

/// A member of the property below, and what it thinks it owns.
struct Worker {
    member: Box<dyn Member>,
    owned: BTreeMap<Partition, Ownership>,
    owes: Vec<Drained>,
}

/// The group in the property below: every member journals each record that it processes under its ownership.
struct World {
    subject: InMemory,
    workers: Vec<Worker>,
    published: BTreeMap<Partition, u64>,
    given: Vec<Ownership>,
}

impl World {
    fn new() -> Self {
        Self { subject: InMemory::new(), workers: vec![], published: BTreeMap::new(), given: vec![] }
    }

    async fn act(&mut self, act: Act) {
        let workers = self.workers.len().max(1);
        match act {
            Act::Join if self.workers.len() < 4 => self.join().await,
            Act::Join => {}
            Act::Leave(n) if !self.workers.is_empty() => drop(self.workers.remove(n % workers)),
            Act::Publish(n) => self.publish(CHAINS[n]).await,
            Act::Take { member, commits } if !self.workers.is_empty() => {
                self.take(member % workers, commits).await;
            }
            Act::Drain(n) if !self.workers.is_empty() => self.workers[n % workers].owes.clear(),
            Act::Leave(_) | Act::Take { .. } | Act::Drain(_) => {}
            Act::Overdue => self.subject.elapse(DRAIN_MAX).await,
            Act::TryAll => self.try_all().await,
        }
        // Lets the bus hand on what was drained.
        tokio::task::yield_now().await;
    }

    async fn join(&mut self) {
        let member = self.subject.bus().join(Group::Execute, InstanceId("i".to_owned())).await.unwrap();
        self.workers.push(Worker { member, owned: BTreeMap::new(), owes: vec![] });
    }

    async fn publish(&mut self, partition: Partition) {
        let count = self.published.entry(partition).or_default();
        let value = count.to_be_bytes().to_vec();
        self.subject.bus.publish(Record { topic: Topic::Ready, partition, key: vec![], value }).await.unwrap();
        *count += 1;
    }

    /// False if there was nothing.
    async fn take(&mut self, n: usize, commits: bool) -> bool {
        let worker = &mut self.workers[n];
        match worker.member.next(Duration::ZERO).await.unwrap() {
            GroupEvent::Assigned(ownership, _) => {
                self.given.push(ownership.clone());
                worker.owned.insert(ownership.partition, ownership);
            }
            GroupEvent::Revoked(partition, drained) => {
                worker.owned.remove(&partition);
                worker.owes.push(drained);
            }
            GroupEvent::Records(partition, records) => {
                let ownership = &worker.owned[&partition];
                for record in &records {
                    let journal = journal_of(ownership, &record.value);
                    if self.subject.bus.append_owned(ownership, journal).await.is_err() {
                        return true;
                    }
                }
                let done = Offset(records.last().unwrap().offset.0 + 1);
                if commits {
                    // It may have lost the partition meanwhile.
                    let _ = worker.member.commit(ownership, done).await;
                }
            }
            GroupEvent::Idle => return false,
        }
        true
    }

    /// Of all ownerships of a partition only the newest can be accepted.
    async fn try_all(&self) {
        for ownership in &self.given {
            let record = journal_of(ownership, &[]);
            let is_newest =
                self.given.iter().all(|other| other.partition != ownership.partition || other.lease <= ownership.lease);
            let answer = self.subject.bus.append_owned(ownership, record).await;
            assert!(is_newest || matches!(answer, Err(BusError::NotOwner { .. })), "{ownership:?} was replaced");
        }
    }

    /// Everybody works until nothing is left to do.
    async fn settle(&mut self) {
        self.join_if_empty().await;
        let mut quiet = 0;
        while quiet < 3 {
            let mut busy = false;
            for n in 0..self.workers.len() {
                busy |= self.take(n, true).await;
                self.workers[n].owes.clear();
            }
            tokio::task::yield_now().await;
            quiet = if busy { 0 } else { quiet + 1 };
        }
    }

    async fn join_if_empty(&mut self) {
        if self.workers.is_empty() {
            self.join().await;
        }
    }

    /// No two hands wrote at once, and every record was processed.
    async fn check(&self) {
        for partition in CHAINS {
            let journal = self.subject.bus.read(Topic::Transactions, partition, Offset(0), usize::MAX, Duration::ZERO);
            let journal = journal.await.unwrap();
            let leases: Vec<_> = journal.iter().map(|stored| stored.key.clone()).collect();
            assert!(leases.is_sorted(), "{partition}: a former owner wrote after a later one");
            let processed: std::collections::BTreeSet<_> =
                journal.into_iter().map(|stored| stored.value).filter(|value| value.len() == 9).collect();
            assert_eq!(processed.len() as u64, self.published.get(&partition).copied().unwrap_or(0), "{partition}");
        }
        let owned: Vec<_> = self.workers.iter().map(|worker| worker.owned.len()).collect();
        assert_eq!(owned.iter().sum::<usize>(), CHAINS.len(), "every partition has one owner: {owned:?}");
        let (most, fewest) = (owned.iter().max().unwrap(), owned.iter().min().unwrap());
        assert!(most - fewest <= 1, "shared out unevenly: {owned:?}");
    }
}

/// The key tells the lease, the value begins with a byte so that it is never empty.
fn journal_of(ownership: &Ownership, value: &[u8]) -> Record {
    Record {
        topic: Topic::Transactions,
        partition: ownership.partition,
        key: ownership.lease.to_be_bytes().to_vec(),
        value: [&[1], value].concat(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whoever_comes_and_goes_nothing_is_missed_and_no_former_owner_writes(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for act in acts {
                world.act(act).await;
            }
            world.settle().await;
            world.check().await;
        });
    }
}
