#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use metalayer_node::{
    bus::{self, GroupEvent, InstanceId, Member},
    clock::manual::ManualClock,
};
use metalayer_proto::{
    bls::SecretKey,
    commitment::Commitment,
    envelope::{DeadLetter, Deliver},
    topics::Group,
};

use super::*;
use crate::testing::{Attesters, Lane, clock, gateway, message, metrics, published, records};

/// An aggregating stage over a bus in memory, driven step by step.
struct Bench {
    attesters: Attesters,
    records: Records,
    member: Box<dyn Member>,
    assignment: Assignment,
    stage: Aggregate,
    lane: Lane,
}

async fn bench() -> Bench {
    let (attesters, clock) = (Attesters::new(), clock());
    let records = records(clock.clone());
    let mut member = records.bus.clone().join(Group::Aggregate, InstanceId("test".into())).await.unwrap();
    let assignment = loop {
        match member.next(Duration::from_secs(1)).await.unwrap() {
            GroupEvent::Assigned(ownership, mark) if ownership.partition == Partition(1) => {
                break Assignment::new(records.bus.clone(), ownership, mark);
            }
            _ => {}
        }
    };
    let stage = stage(&attesters, &records, assignment.clone(), clock);
    Bench { attesters, records, member, assignment, stage, lane: Lane::default() }
}

fn stage(attesters: &Attesters, records: &Records, assignment: Assignment, clock: Arc<ManualClock>) -> Aggregate {
    let epochs = attesters.book();
    let origins = BTreeMap::from([(gateway(901), Partition(1))]);
    let collector = Collector::new(epochs.clone(), origins, records.clone(), clock.clone(), metrics());
    Aggregate::new(Parts {
        assignment,
        origin: gateway(901),
        destinations: BTreeMap::from([(gateway(902), Partition(2))]),
        epochs,
        records: records.clone(),
        collector: Arc::new(collector),
        clock,
        metrics: metrics(),
    })
}

impl Bench {
    async fn send(&mut self, messages: std::ops::Range<u64>) -> Commitment {
        let record = self.lane.block(messages.map(|sequence| message(sequence, 0)).collect());
        self.records.publish(Partition(1), Vec::new(), None, record).await.unwrap();
        self.lane.commitment()
    }

    async fn attest(&self, commitment: Commitment, attester: usize) {
        self.attest_by(&self.attesters.secrets[attester], commitment).await;
    }

    async fn attest_by(&self, secret: &SecretKey, commitment: Commitment) {
        let record = AttestationRecord {
            commitment,
            attester: secret.public_key().attester_id(),
            signature: secret.sign(commitment.digest()).into(),
        };
        self.records.publish(Partition(1), Vec::new(), None, record).await.unwrap();
    }

    async fn run(&mut self) {
        loop {
            match self.member.next(Duration::ZERO).await.unwrap() {
                GroupEvent::Records(Partition(1), records) => self.assignment.put(records),
                GroupEvent::Idle => break,
                _ => {}
            }
        }
        while matches!(self.stage.step().await.unwrap(), Step::Advanced) {}
    }

    async fn ready(&self) -> Vec<Deliver> {
        let records: Vec<ReadyRecord> = published(&self.records, 2).await;
        records.into_iter().map(|ReadyRecord::Deliver(deliver)| *deliver).collect()
    }
}

#[tokio::test]
async fn a_quorum_makes_what_the_lane_brought_ready_once() {
    let mut bench = bench().await;
    let first = bench.send(0..3).await;
    bench.attest(first, 0).await;
    bench.attest(first, 1).await;
    bench.run().await;
    assert!(bench.ready().await.is_empty(), "55 of 100 are no quorum");
    bench.attest(first, 2).await;
    bench.run().await;
    let second = bench.send(3..5).await;
    for attester in 0..3 {
        bench.attest(second, attester).await;
    }
    bench.run().await;
    let ready = bench.ready().await;
    let spans: Vec<_> = ready.iter().map(|one| (one.before.count(), one.lane.count)).collect();
    assert_eq!(spans, [(0, 3), (3, 5)]);
    let proofs: Vec<ProofRecord> = published(&bench.records, 1).await;
    assert_eq!(proofs.iter().map(|proof| proof.commitment).collect::<Vec<_>>(), [first, second]);
}

#[tokio::test]
async fn a_commitment_over_blocks_that_nobody_proved_before_brings_them_all() {
    let mut bench = bench().await;
    bench.send(0..1).await;
    bench.send(1..2).await;
    let newest = bench.send(2..3).await;
    for attester in 0..3 {
        bench.attest(newest, attester).await;
    }
    bench.run().await;
    let ready = bench.ready().await;
    assert_eq!(ready.len(), 1);
    assert_eq!((ready[0].before.count(), ready[0].items.len()), (0, 3));
}

#[tokio::test]
async fn a_heartbeat_is_proven_although_nothing_changed() {
    let mut bench = bench().await;
    let changed = bench.send(0..1).await;
    for attester in 0..3 {
        bench.attest(changed, attester).await;
    }
    bench.run().await;
    let heartbeat = Commitment { block_number: 256, ..changed };
    for attester in 0..3 {
        bench.attest(heartbeat, attester).await;
    }
    bench.run().await;
    assert_eq!(published::<ProofRecord>(&bench.records, 1).await.len(), 2);
    assert_eq!(bench.ready().await.len(), 1, "nothing is ready twice");
}

#[tokio::test]
async fn forged_and_malformed_records_are_dead_lettered_and_change_nothing() {
    let mut bench = bench().await;
    for topic in [Topic::Attestations, Topic::Messages] {
        let value = b"no envelope".to_vec();
        let record = bus::Record { topic, partition: Partition(1), key: Vec::new(), value };
        bench.records.bus.publish(record).await.unwrap();
    }
    let mut foreign = bench.send(0..2).await;
    let right = foreign;
    foreign.origin = gateway(950);
    bench.attest(foreign, 0).await;
    for attester in 0..3 {
        bench.attest(right, attester).await;
    }
    bench.run().await;
    assert_eq!(bench.ready().await.len(), 1);
    let letters: Vec<DeadLetter> = published(&bench.records, 0).await;
    let mut reasons: Vec<_> = letters.iter().map(|letter| (letter.topic, letter.reason.as_str())).collect();
    reasons.sort_unstable();
    let expected =
        [(Topic::Messages, "malformed"), (Topic::Attestations, "malformed"), (Topic::Attestations, "other_origin")];
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn attestations_of_strangers_do_not_wait() {
    let mut bench = bench().await;
    let commitment = bench.send(0..1).await;
    for stranger in 50..150 {
        bench.attest_by(&SecretKey::from_seed(&[stranger; 32]), commitment).await;
    }
    bench.run().await;
    assert_eq!(bench.stage.pending.first_needed(), None, "I8");
    let letters: Vec<DeadLetter> = published(&bench.records, 0).await;
    assert_eq!(letters.len(), 100);
    assert!(letters.iter().all(|letter| letter.reason == "unknown_attester"));
    for attester in 0..3 {
        bench.attest(commitment, attester).await;
    }
    bench.run().await;
    assert_eq!(bench.ready().await.len(), 1);
}

#[tokio::test]
async fn after_a_restart_nothing_is_lost_and_what_is_repeated_is_the_same() {
    let mut bench = bench().await;
    let first = bench.send(0..3).await;
    for attester in 0..3 {
        bench.attest(first, attester).await;
    }
    bench.run().await;
    bench.stage = stage(&bench.attesters, &bench.records, bench.assignment.clone(), clock());
    let second = bench.send(3..4).await;
    for attester in 1..4 {
        bench.attest(second, attester).await;
    }
    bench.run().await;
    let spans: Vec<_> = bench.ready().await.iter().map(|one| (one.before.count(), one.lane.count)).collect();
    assert_eq!(spans, [(0, 3), (0, 4)], "what was handed on before comes again, and the new with it");
}
