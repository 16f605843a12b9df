//! What is checked, and when: one row for each invariant of ARCHITECTURE.md.

use std::fmt;

/// An invariant, by its number; 0 is what every run promises beyond them: that all that was sent comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Invariant(pub u8);

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("liveness") } else { write!(f, "I{}", self.0) }
    }
}

/// When an invariant is looked at, and what at.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Which.
    pub invariant: Invariant,
    /// When.
    pub when: &'static str,
    /// What is compared with what.
    pub what: &'static str,
}

const fn check(number: u8, when: &'static str, what: &'static str) -> Check {
    Check { invariant: Invariant(number), when, what }
}

/// Every invariant and how a run is held to it.
pub const CHECKS: [Check; 14] = [
    check(
        0,
        "end, and each broadcast",
        "every message that stands on a final block is delivered, void or refused, and given back if it is to be; a relayer's transaction \
         is in its journal",
    ),
    check(
        1,
        "each cursor and low-water mark on the bus",
        "every message and every outcome of a block below the cursor is on the bus already; every message that was ready below the mark is \
         settled for good",
    ),
    check(
        2,
        "each batch that leaves an attester",
        "its disk holds the record of each digest, and no other was ever posted at that height",
    ),
    check(
        3,
        "each block",
        "no message is delivered twice, given back twice, or both, though strangers do again what relayers did",
    ),
    check(4, "each block", "the terms of $ERA sum up to its supply, to the last unit"),
    check(5, "each batch that leaves an attester", "the block is in its chain and final there"),
    check(
        6,
        "each batch that leaves an attester",
        "the lanes root is what the chain's own logs give, whatever nodes, bus and collectors said",
    ),
    check(7, "each block", "nothing is settled that was not sent, and nothing valid is void"),
    check(8, "each record on the bus", "keys and values are within the bus's bounds"),
    check(9, "end of a run in which one node of each chain never answers", "all is settled as soon as without it"),
    check(10, "end", "all is settled although disks were deleted, an attester's but for its guard"),
    check(11, "each dead letter", "it carries a word, a detail and the place of what was refused"),
    check(12, "each record on the bus and each batch", "no secret key's bytes or digits are in it"),
    check(13, "each batch, record and accepted root", "a lane's count has one root for ever"),
];
