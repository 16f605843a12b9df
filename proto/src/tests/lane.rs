use alloy::primitives::{B256, keccak256};
use proptest::{collection::vec, prelude::*};

use super::golden::drawn;
use crate::lane::{
    ConsistencyError, ConsistencyProof, Frontier, FrontierError, LEAVES_MAX, LaneFull, LaneSlice, RangeError,
    RangeProof, empty_root, zero,
};

/// The tree as the protocol defines it, without cleverness: pad with zeros, pair, 32 times.
fn naive_root(leaves: &[B256]) -> B256 {
    let mut level = leaves.to_vec();
    let mut empty = B256::ZERO;
    for _ in 0..32 {
        if level.len() % 2 == 1 || level.is_empty() {
            level.push(empty);
        }
        if level.len() == 1 {
            level.push(empty);
        }
        level = level.chunks(2).map(|pair| keccak256(pair.concat())).collect();
        empty = keccak256([empty, empty].concat());
    }
    level[0]
}

pub(super) fn leaf(sequence: u64) -> B256 {
    drawn(sequence.to_be_bytes())
}

pub(super) fn leaves(count: u64) -> Vec<B256> {
    (0..count).map(leaf).collect()
}

pub(super) fn frontier(leaves: &[B256]) -> Frontier {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.append(*leaf).unwrap());
    frontier
}

#[test]
fn the_root_is_the_naive_one_at_every_count() {
    let all = leaves(70);
    assert_eq!(naive_root(&[]), empty_root());
    for count in 0..=all.len() {
        let frontier = frontier(&all[..count]);
        assert_eq!(frontier.root(), naive_root(&all[..count]), "{count} leaves");
        assert_eq!(frontier.count(), count as u64);
        assert_eq!(frontier.hashes().count(), count.count_ones() as usize);
        assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Ok(frontier));
    }
}

#[test]
fn a_frontier_has_the_full_subtrees_lowest_first() {
    let all = leaves(6);
    let pair = |a: usize| keccak256([all[a], all[a + 1]].concat());
    let quad = keccak256([pair(0), pair(2)].concat());
    assert_eq!(frontier(&all).hashes().collect::<Vec<_>>(), [pair(4), quad]);
    assert_eq!(frontier(&all[..5]).hashes().collect::<Vec<_>>(), [all[4], quad]);
}

#[test]
fn a_frontier_that_cannot_be_is_refused() {
    assert_eq!(Frontier::from_hashes(3, &leaves(1)), Err(FrontierError::Hashes { count: 3, expected: 2, got: 1 }));
    assert_eq!(Frontier::from_hashes(LEAVES_MAX + 1, &leaves(1)), Err(FrontierError::Count(LEAVES_MAX + 1)));
    let mut bytes = frontier(&leaves(3)).to_bytes();
    bytes.push(0);
    assert!(matches!(Frontier::from_bytes(&bytes), Err(FrontierError::Length(_))));
    assert!(matches!(Frontier::from_bytes(&bytes[..7]), Err(FrontierError::Length(_))));
}

#[test]
fn a_full_lane_takes_no_more() {
    let mut full = Frontier::from_hashes(LEAVES_MAX - 1, &leaves(31)).unwrap();
    full.append(leaf(0)).unwrap();
    assert_eq!(full.append(leaf(1)), Err(LaneFull));
    assert_eq!(full.count(), LEAVES_MAX);
    assert!(LaneSlice::new(&full, &leaves(1)).is_err());

    let last = LaneSlice::new(&Frontier::from_hashes(LEAVES_MAX - 1, &leaves(31)).unwrap(), &[leaf(0)]).unwrap();
    assert_eq!(last.root(), full.root());
    let proof = last.prove_range(LEAVES_MAX - 1, 1).unwrap();
    assert_eq!(proof.verify(LEAVES_MAX - 1, &[leaf(0)], LEAVES_MAX, full.root()), Ok(()));
    assert_eq!(
        last.prove_consistency(LEAVES_MAX - 1)
            .unwrap()
            .verify(Frontier::from_hashes(LEAVES_MAX - 1, &leaves(31)).unwrap().root(), full.root()),
        Ok(())
    );
}

#[test]
fn every_range_of_every_small_lane_is_proven_from_every_frontier() {
    let all = leaves(19);
    for count in 1..=all.len() {
        let root = naive_root(&all[..count]);
        for known in 0..count {
            let slice = LaneSlice::new(&frontier(&all[..known]), &all[known..count]).unwrap();
            assert_eq!(slice.root(), root);
            for first in known..count {
                for end in first + 1..=count {
                    let proof = slice.prove_range(first as u64, (end - first) as u64).unwrap();
                    assert_eq!(proof.verify(first as u64, &all[first..end], count as u64, root), Ok(()));
                    assert!(proof.hashes().len() <= RangeProof::HASHES_MAX);
                }
            }
        }
    }
}

#[test]
fn every_small_growth_is_proven() {
    let all = leaves(21);
    for to in 0..=all.len() {
        for known in 0..=to {
            let slice = LaneSlice::new(&frontier(&all[..known]), &all[known..to]).unwrap();
            for from in (known..=to).chain([0]) {
                let proof = slice.prove_consistency(from as u64).unwrap();
                assert_eq!(proof.verify(naive_root(&all[..from]), naive_root(&all[..to])), Ok(()), "{from} to {to}");
                assert_eq!(ConsistencyProof::from_bytes(&proof.to_bytes()), Ok(proof));
                if from >= known {
                    assert_eq!(slice.frontier(from as u64), Ok(frontier(&all[..from])));
                }
            }
        }
    }
}

#[test]
fn a_slice_says_what_it_does_not_know() {
    let all = leaves(12);
    let slice = LaneSlice::new(&frontier(&all[..5]), &all[5..]).unwrap();
    assert_eq!(slice.leaf(5), Some(all[5]));
    assert_eq!(slice.leaf(4), None);
    assert_eq!(slice.leaf(12), None);
    for (first, length) in [(4, 1), (5, 0), (5, 8), (12, 1), (5, u64::MAX)] {
        let error = slice.prove_range(first, length).unwrap_err();
        assert_eq!((error.first, error.end), (5, 12));
    }
    assert!(slice.prove_consistency(4).is_err());
    assert!(slice.prove_consistency(13).is_err());
    assert!(slice.frontier(4).is_err());
}

#[test]
fn zeros_after_the_last_leaf_are_no_messages() {
    let all = leaves(5);
    let root = naive_root(&all);
    let proof = LaneSlice::new(&Frontier::default(), &all).unwrap().prove_range(4, 1).unwrap();
    assert_eq!(
        proof.verify(4, &[all[4], B256::ZERO], 5, root),
        Err(RangeError::OutOfLane { first: 4, leaves: 2, count: 5 })
    );
    assert!(matches!(RangeProof::default().verify(u64::MAX, &[leaf(0)], 5, root), Err(RangeError::OutOfLane { .. })));
    assert_eq!(RangeProof::default().verify(0, &[], 5, root), Err(RangeError::Empty));
    assert!(matches!(RangeProof::default().verify(0, &[leaf(0)], 1 << 32, root), Err(RangeError::OutOfLane { .. })));
}

#[test]
fn too_long_proofs_are_refused_before_they_are_read() {
    assert_eq!(RangeProof::from_bytes(&[0; 32 * 65]), Err(RangeError::TooLong { got: 65 }));
    assert!(matches!(RangeProof::from_bytes(&[0; 33]), Err(RangeError::Length(_))));
    assert_eq!(ConsistencyProof::from_bytes(&[0; 16 + 32 * 34]), Err(ConsistencyError::TooLong { got: 34 }));
    assert!(matches!(ConsistencyProof::from_bytes(&[0; 15]), Err(ConsistencyError::Length(_))));
    assert_eq!(zero(0), B256::ZERO);
}

#[test]
fn a_lane_that_shrank_or_changed_is_not_consistent() {
    let all = leaves(9);
    let slice = LaneSlice::new(&Frontier::default(), &all).unwrap();
    let root = naive_root(&all);
    let old = naive_root(&all[..6]);
    let bytes = slice.prove_consistency(6).unwrap().to_bytes();
    let with = |at: usize, value: u64| {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        ConsistencyProof::from_bytes(&bytes).unwrap().verify(old, root)
    };
    assert_eq!(with(0, 6), Ok(()));
    assert_eq!(with(0, 10), Err(ConsistencyError::Counts { from: 10, to: 9 }));
    assert_eq!(with(8, 1 << 32), Err(ConsistencyError::Counts { from: 6, to: 1 << 32 }));
    assert!(with(0, 0).is_err());
    assert!(with(0, 9).is_err());
    for from in (1..9).filter(|from| *from != 6) {
        assert!(with(0, from).is_err(), "from {from}");
    }
    let mut rewritten = all;
    rewritten[2] = B256::repeat_byte(1);
    let proof = ConsistencyProof::from_bytes(&bytes).unwrap();
    assert!(matches!(proof.verify(old, naive_root(&rewritten)), Err(ConsistencyError::NewRoot { .. })));
    assert!(matches!(proof.verify(naive_root(&rewritten[..6]), root), Err(ConsistencyError::OldRoot { .. })));
}

/// A lane's count, where the known part of it begins, and a range in the known part: first sequence and length.
fn range() -> impl Strategy<Value = (u64, u64, u64, u64)> {
    (1..400_u64)
        .prop_flat_map(|count| (Just(count), 0..count))
        .prop_flat_map(|(count, known)| (Just((count, known)), known..count))
        .prop_flat_map(|((count, known), first)| (Just(count), Just(known), Just(first), 1..=count - first))
}

proptest! {
    #[test]
    fn ranges_are_proven_and_nothing_else((count, known, first, length) in range(), break_at in any::<prop::sample::Index>()) {
        let all = leaves(count);
        let (from, to) = (first as usize, (first + length) as usize);
        let slice = LaneSlice::new(&frontier(&all[..known as usize]), &all[known as usize..]).unwrap();
        let root = naive_root(&all);
        let proof = slice.prove_range(first, length).unwrap();
        let range = &all[from..to];
        prop_assert_eq!(proof.verify(first, range, count, root), Ok(()));
        prop_assert_eq!(RangeProof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));

        let mut other = range.to_vec();
        let broken = break_at.index(other.len());
        other[broken] = B256::repeat_byte(1);
        prop_assert!(proof.verify(first, &other, count, root).is_err());
        prop_assert!(proof.verify(first + 1, range, count, root).is_err());
        prop_assert!(proof.verify(first, range, count, B256::ZERO).is_err());

        let mut bytes = proof.to_bytes();
        bytes.extend_from_slice(B256::ZERO.as_slice());
        prop_assert_eq!(RangeProof::from_bytes(&bytes).unwrap().verify(first, range, count, root), Err(RangeError::Unused(1)));
        if !proof.hashes().is_empty() {
            let short = RangeProof::from_bytes(&proof.to_bytes()[32..]).unwrap();
            prop_assert!(short.verify(first, range, count, root).is_err());
        }
    }

    #[test]
    fn growth_is_proven_and_nothing_else(to in 2..400_u64, share in any::<prop::sample::Index>(), break_at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let all = leaves(to);
        let from = share.index(to as usize);
        let slice = LaneSlice::new(&Frontier::default(), &all).unwrap();
        let (old, new) = (naive_root(&all[..from]), naive_root(&all));
        let proof = slice.prove_consistency(from as u64).unwrap();
        prop_assert_eq!(proof.verify(old, new), Ok(()));

        let mut bytes = proof.to_bytes();
        bytes.extend_from_slice(B256::ZERO.as_slice());
        prop_assert_eq!(ConsistencyProof::from_bytes(&bytes).unwrap().verify(old, new), Err(ConsistencyError::Unused(1)));
        if !proof.hashes().is_empty() {
            let mut bytes = proof.to_bytes();
            let at = 16 + break_at.index(bytes.len() - 16);
            bytes[at] ^= flip;
            prop_assert!(ConsistencyProof::from_bytes(&bytes).unwrap().verify(old, new).is_err());
            let short = &proof.to_bytes()[..proof.to_bytes().len() - 32];
            prop_assert_eq!(ConsistencyProof::from_bytes(short).unwrap().verify(old, new), Err(ConsistencyError::Short));
        }
    }

    #[test]
    fn the_root_depends_on_every_leaf(count in 1..200_u64, at in any::<prop::sample::Index>(), other in vec(any::<u8>(), 32)) {
        let all = leaves(count);
        let mut changed = all.clone();
        changed[at.index(all.len())] = B256::from_slice(&other);
        prop_assert_ne!(frontier(&all).root(), frontier(&changed).root());
    }
}
