//! Bugs that are planted to see whether the simulation finds them: if it did not, its silence would say nothing.
//!
//! Most stand where they would be made in what is between a process and the world, so that the daemons' code is as it is. Those of the
//! derivation are in it, behind the feature `planted`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod cursor_before_acknowledgement;
#[cfg(feature = "planted")]
mod derivation;
mod guard_after_signature;
mod journal_after_broadcast;
mod late;
mod offset_not_low_water;
mod quorum_lowered;
mod reclaim_not_once;
mod replay_bit_ignored;

use std::sync::Arc;

use crate::world::{
    RunError,
    fittings::{Fittings, Plain},
    invariant::Invariant,
    plan::Plan,
    run,
};

/// In how many seeds a bug must be found.
const SEEDS: u64 = 100;

/// Runs seeds until the bug that `fittings` plants is found, and holds the same seeds against the code as it is. It must be found by one
/// of `by`.
fn is_found(bug: &str, by: &[u8], plan: impl Fn(u64) -> Plan, fittings: impl Fn() -> Arc<dyn Fittings>) {
    for seed in 1..=SEEDS {
        if let Err(error) = run(plan(seed), Arc::new(Plain)) {
            panic!("seed {seed} fails without the bug: {error}");
        }
        match run(plan(seed), fittings()) {
            Ok(_) => {}
            Err(RunError::Failed(failed)) => {
                let Invariant(broken) = failed.broken.invariant;
                assert!(by.contains(&broken), "{bug}: found by another invariant than {by:?}: {failed}");
                eprintln!("{bug}: found in seed {seed}: {} is broken: {}", failed.broken.invariant, failed.broken.how);
                return;
            }
            Err(error) => panic!("{bug}: {error}"),
        }
    }
    panic!("{bug}: not found in {SEEDS} seeds");
}
