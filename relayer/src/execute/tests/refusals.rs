//! What is not believed, not taken, or takes a whole transaction with it.

use metalayer_proto::{
    commitment::Commitment,
    envelope::Deliver,
    lanes::{LaneState, LanesTree},
    quorum::ProvenCommitment,
};

use super::{
    bench::{Bench, bench},
    *,
};
use crate::testing::{gateway, message};

async fn all_but_the_culprit_are_delivered(mut bench: Bench, culprit: u64) {
    bench.gateway.state().poison.insert((bench.lane.origin, culprit));
    bench.ready(0..20).await;
    bench.ready_elsewhere(0..4).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), (0..20).filter(|sequence| *sequence != culprit).collect::<Vec<_>>());
    assert_eq!(bench.gateway.delivered(bench.other.origin), [0, 1, 2, 3]);
    assert_eq!(bench.dead_letters().await, ["transaction_reverts"]);
    assert_eq!(bench.assignment.low(), Offset(2));
    bench.ready(20..148).await;
    bench.settle().await;
    assert_eq!(bench.delivered().len(), 147);
}

#[tokio::test]
async fn a_transaction_that_would_revert_is_halved_until_the_culprit_is_alone_and_parked() {
    for culprit in [0, 7, 19] {
        all_but_the_culprit_are_delivered(bench().await, culprit).await;
    }
}

#[tokio::test]
async fn a_transaction_that_reverts_on_chain_is_halved_until_the_culprit_is_alone_and_parked() {
    for culprit in [0, 7, 19] {
        let bench = bench().await;
        bench.gateway.state().foresees = false;
        all_but_the_culprit_are_delivered(bench, culprit).await;
    }
}

#[tokio::test]
async fn a_lane_whose_root_is_refused_is_held_and_the_others_go_on() {
    let mut bench = bench().await;
    bench.gateway.state().frozen.insert(bench.lane.origin);
    bench.ready(0..5).await;
    bench.ready_elsewhere(0..3).await;
    bench.settle().await;
    assert_eq!(bench.gateway.delivered(bench.other.origin), [0, 1, 2]);
    assert!(bench.delivered().is_empty());
    assert!(bench.dead_letters().await.is_empty(), "the messages are good");
    assert_eq!(bench.assignment.low(), Offset(0));
    bench.pass(HOLD).await;
    bench.gateway.state().frozen.clear();
    bench.pass(HOLD).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4]);
}

/// A record of a lane to 904, proven as well as any.
fn to_another_destination(bench: &Bench) -> Deliver {
    let mut lane = crate::testing::Lane::default();
    let mut deliver = lane.deliver(&bench.attesters, vec![message(0, 0)]);
    let state = LaneState { destination: gateway(904), ..deliver.lane };
    let (state, lane_proof) = LanesTree::new(vec![state]).unwrap().prove(gateway(904)).unwrap();
    let Item::Message(message) = &mut deliver.items[0] else { panic!("a message") };
    message.destination = gateway(904);
    let mut frontier = deliver.before.clone();
    frontier.append(deliver.items[0].leaf()).unwrap();
    let state = LaneState { root: frontier.root(), ..state };
    let mut commitment = deliver.commitment;
    commitment.lanes_root = LanesTree::new(vec![state]).unwrap().root();
    let ProvenCommitment { commitment, proof } = bench.attesters.prove(commitment, 3);
    Deliver { commitment, proof, lane: state, lane_proof, ..deliver }
}

#[tokio::test]
async fn forged_records_are_dead_lettered_and_change_nothing() {
    let mut bench = bench().await;
    // The proof of something else.
    let mut forged = crate::testing::Lane::default().deliver(&bench.attesters, vec![message(0, 0), message(1, 0)]);
    let other = Commitment { block_number: 9, ..forged.commitment };
    forged.proof = bench.attesters.prove(other, 3).proof;
    bench.publish(forged).await;
    bench.publish(to_another_destination(&bench)).await;
    let (topic, partition) = (Topic::Ready, Partition(2));
    let record = metalayer_node::bus::Record { topic, partition, key: Vec::new(), value: b"no envelope".to_vec() };
    bench.records.bus.publish(record).await.unwrap();
    bench.run().await;
    let mut reasons = bench.dead_letters().await;
    reasons.sort_unstable();
    assert_eq!(reasons, ["malformed", "other_destination", "unproven"]);
    assert!(bench.journal().await.is_empty());
    assert_eq!(bench.assignment.low(), Offset(3), "nothing of them is needed any more");
    bench.ready(0..3).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
}

#[tokio::test]
async fn an_old_record_that_comes_again_does_not_stop_its_lane() {
    let mut bench = bench().await;
    let old = bench.lane.deliver(&bench.attesters, vec![message(0, 0), message(1, 0)]);
    bench.publish(old.clone()).await;
    bench.ready(2..4).await;
    bench.settle().await;
    bench.publish(old).await;
    bench.run().await;
    bench.ready(4..6).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4, 5]);
    assert!(bench.dead_letters().await.is_empty());
    assert_eq!(bench.assignment.low(), Offset(4));
}

#[tokio::test]
async fn the_newest_record_that_comes_again_sends_nothing() {
    let mut bench = bench().await;
    let newest = bench.lane.deliver(&bench.attesters, vec![message(0, 0), message(1, 0)]);
    bench.publish(newest.clone()).await;
    bench.settle().await;
    bench.publish(newest).await;
    bench.settle().await;
    assert_eq!(bench.carried(), [vec![0, 1]], "no gas for what is settled");
    assert_eq!(bench.assignment.low(), Offset(2));
    bench.ready(2..3).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
}

/// A lone message that goes under a root of which it is known that the gateway had it, until another executor's newer one of the same
/// 256 counts took its place.
async fn a_root_that_was_overtaken_is_shown_again(mut bench: Bench) {
    bench.ready(0..385).await;
    bench.run().await;
    assert_eq!(bench.carried().len(), 3);
    while bench.gateway.mine() {}
    bench.gateway.state().keep(bench.lane.origin, 390);
    bench.settle().await;
    assert_eq!(bench.delivered(), (0..385).collect::<Vec<_>>());
    assert!(bench.dead_letters().await.is_empty(), "nothing is wrong with the message");
    assert_eq!(bench.assignment.low(), Offset(1));
}

#[tokio::test]
async fn a_root_that_another_executor_overtook_is_shown_again() {
    a_root_that_was_overtaken_is_shown_again(bench().await).await;
}

#[tokio::test]
async fn a_root_that_is_overtaken_while_the_transaction_is_under_way_is_shown_again() {
    let bench = bench().await;
    bench.gateway.state().foresees = false;
    a_root_that_was_overtaken_is_shown_again(bench).await;
}
