//! Range proofs: that some neighbouring leaves stand where they stand, under a lane's count and root.

use alloy::primitives::B256;

use super::{DEPTH, LEAVES_MAX, node, zero};
use crate::bytes::{LengthError, Reader};

/// The siblings of a range, level by level from the leaves, left before right. One leaf's path is the proof of a range of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RangeProof {
    hashes: Vec<B256>,
}

/// Why a range proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The bytes are no whole number of hashes.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// More hashes than any range can have.
    #[error("a range proof has at most {max} hashes, this one {got}", max = RangeProof::HASHES_MAX)]
    TooLong {
        /// How many there are.
        got: usize,
    },
    /// A range of no leaves proves nothing.
    #[error("the range is empty")]
    Empty,
    /// The range goes past the lane's last leaf, where there are only zeros.
    #[error("leaves {first} to {first} + {leaves} are not among the lane's {count}")]
    OutOfLane {
        /// The first sequence of the range.
        first: u64,
        /// How many leaves.
        leaves: usize,
        /// How many the lane has.
        count: u64,
    },
    /// A sibling is missing.
    #[error("the proof ends before the root")]
    Short,
    /// Hashes are left over.
    #[error("{0} hashes of the proof are not used")]
    Unused(usize),
    /// It leads somewhere else.
    #[error("the proof leads to root {got}, not {expected}")]
    Root {
        /// The root that was to be reached.
        expected: B256,
        /// The root that was reached.
        got: B256,
    },
}

impl RangeProof {
    /// The most hashes any range proof has: two a level.
    pub const HASHES_MAX: usize = 2 * DEPTH as usize;

    pub(super) const fn new(hashes: Vec<B256>) -> Self {
        Self { hashes }
    }

    /// The hashes, in the order in which they are taken.
    pub fn hashes(&self) -> &[B256] {
        &self.hashes
    }

    /// The hashes, joined.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }

    /// Reads [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RangeError> {
        let got = bytes.len() / 32;
        if got > Self::HASHES_MAX {
            return Err(RangeError::TooLong { got });
        }
        Ok(Self { hashes: Reader::new(bytes).hashes()? })
    }

    /// Checks that `leaves` are those from sequence `first` on, in the lane with `count` leaves and `root`.
    pub fn verify(&self, first: u64, leaves: &[B256], count: u64, root: B256) -> Result<(), RangeError> {
        if leaves.is_empty() {
            return Err(RangeError::Empty);
        }
        let end = first.checked_add(leaves.len() as u64).filter(|end| *end <= count && count <= LEAVES_MAX);
        let Some(mut high) = end else {
            return Err(RangeError::OutOfLane { first, leaves: leaves.len(), count });
        };
        let mut low = first;
        let mut hashes = self.hashes.iter().copied();
        let mut level = leaves.to_vec();
        for height in 0..DEPTH {
            if low & 1 == 1 {
                level.insert(0, hashes.next().ok_or(RangeError::Short)?);
                low -= 1;
            }
            if high & 1 == 1 {
                let empty = high << height >= count;
                level.push(if empty { zero(height) } else { hashes.next().ok_or(RangeError::Short)? });
                high += 1;
            }
            level = level.chunks_exact(2).map(|pair| node(pair[0], pair[1])).collect();
            low /= 2;
            high /= 2;
        }
        if hashes.len() > 0 {
            return Err(RangeError::Unused(hashes.len()));
        }
        match level.first() {
            Some(got) if *got == root => Ok(()),
            got => Err(RangeError::Root { expected: root, got: got.copied().unwrap_or_default() }),
        }
    }
}
