//! Actions beside deliveries: done once, given up with a reason, and in nobody's way.

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::Decodable2718,
    sol_types::SolCall,
};
use metalayer_proto::{
    envelope::{Action, ClaimFees, LoadChunk, ReclaimVoid},
    events::abi::loadChunkCall,
    facts::{Fact, FactsMap},
    ids::LaneId,
    lane::LaneSlice,
    lanes::LanesTree,
    message::Message,
};

use super::{
    bench::{ATTESTER_SET, Bench, bench},
    *,
};
use crate::testing::{self, gateway, message};

/// A destination at which message 1 has failed, and would succeed now.
async fn one_failed() -> Bench {
    let mut bench = bench().await;
    let place = (bench.lane.origin, 1);
    bench.gateway.state().failing.insert(place);
    bench.ready(0..3).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 2]);
    bench.gateway.state().failing.clear();
    bench
}

fn retry(sequence: u64) -> Action {
    Action::Retry(message(sequence, 0))
}

/// An action that always succeeds, each another one.
fn snapshot(number: u64) -> Action {
    Action::Snapshot(LaneId { origin: gateway(902), destination: gateway(1_000 + number) })
}

#[tokio::test]
async fn an_action_is_done_and_needed_until_it_is_final() {
    let mut bench = one_failed().await;
    bench.gateway.state().unfinal = 10;
    bench.ask(retry(1)).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(1), "not final yet");
    assert_eq!(bench.metric("queued_messages"), 0);
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    assert_eq!(bench.assignment.low(), Offset(2));
    assert_eq!(bench.series("actions_total", "succeeded"), 1);
    assert!(bench.journal().await[1].ranges.is_empty());
    assert!(bench.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_record_that_repeats_is_one_action() {
    let mut bench = one_failed().await;
    for _ in 0..3 {
        bench.ask(retry(1)).await;
        bench.run().await;
    }
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.journal().await.len(), 2, "one transaction for the messages, one for the action");
    assert!(bench.dead_letters().await.is_empty());
    assert_eq!(bench.assignment.low(), Offset(4));
}

#[tokio::test]
async fn what_would_revert_is_given_up_with_the_gateways_reason_and_may_be_asked_for_again() {
    let mut bench = one_failed().await;
    let place = (bench.lane.origin, 1);
    bench.gateway.state().failing.insert(place);
    bench.ask(retry(1)).await;
    bench.ask(retry(2)).await;
    bench.settle().await;
    let letters = bench.letters().await;
    let told: Vec<_> = letters.iter().map(|letter| (letter.offset, letter.reason.as_str())).collect();
    assert_eq!(told, [(1, "still_failing"), (2, "not_failed")]);
    assert!(letters[0].detail.starts_with("retry: its recipient fails again, with 0x0909"), "{}", letters[0].detail);
    assert_eq!(bench.series("actions_total", "refused"), 2);
    assert_eq!(bench.journal().await.len(), 1, "no gas for it");
    assert_eq!(bench.assignment.low(), Offset(3));

    bench.gateway.state().failing.clear();
    bench.ask(retry(1)).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
}

#[tokio::test]
async fn what_reverts_on_chain_is_given_up_with_the_reason_that_it_would_revert_for_now() {
    let mut bench = one_failed().await;
    bench.ask(retry(1)).await;
    bench.run().await;
    // Somebody else's retry comes first.
    let place = (bench.lane.origin, 1);
    bench.gateway.state().failed.remove(&place);
    bench.gateway.state().settled.insert(place, 1);
    bench.settle().await;
    assert_eq!(bench.dead_letters().await, ["not_failed"]);
    assert_eq!(bench.series("actions_total", "reverted"), 1);
    assert_eq!(bench.journal().await.len(), 2, "it is not sent again");
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn what_reverts_for_no_reason_that_is_left_is_given_up_too() {
    let mut bench = one_failed().await;
    bench.gateway.state().reverting = 1;
    bench.ask(retry(1)).await;
    bench.settle().await;
    assert_eq!(bench.dead_letters().await, ["transaction_reverts"]);
    assert_eq!(bench.journal().await.len(), 2);
}

#[tokio::test]
async fn a_crash_between_journal_and_broadcast_broadcasts_the_actions_same_bytes() {
    let mut bench = one_failed().await;
    bench.gateway.state().refuses = true;
    bench.ask(retry(1)).await;
    bench.run().await;
    let journal = bench.journal().await;
    assert_eq!(journal.len(), 2);
    bench.gateway.state().refuses = false;
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.gateway.state().broadcast.last(), Some(&journal[1].raw));
    assert_eq!(bench.journal().await.len(), 2, "nothing else was signed");
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn a_crash_after_the_block_sends_no_action_twice() {
    let mut bench = one_failed().await;
    bench.gateway.state().unfinal = 10;
    bench.ask(retry(1)).await;
    bench.run().await;
    bench.gateway.mine();
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.assignment.low(), Offset(1), "what is not final is still needed");
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    assert_eq!(bench.journal().await.len(), 2);
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn an_action_that_a_reorg_undid_is_done_by_the_same_bytes() {
    let mut bench = one_failed().await;
    bench.gateway.state().unfinal = 10;
    bench.ask(retry(1)).await;
    bench.settle().await;
    bench.gateway.reorg(1);
    bench.pass(LOOK_BACK_EVERY).await;
    assert_eq!(bench.delivered(), [0, 2]);
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    assert_eq!(bench.journal().await.len(), 2, "nothing else was signed");
    assert_eq!(bench.series("actions_total", "succeeded"), 1, "counted once");
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn an_action_whose_nonce_was_taken_is_sent_under_another() {
    let mut bench = one_failed().await;
    bench.ask(retry(1)).await;
    bench.run().await;
    bench.gateway.mine_foreign();
    bench.pass(REBROADCAST_AFTER).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.journal().await.len(), 3);
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn an_action_of_which_the_node_tells_nothing_waits_alone() {
    let mut bench = one_failed().await;
    bench.gateway.state().silent_about_actions = true;
    bench.ask(retry(1)).await;
    bench.run().await;
    bench.ready(3..6).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 2, 3, 4, 5]);
    assert!(bench.dead_letters().await.is_empty());
    bench.gateway.state().silent_about_actions = false;
    bench.pass(HOLD).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(bench.assignment.low(), Offset(3));
}

#[tokio::test]
async fn actions_and_messages_take_turns() {
    let mut bench = bench().await;
    for number in 0..4 {
        bench.ask(snapshot(number)).await;
    }
    for sequence in 0..3 {
        bench.ready_elsewhere(sequence..sequence + 1).await;
    }
    bench.settle().await;
    // The messages go together, after the first action and not after all of them.
    assert_eq!(bench.carried(), [vec![], vec![0, 1, 2], vec![], vec![], vec![]]);
    assert_eq!(bench.gateway.delivered(bench.other.origin), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(7));
}

#[tokio::test]
async fn more_actions_than_may_wait_are_refused_and_hold_up_nothing() {
    let mut bench = bench().await;
    bench.gateway.state().refuses = true;
    for number in 0..=actions::ACTIONS_MAX as u64 {
        bench.ask(snapshot(number)).await;
    }
    bench.run().await;
    assert_eq!(bench.dead_letters().await, ["too_many_actions"]);
}

/// A claim and a reclaim that show everything but that a quorum signed it.
fn unproven(bench: &Bench) -> [Action; 2] {
    let void = Message { origin: gateway(902), destination: gateway(901), ..message(0, 0) };
    let sent = LaneSlice::new(&Default::default(), &[void.id().void_leaf()]).unwrap();
    let state = metalayer_proto::lanes::LaneState { destination: gateway(901), count: 1, root: sent.root() };
    let lanes = LanesTree::new(vec![state]).unwrap();
    let (lane, lane_proof) = lanes.prove(gateway(901)).unwrap();
    let mut proven =
        bench.attesters.prove(testing::Lane::default().deliver(&bench.attesters, vec![message(0, 0)]).commitment, 3);
    proven.commitment.origin = gateway(902);
    proven.commitment.lanes_root = lanes.root();
    let path = sent.prove_range(0, 1).unwrap();
    let (executor, total) = (gateway(1).gateway, alloy::primitives::U256::from(5));
    let fact = Fact::Fees { origin: gateway(902), executor, total };
    let mut facts = FactsMap::default();
    facts.insert(fact.clone());
    let fact_proof = facts.prove(&fact.key()).unwrap().1;
    let mut claimed = proven.clone();
    claimed.commitment.facts_root = facts.root();
    [
        Action::ReclaimVoid(ReclaimVoid { message: void, proven, lane, lane_proof, path }),
        Action::ClaimFees(ClaimFees { origin: gateway(902), proven: claimed, executor, total, fact_proof }),
    ]
}

#[tokio::test]
async fn forged_actions_are_dead_lettered_and_change_nothing() {
    let mut bench = bench().await;
    for action in unproven(&bench) {
        bench.ask(action).await;
    }
    bench.ask(Action::Snapshot(LaneId { origin: gateway(904), destination: gateway(901) })).await;
    bench.settle().await;
    assert_eq!(bench.dead_letters().await, ["unproven", "unproven", "other_destination"]);
    assert!(bench.journal().await.is_empty());
    assert_eq!(bench.assignment.low(), Offset(3));
}

#[tokio::test]
async fn a_chunk_of_a_table_goes_to_the_attester_set_and_to_nobody_whom_a_record_names() {
    let mut bench = bench().await;
    let table = bench.attesters.table.clone();
    let (header, chunk) = (table.header(), table.chunks().next().unwrap());
    let load =
        LoadChunk { destination: gateway(902), header: header.clone().into(), index: 0, chunk: chunk.clone().into() };
    bench.ask(Action::LoadChunk(load)).await;
    bench.settle().await;
    let sent = bench.gateway.state().broadcast.clone();
    let transaction = TxEnvelope::decode_2718(&mut &sent[0][..]).unwrap();
    assert_eq!((sent.len(), transaction.to()), (1, Some(ATTESTER_SET)));
    let call = loadChunkCall::abi_decode(transaction.input()).unwrap();
    assert_eq!((&call.header[..], &call.chunk[..]), (&header[..], &chunk[..]));
    assert_eq!(bench.assignment.low(), Offset(1), "done once it is final");
}
