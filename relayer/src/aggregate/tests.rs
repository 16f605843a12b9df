#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod flood;

use metalayer_node::{
    bus::{self, GroupEvent, InstanceId, Member},
    clock::manual::ManualClock,
};
use metalayer_proto::{
    bls::SecretKey,
    commitment::Commitment,
    derivation::Snapshot,
    envelope::{DeadLetter, Deliver},
    facts::{Credited, Fact, FactsMap},
    ids::LaneId,
    item::Item,
    lane::{Frontier, LaneSlice},
    served::{LeafContent, ProvenSnapshot, ServedLeaf},
    topics::Group,
};

use super::*;
use crate::testing::{Attesters, Lane, NETWORK, archive, clock, gateway, message, metrics, published, records};

/// An aggregating stage over a bus in memory, driven step by step.
struct Bench {
    attesters: Attesters,
    clock: Arc<ManualClock>,
    in_force: Arc<InForce>,
    collector: Arc<Collector>,
    records: Records,
    member: Box<dyn Member>,
    assignment: Assignment,
    stage: Aggregate,
    lane: Lane,
}

async fn bench() -> Bench {
    let attesters = Attesters::new();
    let epochs = attesters.book();
    bench_with(attesters, epochs).await
}

async fn bench_with(attesters: Attesters, epochs: Arc<EpochBook>) -> Bench {
    let (clock, in_force) = (clock(), Arc::<InForce>::default());
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
    let origins = BTreeMap::from([(gateway(901), Partition(1))]);
    let collector =
        Collector::open(epochs.clone(), origins, records.clone(), archive(), clock.clone(), metrics()).unwrap();
    let collector = Arc::new(collector);
    let parts = Parts {
        assignment: assignment.clone(),
        origin: gateway(901),
        destinations: BTreeMap::from([(gateway(902), Partition(2))]),
        epochs,
        in_force: in_force.clone(),
        records: records.clone(),
        collector: collector.clone(),
        clock: clock.clone(),
        metrics: metrics(),
    };
    let stage = Aggregate::new(parts);
    Bench { attesters, clock, in_force, collector, records, member, assignment, stage, lane: Lane::default() }
}

impl Bench {
    /// Another instance goes on with the same assignment.
    fn restart(&mut self) {
        let Parts { origin, epochs, .. } = &self.stage.parts;
        let parts = Parts {
            assignment: self.assignment.clone(),
            origin: *origin,
            destinations: self.stage.parts.destinations.clone(),
            epochs: epochs.clone(),
            in_force: self.in_force.clone(),
            records: self.records.clone(),
            collector: self.collector.clone(),
            clock: self.clock.clone(),
            metrics: metrics(),
        };
        self.stage = Aggregate::new(parts);
    }

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
        let delivery = |record| match record {
            ReadyRecord::Deliver(deliver) => *deliver,
            ReadyRecord::Act(action) => panic!("nobody asked for {action:?}"),
        };
        records.into_iter().map(delivery).collect()
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
async fn after_a_restart_what_its_destination_has_taken_is_not_handed_on_again() {
    let mut bench = bench().await;
    let commitment = bench.send(0..5).await;
    for attester in 0..3 {
        bench.attest(commitment, attester).await;
    }
    bench.run().await;
    let mut credited = Credited::default();
    // The third has not arrived: from there on all is handed on.
    assert!([0, 1, 3].into_iter().all(|sequence| credited.insert(sequence)));
    let mut facts = FactsMap::default();
    facts.insert(Fact::Credited { origin: gateway(901), credited });
    let mut destination = Lane::of(gateway(902));
    destination.block(vec![message(0, 0)]);
    let proven = bench.attesters.prove(destination.commitment(), 3);
    let start = ProvenSnapshot { proven, snapshot: Snapshot { lanes: BTreeMap::new(), facts: facts.snapshot() } };
    bench.collector.archive().serve(&start).unwrap();

    bench.restart();
    bench.run().await;
    let newer = bench.send(5..6).await;
    for attester in 0..3 {
        bench.attest(newer, attester).await;
    }
    bench.run().await;
    let spans: Vec<_> = bench.ready().await.iter().map(|one| (one.before.count(), one.lane.count)).collect();
    assert_eq!(spans, [(0, 5), (2, 5), (5, 6)]);
}

#[tokio::test]
async fn where_the_origin_was_begun_what_was_open_is_handed_on_and_nothing_below() {
    let mut bench = bench().await;
    let block = |range: std::ops::Range<u64>| range.map(|sequence| message(sequence, 0)).collect::<Vec<_>>();
    bench.lane.block(block(0..2));
    let before = bench.lane.frontier.clone();
    bench.lane.block(block(2..4));
    let proven = bench.attesters.prove(bench.lane.commitment(), 3);
    let leaves: Vec<_> = block(0..4).iter().map(|one| one.id().leaf()).collect();
    let path = LaneSlice::new(&Frontier::default(), &leaves).unwrap().prove_range(3, 1).unwrap();
    let open = ServedLeaf { path, content: LeafContent::Message(message(3, 0).encode()) };
    let lane = LaneId { origin: gateway(901), destination: gateway(902) };
    let lanes = BTreeMap::from([(lane.destination, bench.lane.frontier.clone())]);
    let start = ProvenSnapshot { proven: proven.clone(), snapshot: Snapshot { lanes, facts: Vec::new() } };
    let archive = bench.collector.archive();
    archive.begin_lane(lane, &before, &leaves[2..]).unwrap();
    archive.begin_messages(lane, 4, &[(3, open)]).unwrap();
    archive.begin(&start, &BTreeMap::from([(lane.destination, 2)])).unwrap();
    let ProvenCommitment { commitment, proof } = proven;
    bench.records.publish(Partition(1), Vec::new(), None, ProofRecord { commitment, proof }).await.unwrap();

    bench.run().await;
    let newer = bench.send(4..5).await;
    for attester in 0..3 {
        bench.attest(newer, attester).await;
    }
    bench.run().await;
    let ready = bench.ready().await;
    let spans: Vec<_> = ready.iter().map(|one| (one.before.count(), one.lane.count)).collect();
    assert_eq!(spans, [(2, 4), (4, 5)]);
    assert_eq!(ready[0].items, [Item::Leaf(leaves[2]), Item::Message(Box::new(message(3, 0)))]);
    bench.restart();
    bench.run().await;
    let again = bench.ready().await.split_off(2);
    assert_eq!(again.iter().map(|one| (one.before.count(), one.lane.count)).collect::<Vec<_>>(), [(2, 5)]);
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
    bench.restart();
    let second = bench.send(3..4).await;
    for attester in 1..4 {
        bench.attest(second, attester).await;
    }
    bench.run().await;
    let spans: Vec<_> = bench.ready().await.iter().map(|one| (one.before.count(), one.lane.count)).collect();
    assert_eq!(spans, [(0, 3), (0, 4)], "what was handed on before comes again, and the new with it");
}

// ---- Handing over ----

/// Epoch 1 of attesters 1 to 4, which expires at 2,000 s, and epoch 2 of attesters 3 to 6, which begins at 10 s.
async fn handing_over() -> (Bench, Attesters) {
    let (first, second) = (Attesters::new(), Attesters::of_epoch(2, [3, 4, 5, 6]));
    let epochs = [Epoch { expires_at: 2_000, ..first.epoch() }, Epoch { activates_at: 10, ..second.epoch() }];
    let bench = bench_with(first, Arc::new(EpochBook::new(NETWORK, epochs))).await;
    (bench, second)
}

impl Bench {
    /// Three attesters of an epoch sign.
    async fn quorum(&mut self, attesters: &Attesters, commitment: Commitment) {
        for secret in &attesters.secrets[..3] {
            self.attest_by(secret, commitment).await;
        }
        self.run().await;
    }

    async fn first_quorum(&mut self, commitment: Commitment) {
        for attester in 0..3 {
            self.attest(commitment, attester).await;
        }
        self.run().await;
    }

    /// The epoch of the proof, and the lane's count, of everything that is ready.
    async fn ready_by_epoch(&self) -> Vec<(u64, u64)> {
        self.ready().await.iter().map(|one| (one.proof.epoch(), one.lane.count)).collect()
    }

    fn at(&self, second: u64) {
        self.clock.advance_to(UnixMillis(second * 1_000));
    }
}

#[tokio::test]
async fn a_quiet_origin_is_proven_again_under_the_next_epoch() {
    let (mut bench, second) = handing_over().await;
    let commitment = bench.send(0..2).await;
    bench.first_quorum(commitment).await;
    bench.quorum(&second, commitment).await;
    let chain = gateway(901).chain;
    assert_eq!(bench.collector.newest_proof(chain, Some(2)), None, "it has not begun");

    bench.at(10);
    bench.quorum(&second, commitment).await;
    let proven = bench.collector.newest_proof(chain, Some(2)).unwrap();
    assert_eq!(proven.commitment, commitment);
    proven.verify(&second.table).unwrap();
    let proofs: Vec<ProofRecord> = published(&bench.records, 1).await;
    assert_eq!(proofs.iter().map(|proof| proof.proof.epoch()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(bench.ready_by_epoch().await, [(1, 2)], "nothing is handed on twice");
}

#[tokio::test]
async fn one_signature_counts_in_both_epochs_whichever_is_proven_first() {
    let (mut bench, second) = handing_over().await;
    bench.at(10);
    let commitment = bench.send(0..1).await;
    bench.first_quorum(commitment).await;
    for secret in &second.secrets[1..3] {
        bench.attest_by(secret, commitment).await;
    }
    bench.run().await;
    // The third of epoch 2's quorum is attester 3, whose one signature has proven epoch 1.
    let proven = bench.collector.newest_proof(gateway(901).chain, Some(2)).unwrap();
    assert_eq!(proven.proof.signers(&second.table).unwrap().len(), 3);
}

#[tokio::test]
async fn each_destination_is_served_by_the_first_proof_that_it_takes() {
    let (mut bench, second) = handing_over().await;
    bench.at(10);
    bench.in_force.set(gateway(902), vec![1]);
    let one = bench.send(0..1).await;
    bench.quorum(&second, one).await;
    assert_eq!(bench.ready_by_epoch().await, [], "the destination has not heard of epoch 2");
    bench.first_quorum(one).await;
    assert_eq!(bench.ready_by_epoch().await, [(1, 1)]);

    let two = bench.send(1..2).await;
    bench.quorum(&second, two).await;
    assert_eq!(bench.ready_by_epoch().await.len(), 1);
    let Step::Idle(wake) = bench.stage.step().await.unwrap() else { panic!("nothing has come") };
    assert_eq!(wake.at, Some(UnixMillis(10_000).after(LOOK_EVERY)), "it is looked again");
    bench.in_force.set(gateway(902), vec![1, 2]);
    bench.run().await;
    assert_eq!(bench.ready_by_epoch().await, [(1, 1), (2, 2)], "as soon as it has");
    bench.first_quorum(two).await;
    assert_eq!(bench.ready_by_epoch().await.len(), 2, "whichever comes second brings nothing");
}

#[tokio::test]
async fn before_an_epoch_expires_its_lanes_roots_are_handed_on_again_under_the_next() {
    let (mut bench, second) = handing_over().await;
    bench.at(10);
    bench.in_force.set(gateway(902), vec![1, 2]);
    let commitment = bench.send(0..3).await;
    bench.first_quorum(commitment).await;
    bench.quorum(&second, commitment).await;
    let Step::Idle(wake) = bench.stage.step().await.unwrap() else { panic!("nothing has come") };
    assert_eq!(wake.at, Some(UnixMillis(1_400_000)), "ten minutes before epoch 1 expires");
    assert_eq!(bench.ready_by_epoch().await, [(1, 3)]);

    bench.at(1_400);
    bench.run().await;
    bench.run().await;
    assert_eq!(bench.ready_by_epoch().await, [(1, 3), (2, 3)]);
    let again = bench.ready().await.pop().unwrap();
    assert_eq!((again.before.count(), again.items.len()), (2, 1), "the root alone: its last leaf and no body");
    let next = bench.send(3..4).await;
    bench.first_quorum(next).await;
    assert_eq!(bench.ready_by_epoch().await.len(), 2, "what is proven by epoch 1 alone waits");
    bench.quorum(&second, next).await;
    assert_eq!(bench.ready_by_epoch().await.last(), Some(&(2, 4)));
}

#[tokio::test]
async fn after_a_restart_both_epochs_go_on_from_their_own_newest_proof() {
    let (mut bench, second) = handing_over().await;
    bench.at(10);
    let one = bench.send(0..1).await;
    bench.quorum(&second, one).await;
    let two = bench.send(1..2).await;
    bench.first_quorum(two).await;
    bench.restart();
    bench.run().await;
    let chain = gateway(901).chain;
    assert_eq!(bench.collector.newest_proof(chain, Some(1)).unwrap().commitment, two);
    assert_eq!(bench.collector.newest_proof(chain, Some(2)).unwrap().commitment, one);
    bench.quorum(&second, two).await;
    assert_eq!(bench.collector.newest_proof(chain, Some(2)).unwrap().commitment, two);
}
