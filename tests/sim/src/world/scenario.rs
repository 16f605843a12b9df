//! Plans that are enumerated, not drawn.

use std::time::Duration;

use super::{
    life::{CrashAt, Side},
    plan::Plan,
    process::Machine,
};

/// Whose ends are enumerated: a relayer's and an attester's.
pub const CRASHING: [Machine; 2] = [Machine::Relayer(0), Machine::Attester(0)];

/// A short run on two chains with four attesters, in which a machine's first life ends at a write.
pub fn crash(at: Option<(Machine, CrashAt)>) -> Plan {
    Plan { messages: 2, lasts: Duration::from_secs(10), crash: at, ..Plan::calm(1) }
}

/// Before and after each of a machine's first `writes` writes.
pub fn crashes(machine: Machine, writes: u64) -> impl Iterator<Item = (Machine, CrashAt)> {
    (1..=writes).flat_map(move |write| [Side::Before, Side::After].map(|side| (machine, CrashAt { write, side })))
}
