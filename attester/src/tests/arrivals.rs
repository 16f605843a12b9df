//! What an origin says of other origins' messages: believed once this attester has derived it, waited for until then.

use std::sync::atomic::Ordering;

use alloy::primitives::Log;
use metalayer_node::{
    chain::{BlockContent, ChainReader},
    task::{Severity, Stage, StageError, Step},
};
use metalayer_proto::{
    act::Act,
    derivation::{Arrivals, Derivation},
    message::Message,
};

use super::bench::{Bench, FlakyReader, settle};
use crate::origin::Origin;

/// The stable word of what the stage waits for, when it has nothing else to do.
async fn waits_for(origin: &mut Origin) -> Option<&'static str> {
    settle(origin).await.unwrap();
    match origin.step().await.unwrap() {
        Step::Blocked(blocked) => Some(blocked.reason),
        Step::Idle(_) => None,
        Step::Advanced => panic!("it was settled"),
    }
}

fn gauge(bench: &Bench, name: &str) -> i64 {
    let line = format!("metalayer_{name}{{origin=\"{}\"}} ", bench.id.chain);
    let text = bench.registry.render().unwrap();
    text.lines().find_map(|one| one.strip_prefix(&line)).map_or(0, |value| value.parse().unwrap())
}

fn mine(bench: &Bench, logs: Vec<Log>) -> u64 {
    let height = bench.chain.mine(BlockContent { transactions: vec![logs], ..BlockContent::default() }).number;
    bench.chain.finalize();
    height
}

/// A message of `from` in a final block.
fn send(from: &mut Bench) -> Message {
    let message = from.next_message();
    mine(from, vec![from.sent_log(&message)]);
    message
}

#[tokio::test]
async fn an_arrival_waits_until_its_origin_was_derived_and_then_goes_on_by_itself() {
    let mut from = Bench::new(901);
    let mut to = from.beside(900);
    let (mut origin, reader) = (from.origin(), FlakyReader::new(to.chain.reader(vec![to.id.gateway]), []));
    let mut destination = to.origin_reading(reader.clone());
    let message = send(&mut from);
    mine(&to, to.delivered_logs(&message));
    let height = {
        let message = to.next_message();
        mine(&to, vec![to.sent_log(&message)])
    };

    for _ in 0..3 {
        assert_eq!(waits_for(&mut destination).await, Some("arrival_unproven"));
    }
    assert_eq!(gauge(&to, "arrivals_unproven"), 1);
    assert!(to.heights().is_empty(), "nothing behind it is signed");
    let calls = reader.calls.load(Ordering::SeqCst);
    assert_eq!(waits_for(&mut destination).await, Some("arrival_unproven"));
    assert_eq!(reader.calls.load(Ordering::SeqCst), calls, "it waits without asking anybody");

    settle(&mut origin).await.unwrap();
    assert_eq!(gauge(&from, "sent_messages"), 1);
    assert_eq!(waits_for(&mut destination).await, None);
    assert_eq!(gauge(&to, "arrivals_unproven"), 0);
    let signed = to.signed();
    assert_eq!(signed.last().map(|one| one.block_number), Some(height));
    assert_eq!(signed.last().copied(), derived(&from, &to).await.commitment());
    assert_eq!(from.sent.rows_of(from.id.chain), 1, "a restart would ask for it again, until both are kept past it");
}

/// The destination as proto alone derives it from the same blocks.
async fn derived(from: &Bench, to: &Bench) -> Derivation {
    let mut arrivals = Arrivals::default();
    let mut derivations = [from, to].map(|bench| Derivation::new(bench.deployment()));
    for (derivation, bench) in derivations.iter_mut().zip([from, to]) {
        let reader = bench.chain.reader(vec![bench.id.gateway]);
        for block in reader.read(1, reader.finalized().await.unwrap()).await.unwrap() {
            for change in derivation.apply(&block, &arrivals).unwrap().lanes {
                let root = derivation.trusted_root(change.destination).unwrap();
                root.show_growth(&change).unwrap().into_iter().for_each(|one| arrivals.keep(one).unwrap());
            }
        }
    }
    let [_, to] = derivations;
    to
}

/// SECURITY: the origin rollup itself lies.
#[tokio::test]
async fn arrivals_nobody_sent_stop_that_origin_alone() {
    let mut honest = Bench::new(901);
    let liar = honest.beside(900);
    let (mut other, mut lying) = (honest.origin(), liar.origin());
    let forged = Message { gas_limit: 7, ..honest.next_message() };
    mine(&liar, liar.delivered_logs(&forged));
    assert_eq!(waits_for(&mut lying).await, Some("arrival_unproven"));
    assert_eq!(waits_for(&mut other).await, None);

    // Its sequence is sent after all, and is another message.
    let message = Message { gas_limit: 200_000, ..forged };
    let height = mine(&honest, vec![honest.sent_log(&message)]);
    settle(&mut other).await.unwrap();
    assert_eq!(honest.heights(), [height]);
    for _ in 0..2 {
        let error = settle(&mut lying).await.unwrap_err();
        assert_eq!((error.severity(), error.reason()), (Severity::Chain, "origin_lies"));
    }
    let height = {
        let message = honest.next_message();
        mine(&honest, vec![honest.sent_log(&message)])
    };
    settle(&mut other).await.unwrap();
    assert_eq!(honest.heights(), [height]);
    assert!(liar.heights().is_empty());
}

/// SECURITY: a rollup withholds a governance act the hub did send.
#[tokio::test]
async fn overdue_rules_are_not_signed_until_the_hub_moves_the_date() {
    let mut rollup = Bench::new(901);
    let mut hub = rollup.beside(900);
    let (mut origin, mut hubs) = (rollup.origin(), hub.origin());
    // Blocks of a chain in memory are one second apart: the time of block 3 is past this.
    let due = |hub: &mut Bench, by| {
        let message = hub.next_act(&Act::SetRulesVersion { version: 2, by });
        mine(hub, vec![hub.sent_log(&message)]);
    };
    due(&mut hub, 2);
    settle(&mut hubs).await.unwrap();
    assert_eq!(hub.heights().len(), 1);

    send(&mut rollup);
    assert_eq!(waits_for(&mut origin).await, None);
    assert_eq!(rollup.heights(), [2], "in time");
    send(&mut rollup);
    assert_eq!(waits_for(&mut origin).await, Some("rules_overdue"));
    assert!(rollup.heights().is_empty());
    assert_eq!(gauge(&rollup, "rules_overdue"), 1);

    due(&mut hub, 1_000);
    settle(&mut hubs).await.unwrap();
    assert_eq!(waits_for(&mut origin).await, None);
    assert_eq!((rollup.heights(), gauge(&rollup, "rules_overdue")), (vec![3], 0));
}
