//! Which heights an origin's stage signs, and what stops it.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use metalayer_node::{
    chain::BlockContent,
    clock::Clock,
    task::{Severity, StageError},
};
use proptest::{collection::vec, prelude::*};

use super::bench::{Bench, FlakyReader, commitment, guard_over, prove, settle};

#[derive(Clone, Debug)]
enum Act {
    Empty(u64),
    Message,
    /// A log of the gateway that changes no lane.
    Route,
    Final,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => (1..150_u64).prop_map(Act::Empty),
        3 => Just(Act::Message),
        1 => Just(Act::Route),
        3 => Just(Act::Final),
    ];
    vec(act, 1..14)
}

/// The rule in its own words: heights of a move (from, to] of finality, signed if a heartbeat or if a lane changed in the
/// window that the height ends.
fn expected(from: u64, to: u64, changed: &[u64]) -> Vec<u64> {
    let low = |height: u64| 1 << height.trailing_zeros();
    let meets = |height: &u64| (0..64).any(|bit| to >> bit << bit == *height);
    let due = |height: &u64| {
        height.is_multiple_of(256) || changed.iter().any(|at| (height - low(*height) + 1..=*height).contains(at))
    };
    (from + 1..=to).filter(meets).filter(due).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn signs_exactly_the_heights_of_the_rule(acts in acts()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let mut bench = Bench::new(901);
            let mut origin = bench.origin();
            let (mut seen, mut tip, mut changed) = (0, 1, Vec::new());
            for act in acts {
                match act {
                    Act::Empty(blocks) => { bench.mine_empty(blocks); tip += blocks; }
                    Act::Message => { tip = bench.mine_message(); changed.push(tip); }
                    Act::Route => { tip = bench.chain.mine(BlockContent::of([bench.route()])).number; }
                    Act::Final => {
                        bench.chain.finalize();
                        settle(&mut origin).await.unwrap();
                        assert_eq!(bench.heights(), expected(seen, tip, &changed));
                        seen = tip;
                    }
                }
                settle(&mut origin).await.unwrap();
                assert!(bench.heights().is_empty(), "signed what is not final, or twice");
            }
        });
    }
}

#[tokio::test]
async fn what_is_not_final_is_not_signed() {
    let mut bench = Bench::new(901);
    let mut origin = bench.origin();
    let height = bench.mine_message();
    settle(&mut origin).await.unwrap();
    assert!(bench.heights().is_empty());
    // The block is replaced before it is final: only its successor is signed.
    bench.chain.rewind(height);
    bench.mine_empty(1);
    let last = bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert!(bench.heights().is_empty(), "no lane changed in the history that became final");
    assert_eq!(last.number, height);
}

#[tokio::test]
async fn an_idle_chain_is_signed_at_its_heartbeat_alone() {
    let bench = Bench::new(901);
    let mut origin = bench.origin();
    let mut signed = Vec::new();
    for _ in 0..300 {
        bench.mine_empty(1);
        bench.chain.finalize();
        settle(&mut origin).await.unwrap();
        signed.extend(bench.heights());
    }
    assert_eq!(signed, [256]);
}

#[tokio::test]
async fn a_call_that_fails_for_a_while_loses_no_height() {
    let mut fail_at = 0;
    loop {
        let mut bench = Bench::new(901);
        bench.mine_message();
        bench.mine_empty(298);
        bench.mine_message();
        bench.chain.finalize();
        let reader = FlakyReader::new(bench.chain.reader(vec![bench.id.gateway]), [fail_at]);
        let mut origin = bench.origin_reading(reader.clone());
        let first = settle(&mut origin).await;
        if let Err(error) = &first {
            assert_eq!(error.severity(), Severity::Retryable);
            settle(&mut origin).await.unwrap();
        }
        assert_eq!(bench.heights(), expected(0, 301, &[2, 301]), "call {fail_at} failed");
        if first.is_ok() {
            assert!(fail_at >= 7, "finality, two reads with their ends, and the last one");
            assert_eq!(reader.calls.load(Ordering::SeqCst), fail_at);
            return;
        }
        fail_at += 1;
    }
}

#[tokio::test]
async fn a_restarted_process_goes_on_and_never_contradicts_itself() {
    let mut bench = Bench::new(901);
    let mut digests = BTreeMap::new();
    for round in 1..=6 {
        // Each process sees finality in moves of its own.
        let mut origin = bench.origin();
        for _ in 0..round {
            let tip = bench.mine_message();
            bench.chain.finalize();
            settle(&mut origin).await.unwrap();
            let signed = bench.signed();
            assert!(signed.iter().any(|one| one.block_number == tip), "goes on");
            for one in signed {
                assert_eq!(*digests.entry(one.block_number).or_insert(one.digest()), one.digest());
            }
        }
    }
}

#[tokio::test]
async fn a_process_whose_endpoints_are_behind_its_last_signature_waits() {
    let mut ahead = Bench::new(901);
    (0..6).for_each(|_| {
        ahead.mine_message();
    });
    ahead.chain.finalize();
    settle(&mut ahead.origin()).await.unwrap();
    assert_eq!(ahead.heights(), [4, 6, 7]);

    let mut behind = Bench::over(901, ahead.store.clone());
    let mut origin = behind.origin();
    (0..4).for_each(|_| {
        behind.mine_message();
    });
    behind.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert_eq!(behind.heights(), [4], "only the very same again, never 5");
    (0..3).for_each(|_| {
        behind.mine_message();
    });
    behind.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert_eq!(behind.heights(), [8]);
}

#[tokio::test]
async fn a_guard_that_holds_another_digest_stops_the_origin() {
    let mut bench = Bench::new(901);
    bench.mine_message();
    let last = bench.mine_message();
    bench.chain.finalize();
    guard_over(&bench.store).admit(&commitment(901, last), None).await.unwrap();
    let error = settle(&mut bench.origin()).await.unwrap_err();
    assert_eq!((error.severity(), error.reason()), (Severity::Chain, "guard_refuses"));
    assert!(!bench.heights().contains(&last));
    let metrics = bench.registry.render().unwrap();
    assert!(
        metrics.contains("metalayer_guard_refusals_total{origin=\"eip155:901\",reason=\"conflict\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_origin_that_lies_is_stopped_alone() {
    let mut liar = Bench::new(901);
    let mut honest = Bench::over(900, liar.store.clone());
    let (mut lying, mut other) = (liar.origin(), honest.origin());
    liar.mine_message();
    liar.chain.finalize();
    settle(&mut lying).await.unwrap();
    assert_eq!(liar.heights(), [2]);

    liar.mine_lie();
    liar.mine_message();
    liar.chain.finalize();
    for _ in 0..2 {
        let error = settle(&mut lying).await.unwrap_err();
        assert_eq!((error.severity(), error.reason()), (Severity::Chain, "origin_lies"));
    }
    assert!(liar.heights().is_empty());

    let height = honest.mine_message();
    honest.chain.finalize();
    settle(&mut other).await.unwrap();
    assert_eq!(honest.heights(), [height]);
}

#[tokio::test]
async fn lanes_that_are_proven_are_not_signed_again() {
    let mut first = Bench::new(901);
    first.mine_message();
    first.chain.finalize();
    settle(&mut first.origin()).await.unwrap();
    let signed = first.signed()[0];

    let mut bench = Bench::new(901);
    bench.proven.take(&prove(signed), bench.clock.now()).unwrap();
    let mut origin = bench.origin();
    bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert!(bench.heights().is_empty());
    let next = bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.heights().last(), Some(&next));
}

#[tokio::test]
async fn a_heartbeat_is_skipped_once_it_has_been_proven_for_an_hour() {
    for (waited, heights) in [(3_600, vec![256]), (3_601, vec![])] {
        let bench = Bench::new(901);
        bench.proven.take(&prove(commitment(901, 300)), bench.clock.now()).unwrap();
        bench.clock.advance(Duration::from_secs(waited));
        bench.mine_empty(260);
        bench.chain.finalize();
        settle(&mut bench.origin()).await.unwrap();
        assert_eq!(bench.heights(), heights, "after {waited} s");
    }
}
