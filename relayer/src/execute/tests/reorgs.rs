//! What a reorg of the destination undoes is done again, and nothing is forgotten before it is final.

use metalayer_proto::message::Message;

use super::{
    bench::{Bench, bench},
    *,
};
use crate::testing::message;

/// Three messages, each in a block of its own, none of them final.
async fn three_blocks() -> Bench {
    let mut bench = bench().await;
    bench.gateway.state().unfinal = 10;
    for sequence in 0..3 {
        bench.ready(sequence..sequence + 1).await;
        bench.settle().await;
    }
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(0));
    bench
}

async fn all_final(mut bench: Bench) {
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(3));
    assert_eq!(bench.metric("queued_messages"), 0);
    assert_eq!(bench.metric("transactions_unfinal"), 0);
}

#[tokio::test]
async fn what_a_reorg_undid_is_delivered_by_the_same_bytes() {
    for depth in 1..=3 {
        let mut bench = three_blocks().await;
        bench.gateway.reorg(depth);
        bench.pass(LOOK_BACK_EVERY).await;
        assert_eq!(bench.metric("transactions_undone_total"), depth as u64);
        assert_eq!(bench.metric("queued_messages"), depth as u64);
        bench.settle().await;
        assert_eq!(bench.journal().await.len(), 3, "nothing else was signed");
        assert_eq!(bench.metric("transactions_total"), 3, "each is counted once");
        all_final(bench).await;
    }
}

#[tokio::test]
async fn a_reorg_while_nobody_looked_is_noticed_by_whoever_goes_on() {
    let mut bench = three_blocks().await;
    bench.gateway.reorg(2);
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.journal().await.len(), 3);
    all_final(bench).await;
}

#[tokio::test]
async fn a_reorg_that_cost_the_nonce_sends_the_messages_again() {
    let mut bench = three_blocks().await;
    bench.gateway.reorg(2);
    bench.gateway.mine_foreign();
    bench.pass(LOOK_BACK_EVERY).await;
    bench.settle().await;
    assert_eq!(bench.metric("nonces_taken_total"), 1);
    let journal = bench.journal().await;
    assert_eq!(journal.last().unwrap().ranges[0].first, 1, "what the lost nonce carried, under another");
    all_final(bench).await;
}

#[tokio::test]
async fn what_others_delivered_is_sent_after_all_if_a_reorg_undoes_it() {
    let mut bench = bench().await;
    bench.gateway.state().unfinal = 10;
    bench.gateway.mine_empty();
    bench.run().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.state().settled.insert((bench.lane.origin, 1), 1);
    bench.gateway.mine_empty();
    bench.settle().await;
    assert_eq!(bench.carried(), [vec![0, 1, 2]]);
    bench.gateway.state().settled.remove(&(bench.lane.origin, 1));
    // Everything from the block on in which it was seen is another history.
    bench.gateway.reorg(1);
    bench.gateway.mine_empty();
    bench.gateway.state().settled.remove(&(bench.lane.origin, 1));
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(1));
}

#[tokio::test]
async fn who_waited_for_a_predecessor_that_a_reorg_undid_is_delivered_in_order() {
    let mut bench = bench().await;
    bench.gateway.state().unfinal = 10;
    bench.ready(0..1).await;
    bench.settle().await;
    let ordered: Vec<Message> = (1..3).map(|sequence| message(sequence, sequence)).collect();
    bench.ready_messages(ordered).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    bench.gateway.reorg(2);
    bench.pass(LOOK_BACK_EVERY).await;
    bench.settle().await;
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(2));
}
