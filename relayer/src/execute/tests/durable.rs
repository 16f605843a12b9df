//! Whoever goes on after a crash, at whatever point, or takes the partition over.

use metalayer_proto::{
    commitment::Commitment,
    derivation::Snapshot,
    facts::{Credited, Fact, FactsMap},
    lanes::no_lanes,
    served::ProvenSnapshot,
};

use super::{
    bench::{Bench, bench},
    *,
};
use crate::testing::{Lane, gateway, message};

/// What was broadcast, the same bytes once.
fn distinct(bench: &Bench) -> usize {
    bench.gateway.state().broadcast.iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[tokio::test]
async fn a_crash_between_journal_and_broadcast_broadcasts_the_same_bytes() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.gateway.state().refuses = true;
    bench.run().await;
    let journal = bench.journal().await;
    assert_eq!((journal.len(), distinct(&bench)), (1, 0));
    bench.gateway.state().refuses = false;
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.gateway.state().broadcast, [journal[0].raw.clone()]);
    assert_eq!(bench.journal().await.len(), 1, "nothing else was signed");
    assert_eq!(bench.delivered(), [0, 1, 2]);
    assert_eq!(bench.assignment.low(), Offset(1));
}

#[tokio::test]
async fn a_crash_after_the_broadcast_sends_nothing_twice() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.ready(3..5).await;
    bench.run().await;
    bench.restart().await;
    bench.ready(5..6).await;
    bench.settle().await;
    assert_eq!(distinct(&bench), 3);
    assert_eq!(bench.journal().await.len(), 3);
    assert_eq!(bench.carried(), [vec![0, 1, 2], vec![3, 4], vec![5]]);
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(bench.assignment.low(), Offset(3));
}

#[tokio::test]
async fn a_crash_after_the_block_and_before_the_outcome_sends_nothing_twice() {
    let mut bench = bench().await;
    bench.gateway.state().unfinal = 10;
    bench.gateway.state().failing.insert((bench.lane.origin, 1));
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.mine();
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.carried(), [vec![0, 1, 2]]);
    assert_eq!(bench.assignment.low(), Offset(0), "what is not final is still needed");
    bench.gateway.state().unfinal = 0;
    bench.settle().await;
    assert_eq!(bench.assignment.low(), Offset(1));
    assert_eq!(bench.journal().await.len(), 1);
}

#[tokio::test]
async fn a_crash_after_finality_and_before_the_mark_asks_before_it_sends() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    bench.gateway.mine();
    // Somebody else's, and one of ours that is no longer in the journal's unfinal part: the gateway knows both.
    bench.restart().await;
    bench.ready(3..4).await;
    bench.settle().await;
    assert_eq!(bench.carried(), [vec![0, 1, 2], vec![3]]);
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn whoever_takes_over_again_and_again_goes_on_in_the_same_order() {
    let mut bench = bench().await;
    for sequence in 0..12 {
        bench.ready(sequence..sequence + 1).await;
        bench.run().await;
        if sequence % 2 == 0 {
            bench.restart().await;
            bench.run().await;
        }
        if sequence % 3 == 0 {
            bench.gateway.mine();
        }
    }
    bench.settle().await;
    assert_eq!(bench.delivered(), (0..12).collect::<Vec<_>>());
    let journal = bench.journal().await;
    let nonces: Vec<_> = journal.iter().map(|record| record.nonce).collect();
    assert_eq!(nonces, (0..journal.len() as u64).collect::<Vec<_>>(), "no nonce was signed for twice");
    assert_eq!(distinct(&bench), journal.len());
    assert_eq!(bench.metric("nonces_taken_total"), 0);
}

#[tokio::test]
async fn a_former_owner_that_wakes_up_signs_nothing_that_anybody_sees() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.run().await;
    // Stopped with a transaction under way; meanwhile another member has the partition and uses the next nonces.
    let (assignment, mut former) = bench.take_over().await;
    bench.ready(3..5).await;
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4]);
    let (journal, broadcast) = (bench.journal().await, bench.gateway.state().broadcast.clone());
    bench.ready(5..6).await;
    let ready = bench.records.bus.read(Topic::Ready, Partition(2), Offset(1), 9, Duration::ZERO).await.unwrap();
    assignment.put(ready);
    let error = loop {
        match former.step().await {
            Ok(step) => assert!(matches!(step, Step::Advanced), "it must notice"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.reason(), error.severity()), ("not_owner", Severity::Stage));
    assert_eq!(bench.journal().await, journal);
    assert_eq!(bench.gateway.state().broadcast, broadcast);
    bench.settle().await;
    assert_eq!(bench.delivered(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(bench.metric("nonces_taken_total"), 0);
}

#[tokio::test]
async fn a_journal_that_somebody_wrote_into_is_not_believed() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.gateway.state().refuses = true;
    bench.run().await;
    let mut forged = bench.journal().await[0].clone();
    let mut raw = forged.raw.to_vec();
    *raw.last_mut().unwrap() ^= 1;
    forged.raw = raw.into();
    bench.records.publish(Partition(2), Vec::new(), None, forged).await.unwrap();
    bench.gateway.state().refuses = false;
    bench.restart().await;
    bench.settle().await;
    assert_eq!(bench.dead_letters().await, ["not_ours"]);
    assert_eq!(distinct(&bench), 1);
    assert_eq!(bench.delivered(), [0, 1, 2]);
}

/// All of the lane again, and one message more, as an aggregator that begins hands it on.
async fn all_again(bench: &mut Bench, settled: u64) {
    bench.lane = Lane::default();
    bench.ready(0..settled + 1).await;
}

#[tokio::test]
async fn what_comes_again_after_a_restart_is_not_sent_again() {
    let mut bench = bench().await;
    bench.ready(0..3).await;
    bench.settle().await;
    assert_eq!(bench.assignment.low(), Offset(1), "nothing is queued any more");
    bench.restart().await;
    all_again(&mut bench, 3).await;
    bench.settle().await;
    assert_eq!(bench.carried(), [vec![0, 1, 2], vec![3]]);
    assert_eq!(bench.assignment.low(), Offset(2));
}

#[tokio::test]
async fn of_what_was_settled_by_the_newest_proof_the_gateway_is_not_even_asked() {
    let mut bench = bench().await;
    let mut facts = FactsMap::default();
    // The gateway would say that they are open.
    let credited = Credited::new(2, vec![0b10]).unwrap();
    facts.insert(Fact::Credited { origin: bench.lane.origin, credited });
    let commitment = Commitment {
        origin: gateway(902),
        lanes_root: no_lanes(),
        facts_root: facts.root(),
        ..Lane::default().block(vec![message(0, 0)]).commitment
    };
    let snapshot = Snapshot { facts: facts.snapshot(), ..Snapshot::default() };
    let proven = bench.attesters.prove(commitment, 3);
    bench.archive.serve(&ProvenSnapshot { proven, snapshot }).unwrap();
    all_again(&mut bench, 4).await;
    bench.settle().await;
    assert_eq!(bench.carried(), [vec![2, 4]]);
}
