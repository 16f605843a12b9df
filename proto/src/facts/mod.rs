//! Facts: what the rules remember about an origin, derived from its verified history (docs/protocol.md §5).
//!
//! [`Fact`] is one remembered thing with its canonical bytes, [`FactsMap`] all of them under one root.

mod fact;
mod map;
mod proof;
mod values;

use alloy::primitives::{B256, keccak256};

pub use fact::{Fact, FactError, FactKey, Namespace, UnknownNamespace};
pub use map::{FactsMap, SnapshotEntry, SnapshotError};
pub use proof::{FactProof, FactProofError};
pub use values::{Credited, EpochEntry, ModuleRow, Route};

use crate::ids::{VERSION, tag};

/// The rules version in force until an origin's history names another.
pub const FIRST_RULES_VERSION: u32 = 1;

/// The leaf of the fact with hashed `key` and hashed `value`.
fn leaf(key: B256, value: B256) -> B256 {
    let mut bytes = tag("fact").to_vec();
    bytes.push(VERSION);
    bytes.extend_from_slice(key.as_slice());
    bytes.extend_from_slice(value.as_slice());
    keccak256(bytes)
}

/// Whether `key` goes to the right at `level`, counted from the root.
fn goes_right(key: B256, level: usize) -> bool {
    key[level / 8] & (0x80 >> (level % 8)) != 0
}
