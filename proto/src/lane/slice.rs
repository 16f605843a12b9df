//! A slice: a lane's newest leaves on top of a frontier, enough to prove anything about them.

use alloy::primitives::B256;

use super::{ConsistencyProof, DEPTH, Frontier, LEAVES_MAX, LaneFull, RangeProof, node, prove, zero};

/// The tree over a frontier and the leaves after it. From [`Frontier::default`] on it is the whole lane's.
///
/// It proves every range of its own leaves, and that the lane grew from any count between the frontier's and its own.
#[derive(Debug, Clone)]
pub struct LaneSlice {
    first: u64,
    count: u64,
    /// Level by level from the leaves to below the root: what lies right of the frontier, and the left neighbour it needs.
    levels: Vec<Level>,
    root: B256,
}

/// What a slice cannot prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only sequences {first} to {end} (exclusive) are known here")]
pub struct SliceError {
    /// The first sequence of the slice.
    pub first: u64,
    /// The end of the slice, exclusive.
    pub end: u64,
}

#[derive(Debug, Clone)]
struct Level {
    /// The index of the first node in the whole level.
    start: u64,
    nodes: Vec<B256>,
}

impl Level {
    fn node(&self, index: u64, height: u32) -> B256 {
        let offset = index.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.nodes.get(offset)).copied().unwrap_or_else(|| zero(height))
    }
}

impl LaneSlice {
    /// The tree of a lane whose leaves before [`Frontier::count`] are summed up in `before` and which goes on with `leaves`.
    pub fn new(before: &Frontier, leaves: &[B256]) -> Result<Self, LaneFull> {
        let first = before.count();
        let count = first.checked_add(leaves.len() as u64).filter(|count| *count <= LEAVES_MAX).ok_or(LaneFull)?;
        let mut levels = Vec::with_capacity(DEPTH as usize);
        let (mut start, mut nodes) = (first, leaves.to_vec());
        for height in 0..DEPTH {
            if let Some(left) = before.subtree(height) {
                nodes.insert(0, left);
                start -= 1;
            }
            let parents = nodes.chunks(2).map(|pair| node(pair[0], pair.get(1).copied().unwrap_or(zero(height))));
            let parents = parents.collect();
            levels.push(Level { start, nodes });
            (start, nodes) = (start / 2, parents);
        }
        let root = nodes.first().copied().unwrap_or_else(|| zero(DEPTH));
        Ok(Self { first, count, levels, root })
    }

    /// How many leaves the lane has.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The lane's root.
    pub const fn root(&self) -> B256 {
        self.root
    }

    /// The leaf of `sequence`, if it is in the slice.
    pub fn leaf(&self, sequence: u64) -> Option<B256> {
        (self.first..self.count).contains(&sequence).then(|| self.node(0, sequence))
    }

    /// The frontier of the lane's first `count` leaves.
    pub fn frontier(&self, count: u64) -> Result<Frontier, SliceError> {
        if !(self.first..=self.count).contains(&count) {
            return Err(self.unknown());
        }
        prove::frontier(count, |height, index| Ok(self.node(height, index)))
    }

    /// Proves the `length` leaves from `first` on.
    pub fn prove_range(&self, first: u64, length: u64) -> Result<RangeProof, SliceError> {
        let end = first.checked_add(length);
        if first < self.first || length == 0 || end.is_none_or(|end| end > self.count) {
            return Err(self.unknown());
        }
        prove::range(self.count, first, length, |height, index| Ok(self.node(height, index)))
    }

    /// Proves that the lane grew from its first `from` leaves to what it is.
    pub fn prove_consistency(&self, from: u64) -> Result<ConsistencyProof, SliceError> {
        if from != 0 && !(self.first..=self.count).contains(&from) {
            return Err(self.unknown());
        }
        prove::consistency(from, self.count, |height, index| Ok(self.node(height, index)))
    }

    fn node(&self, height: u32, index: u64) -> B256 {
        self.levels[height as usize].node(index, height)
    }

    const fn unknown(&self) -> SliceError {
        SliceError { first: self.first, end: self.count }
    }
}
