#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use async_trait::async_trait;
use metalayer_node::{
    bus::{Record, memory::MemoryBus},
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::topics::Topic;
use proptest::prelude::*;

use super::*;
use crate::{record, testing::clock};

const BYTES_MAX: usize = 1_000;

/// What happens to an inbox.
#[derive(Clone, Debug)]
enum Act {
    /// A record of this size is published.
    Publish(usize),
    /// The bus hands out what there is.
    HandOut,
    /// The stage takes so many.
    Take(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..BYTES_MAX / 2).prop_map(Act::Publish),
        2 => Just(Act::HandOut),
        2 => (1..6usize).prop_map(Act::Take),
    ]
}

fn bytes(size: usize) -> Record {
    Record { topic: Topic::Ready, partition: Partition(1), key: Vec::new(), value: vec![0; size] }
}

async fn joined(bus: &Arc<MemoryBus>) -> (Box<dyn Member>, Ownership, Option<LowWaterMark>) {
    let mut member = bus.clone().join(Group::Execute, InstanceId("test".into())).await.unwrap();
    match member.next(Duration::from_secs(1)).await.unwrap() {
        GroupEvent::Assigned(ownership, mark) => (member, ownership, mark),
        other => panic!("{other:?}"),
    }
}

async fn hand_out(member: &mut Box<dyn Member>, assignment: &Assignment) {
    while let GroupEvent::Records(_, records) = member.next(Duration::ZERO).await.unwrap() {
        assignment.put(records);
        assert!(assignment.state().bytes <= BYTES_MAX, "I8");
    }
}

async fn play(acts: Vec<Act>) -> (Vec<u64>, u64) {
    let bus = MemoryBus::new([Partition(1)], clock());
    let (mut member, ownership, mark) = joined(&bus).await;
    let assignment = Assignment::bounded(bus.clone(), ownership, mark, BYTES_MAX);
    let (mut taken, mut published) = (Vec::new(), 0);
    for act in acts {
        match act {
            Act::Publish(size) => {
                bus.publish(bytes(size)).await.unwrap();
                published += 1;
            }
            Act::HandOut => hand_out(&mut member, &assignment).await,
            Act::Take(limit) => taken.extend(assignment.take(limit).await.unwrap()),
        }
    }
    hand_out(&mut member, &assignment).await;
    loop {
        let more = assignment.take(3).await.unwrap();
        if more.is_empty() {
            return (taken.iter().map(|stored: &Stored| stored.offset.0).collect(), published);
        }
        taken.extend(more);
    }
}

proptest! {
    #[test]
    fn what_overflows_is_read_back_in_order_and_each_record_is_taken_once(acts in prop::collection::vec(act(), 0..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (taken, published) = runtime.block_on(play(acts));
        prop_assert_eq!(taken, (0..published).collect::<Vec<_>>());
    }
}

/// A stage that needs nothing of what it has taken.
struct Forgetful(Assignment);

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unexpected(#[from] BusError);

impl StageError for Unexpected {
    fn severity(&self) -> Severity {
        Severity::Process
    }

    fn reason(&self) -> &'static str {
        "unexpected"
    }
}

#[async_trait]
impl Stage for Forgetful {
    type Error = Unexpected;

    async fn step(&mut self) -> Result<Step, Unexpected> {
        let Some(last) = self.0.take(1).await?.pop() else {
            return Ok(Step::Idle(Wake { notice: Some(self.0.arrived()), at: None }));
        };
        self.0.done_below(Offset(last.offset.0 + 1));
        Ok(Step::Advanced)
    }
}

#[tokio::test]
async fn stopping_commits_what_the_stages_have_done() {
    let clock = clock();
    let bus = MemoryBus::new([Partition(1)], clock.clone());
    for _ in 0..3 {
        bus.publish(bytes(1)).await.unwrap();
    }
    let tasks = TaskGroup::new(clock.clone());
    let (reached, mut low) = tokio::sync::mpsc::unbounded_channel();
    let start: StartStage = Box::new(move |tasks, assignment| {
        reached.send(assignment.clone()).unwrap();
        Some(tasks.spawn_stage("forgetful", None, Forgetful(assignment)))
    });
    let instance = InstanceId("test".into());
    let service = Assignments::join(bus.clone(), Group::Execute, instance.clone(), tasks.clone(), start).await.unwrap();
    let running = tasks.spawn_service("group", |shutdown| service.run(shutdown));
    let assignment = low.recv().await.unwrap();
    while assignment.low() < Offset(3) {
        tokio::task::yield_now().await;
    }
    running.stop().await;
    let (_, _, mark) = joined(&bus).await;
    assert_eq!(mark, Some(LowWaterMark { offset: Offset(3), instance }));
}

#[tokio::test]
async fn where_records_are_missing_the_stage_hears_it_after_what_came_before() {
    let bus = MemoryBus::new([Partition(1)], clock());
    let (mut member, ownership, mark) = joined(&bus).await;
    let assignment = Assignment::new(bus.clone(), ownership, mark);
    bus.publish(bytes(1)).await.unwrap();
    hand_out(&mut member, &assignment).await;
    for _ in 0..4 {
        bus.publish(bytes(1)).await.unwrap();
    }
    bus.trim(Topic::Ready, Partition(1), Offset(3));
    let gap = member.next(Duration::ZERO).await.unwrap_err();
    assignment.put_gap(gap);
    hand_out(&mut member, &assignment).await;
    assert_eq!(assignment.take(1).await.unwrap()[0].offset, Offset(0));
    let gap = assignment.take(1).await.unwrap_err();
    assert!(matches!(gap, BusError::OutOfRange { wanted: Offset(1), low: Offset(3), .. }));
    assert_eq!((record::severity(&gap), record::reason(&gap)), (Severity::Chain, "out_of_range"));
}

#[tokio::test]
async fn a_partition_that_moved_on_ends_its_stage_and_nothing_else() {
    let bus = MemoryBus::new([Partition(1)], clock());
    bus.publish(bytes(1)).await.unwrap();
    let (mut member, ownership, mark) = joined(&bus).await;
    let assignment = Assignment::new(bus.clone(), ownership, mark);
    assignment.done_below(Offset(1));
    assert_eq!(commit(&mut *member, &assignment, Offset(0)).await.unwrap(), Some(Offset(1)));
    let mut later = bus.clone().join(Group::Execute, InstanceId("later".into())).await.unwrap();
    drop(member);
    let GroupEvent::Assigned(_, mark) = later.next(Duration::ZERO).await.unwrap() else { panic!("not assigned") };
    assert_eq!(mark.unwrap().offset, Offset(1));
    assert_eq!(commit(&mut *later, &assignment, Offset(0)).await.unwrap(), None, "under the former lease");
}

#[test]
fn the_mark_never_goes_back() {
    let bus = MemoryBus::new([Partition(1)], clock());
    let ownership = Ownership { group: Group::Execute, topic: Topic::Ready, partition: Partition(1), lease: 1 };
    let assignment = Assignment::new(bus, ownership, None);
    assignment.done_below(Offset(5));
    assignment.done_below(Offset(3));
    assert_eq!(assignment.low(), Offset(5));
}
