//! What every bus does. Buses that serve several members a group show the take-over as well.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::{join, join_all};
use metalayer_proto::topics::{Group, Partition, Topic};

use super::{
    Bus, BusError, Drained, GroupEvent, InstanceId, KEY_BYTES_MAX, LowWaterMark, Member, Offset, Ownership,
    RECORD_BYTES_MAX, Record, Stored,
};

/// The chains that a bus under test serves.
pub const CHAINS: [Partition; 3] = [Partition(1), Partition(2), Partition(5)];

const A: Partition = CHAINS[0];
const B: Partition = CHAINS[1];

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The suite takes seconds; this ends one that hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A bus under test, and what the trait does not say but the suite must do to it.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The bus.
    fn bus(&self) -> Arc<dyn Bus>;

    /// Forgets records below `low`, as retention does.
    async fn trim(&self, topic: Topic, partition: Partition, low: Offset);

    /// Lets time pass, for members that must be given up.
    async fn elapse(&self, span: Duration);

    /// Closes and opens the bus: only what is durable is left. No handle of the suite's is alive.
    async fn reopen(&mut self);

    /// Whether a group may have more than one member.
    fn has_many_members(&self) -> bool;
}

/// Runs the suite; `make` gives an empty bus of [`CHAINS`], a new one for every name.
pub async fn suite<S: Subject, F: Future<Output = S>>(make: impl Fn(&'static str) -> F) {
    let all = async {
        records_are_read_in_the_order_of_their_partition(&make("order").await).await;
        concurrent_publishers_get_an_offset_each(&make("concurrent").await).await;
        what_was_acknowledged_is_there_after_reopening(make("durable").await).await;
        a_reader_waits_and_is_woken(&make("wake").await).await;
        records_out_of_bounds_are_refused(&make("bounds").await).await;
        offsets_out_of_range_are_an_error(&make("range").await).await;
        a_compacted_topic_keeps_the_newest(&make("compacted").await).await;
        a_group_gets_all_partitions_of_its_one_topic(&make("group").await).await;
        a_member_begins_at_the_low_water_mark(make("mark").await).await;
        a_mark_out_of_range_is_told_once(&make("lost").await).await;
        a_former_member_is_refused(make("former").await).await;
        if make("members").await.has_many_members() {
            a_partition_is_drained_and_taken_over(&make("take-over").await).await;
            who_does_not_drain_is_shut_out(&make("shut-out").await).await;
        } else {
            a_second_member_is_refused(&make("second").await).await;
        }
    };
    tokio::time::timeout(HANGS, all).await.expect("the bus hangs");
}

fn record(topic: Topic, partition: Partition, key: &str, value: &str) -> Record {
    Record { topic, partition, key: key.into(), value: value.into() }
}

fn instance(name: &str) -> InstanceId {
    InstanceId(name.to_owned())
}

fn values(records: &[Stored]) -> Vec<&str> {
    records.iter().map(|stored| std::str::from_utf8(&stored.value).unwrap()).collect()
}

async fn publish(bus: &dyn Bus, topic: Topic, partition: Partition, values: &[&str]) -> Vec<Offset> {
    let mut offsets = Vec::new();
    for value in values {
        offsets.push(bus.publish(record(topic, partition, "", value)).await.unwrap());
    }
    offsets
}

/// All records from `from` on.
async fn read_all(bus: &dyn Bus, topic: Topic, partition: Partition, mut from: Offset) -> Vec<Stored> {
    let mut all = Vec::new();
    loop {
        let (_, next) = bus.range(topic, partition).await.unwrap();
        let wait = if from < next { PATIENCE } else { Duration::ZERO };
        let records = bus.read(topic, partition, from, 100, wait).await.unwrap();
        let Some(last) = records.last() else { return all };
        from = Offset(last.offset.0 + 1);
        all.extend(records);
    }
}

/// A member, and what it owns and read.
struct Joined {
    member: Box<dyn Member>,
    owned: BTreeMap<Partition, (Ownership, Option<LowWaterMark>)>,
    read: BTreeMap<Partition, Vec<Stored>>,
}

impl Joined {
    async fn new(bus: Arc<dyn Bus>, group: Group, name: &str) -> Self {
        let member = bus.join(group, instance(name)).await.unwrap();
        Self { member, owned: BTreeMap::new(), read: BTreeMap::new() }
    }

    /// Takes the next event in; a partition that is to be given up is returned.
    async fn take(&mut self, wait: Duration) -> Option<(Partition, Drained)> {
        match self.member.next(wait).await.unwrap() {
            GroupEvent::Assigned(ownership, mark) => {
                self.owned.insert(ownership.partition, (ownership, mark));
            }
            GroupEvent::Records(partition, records) => {
                assert!(!records.is_empty() && self.owned.contains_key(&partition));
                self.read.entry(partition).or_default().extend(records);
            }
            GroupEvent::Revoked(partition, drained) => return Some((partition, drained)),
            GroupEvent::Idle => {}
        }
        None
    }

    async fn until_owns(mut self, partitions: usize) -> Self {
        while self.owned.len() < partitions {
            assert!(self.take(PATIENCE).await.is_none(), "nothing is to be given up here");
        }
        self
    }

    async fn until_read(&mut self, partition: Partition, records: usize) -> Vec<Stored> {
        while self.read.get(&partition).map_or(0, Vec::len) < records {
            assert!(self.take(PATIENCE).await.is_none(), "nothing is to be given up here");
        }
        self.read.remove(&partition).unwrap()
    }

    fn ownership(&self, partition: Partition) -> Ownership {
        self.owned[&partition].0.clone()
    }

    fn mark(&self, partition: Partition) -> Option<LowWaterMark> {
        self.owned[&partition].1.clone()
    }
}

async fn records_are_read_in_the_order_of_their_partition(subject: &impl Subject) {
    let bus = &*subject.bus();
    assert_eq!(bus.range(Topic::Messages, A).await.unwrap(), (Offset(0), Offset(0)));
    assert_eq!(publish(bus, Topic::Messages, A, &["a0", "a1", "a2"]).await, [Offset(0), Offset(1), Offset(2)]);
    assert_eq!(publish(bus, Topic::Messages, B, &["b0"]).await, [Offset(0)]);
    assert_eq!(bus.range(Topic::Messages, A).await.unwrap(), (Offset(0), Offset(3)));
    assert_eq!(values(&read_all(bus, Topic::Messages, A, Offset(0)).await), ["a0", "a1", "a2"]);
    let two = bus.read(Topic::Messages, A, Offset(0), 2, PATIENCE).await.unwrap();
    assert_eq!(values(&two), ["a0", "a1"], "no more than asked for");
    assert_eq!(values(&read_all(bus, Topic::Messages, A, Offset(1)).await), ["a1", "a2"]);
    assert_eq!(values(&read_all(bus, Topic::Messages, B, Offset(0)).await), ["b0"]);
    let keyed = bus.publish(record(Topic::Messages, B, "key", "b1")).await.unwrap();
    let read = read_all(bus, Topic::Messages, B, keyed).await;
    assert_eq!(read, [Stored { offset: keyed, key: b"key".to_vec(), value: b"b1".to_vec() }]);
}

async fn concurrent_publishers_get_an_offset_each(subject: &impl Subject) {
    let bus = &*subject.bus();
    let publishes = (0..200).map(|n| async move {
        let value = n.to_string();
        (bus.publish(record(Topic::Ready, A, "", &value)).await.unwrap(), value)
    });
    let mut told = join_all(publishes).await;
    told.sort();
    let read = read_all(bus, Topic::Ready, A, Offset(0)).await;
    let read: Vec<_> =
        read.into_iter().map(|stored| (stored.offset, String::from_utf8(stored.value).unwrap())).collect();
    assert_eq!(told, read);
}

async fn what_was_acknowledged_is_there_after_reopening(mut subject: impl Subject) {
    publish(&*subject.bus(), Topic::Ready, A, &["1", "2"]).await;
    subject.reopen().await;
    let bus = &*subject.bus();
    assert_eq!(values(&read_all(bus, Topic::Ready, A, Offset(0)).await), ["1", "2"]);
    assert_eq!(publish(bus, Topic::Ready, A, &["3"]).await, [Offset(2)], "no offset is given twice");
}

async fn a_reader_waits_and_is_woken(subject: &impl Subject) {
    let bus = &*subject.bus();
    assert_eq!(bus.read(Topic::Proofs, A, Offset(0), 9, Duration::ZERO).await.unwrap(), []);
    let reading = bus.read(Topic::Proofs, A, Offset(0), 9, PATIENCE);
    let publishing = async {
        publish(bus, Topic::Proofs, B, &["elsewhere"]).await;
        publish(bus, Topic::Proofs, A, &["here"]).await;
    };
    let (read, ()) = join(reading, publishing).await;
    assert_eq!(values(&read.unwrap()), ["here"]);
}

async fn records_out_of_bounds_are_refused(subject: &impl Subject) {
    let bus = subject.bus();
    let long = |bytes: usize| "x".repeat(bytes);
    let mut bad = vec![
        record(Topic::Ready, A, "", &long(RECORD_BYTES_MAX + 1)),
        record(Topic::Ready, A, &long(KEY_BYTES_MAX + 1), "v"),
        record(Topic::Ready, A, "k", ""),
        record(Topic::Cursors, A, "", "v"),
    ];
    for record in bad.drain(..) {
        assert!(matches!(bus.publish(record).await, Err(BusError::BadRecord(_))));
    }
    for (topic, partition) in [(Topic::Ready, Partition(4)), (Topic::DeadLetter, A)] {
        let answer = bus.publish(record(topic, partition, "k", "v")).await;
        assert!(matches!(answer, Err(BusError::NoPartition { .. })));
        assert!(matches!(bus.range(topic, partition).await, Err(BusError::NoPartition { .. })));
        let read = bus.read(topic, partition, Offset(0), 1, Duration::ZERO).await;
        assert!(matches!(read, Err(BusError::NoPartition { .. })));
    }
    bus.publish(record(Topic::Ready, A, &long(KEY_BYTES_MAX), &long(RECORD_BYTES_MAX))).await.unwrap();
    assert_eq!(bus.read(Topic::Ready, A, Offset(0), 9, PATIENCE).await.unwrap()[0].value.len(), RECORD_BYTES_MAX);
    assert_eq!(bus.range(Topic::Ready, A).await.unwrap(), (Offset(0), Offset(1)), "what was refused left nothing");
    bus.publish(record(Topic::DeadLetter, Partition(0), "k", "v")).await.unwrap();
}

async fn offsets_out_of_range_are_an_error(subject: &impl Subject) {
    let bus = &*subject.bus();
    publish(bus, Topic::Messages, A, &["0", "1", "2", "3"]).await;
    subject.trim(Topic::Messages, A, Offset(2)).await;
    assert_eq!(bus.range(Topic::Messages, A).await.unwrap(), (Offset(2), Offset(4)));
    for wanted in [Offset(0), Offset(1), Offset(5)] {
        let error = bus.read(Topic::Messages, A, wanted, 9, Duration::ZERO).await.unwrap_err();
        let (low, next) = (Offset(2), Offset(4));
        assert!(
            matches!(error, BusError::OutOfRange { wanted: w, low: l, next: n, .. } if (w, l, n) == (wanted, low, next))
        );
    }
    assert_eq!(values(&read_all(bus, Topic::Messages, A, Offset(2)).await), ["2", "3"]);
    assert_eq!(bus.read(Topic::Messages, A, Offset(4), 9, Duration::ZERO).await.unwrap(), []);
    subject.trim(Topic::Messages, A, Offset(4)).await;
    assert_eq!(publish(bus, Topic::Messages, A, &["4"]).await, [Offset(4)], "an emptied log goes on counting");
}

async fn a_compacted_topic_keeps_the_newest(subject: &impl Subject) {
    let bus = &*subject.bus();
    for (key, value) in [("x", "1"), ("y", "1"), ("x", "2"), ("z", "1"), ("z", "")] {
        bus.publish(record(Topic::Cursors, A, key, value)).await.unwrap();
    }
    bus.publish(record(Topic::Cursors, B, "x", "other")).await.unwrap();
    let (low, _) = bus.range(Topic::Cursors, A).await.unwrap();
    let mut view = BTreeMap::new();
    for Stored { key, value, .. } in read_all(bus, Topic::Cursors, A, low).await {
        view.insert(String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap());
    }
    view.retain(|_, value| !value.is_empty());
    let expected = [("x", "2"), ("y", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(view, BTreeMap::from(expected));
}

async fn a_group_gets_all_partitions_of_its_one_topic(subject: &impl Subject) {
    let bus = subject.bus();
    publish(&*bus, Topic::Ready, A, &["before"]).await;
    publish(&*bus, Topic::Messages, A, &["another topic"]).await;
    let mut joined = Joined::new(Arc::clone(&bus), Group::Execute, "i").await.until_owns(CHAINS.len()).await;
    for (partition, (ownership, mark)) in &joined.owned {
        assert_eq!((ownership.group, ownership.topic), (Group::Execute, Topic::Ready));
        assert!(CHAINS.contains(partition) && mark.is_none());
    }
    assert_eq!(values(&joined.until_read(A, 1).await), ["before"]);
    let (read, _) = join(joined.until_read(B, 1), publish(&*bus, Topic::Ready, B, &["after"])).await;
    assert_eq!(values(&read), ["after"]);
    assert!(matches!(joined.member.next(Duration::ZERO).await.unwrap(), GroupEvent::Idle));
    let other = Joined::new(Arc::clone(&bus), Group::Aggregate, "i").await.until_owns(CHAINS.len()).await;
    assert_eq!(other.ownership(A).topic, Topic::Attestations);
}

async fn a_member_begins_at_the_low_water_mark(mut subject: impl Subject) {
    let bus = subject.bus();
    publish(&*bus, Topic::Ready, A, &["0", "1", "2"]).await;
    let mut joined = Joined::new(Arc::clone(&bus), Group::Execute, "first").await.until_owns(CHAINS.len()).await;
    let ownership = joined.ownership(A);
    joined.member.commit(&ownership, Offset(2)).await.unwrap();
    let beyond = joined.member.commit(&ownership, Offset(4)).await;
    assert!(matches!(beyond, Err(BusError::OutOfRange { .. })), "what does not exist cannot be done with");
    drop((joined, bus));
    subject.reopen().await;
    let mut joined = Joined::new(subject.bus(), Group::Execute, "second").await.until_owns(CHAINS.len()).await;
    assert_eq!(joined.mark(A), Some(LowWaterMark { offset: Offset(2), instance: instance("first") }));
    assert_eq!(joined.mark(B), None);
    assert_eq!(values(&joined.until_read(A, 1).await), ["2"]);
}

async fn a_mark_out_of_range_is_told_once(subject: &impl Subject) {
    let bus = subject.bus();
    publish(&*bus, Topic::Ready, A, &["0", "1", "2"]).await;
    let mut joined = Joined::new(Arc::clone(&bus), Group::Execute, "i").await.until_owns(CHAINS.len()).await;
    let ownership = joined.ownership(A);
    joined.member.commit(&ownership, Offset(1)).await.unwrap();
    drop(joined);
    subject.trim(Topic::Ready, A, Offset(2)).await;
    let mut joined = Joined::new(bus, Group::Execute, "i").await;
    let error = loop {
        match joined.member.next(PATIENCE).await {
            Ok(GroupEvent::Assigned(ownership, mark)) => {
                joined.owned.insert(ownership.partition, (ownership, mark));
            }
            Ok(other) => panic!("skipped silently: {other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BusError::OutOfRange { wanted: Offset(1), low: Offset(2), .. }));
    assert_eq!(values(&joined.until_read(A, 1).await), ["2"]);
}

async fn a_former_member_is_refused(mut subject: impl Subject) {
    let bus = subject.bus();
    let raw = |value| record(Topic::Transactions, A, "", value);
    let joined = Joined::new(Arc::clone(&bus), Group::Execute, "i").await.until_owns(CHAINS.len()).await;
    let first = joined.ownership(A);
    bus.append_owned(&first, raw("1")).await.unwrap();
    let elsewhere = bus.append_owned(&first, record(Topic::Transactions, B, "", "x")).await;
    assert!(matches!(elsewhere, Err(BusError::BadRecord(_))));
    drop(joined);
    assert!(matches!(bus.append_owned(&first, raw("x")).await, Err(BusError::NotOwner { .. })), "it has left");

    let mut joined = Joined::new(Arc::clone(&bus), Group::Execute, "i").await.until_owns(CHAINS.len()).await;
    let second = joined.ownership(A);
    assert!(second.lease > first.lease);
    bus.append_owned(&second, raw("2")).await.unwrap();
    assert!(matches!(bus.append_owned(&first, raw("x")).await, Err(BusError::NotOwner { .. })));
    assert!(matches!(joined.member.commit(&first, Offset(0)).await, Err(BusError::NotOwner { .. })));
    drop((joined, bus));

    subject.reopen().await;
    let bus = subject.bus();
    let joined = Joined::new(Arc::clone(&bus), Group::Execute, "i").await.until_owns(CHAINS.len()).await;
    assert!(matches!(bus.append_owned(&second, raw("x")).await, Err(BusError::NotOwner { .. })), "after a restart");
    bus.append_owned(&joined.ownership(A), raw("3")).await.unwrap();
    assert_eq!(values(&read_all(&*bus, Topic::Transactions, A, Offset(0)).await), ["1", "2", "3"]);
}

async fn a_second_member_is_refused(subject: &impl Subject) {
    let bus = subject.bus();
    let first = Joined::new(Arc::clone(&bus), Group::Execute, "i").await;
    let second = Arc::clone(&bus).join(Group::Execute, instance("j")).await;
    assert!(matches!(second, Err(BusError::Occupied(Group::Execute))));
    drop(first);
    Joined::new(bus, Group::Execute, "j").await.until_owns(CHAINS.len()).await;
}

async fn a_partition_is_drained_and_taken_over(subject: &impl Subject) {
    let bus = subject.bus();
    for partition in CHAINS {
        publish(&*bus, Topic::Ready, partition, &["0", "1"]).await;
    }
    let mut first = Joined::new(Arc::clone(&bus), Group::Execute, "first").await.until_owns(CHAINS.len()).await;
    let mut second = Joined::new(Arc::clone(&bus), Group::Execute, "second").await;
    let (partition, drained) = loop {
        if let Some(revoked) = first.take(PATIENCE).await {
            break revoked;
        }
    };
    let former = first.ownership(partition);
    let raw = |value| record(Topic::Transactions, partition, "", value);
    bus.append_owned(&former, raw("drained")).await.unwrap();
    first.member.commit(&former, Offset(1)).await.unwrap();
    assert!(second.take(Duration::ZERO).await.is_none() && second.owned.is_empty(), "not before it is drained");

    drop(drained);
    let mut second = second.until_owns(1).await;
    let new = second.ownership(partition);
    assert!(new.lease > former.lease);
    assert_eq!(second.mark(partition), Some(LowWaterMark { offset: Offset(1), instance: instance("first") }));
    assert_eq!(values(&second.until_read(partition, 1).await), ["1"]);
    assert!(matches!(bus.append_owned(&former, raw("x")).await, Err(BusError::NotOwner { .. })));
    bus.append_owned(&new, raw("taken over")).await.unwrap();
    let journal = read_all(&*bus, Topic::Transactions, partition, Offset(0)).await;
    assert_eq!(values(&journal), ["drained", "taken over"]);
    for kept in CHAINS.into_iter().filter(|kept| *kept != partition) {
        bus.append_owned(&first.ownership(kept), record(Topic::Transactions, kept, "", "kept")).await.unwrap();
    }
}

async fn who_does_not_drain_is_shut_out(subject: &impl Subject) {
    let bus = subject.bus();
    let mut first = Joined::new(Arc::clone(&bus), Group::Execute, "first").await.until_owns(CHAINS.len()).await;
    let second = Joined::new(Arc::clone(&bus), Group::Execute, "second").await;
    let (partition, never_drained) = loop {
        if let Some(revoked) = first.take(PATIENCE).await {
            break revoked;
        }
    };
    subject.elapse(Duration::from_secs(60)).await;
    let second = second.until_owns(1).await;
    let raw = |value| record(Topic::Transactions, partition, "", value);
    let late = bus.append_owned(&first.ownership(partition), raw("late")).await;
    assert!(matches!(late, Err(BusError::NotOwner { .. })));
    drop(never_drained);
    bus.append_owned(&second.ownership(partition), raw("new")).await.unwrap();
}
