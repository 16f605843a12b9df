//! Proofs over a tree whose nodes can be asked for, wherever they are kept: a slice in memory, or all of a lane on disk.
//!
//! `node(height, index)` answers for a tree of `count` leaves and zeros after them.

use alloy::primitives::B256;

use super::{ConsistencyProof, DEPTH, Frontier, RangeProof};

/// The frontier of the first `count` leaves.
pub fn frontier<E>(count: u64, node: impl Fn(u32, u64) -> Result<B256, E>) -> Result<Frontier, E> {
    Ok(Frontier::over(count, full_subtrees(count, node)?))
}

/// The path of the `length` leaves from `first` on, all among the `count`; at least one.
pub fn range<E>(
    count: u64,
    first: u64,
    length: u64,
    node: impl Fn(u32, u64) -> Result<B256, E>,
) -> Result<RangeProof, E> {
    let (mut low, mut high) = (first, first + length);
    let mut hashes = Vec::new();
    for height in 0..DEPTH {
        if low & 1 == 1 {
            hashes.push(node(height, low - 1)?);
        }
        if high & 1 == 1 && high << height < count {
            hashes.push(node(height, high)?);
        }
        low /= 2;
        high = high.div_ceil(2);
    }
    Ok(RangeProof::new(hashes))
}

/// That the lane grew from its first `from` leaves to all `count`, of which there are no fewer.
pub fn consistency<E>(
    from: u64,
    count: u64,
    node: impl Fn(u32, u64) -> Result<B256, E>,
) -> Result<ConsistencyProof, E> {
    if from == 0 || from == count {
        return Ok(ConsistencyProof::new(from, count, Vec::new()));
    }
    let start = from.trailing_zeros();
    let mut hashes = full_subtrees(from, &node)?;
    hashes.push(node(start, from >> start)?);
    for height in start..DEPTH {
        let right = (from >> height) + 1;
        if right & 1 == 1 && right << height < count {
            hashes.push(node(height, right)?);
        }
    }
    Ok(ConsistencyProof::new(from, count, hashes))
}

/// The full subtrees of the first `count` leaves, lowest first.
fn full_subtrees<E>(count: u64, node: impl Fn(u32, u64) -> Result<B256, E>) -> Result<Vec<B256>, E> {
    let heights = (0..DEPTH).filter(|height| count >> height & 1 == 1);
    heights.map(|height| node(height, (count >> height) - 1)).collect()
}
