//! Lanes on disk: every complete node of each lane's tree, from which anything about any of its leaves is proven.
//!
//! A lane of n messages has less than 2 n nodes. What grows is only ever added to: one writer a lane, any number of readers. A cache (I10): it is
//! derived again with its lane.

use std::sync::Arc;

use alloy::primitives::B256;
use metalayer_proto::{
    ids::{GatewayId, LaneId},
    lane::{ConsistencyProof, DEPTH, Frontier, LEAVES_MAX, RangeProof, node, prove, zero},
};

use crate::store::{Change, Store, StoreError, Table};

/// By lane, height and index: the node.
const NODES: Table = Table("lane_nodes");
/// By lane: how many leaves it has, 8 bytes.
const COUNTS: Table = Table("lane_counts");
/// The tables of a store of lanes.
pub const TABLES: [Table; 2] = [NODES, COUNTS];

/// Why a lane was not added to, or nothing proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneStoreError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Leaves in between are missing.
    #[error("sequence {first} does not follow the {count} messages of the lane {lane}")]
    Gap {
        /// The lane.
        lane: LaneId,
        /// How many leaves it has.
        count: u64,
        /// The first of those that were to be added.
        first: u64,
    },
    /// Another leaf stands there already.
    #[error("sequence {sequence} of the lane {lane} is another message than before")]
    Changed {
        /// The lane.
        lane: LaneId,
        /// The place.
        sequence: u64,
    },
    /// More leaves than a lane can have.
    #[error("the lane {0} is full")]
    Full(LaneId),
    /// The lane has not so many leaves.
    #[error("the lane {lane} has {count} messages here, fewer than were asked about")]
    Beyond {
        /// The lane.
        lane: LaneId,
        /// How many leaves it has.
        count: u64,
    },
    /// A node is not there.
    #[error("a node of the lane {0} is damaged; delete its store: it is then built again")]
    Damaged(LaneId),
}

/// The trees of all lanes.
#[derive(Clone)]
pub struct LaneStore(Arc<dyn Store>);

impl LaneStore {
    /// The lanes in `store`, which has [`TABLES`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// How many leaves the lane has.
    pub fn count(&self, lane: LaneId) -> Result<u64, StoreError> {
        let value = self.0.get(COUNTS, &key_of(lane))?;
        Ok(value.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Adds the leaves from sequence `first` on. Those that are there already change nothing, so that whatever is derived again may be
    /// added again.
    pub fn append(&self, lane: LaneId, first: u64, leaves: &[B256]) -> Result<(), LaneStoreError> {
        let count = self.count(lane)?;
        let known = count.checked_sub(first).ok_or(LaneStoreError::Gap { lane, count, first })?;
        let known = usize::try_from(known).map_or(leaves.len(), |known| known.min(leaves.len()));
        let (known, new) = leaves.split_at(known);
        for (sequence, leaf) in (first..).zip(known) {
            if self.stored(lane, 0, sequence)? != *leaf {
                return Err(LaneStoreError::Changed { lane, sequence });
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let end = count.checked_add(new.len() as u64).filter(|end| *end <= LEAVES_MAX);
        let end = end.ok_or(LaneStoreError::Full(lane))?;
        let mut changes = self.grown(lane, count, new)?;
        changes.push(Change::Put(COUNTS, key_of(lane), end.to_be_bytes().to_vec()));
        Ok(self.0.write(changes)?)
    }

    /// The nodes that `leaves` after the first `count` complete.
    fn grown(&self, lane: LaneId, count: u64, leaves: &[B256]) -> Result<Vec<Change>, LaneStoreError> {
        let mut changes = Vec::with_capacity(2 * leaves.len());
        // The left neighbours that wait for their right ones.
        let mut waiting = [B256::ZERO; DEPTH as usize + 1];
        for height in (0..DEPTH).filter(|height| count >> height & 1 == 1) {
            waiting[height as usize] = self.stored(lane, height, (count >> height) - 1)?;
        }
        for (sequence, leaf) in (count..).zip(leaves) {
            let (mut height, mut index, mut hash) = (0, sequence, *leaf);
            changes.push(Change::Put(NODES, node_key(lane, height, index), hash.to_vec()));
            while index & 1 == 1 {
                hash = node(waiting[height as usize], hash);
                (height, index) = (height + 1, index / 2);
                changes.push(Change::Put(NODES, node_key(lane, height, index), hash.to_vec()));
            }
            waiting[height as usize] = hash;
        }
        Ok(changes)
    }

    /// The leaf of `sequence`, if the lane is that long.
    pub fn leaf(&self, lane: LaneId, sequence: u64) -> Result<Option<B256>, LaneStoreError> {
        if sequence < self.count(lane)? { self.stored(lane, 0, sequence).map(Some) } else { Ok(None) }
    }

    /// The path of one leaf in the tree of the first `count`.
    pub fn path(&self, lane: LaneId, sequence: u64, count: u64) -> Result<RangeProof, LaneStoreError> {
        self.check_known(lane, count)?;
        if sequence >= count {
            return Err(LaneStoreError::Beyond { lane, count });
        }
        prove::range(count, sequence, 1, |height, index| self.node(lane, count, height, index))
    }

    /// The frontier of the first `count` leaves.
    pub fn frontier(&self, lane: LaneId, count: u64) -> Result<Frontier, LaneStoreError> {
        self.check_known(lane, count)?;
        prove::frontier(count, |height, index| self.node(lane, count, height, index))
    }

    /// That the lane grew from its first `from` leaves to its first `to`.
    pub fn consistency(&self, lane: LaneId, from: u64, to: u64) -> Result<ConsistencyProof, LaneStoreError> {
        self.check_known(lane, to)?;
        if from > to {
            return Err(LaneStoreError::Beyond { lane, count: to });
        }
        prove::consistency(from, to, |height, index| self.node(lane, to, height, index))
    }

    fn check_known(&self, lane: LaneId, asked: u64) -> Result<(), LaneStoreError> {
        let count = self.count(lane)?;
        if asked <= count { Ok(()) } else { Err(LaneStoreError::Beyond { lane, count }) }
    }

    /// The node in the tree of the first `count` leaves: what is not complete there is made of what is.
    fn node(&self, lane: LaneId, count: u64, height: u32, index: u64) -> Result<B256, LaneStoreError> {
        let first = index << height;
        if first >= count {
            return Ok(zero(height));
        }
        if first + (1 << height) <= count {
            return self.stored(lane, height, index);
        }
        let child = |index| self.node(lane, count, height - 1, index);
        Ok(node(child(2 * index)?, child(2 * index + 1)?))
    }

    /// A complete node.
    fn stored(&self, lane: LaneId, height: u32, index: u64) -> Result<B256, LaneStoreError> {
        let value = self.0.get(NODES, &node_key(lane, height, index))?;
        value.and_then(|bytes| B256::try_from(bytes.as_slice()).ok()).ok_or(LaneStoreError::Damaged(lane))
    }
}

fn key_of(lane: LaneId) -> Vec<u8> {
    [lane.origin.to_bytes(), lane.destination.to_bytes()].concat()
}

fn node_key(lane: LaneId, height: u32, index: u64) -> Vec<u8> {
    const LEN: usize = 2 * GatewayId::LEN + 4 + 8;
    let mut key = Vec::with_capacity(LEN);
    key.extend_from_slice(&lane.origin.to_bytes());
    key.extend_from_slice(&lane.destination.to_bytes());
    key.extend_from_slice(&height.to_be_bytes());
    key.extend_from_slice(&index.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::{Address, keccak256};
    use metalayer_proto::{ids::ChainId, lane::LaneSlice};
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::store::memory::MemoryStore;

    fn lane(to: u64) -> LaneId {
        let gateway = |chain| GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::with_last_byte(1) };
        LaneId { origin: gateway(901), destination: gateway(to) }
    }

    fn leaves(count: u64) -> Vec<B256> {
        (0..count).map(|sequence| keccak256(sequence.to_be_bytes())).collect()
    }

    fn lanes() -> LaneStore {
        LaneStore::new(Arc::new(MemoryStore::new(&TABLES)))
    }

    /// The tree of the first `count` leaves, in memory.
    fn slice(leaves: &[B256], count: u64) -> LaneSlice {
        LaneSlice::new(&Frontier::default(), &leaves[..usize::try_from(count).unwrap()]).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However a lane grew, beside another one and with repeats: what is proven of it is what a tree in memory proves, at each count.
        #[test]
        fn a_lane_on_disk_proves_what_the_tree_in_memory_does(
            parts in vec((0..9_u64, 0..4_u64), 1..12),
            at in any::<(u16, u16, u16)>(),
        ) {
            let (lanes, all) = (lanes(), leaves(9 * 12));
            let mut count = 0;
            for (new, again) in parts {
                let (first, end) = (count - again.min(count), count + new);
                let part = &all[usize::try_from(first).unwrap()..usize::try_from(end).unwrap()];
                lanes.append(lane(902), first, part).unwrap();
                lanes.append(lane(903), first, &vec![B256::repeat_byte(9); part.len()]).unwrap();
                count = end;
            }
            prop_assert_eq!(lanes.count(lane(902)).unwrap(), count);
            let to = u64::from(at.0) % (count + 1);
            let tree = slice(&all, to);
            prop_assert_eq!(lanes.frontier(lane(902), to).unwrap(), tree.frontier(to).unwrap());
            let from = u64::from(at.1) % (to + 1);
            prop_assert_eq!(lanes.consistency(lane(902), from, to).unwrap(), tree.prove_consistency(from).unwrap());
            if to > 0 {
                let sequence = u64::from(at.2) % to;
                let path = lanes.path(lane(902), sequence, to).unwrap();
                let leaf = lanes.leaf(lane(902), sequence).unwrap().unwrap();
                prop_assert_eq!(path.verify(sequence, &[leaf], to, tree.root()), Ok(()));
                prop_assert_eq!(path, tree.prove_range(sequence, 1).unwrap());
            }
        }
    }

    #[test]
    fn a_lane_neither_skips_nor_changes_a_message() {
        let (lanes, all) = (lanes(), leaves(5));
        lanes.append(lane(902), 0, &all[..3]).unwrap();
        let gap = LaneStoreError::Gap { lane: lane(902), count: 3, first: 4 };
        assert_eq!(lanes.append(lane(902), 4, &all[4..]), Err(gap));
        let changed = LaneStoreError::Changed { lane: lane(902), sequence: 1 };
        assert_eq!(lanes.append(lane(902), 1, &all[2..]), Err(changed));
        assert_eq!(lanes.count(lane(902)), Ok(3));
        lanes.append(lane(902), 1, &all[1..]).unwrap();
        assert_eq!(lanes.count(lane(902)), Ok(5));
    }

    #[test]
    fn nothing_is_proven_of_messages_that_are_not_there() {
        let (lanes, all) = (lanes(), leaves(3));
        lanes.append(lane(902), 0, &all).unwrap();
        let beyond = Err(LaneStoreError::Beyond { lane: lane(902), count: 3 });
        assert_eq!(lanes.path(lane(902), 0, 4).map(drop), beyond);
        assert_eq!(lanes.path(lane(902), 3, 3).map(drop), beyond);
        assert_eq!(lanes.frontier(lane(902), 4).map(drop), beyond);
        assert_eq!(lanes.consistency(lane(902), 0, 4).map(drop), beyond);
        assert_eq!(lanes.consistency(lane(902), 4, 3).map(drop), beyond);
        assert_eq!(lanes.leaf(lane(902), 3), Ok(None));
        assert_eq!(lanes.count(lane(903)), Ok(0), "a lane nobody sent in");
    }
}
