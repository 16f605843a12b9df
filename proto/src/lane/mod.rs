//! The lane tree: an incremental Merkle tree of depth 32, a leaf a sequence (docs/protocol.md §3).
//!
//! [`Frontier`] appends and knows the root; [`LaneSlice`] holds some of the newest leaves too and can prove;
//! [`RangeProof`] and [`ConsistencyProof`] are checked against roots alone, and made by [`prove`] from nodes wherever they are kept.

mod consistency;
mod frontier;
pub mod prove;
mod range;
mod slice;

use std::sync::LazyLock;

use alloy::primitives::{B256, keccak256};

pub use consistency::{ConsistencyError, ConsistencyProof};
pub use frontier::{Frontier, FrontierError, LaneFull};
pub use range::{RangeError, RangeProof};
pub use slice::{LaneSlice, SliceError};

/// The height of the tree.
pub const DEPTH: u32 = 32;

/// The most leaves a lane can have.
pub const LEAVES_MAX: u64 = (1 << DEPTH) - 1;

/// The root of the empty subtree of each height, from a leaf (0) to the whole tree (32).
static ZEROS: LazyLock<[B256; DEPTH as usize + 1]> = LazyLock::new(|| {
    let mut zeros = [B256::ZERO; DEPTH as usize + 1];
    for height in 1..zeros.len() {
        zeros[height] = node(zeros[height - 1], zeros[height - 1]);
    }
    zeros
});

/// The root of an empty subtree of `height`, at most [`DEPTH`].
pub fn zero(height: u32) -> B256 {
    ZEROS[height as usize]
}

/// The root of a lane without leaves.
pub fn empty_root() -> B256 {
    zero(DEPTH)
}

/// An inner node: untagged, 64 bytes hashed.
pub fn node(left: B256, right: B256) -> B256 {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(left.as_slice());
    bytes[32..].copy_from_slice(right.as_slice());
    keccak256(bytes)
}
