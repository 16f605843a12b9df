//! What is paid, and what is waited for.

use super::{
    bench::{Bench, CEILING, bench},
    *,
};
use crate::execute::transactions::{REPLACE_AFTER, REPLACE_AFTER_BLOCKS};

/// Blocks pass that take nothing of ours, for as long as it takes until bytes are replaced.
async fn is_passed_over(bench: &mut Bench) {
    bench.pass(REBROADCAST_AFTER).await;
    for _ in 0..REPLACE_AFTER_BLOCKS {
        bench.gateway.mine_empty();
    }
    bench.pass(REPLACE_AFTER).await;
}

fn journaled(bench: &[TransactionRecord]) -> Vec<u64> {
    bench.iter().map(|record| record.nonce).collect()
}

#[tokio::test]
async fn a_price_that_was_overtaken_is_raised_by_a_journaled_replacement() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.state().base_fee = 40;
    assert!(!bench.gateway.mine(), "too cheap");
    is_passed_over(&mut bench).await;
    assert_eq!(journaled(&bench.journal().await), [0, 0]);
    assert_eq!(bench.metric("transactions_replaced_total"), 1);
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(1));
    assert_eq!(bench.carried().len(), 1, "the same call");
}

#[tokio::test]
async fn either_of_two_attempts_may_be_the_one_that_is_included() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.state().base_fee = 40;
    // The node never sees the dearer bytes.
    bench.pass(REBROADCAST_AFTER).await;
    bench.gateway.state().refuses = true;
    is_passed_over(&mut bench).await;
    bench.gateway.state().refuses = false;
    assert_eq!(journaled(&bench.journal().await), [0, 0]);
    bench.gateway.state().base_fee = 1;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(1));
}

#[tokio::test]
async fn whoever_takes_over_knows_all_attempts() {
    for refused in [false, true] {
        let mut bench = bench().await;
        bench.ready(0..3).await;
        bench.run().await;
        bench.gateway.state().base_fee = 40;
        bench.pass(REBROADCAST_AFTER).await;
        bench.gateway.state().refuses = refused;
        is_passed_over(&mut bench).await;
        bench.gateway.state().refuses = false;
        bench.gateway.state().base_fee = 1;
        bench.gateway.state().unfinal = 10;
        assert!(bench.gateway.mine());
        bench.restart().await;
        bench.settle().await;
        assert_eq!(bench.metric("transactions_unfinal"), 1, "whichever it was");
        bench.gateway.state().unfinal = 0;
        bench.settle().await;
        assert_eq!(bench.delivered(), [0, 1, 2]);
        assert_eq!(bench.assignment.low(), Offset(1));
        assert_eq!(bench.metric("nonces_taken_total"), 0);
        assert_eq!(bench.carried().len(), 1);
    }
}

#[tokio::test]
async fn a_chain_that_stands_still_is_no_reason_to_pay_more() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    for _ in 0..20 {
        bench.pass(REPLACE_AFTER).await;
    }
    assert_eq!(bench.journal().await.len(), 1);
}

#[tokio::test]
async fn above_the_ceiling_nothing_is_sent_and_it_is_said() {
    let mut bench = bench().await;
    bench.gateway.state().base_fee = CEILING;
    bench.ready(0..3).await;
    bench.settle().await;
    assert!(bench.journal().await.is_empty());
    assert_eq!(bench.series("sending_waits", "price_ceiling"), 1);
    bench.gateway.state().base_fee = CEILING - 1;
    bench.pass(WAIT).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.metric("sending_waits"), 0);
}

#[tokio::test]
async fn no_replacement_goes_above_the_ceiling() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.state().base_fee = 10 * CEILING;
    for _ in 0..10 {
        is_passed_over(&mut bench).await;
    }
    assert_eq!(bench.journal().await.len(), 1);
    assert_eq!(bench.series("sending_waits", "price_ceiling"), 1);
    bench.gateway.state().base_fee = CEILING - 1;
    is_passed_over(&mut bench).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.metric("sending_waits"), 0);
}

#[tokio::test]
async fn an_account_that_cannot_pay_waits_and_says_so() {
    let mut bench = bench().await;
    bench.gateway.state().balance = 1_000;
    bench.ready(0..3).await;
    bench.settle().await;
    assert!(bench.journal().await.is_empty());
    assert_eq!(bench.series("sending_waits", "no_funds"), 1);
    bench.gateway.state().balance = u128::MAX;
    bench.pass(WAIT).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.metric("sending_waits"), 0);
}

#[tokio::test]
async fn what_is_under_way_is_paid_for_before_more_is_promised() {
    let mut bench = bench().await;
    // Enough for one transaction and a half.
    bench.gateway.state().balance = 5_000_000;
    bench.ready(0..1).await;
    bench.run().await;
    bench.ready(1..2).await;
    bench.run().await;
    assert_eq!(bench.journal().await.len(), 1);
    assert_eq!(bench.series("sending_waits", "no_funds"), 1);
    bench.gateway.mine();
    bench.pass(WAIT).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1]);
}
