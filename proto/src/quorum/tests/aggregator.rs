use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;

use super::*;
use crate::bls::tests::{g1_outside, minus, plus};

fn aggregator(attesters: &Attesters) -> Aggregator {
    Aggregator::new(attesters.table.clone(), digest(1))
}

/// Three ways to be bad.
fn spoil(attesters: &Attesters, index: u16, way: u8) -> UncheckedSignature {
    let secret = &attesters.secrets[usize::from(index)];
    match way {
        0 => secret.sign(digest(2)).into(),
        1 => plus(&secret.sign(digest(1)).into(), &g1_outside()),
        _ => super::secret(1_000 + u64::from(index)).sign(digest(1)).into(),
    }
}

#[test]
fn a_proof_appears_with_the_quorum_and_widens_after_it() {
    let attesters = Attesters::new(5, &[10; 6]);
    let mut aggregator = aggregator(&attesters);
    assert_eq!(aggregator.add(&attesters.sign(digest(1), 0..4)), Ok(vec![]));
    assert_eq!((aggregator.stake(), aggregator.proof()), (40, None));

    for (batch, signers) in [(4..5, 5), (5..6, 6)] {
        assert_eq!(aggregator.add(&attesters.sign(digest(1), batch)), Ok(vec![]));
        let verified = aggregator.proof().unwrap().verify(&attesters.table, digest(1)).unwrap();
        assert_eq!(verified.len(), signers);
    }
}

#[test]
fn an_index_past_the_table_is_refused_and_adds_nothing() {
    let attesters = Attesters::new(5, &[10; 6]);
    let mut aggregator = aggregator(&attesters);
    let mut batch = attesters.sign(digest(1), 0..6);
    batch.insert(6, secret(1).sign(digest(1)).into());
    assert_eq!(aggregator.add(&batch), Err(NotAMember(6)));
    assert!(aggregator.signers().is_empty());
}

#[test]
fn who_has_signed_is_neither_added_twice_nor_blamed_for_a_later_forgery() {
    let attesters = Attesters::new(5, &[10; 6]);
    let mut aggregator = aggregator(&attesters);
    let batch = attesters.sign(digest(1), 0..5);
    assert_eq!(aggregator.add(&batch), Ok(vec![]));
    let proof = aggregator.proof();
    assert_eq!(aggregator.add(&batch), Ok(vec![]));
    assert_eq!(aggregator.add(&[(2, spoil(&attesters, 2, 0))].into()), Ok(vec![]));
    assert_eq!(aggregator.proof(), proof);
}

/// Errors that cancel: the sum holds, so nothing is known of the two, and nobody is blamed or cleared.
#[test]
fn errors_that_cancel_between_colluders_blame_nobody() {
    let attesters = Attesters::new(5, &[10; 6]);
    for error in [g1_outside(), secret(77).sign(digest(1)).into()] {
        let mut batch = attesters.sign(digest(1), 0..6);
        batch.insert(1, plus(&batch[&1], &error));
        batch.insert(4, minus(&batch[&4], &error));
        let mut aggregator = aggregator(&attesters);
        assert_eq!(aggregator.add(&batch), Ok(vec![]));
        assert!(aggregator.proof().unwrap().verify(&attesters.table, digest(1)).is_ok());

        // Each alone is bad, and only alone can it be said.
        for index in [1, 4] {
            let mut aggregator = Aggregator::new(attesters.table.clone(), digest(1));
            assert_eq!(aggregator.add(&[(index, batch[&index])].into()), Ok(vec![index]));
            assert!(aggregator.signers().is_empty());
        }
    }
}

/// Whatever colluders do to their own signatures, an honest attester beside them is never blamed.
#[test]
fn an_honest_signer_in_a_failing_batch_is_not_blamed() {
    let attesters = Attesters::new(5, &[10; 9]);
    let mut batch = attesters.sign(digest(1), 0..9);
    let error = g1_outside();
    batch.insert(0, plus(&batch[&0], &error));
    batch.insert(8, minus(&batch[&8], &error));
    batch.insert(3, spoil(&attesters, 3, 0));
    let mut aggregator = aggregator(&attesters);
    let bad = aggregator.add(&batch).unwrap();
    assert_eq!(bad, [0, 3, 8]);
    assert_eq!(aggregator.signers().len(), 6);
}

static SIXTEEN: LazyLock<Attesters> = LazyLock::new(|| Attesters::new(5, &[10; 16]));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn bisection_finds_exactly_the_bad_ones(
        bad in prop::collection::btree_map(0_u16..16, 0_u8..3, 0..=16),
        absent in prop::collection::btree_set(0_u16..16, 0..4),
    ) {
        let attesters = &*SIXTEEN;
        let mut batch = attesters.sign(digest(1), (0..16).filter(|index| !absent.contains(index)));
        for (index, way) in bad.iter().filter(|(index, _)| !absent.contains(index)) {
            batch.insert(*index, spoil(attesters, *index, *way));
        }
        let good: BTreeSet<_> = batch.keys().copied().filter(|index| !bad.contains_key(index)).collect();

        let mut aggregator = aggregator(attesters);
        let blamed = aggregator.add(&batch).unwrap();
        prop_assert!(blamed.iter().copied().eq(batch.keys().copied().filter(|index| bad.contains_key(index))));
        prop_assert!(aggregator.signers().iter().eq(good.iter().copied()));

        let proof = aggregator.proof();
        prop_assert_eq!(proof.is_some(), good.len() >= 11);
        if let Some(proof) = proof {
            prop_assert!(proof.verify(&attesters.table, digest(1)).unwrap().iter().eq(good));
        }
    }
}
