//! The frontier: all of a lane's tree that appending and the root need.

use alloy::primitives::B256;

use super::{DEPTH, LEAVES_MAX, node, zero};
use crate::bytes::{LengthError, Reader};

/// The right edge of a lane's tree: for each set bit of the count, the root of the full subtree of that height.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Frontier {
    count: u64,
    /// Highest subtree first, so that appending works at the end.
    subtrees: Vec<B256>,
}

/// The lane has [`LEAVES_MAX`] leaves already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lane is full: it has {LEAVES_MAX} messages")]
pub struct LaneFull;

/// Why bytes are no frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// Cut short.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// More leaves than a lane can have.
    #[error("a lane cannot have {0} messages")]
    Count(u64),
    /// Not one hash for each set bit of the count.
    #[error("the frontier of {count} messages has {expected} hashes, not {got}")]
    Hashes {
        /// The count the frontier claims.
        count: u64,
        /// How many hashes belong to it.
        expected: u32,
        /// How many there are.
        got: usize,
    },
}

impl Frontier {
    /// The frontier of `count` leaves from its hashes, lowest subtree first.
    pub fn from_hashes(count: u64, hashes: &[B256]) -> Result<Self, FrontierError> {
        if count > LEAVES_MAX {
            return Err(FrontierError::Count(count));
        }
        if hashes.len() != count.count_ones() as usize {
            return Err(FrontierError::Hashes { count, expected: count.count_ones(), got: hashes.len() });
        }
        Ok(Self::over(count, hashes.to_vec()))
    }

    /// The frontier of `count` leaves, whose full subtrees these are, lowest first.
    pub(super) fn over(count: u64, mut subtrees: Vec<B256>) -> Self {
        subtrees.reverse();
        Self { count, subtrees }
    }

    /// How many leaves there are; the sequence of the next one.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The roots of the full subtrees, lowest first.
    pub fn hashes(&self) -> impl DoubleEndedIterator<Item = B256> + '_ {
        self.subtrees.iter().rev().copied()
    }

    /// The root of the full subtree of `height`, if bit `height` of the count is set.
    pub(super) fn subtree(&self, height: u32) -> Option<B256> {
        let higher = self.count.checked_shr(height)?;
        if higher & 1 == 0 { None } else { self.subtrees.get(higher.count_ones() as usize - 1).copied() }
    }

    /// Adds the leaf of sequence [`Self::count`].
    pub fn append(&mut self, leaf: B256) -> Result<(), LaneFull> {
        if self.count == LEAVES_MAX {
            return Err(LaneFull);
        }
        let mut subtree = leaf;
        for _ in 0..self.count.trailing_ones() {
            let left = self.subtrees.pop().unwrap_or_default();
            subtree = node(left, subtree);
        }
        self.subtrees.push(subtree);
        self.count += 1;
        Ok(())
    }

    /// The lane's root over these leaves, and zeros after them.
    pub fn root(&self) -> B256 {
        (0..DEPTH).fold(zero(0), |right, height| match self.subtree(height) {
            Some(left) => node(left, right),
            None if right == zero(height) => zero(height + 1),
            None => node(right, zero(height)),
        })
    }

    /// `u64 count ‖ 32 a hash`, lowest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.count.to_be_bytes().to_vec();
        self.hashes().for_each(|hash| bytes.extend_from_slice(hash.as_slice()));
        bytes
    }

    /// Reads a frontier's own bytes, and leaves what comes after them.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FrontierError> {
        let count = reader.u64()?;
        if count > LEAVES_MAX {
            return Err(FrontierError::Count(count));
        }
        let hashes: Vec<_> = (0..count.count_ones()).map(|_| reader.b256()).collect::<Result<_, _>>()?;
        Self::from_hashes(count, &hashes)
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let mut reader = Reader::new(bytes);
        let count = reader.u64()?;
        if count > LEAVES_MAX {
            return Err(FrontierError::Count(count));
        }
        Self::from_hashes(count, &reader.hashes()?)
    }
}
