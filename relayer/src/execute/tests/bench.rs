//! One executing stage between a bus in memory and a [`Gateway`], driven step by step.

use metalayer_node::{
    bus::{GroupEvent, InstanceId, Member},
    clock::manual::ManualClock,
};
use metalayer_proto::{
    envelope::{DeadLetter, Deliver},
    message::Message,
    topics::Group,
};

use super::{gateway::Gateway, *};
use crate::testing::{self, Attesters, Lane, clock, gateway, metrics, published, records};

/// More steps than anything here takes: whoever needs more spins.
const STEPS_MAX: usize = 200;

pub(super) struct Bench {
    pub(super) attesters: Attesters,
    pub(super) clock: Arc<ManualClock>,
    pub(super) records: Records,
    pub(super) gateway: Arc<Gateway>,
    pub(super) member: Box<dyn Member>,
    pub(super) assignment: Assignment,
    pub(super) stage: Execute,
    /// The lane of 901, and another one.
    pub(super) lane: Lane,
    pub(super) other: Lane,
}

pub(super) async fn bench() -> Bench {
    let (attesters, clock) = (Attesters::new(), clock());
    let records = records(clock.clone());
    let mut member = records.bus.clone().join(Group::Execute, InstanceId("first".into())).await.unwrap();
    let assignment = assigned(&records, &mut member).await;
    let gateway = Gateway::new(gateway(902), records.bus.clone());
    let stage = Execute::new(Parts {
        assignment: assignment.clone(),
        destination: testing::gateway(902),
        writer: gateway.clone(),
        key: PrivateKeySigner::from_slice(&[1; 32]).unwrap(),
        epochs: attesters.book(),
        records: records.clone(),
        clock: clock.clone(),
        poll: Duration::from_millis(100),
        metrics: metrics(),
    });
    let (lane, other) = (Lane::default(), Lane::of(testing::gateway(903)));
    Bench { attesters, clock, records, gateway, member, assignment, stage, lane, other }
}

/// Waits until the destination's partition is the member's.
pub(super) async fn assigned(records: &Records, member: &mut Box<dyn Member>) -> Assignment {
    loop {
        match member.next(Duration::from_secs(1)).await.unwrap() {
            GroupEvent::Assigned(ownership, mark) if ownership.partition == Partition(2) => {
                return Assignment::new(records.bus.clone(), ownership, mark);
            }
            _ => {}
        }
    }
}

impl Bench {
    /// Messages of 901's lane become ready, none of them waiting for another.
    pub(super) async fn ready(&mut self, sequences: std::ops::Range<u64>) {
        self.ready_messages(sequences.map(|sequence| testing::message(sequence, 0)).collect()).await;
    }

    pub(super) async fn ready_messages(&mut self, messages: Vec<Message>) {
        let deliver = self.lane.deliver(&self.attesters, messages);
        self.publish(deliver).await;
    }

    /// Messages of the other lane become ready.
    pub(super) async fn ready_elsewhere(&mut self, sequences: std::ops::Range<u64>) {
        let origin = self.other.origin;
        let messages = sequences.map(|sequence| Message { origin, ..testing::message(sequence, 0) }).collect();
        let deliver = self.other.deliver(&self.attesters, messages);
        self.publish(deliver).await;
    }

    pub(super) async fn publish(&self, deliver: Deliver) {
        let record = ReadyRecord::Deliver(Box::new(deliver));
        self.records.publish(Partition(2), Vec::new(), None, record).await.unwrap();
    }

    /// Hands the stage what the bus has for it; whatever was revoked is given up at once.
    pub(super) async fn feed(&mut self) {
        loop {
            match self.member.next(Duration::ZERO).await.unwrap() {
                GroupEvent::Records(Partition(2), records) => self.assignment.put(records),
                GroupEvent::Idle => return,
                _ => {}
            }
        }
    }

    /// Steps until there is nothing to do, or something fails.
    pub(super) async fn try_run(&mut self) -> Result<(), ExecuteError> {
        self.feed().await;
        for _ in 0..STEPS_MAX {
            if let Step::Idle(_) = self.stage.step().await? {
                return Ok(());
            }
        }
        panic!("still not idle after {STEPS_MAX} steps");
    }

    pub(super) async fn run(&mut self) {
        self.try_run().await.unwrap();
    }

    /// Steps and mines until there is nothing to do and nothing to mine.
    pub(super) async fn settle(&mut self) {
        self.run().await;
        while self.gateway.mine() {
            self.run().await;
        }
    }

    pub(super) async fn pass(&mut self, span: Duration) {
        self.clock.advance(span);
        self.run().await;
    }

    pub(super) fn delivered(&self) -> Vec<u64> {
        self.gateway.delivered(self.lane.origin)
    }

    /// What each transaction carried.
    pub(super) fn carried(&self) -> Vec<Vec<u64>> {
        self.gateway.state().carried.clone()
    }

    pub(super) async fn journal(&self) -> Vec<TransactionRecord> {
        published(&self.records, 2).await
    }

    pub(super) async fn dead_letters(&self) -> Vec<String> {
        let letters: Vec<DeadLetter> = published(&self.records, 0).await;
        letters.into_iter().map(|letter| letter.reason).collect()
    }
}
