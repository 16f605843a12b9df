//! Nonces that somebody else used, or that nobody did, and bytes that were dropped.

use super::{bench::bench, *};

#[tokio::test]
async fn a_nonce_that_another_process_took_is_noticed_and_its_messages_are_sent_again() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.mine_foreign();
    bench.ready(3..5).await;
    bench.run().await;
    bench.pass(REBROADCAST_AFTER).await;
    assert_eq!(bench.metric("nonces_taken_total"), 1);
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4]);
    assert_eq!(bench.carried(), [vec![0, 1, 2], vec![3, 4], vec![0, 1, 2]]);
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn nonces_that_another_process_used_while_idle_are_passed_over() {
    let mut bench = bench().await;
    bench.ready(0..1).await;
    bench.settle().await;
    bench.gateway.mine_foreign();
    bench.gateway.mine_foreign();
    bench.ready(1..2).await;
    bench.settle().await;
    assert_eq!(bench.journal().await.last().unwrap().nonce, 3);
    assert_eq!(bench.delivered(), [0, 1]);
}

#[tokio::test]
async fn a_nonce_that_nobody_uses_any_more_is_filled() {
    let mut bench = bench().await;
    // Another process's transaction, which a reorg undoes after ours was built on it.
    bench.gateway.mine_foreign();
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.reorg(1);
    bench.settle().await;
    assert!(bench.delivered().is_empty(), "nonce 1 cannot be mined before 0");
    bench.pass(REBROADCAST_AFTER).await;
    assert_eq!(bench.metric("nonces_filled_total"), 1);
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    let journal = bench.journal().await;
    let journaled: Vec<_> = journal.iter().map(|record| (record.nonce, record.ranges.len())).collect();
    assert_eq!(journaled, [(1, 1), (0, 0)], "journaled as well, and carries nothing");
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.journal().await.len(), 2);
    assert_eq!(bench.assignment.low(), Offset(1));
}

#[tokio::test]
async fn a_node_that_tells_nonsense_about_nonces_is_not_followed() {
    let mut bench = bench().await;
    for _ in 0..40 {
        bench.gateway.mine_foreign();
    }
    bench.ready(0..1).await;
    bench.run().await;
    bench.gateway.reorg(40);
    bench.pass(REBROADCAST_AFTER).await;
    assert_eq!(bench.metric("nonces_filled_total"), 0);
    assert_eq!(bench.journal().await.len(), 1);
}

#[tokio::test]
async fn bytes_that_a_node_dropped_are_broadcast_again() {
    let mut bench = bench().await;
    for sequence in 0..2 {
        bench.ready(sequence..sequence + 1).await;
        bench.run().await;
    }
    bench.gateway.drop_pool();
    bench.settle().await;
    assert!(bench.delivered().is_empty());
    bench.pass(REBROADCAST_AFTER).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1]);
    assert_eq!(bench.journal().await.len(), 2);
}
