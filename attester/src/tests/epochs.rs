//! What is signed for which epoch, while one hands over to the next.

use std::{sync::Arc, time::Duration};

use metalayer_node::chain::ChainReader;
use metalayer_proto::{
    commitment::Commitment,
    derivation::{Arrivals, Derivation},
};

use super::bench::{Bench, SECOND, network, prove, prove_in, second_epoch, settle};

/// What attester 1 signed of the same history: a message in block 2.
async fn signed_by_another() -> Commitment {
    let mut other = Bench::new(901);
    other.mine_message();
    other.chain.finalize();
    settle(&mut other.origin()).await.unwrap();
    other.signed()[0]
}

fn begin_second(bench: &Bench) {
    bench.clock.advance(Duration::from_millis(SECOND.0));
}

#[tokio::test]
async fn a_member_of_the_next_epoch_alone_signs_nothing_before_it_begins() {
    let mut bench = Bench::of(5, 901);
    let mut origin = bench.origin();
    bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    let proven = signed_by_another().await;
    bench.proven.take(&prove(proven), SECOND).unwrap();
    settle(&mut origin).await.unwrap();
    assert!(bench.heights().is_empty(), "its epoch has not begun");

    begin_second(&bench);
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.signed(), [proven], "the origin is quiet, and what is proven of it is signed for the new epoch");
    let next = bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.heights(), [next]);
}

#[tokio::test]
async fn a_member_of_both_signs_what_is_proven_again_once_when_the_second_begins() {
    let mut bench = Bench::of(2, 901);
    let mut origin = bench.origin();
    bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    let signed = bench.signed();
    assert_eq!(signed, [signed_by_another().await]);
    bench.proven.take(&prove(signed[0]), SECOND).unwrap();
    settle(&mut origin).await.unwrap();
    assert!(bench.signed().is_empty());

    begin_second(&bench);
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.signed(), signed, "the very same, which does not name its epoch");
    settle(&mut origin).await.unwrap();
    assert!(bench.signed().is_empty());
    bench.proven.take(&prove_in(second_epoch().table, signed[0], 2), SECOND).unwrap();
    settle(&mut origin).await.unwrap();
    assert!(bench.signed().is_empty());
}

#[tokio::test]
async fn what_was_signed_while_both_held_is_not_signed_again_for_one_that_lags() {
    let mut bench = Bench::of(2, 901);
    let mut origin = bench.origin();
    begin_second(&bench);
    for _ in 0..2 {
        bench.mine_message();
        bench.chain.finalize();
        settle(&mut origin).await.unwrap();
        let [signed] = bench.signed()[..] else { panic!("one message, one signature") };
        bench.proven.take(&prove_in(second_epoch().table, signed, 2), SECOND).unwrap();
        settle(&mut origin).await.unwrap();
        assert!(bench.signed().is_empty());
    }
}

#[tokio::test]
async fn lanes_that_one_epoch_has_proven_are_signed_for_the_other() {
    let table = network().epochs[0].table.clone();
    for (epochs, heights) in
        [(vec![(table.clone(), 1)], vec![2]), (vec![(table, 1), (second_epoch().table, 2)], vec![])]
    {
        let mut bench = Bench::of(2, 901);
        begin_second(&bench);
        let proven = signed_by_another().await;
        for (table, first) in epochs {
            bench.proven.take(&prove_in(table, proven, first), SECOND).unwrap();
        }
        bench.mine_message();
        bench.chain.finalize();
        settle(&mut bench.origin()).await.unwrap();
        assert_eq!(bench.heights(), heights);
    }
}

#[tokio::test]
async fn who_begins_at_what_is_proven_signs_it_once_a_block_shows_its_hash() {
    let mut bench = Bench::of(5, 901);
    bench.mine_message();
    let tip = bench.chain.finalize();
    let reader = Arc::new(bench.chain.reader(vec![bench.id.gateway]));
    let mut derivation = Derivation::new(bench.deployment());
    for block in reader.read(1, tip).await.unwrap() {
        derivation.apply(&block, &Arrivals::default()).unwrap();
    }
    let proven = derivation.commitment().unwrap();
    bench.proven.take(&prove(proven), SECOND).unwrap();
    begin_second(&bench);
    let mut origin = bench.origin_from(reader, derivation);
    settle(&mut origin).await.unwrap();
    assert!(bench.signed().is_empty(), "its block was not read here");
    bench.mine_empty(1);
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert!(bench.signed().contains(&proven));
}

#[tokio::test]
async fn a_proven_commitment_that_was_not_derived_here_is_not_signed() {
    let bench = Bench::of(5, 901);
    let mut origin = bench.origin();
    begin_second(&bench);
    bench.mine_empty(1);
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    // Another history has a message in that block.
    bench.proven.take(&prove(signed_by_another().await), SECOND).unwrap();
    settle(&mut origin).await.unwrap();
    assert!(bench.signed().is_empty(), "I6");
}

#[tokio::test]
async fn what_is_proven_below_the_last_signature_is_signed_for_an_epoch_that_lacks_it() {
    let mut bench = Bench::of(2, 901);
    let mut origin = bench.origin();
    (0..3).for_each(|_| {
        bench.mine_message();
    });
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.heights(), [4]);
    // Others have come to height 2 first, which this attester passed.
    let proven = signed_by_another().await;
    assert_eq!(proven.block_number, 2);
    bench.proven.take(&prove(proven), SECOND).unwrap();
    begin_second(&bench);
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.signed(), [proven]);
    let next = bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert_eq!(bench.heights(), [next], "and goes on where it was");
}
