//! When transactions go out, and what has happened before.

use alloy::sol_types::SolCall;
use metalayer_node::bus::InstanceId;
use metalayer_proto::topics::Group;

use super::{
    bench::{Bench, assigned, bench},
    *,
};

/// More gas than half of what one transaction may use, so that three of them are more than four blocks of it.
const MUCH_GAS: u64 = 10_000_000;

fn all(range: std::ops::Range<u64>) -> Vec<u64> {
    range.collect()
}

#[tokio::test]
async fn an_idle_destination_delivers_at_once() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    assert_eq!(bench.carried(), [all(0..3)]);
    bench.settle().await;
    assert_eq!(bench.delivered(), all(0..3));
}

#[tokio::test]
async fn while_two_are_in_flight_messages_gather_for_the_next() {
    let mut bench = bench().await;
    for sequence in 0..5 {
        bench.ready(sequence..sequence + 1).await;
        bench.run().await;
    }
    assert_eq!(bench.carried(), [all(0..1), all(1..2)], "two at once, and no third");
    assert!(bench.gateway.mine());
    bench.run().await;
    assert_eq!(bench.carried()[2..], [all(2..5)], "all that gathered, in one");
    bench.settle().await;
    assert_eq!(bench.delivered(), all(0..5));
}

#[tokio::test]
async fn a_third_goes_only_if_it_is_full() {
    let mut bench = bench().await;
    let full = lane::MESSAGES_MAX as u64;
    for range in [0..1, 1..2, 2..full + 1] {
        bench.ready(range).await;
        bench.run().await;
    }
    assert_eq!(bench.carried().len(), 2, "127 are not enough");
    bench.ready(full + 1..full + 2).await;
    bench.run().await;
    assert_eq!(bench.carried()[2..], [all(2..full + 2)]);
    bench.ready(full + 2..3 * full).await;
    bench.run().await;
    assert_eq!(bench.carried().len(), 3, "never a fourth");
    bench.settle().await;
    assert_eq!(bench.delivered(), all(0..3 * full));
}

#[tokio::test]
async fn a_third_waits_while_two_blocks_of_gas_are_under_way() {
    let mut bench = bench().await;
    let full = lane::MESSAGES_MAX as u64;
    bench.gateway.state().gas = MUCH_GAS;
    bench.gateway.state().gas_limit = MUCH_GAS;
    for range in [0..1, 1..2, 2..full + 2] {
        bench.ready(range).await;
        bench.run().await;
    }
    assert_eq!(bench.carried().len(), 2);
    bench.gateway.state().gas_limit = 2 * MUCH_GAS;
    bench.run().await;
    assert_eq!(bench.carried().len(), 3);
}

#[tokio::test]
async fn a_root_that_the_gateway_has_is_not_shown_again() {
    let mut bench = bench().await;
    bench.ready(0..200).await;
    bench.settle().await;
    assert_eq!(bench.carried(), [all(0..128), all(128..200)]);
    let accepts = |raw: &Bytes| {
        let call = metalayer_proto::events::abi::acceptAndDeliverCall::SELECTOR;
        raw.windows(call.len()).filter(|window| *window == call).count()
    };
    let sent = |bench: &Bench| bench.gateway.state().broadcast.iter().map(accepts).collect::<Vec<_>>();
    assert_eq!(sent(&bench), [1, 1], "the second was under way before the first had landed");
    // Under one root again, one after the other.
    bench.ready(200..600).await;
    bench.settle().await;
    assert_eq!(sent(&bench)[2..], [1, 1, 1, 0]);
    assert_eq!(bench.delivered(), all(0..600));
}

#[tokio::test]
async fn a_transaction_is_journaled_before_it_is_broadcast() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.gateway.state().refuses = true;
    bench.run().await;
    // The gateway itself asserts that what it sees is in the journal; here it saw nothing.
    let journal = bench.journal().await;
    let lane = LaneId { origin: bench.lane.origin, destination: bench.stage.parts.destination };
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].ranges, [DeliveredRange { lane, first: 0, length: 3 }]);
    assert_eq!(journal[0].nonce, 0);
    assert!(bench.gateway.state().broadcast.is_empty());
}

#[tokio::test]
async fn a_former_owner_broadcasts_nothing() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.feed().await;
    let mut second = bench.records.bus.clone().join(Group::Execute, InstanceId("second".into())).await.unwrap();
    bench.feed().await;
    let taken = assigned(&bench.records, &mut second).await;
    assert!(taken.ownership.lease > bench.assignment.ownership.lease);
    let error = bench.try_run().await.unwrap_err();
    assert_eq!((error.reason(), error.severity()), ("not_owner", Severity::Stage));
    assert!(bench.journal().await.is_empty());
    assert!(bench.gateway.state().broadcast.is_empty());
}

#[tokio::test]
async fn a_node_that_refuses_or_does_not_answer_loses_nothing() {
    let mut bench = bench().await;
    bench.gateway.state().down = true;
    bench.ready(0..3).await;
    assert_eq!(bench.try_run().await.unwrap_err().severity(), Severity::Retryable);
    bench.gateway.state().down = false;
    bench.gateway.state().refuses = true;
    bench.run().await;
    assert_eq!(bench.metric("broadcasts_refused_total"), 1);
    bench.gateway.state().refuses = false;
    bench.run().await;
    assert!(bench.carried().is_empty(), "it is under way, as far as anybody knows");
    bench.pass(REBROADCAST_AFTER).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), all(0..3));
    assert_eq!(bench.journal().await.len(), 1, "no second transaction was signed");
}

#[tokio::test]
async fn without_a_receipt_the_same_bytes_are_broadcast_again() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.pass(REBROADCAST_AFTER - Duration::from_millis(1)).await;
    assert_eq!(bench.gateway.state().broadcast.len(), 1);
    bench.pass(Duration::from_millis(1)).await;
    let broadcast = bench.gateway.state().broadcast.clone();
    assert_eq!(broadcast.len(), 2);
    assert_eq!(broadcast[0], broadcast[1]);
    bench.pass(REBROADCAST_AFTER / 2).await;
    assert_eq!(bench.gateway.state().broadcast.len(), 2);
    bench.settle().await;
    assert_eq!(bench.delivered(), all(0..3));
}
