use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::heights::{HEARTBEAT, Known, candidates};

const SEED: u64 = 0x6d65_7461;
const RUNS: usize = 20_000;

fn heights(from: u64, to: u64) -> Vec<u64> {
    candidates(from, to).into_iter().map(|candidate| candidate.height()).collect()
}

#[test]
fn the_examples_of_the_protocol() {
    assert_eq!(heights(100, 193), [128, 192, 193]);
    assert_eq!(heights(0, 1), [1]);
    assert_eq!(heights(7, 7), [0_u64; 0]);
    assert_eq!(heights(8, 7), [0_u64; 0]);
    assert_eq!(heights(0, 0), [0_u64; 0]);
    assert_eq!(heights(u64::MAX - 1, u64::MAX), [u64::MAX]);
}

proptest! {
    #[test]
    fn few_candidates_and_no_gap_between_their_windows(from in any::<u64>(), step in 1..1_000_000_u64) {
        let to = from.saturating_add(step).max(1);
        prop_assume!(from < to);
        let candidates = candidates(from, to);
        prop_assert!(candidates.len() <= (to - from).ilog2() as usize + 1);
        prop_assert_eq!(candidates.last().unwrap().height(), to);
        prop_assert!(candidates[0].window_start() <= from);
        for pair in candidates.windows(2) {
            prop_assert_eq!(pair[1].window_start(), pair[0].height());
        }
    }
}

#[test]
fn what_is_due() {
    let known = |lane_changed, root_proven, long_proven| Known { lane_changed, root_proven, long_proven };
    let quiet = candidates(0, 3)[0];
    assert!(!quiet.is_heartbeat());
    assert!(quiet.is_due(known(true, false, false)));
    assert!(quiet.is_due(known(true, false, true)));
    assert!(!quiet.is_due(known(false, false, false)));
    assert!(!quiet.is_due(known(true, true, false)));
    let heartbeat = candidates(255, HEARTBEAT)[0];
    assert!(heartbeat.is_heartbeat());
    assert!(heartbeat.is_due(known(false, false, false)));
    assert!(heartbeat.is_due(known(false, true, false)));
    assert!(!heartbeat.is_due(known(true, false, true)));
}

/// Attesters whose finality advances in different steps: for a change at any height, all sign one and the same height at or
/// above it, less than twice the longest step away, and that height's window has the change.
#[test]
fn attesters_meet_within_twice_the_longest_step() {
    eprintln!("seed {SEED:#x}, {RUNS} runs");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    for run in 0..RUNS {
        let longest = rng.random_range(1..=200_u64);
        let start = rng.random_range(0..1_000_000_u64);
        let end = start + 6 * longest;
        let attesters = rng.random_range(2..=5);
        let signed = (0..attesters).map(|_| {
            let mut heights = BTreeSet::new();
            let mut at = start + 1 - rng.random_range(1..=longest.min(start + 1));
            while at < end {
                let to = at + rng.random_range(1..=longest);
                heights.extend(candidates(at, to));
                at = to;
            }
            heights
        });
        let common = signed.reduce(|a, b| &a & &b).unwrap();
        for change in [start + longest, start + longest + rng.random_range(0..longest)] {
            let met = common.iter().find(|met| met.height() >= change && met.window_start() < change);
            let met = met.unwrap_or_else(|| panic!("run {run}: nobody meets after {change}"));
            assert!(met.height() - change < 2 * longest, "run {run}: met at {} only", met.height());
        }
    }
}
