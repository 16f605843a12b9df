//! One executing stage between a bus in memory and a [`Gateway`], driven step by step.

use metalayer_node::{
    bus::{GroupEvent, InstanceId, Member},
    clock::manual::ManualClock,
    telemetry,
};
use metalayer_proto::{
    envelope::{Action, DeadLetter, Deliver},
    message::Message,
    topics::Group,
};

use super::{gateway::Gateway, *};
use crate::testing::{self, Attesters, Lane, clock, gateway, published, records};

/// More steps than anything here takes: whoever needs more spins.
const STEPS_MAX: usize = 200;

/// The most that gas may cost.
pub(super) const CEILING: u128 = 100;

/// The AttesterSet beside the gateway.
pub(super) const ATTESTER_SET: Address = Address::repeat_byte(0x5e);

pub(super) struct Bench {
    pub(super) attesters: Attesters,
    pub(super) clock: Arc<ManualClock>,
    pub(super) records: Records,
    pub(super) gateway: Arc<Gateway>,
    pub(super) member: Box<dyn Member>,
    pub(super) assignment: Assignment,
    pub(super) stage: Execute,
    registry: telemetry::Metrics,
    metrics: Arc<Metrics>,
    pub(super) archive: Arc<Archive>,
    /// The lane of 901, and another one.
    pub(super) lane: Lane,
    pub(super) other: Lane,
}

pub(super) async fn bench() -> Bench {
    let (attesters, clock) = (Attesters::new(), clock());
    let records = records(clock.clone());
    let mut member = records.bus.clone().join(Group::Execute, InstanceId("first".into())).await.unwrap();
    let assignment = assigned(&records, &mut member).await;
    let registry = telemetry::Metrics::unregistered();
    let gateway = Gateway::new(gateway(902), records.bus.clone());
    let metrics = Arc::new(Metrics::new(&registry).unwrap());
    let archive = testing::archive();
    let stage = stage(&attesters, &records, &assignment, &gateway, &clock, (&archive, &metrics));
    let (lane, other) = (Lane::default(), Lane::of(testing::gateway(903)));
    Bench { attesters, clock, records, gateway, member, assignment, stage, registry, metrics, archive, lane, other }
}

fn stage(
    attesters: &Attesters,
    records: &Records,
    assignment: &Assignment,
    gateway: &Arc<Gateway>,
    clock: &Arc<ManualClock>,
    (archive, metrics): (&Arc<Archive>, &Arc<Metrics>),
) -> Execute {
    Execute::new(Parts {
        assignment: assignment.clone(),
        destination: testing::gateway(902),
        attester_set: ATTESTER_SET,
        writer: gateway.clone(),
        reader: gateway.clone(),
        key: PrivateKeySigner::from_slice(&[1; 32]).unwrap(),
        max_fee_per_gas: CEILING,
        epochs: attesters.book(),
        archive: archive.clone(),
        records: records.clone(),
        clock: clock.clone(),
        poll: Duration::from_millis(100),
        metrics: metrics.clone(),
    })
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
        self.publish_record(ReadyRecord::Deliver(Box::new(deliver))).await;
    }

    pub(super) async fn ask(&self, action: Action) {
        self.publish_record(ReadyRecord::Act(Box::new(action))).await;
    }

    async fn publish_record(&self, record: ReadyRecord) {
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

    /// Steps and mines until there is nothing to do and nothing to mine, and what is final is noticed.
    pub(super) async fn settle(&mut self) {
        self.run().await;
        while self.gateway.mine() {
            self.run().await;
        }
        self.pass(LOOK_BACK_EVERY).await;
    }

    /// A crash: another member gets the partition, with nothing of the former one's memory.
    pub(super) async fn restart(&mut self) {
        let low = self.assignment.low();
        self.member.commit(&self.assignment.ownership, low).await.unwrap();
        self.member = self.join("next").await;
        self.assignment = assigned(&self.records, &mut self.member).await;
        self.stage = self.next_stage();
    }

    /// Another member takes the partition from one that does not notice. Returns the former one's side.
    pub(super) async fn take_over(&mut self) -> (Assignment, Execute) {
        let second = self.join("second").await;
        self.feed().await;
        let former = std::mem::replace(&mut self.member, second);
        let assignment = assigned(&self.records, &mut self.member).await;
        assert!(assignment.ownership.lease > self.assignment.ownership.lease);
        let assignment = std::mem::replace(&mut self.assignment, assignment);
        let next = self.next_stage();
        drop(former);
        (assignment, std::mem::replace(&mut self.stage, next))
    }

    async fn join(&self, name: &str) -> Box<dyn Member> {
        self.records.bus.clone().join(Group::Execute, InstanceId(name.into())).await.unwrap()
    }

    fn next_stage(&self) -> Execute {
        stage(
            &self.attesters,
            &self.records,
            &self.assignment,
            &self.gateway,
            &self.clock,
            (&self.archive, &self.metrics),
        )
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

    /// The sum of a metric's series.
    pub(super) fn metric(&self, name: &str) -> u64 {
        self.series(name, "")
    }

    /// The sum of those that have a label of this value.
    pub(super) fn series(&self, name: &str, label: &str) -> u64 {
        let text = self.registry.render().unwrap();
        let series =
            text.lines().filter(|line| line.starts_with(&format!("metalayer_{name}{{")) && line.contains(label));
        series.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    pub(super) async fn dead_letters(&self) -> Vec<String> {
        self.letters().await.into_iter().map(|letter| letter.reason).collect()
    }

    pub(super) async fn letters(&self) -> Vec<DeadLetter> {
        published(&self.records, 0).await
    }
}
