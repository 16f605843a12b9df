//! What becomes of messages: delivered, failed, skipped, and what the group may forget.

use metalayer_proto::message::Message;

use super::{bench::bench, *};
use crate::testing::message;

/// Messages of which one waits for its predecessor.
fn ordered(sequences: std::ops::Range<u64>, waiting: u64) -> Vec<Message> {
    sequences.map(|sequence| message(sequence, if sequence == waiting { sequence } else { 0 })).collect()
}

#[tokio::test]
async fn a_failing_message_holds_nobody_up_and_is_not_sent_again() {
    let mut bench = bench().await;
    bench.gateway.state().failing.insert((bench.lane.origin, 1));
    bench.ready(0..4).await;
    bench.settle().await;
    bench.ready(4..6).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 2, 3, 4, 5]);
    assert_eq!(bench.carried(), [vec![0, 1, 2, 3], vec![4, 5]]);
    assert_eq!(bench.assignment.low(), Offset(2), "it is retried or refused from the chain");
    assert!(bench.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_skipped_message_waits_while_its_predecessor_has_failed_and_wakes_when_that_settles() {
    let mut bench = bench().await;
    let predecessor = (bench.lane.origin, 1);
    bench.gateway.state().failing.insert(predecessor);
    bench.ready_messages(ordered(0..4, 2)).await;
    bench.settle().await;
    for _ in 0..3 {
        bench.pass(AWAITED_EVERY).await;
    }
    assert_eq!(bench.delivered(), [0, 3]);
    assert_eq!(bench.carried().len(), 1, "it waits, and is not tried in vain");
    assert_eq!(bench.assignment.low(), Offset(0), "its record is still needed");
    // Somebody retries the predecessor.
    bench.gateway.state().failed.remove(&predecessor);
    bench.gateway.state().settled.insert(predecessor, 1);
    bench.pass(AWAITED_EVERY).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3]);
    assert_eq!(bench.carried()[1..], [vec![2]]);
    assert_eq!(bench.assignment.low(), Offset(1));
}

#[tokio::test]
async fn a_skipped_message_wakes_when_its_predecessor_is_delivered_here() {
    let mut bench = bench().await;
    bench.gateway.state().reverting = 1;
    bench.ready(0..2).await;
    bench.run().await;
    bench.ready_messages(ordered(2..3, 2)).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.carried(), [vec![0, 1], vec![2], vec![0], vec![1], vec![2]]);
}

#[tokio::test]
async fn a_skipped_message_goes_on_waiting_when_its_predecessor_fails_here() {
    let mut bench = bench().await;
    bench.gateway.state().reverting = 1;
    bench.gateway.state().failing.insert((bench.lane.origin, 1));
    bench.ready(0..2).await;
    bench.run().await;
    bench.ready_messages(ordered(2..3, 2)).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0]);
    assert_eq!(bench.carried(), [vec![0, 1], vec![2], vec![0], vec![1]], "2 is not tried in vain");
}

#[tokio::test]
async fn a_message_that_was_settled_by_somebody_else_leaves_the_queue() {
    let mut bench = bench().await;
    bench.gateway.state().settled.insert((bench.lane.origin, 1), 1);
    bench.gateway.state().failed.insert((bench.lane.origin, 2));
    bench.ready(0..4).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 3]);
    assert_eq!(bench.assignment.low(), Offset(1));
    assert_eq!(bench.carried().len(), 1);
}

#[tokio::test]
async fn the_mark_moves_only_when_everything_below_is_done() {
    let mut bench = bench().await;
    for sequence in 0..3 {
        bench.ready(sequence..sequence + 1).await;
        bench.run().await;
    }
    assert_eq!(bench.assignment.low(), Offset(0), "in flight is not done");
    bench.gateway.state().reverting = 1;
    bench.gateway.state().foresees = false;
    bench.gateway.mine();
    bench.run().await;
    // The first came to nothing, alone: it is parked. The others are still under way.
    assert_eq!(bench.dead_letters().await, ["transaction_reverts"]);
    assert_eq!(bench.assignment.low(), Offset(1));
    bench.settle().await;
    assert_eq!(bench.delivered(), [1, 2]);
    assert_eq!(bench.assignment.low(), Offset(3));
}

#[tokio::test]
async fn an_answer_that_breaks_off_after_a_receipt_is_read_again() {
    let mut bench = bench().await;
    bench.run().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.state().settled.insert((bench.lane.origin, 1), 1);
    bench.gateway.mine();
    // The node goes on telling receipts, but no status.
    bench.gateway.state().answers_calls = false;
    for _ in 0..3 {
        assert_eq!(bench.try_run().await.unwrap_err().reason(), "too_few_answers");
    }
    bench.gateway.state().answers_calls = true;
    bench.settle().await;
    assert_eq!(bench.metric("transactions_total"), 1, "counted once");
    assert_eq!(bench.metric("gas_used_total"), 1);
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(1));
}
