//! Consistency proofs: that a lane only grew from one root to another.

use alloy::primitives::B256;

use super::{DEPTH, LEAVES_MAX, empty_root, node, zero};
use crate::bytes::{LengthError, Reader};

/// That the lane's first `from` leaves are the same in its tree of `to` leaves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConsistencyProof {
    from: u64,
    to: u64,
    hashes: Vec<B256>,
}

/// Why a consistency proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The bytes are cut short.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// More hashes than any proof can have.
    #[error("a consistency proof has at most {max} hashes, this one {got}", max = ConsistencyProof::HASHES_MAX)]
    TooLong {
        /// How many there are.
        got: usize,
    },
    /// A lane does not shrink, and has an end.
    #[error("no lane grows from {from} to {to} messages")]
    Counts {
        /// The older count.
        from: u64,
        /// The newer count.
        to: u64,
    },
    /// A hash is missing.
    #[error("the proof ends before the roots")]
    Short,
    /// Hashes are left over.
    #[error("{0} hashes of the proof are not used")]
    Unused(usize),
    /// It leads from another older root.
    #[error("the proof begins at root {got}, not {expected}")]
    OldRoot {
        /// The root of the older tree.
        expected: B256,
        /// The root that was reached.
        got: B256,
    },
    /// It leads to another newer root.
    #[error("the proof leads to root {got}, not {expected}")]
    NewRoot {
        /// The root of the newer tree.
        expected: B256,
        /// The root that was reached.
        got: B256,
    },
}

impl ConsistencyProof {
    /// The most hashes any consistency proof has: one a level and the node they start from.
    pub const HASHES_MAX: usize = DEPTH as usize + 1;

    pub(super) const fn new(from: u64, to: u64, hashes: Vec<B256>) -> Self {
        Self { from, to, hashes }
    }

    /// The older count.
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// The newer count.
    pub const fn to(&self) -> u64 {
        self.to
    }

    /// The hashes, in the order in which they are taken.
    pub fn hashes(&self) -> &[B256] {
        &self.hashes
    }

    /// `u64 from ‖ u64 to ‖ 32 a hash`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.from.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.to.to_be_bytes());
        self.hashes.iter().for_each(|hash| bytes.extend_from_slice(hash.as_slice()));
        bytes
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConsistencyError> {
        let mut reader = Reader::new(bytes);
        let (from, to) = (reader.u64()?, reader.u64()?);
        let got = bytes.len() / 32;
        if got > Self::HASHES_MAX {
            return Err(ConsistencyError::TooLong { got });
        }
        Ok(Self { from, to, hashes: reader.hashes()? })
    }

    /// Checks that the lane with [`Self::from`] leaves and root `old` grew to the one with [`Self::to`] and `new`.
    pub fn verify(&self, old: B256, new: B256) -> Result<(), ConsistencyError> {
        let Self { from, to, .. } = *self;
        if from > to || to > LEAVES_MAX {
            return Err(ConsistencyError::Counts { from, to });
        }
        let (old_reached, new_reached) = if from == to {
            self.unused(0)?;
            (new, new)
        } else if from == 0 {
            self.unused(0)?;
            (empty_root(), new)
        } else {
            self.fold()?
        };
        if old_reached != old {
            return Err(ConsistencyError::OldRoot { expected: old, got: old_reached });
        }
        if new_reached != new {
            return Err(ConsistencyError::NewRoot { expected: new, got: new_reached });
        }
        Ok(())
    }

    /// The two roots that the hashes lead to, for 0 < from < to.
    fn fold(&self) -> Result<(B256, B256), ConsistencyError> {
        let frontier_length = self.from.count_ones() as usize;
        let (frontier, rest) = self.hashes.split_at_checked(frontier_length).ok_or(ConsistencyError::Short)?;
        let mut frontier = frontier.iter().copied();
        let mut rest = rest.iter().copied();
        let start = self.from.trailing_zeros();
        let mut old = zero(start);
        let mut new = rest.next().ok_or(ConsistencyError::Short)?;
        for height in start..DEPTH {
            let position = self.from >> height;
            if position & 1 == 1 {
                let left = frontier.next().ok_or(ConsistencyError::Short)?;
                (old, new) = (node(left, old), node(left, new));
            } else {
                let empty = (position + 1) << height >= self.to;
                let right = if empty { zero(height) } else { rest.next().ok_or(ConsistencyError::Short)? };
                (old, new) = (node(old, zero(height)), node(new, right));
            }
        }
        self.unused(self.hashes.len() - rest.len())?;
        Ok((old, new))
    }

    const fn unused(&self, used: usize) -> Result<(), ConsistencyError> {
        match self.hashes.len() - used {
            0 => Ok(()),
            left => Err(ConsistencyError::Unused(left)),
        }
    }
}
