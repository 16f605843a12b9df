//! Lanes on disk: every complete node of each lane's tree, from which anything about any of its leaves is proven.
//!
//! A lane of n messages has less than 2 n nodes. What grows is only ever added to: one writer a lane, any number of readers. A cache (I10): it is
//! derived again with its lane.
//!
//! A lane may begin in its middle, at a frontier: from there on it proves what a whole one does, and below only what stands on a path that was shown.

use std::sync::Arc;

use alloy::primitives::B256;
use metalayer_proto::{
    ids::{GatewayId, LaneId},
    lane::{ConsistencyProof, DEPTH, Frontier, LEAVES_MAX, RangeProof, node, prove, zero},
};

use crate::store::{Change, Entry, Store, StoreError, Table, clear};

/// By lane, height and index: the node.
const NODES: Table = Table("lane_nodes");
/// By lane: how many leaves it has, and behind that, if it began in its middle, where; 8 bytes each.
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
    /// Some of the lane is here already.
    #[error("the lane {lane} has {count} messages here, and cannot begin again")]
    Begun {
        /// The lane.
        lane: LaneId,
        /// How many leaves it has.
        count: u64,
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
    /// It began behind what was asked about.
    #[error("the lane {lane} begins at sequence {first} here, behind what was asked about")]
    Before {
        /// The lane.
        lane: LaneId,
        /// Where it begins.
        first: u64,
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
        Ok(self.extent(lane)?.map_or(0, |(_, count)| count))
    }

    /// Where the lane begins here, and how many leaves it has.
    fn extent(&self, lane: LaneId) -> Result<Option<(u64, u64)>, StoreError> {
        let value = self.0.get(COUNTS, &key_of(lane))?;
        Ok(value.as_deref().and_then(read_extent))
    }

    /// Begins a lane of which nothing is here in its middle, behind the leaves that `before` sums up.
    pub fn begin(&self, lane: LaneId, before: &Frontier) -> Result<(), LaneStoreError> {
        let count = before.count();
        if let Some((_, count)) = self.extent(lane)? {
            return Err(LaneStoreError::Begun { lane, count });
        }
        let heights = (0..DEPTH).filter(|height| count >> height & 1 == 1);
        let node = |(height, hash): (u32, B256)| put_node(lane, height, (count >> height) - 1, hash);
        let mut changes: Vec<_> = heights.zip(before.hashes()).map(node).collect();
        changes.push(put_extent(lane, count, count));
        Ok(self.0.write(changes)?)
    }

    /// Keeps what the paths of single leaves among the first `count` show of a lane that began behind them. That the paths hold, the caller
    /// has checked.
    pub fn learn(&self, lane: LaneId, count: u64, shown: &[(u64, B256, &RangeProof)]) -> Result<(), LaneStoreError> {
        let begun = self.extent(lane)?.map_or(0, |(begun, _)| begun);
        let mut changes = Vec::new();
        for (sequence, leaf, path) in shown.iter().filter(|(sequence, ..)| *sequence < begun) {
            changes.extend(nodes_of(lane, count, (*sequence, *leaf), path).ok_or(LaneStoreError::Damaged(lane))?);
        }
        if changes.is_empty() { Ok(()) } else { Ok(self.0.write(changes)?) }
    }

    /// Forgets all lanes of an origin.
    pub fn forget(&self, origin: GatewayId) -> Result<(), StoreError> {
        for table in TABLES {
            clear(self.0.as_ref(), table, &origin.to_bytes())?;
        }
        Ok(())
    }

    /// Adds the leaves from sequence `first` on. Those that are there already change nothing, so that whatever is derived again may be
    /// added again.
    pub fn append(&self, lane: LaneId, first: u64, leaves: &[B256]) -> Result<(), LaneStoreError> {
        let (begun, count) = self.extent(lane)?.unwrap_or_default();
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
        changes.push(put_extent(lane, begun, end));
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
            changes.push(put_node(lane, height, index, hash));
            while index & 1 == 1 {
                hash = node(waiting[height as usize], hash);
                (height, index) = (height + 1, index / 2);
                changes.push(put_node(lane, height, index, hash));
            }
            waiting[height as usize] = hash;
        }
        Ok(changes)
    }

    /// The leaf of `sequence`, if the lane is that long.
    pub fn leaf(&self, lane: LaneId, sequence: u64) -> Result<Option<B256>, LaneStoreError> {
        if sequence < self.count(lane)? { self.stored(lane, 0, sequence).map(Some) } else { Ok(None) }
    }

    /// The leaves from sequence `first` on, up to `end`; at most as many as the caller can hold.
    pub fn leaves(&self, lane: LaneId, first: u64, end: u64) -> Result<Vec<B256>, LaneStoreError> {
        self.check_known(lane, end)?;
        let wanted = usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX);
        let (prefix, from) = (level_key(lane, 0), node_key(lane, 0, first));
        let found = self.0.scan(NODES, &prefix, &from, wanted)?;
        let is_next = |(at, (key, _)): (u64, &Entry)| *key == node_key(lane, 0, at);
        if found.len() < wanted || !(first..).zip(&found).all(is_next) {
            return Err(self.lacking(lane)?);
        }
        let leaf = |(_, value): Entry| B256::try_from(value.as_slice()).map_err(|_| LaneStoreError::Damaged(lane));
        found.into_iter().map(leaf).collect()
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
        match value.and_then(|bytes| B256::try_from(bytes.as_slice()).ok()) {
            Some(hash) => Ok(hash),
            None => Err(self.lacking(lane)?),
        }
    }

    /// Why a complete node is not there.
    fn lacking(&self, lane: LaneId) -> Result<LaneStoreError, StoreError> {
        let begun = self.extent(lane)?.map_or(0, |(begun, _)| begun);
        Ok(if begun > 0 { LaneStoreError::Before { lane, first: begun } } else { LaneStoreError::Damaged(lane) })
    }
}

/// The complete nodes on and beside the path of a leaf in a tree of `count`; `None` if the path is too short.
fn nodes_of(lane: LaneId, count: u64, (sequence, leaf): (u64, B256), path: &RangeProof) -> Option<Vec<Change>> {
    let mut siblings = path.hashes().iter().copied();
    let (mut index, mut hash, mut nodes) = (sequence, leaf, Vec::new());
    for height in 0..DEPTH {
        let beside = index ^ 1;
        let sibling = if beside << height < count { siblings.next()? } else { zero(height) };
        for (index, hash) in [(index, hash), (beside, sibling)] {
            if (index + 1) << height <= count {
                nodes.push(put_node(lane, height, index, hash));
            }
        }
        hash = if index < beside { node(hash, sibling) } else { node(sibling, hash) };
        index /= 2;
    }
    Some(nodes)
}

fn put_node(lane: LaneId, height: u32, index: u64, hash: B256) -> Change {
    Change::Put(NODES, node_key(lane, height, index), hash.to_vec())
}

fn put_extent(lane: LaneId, begun: u64, count: u64) -> Change {
    let mut value = count.to_be_bytes().to_vec();
    if begun > 0 {
        value.extend(begun.to_be_bytes());
    }
    Change::Put(COUNTS, key_of(lane), value)
}

fn read_extent(value: &[u8]) -> Option<(u64, u64)> {
    let (count, rest) = value.split_first_chunk()?;
    let begun = rest.first_chunk().map_or(0, |begun| u64::from_be_bytes(*begun));
    Some((begun, u64::from_be_bytes(*count)))
}

fn key_of(lane: LaneId) -> Vec<u8> {
    [lane.origin.to_bytes(), lane.destination.to_bytes()].concat()
}

fn level_key(lane: LaneId, height: u32) -> Vec<u8> {
    const NODE_LEN: usize = 2 * GatewayId::LEN + 4 + 8;
    let mut key = Vec::with_capacity(NODE_LEN);
    key.extend_from_slice(&lane.origin.to_bytes());
    key.extend_from_slice(&lane.destination.to_bytes());
    key.extend_from_slice(&height.to_be_bytes());
    key
}

fn node_key(lane: LaneId, height: u32, index: u64) -> Vec<u8> {
    let mut key = level_key(lane, height);
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// From any cut on, beside any single paths below it: what a lane that began in its middle proves is what a whole one does, and
        /// what it cannot prove it says.
        #[test]
        fn a_lane_that_began_in_its_middle_proves_what_a_whole_one_does(
            (first, open, later) in (0..80_u64, 0..20_u64, 0..40_u64),
            below in vec(any::<u16>(), 0..4),
        ) {
            let (count, end) = (first + open, first + open + later);
            let (whole, cut, all) = (lanes(), lanes(), leaves(end));
            let part = |from: u64, to: u64| &all[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
            whole.append(lane(902), 0, &all).unwrap();
            cut.begin(lane(902), &whole.frontier(lane(902), first).unwrap()).unwrap();
            cut.append(lane(902), first, part(first, count)).unwrap();
            let below: Vec<_> = below.into_iter().filter(|_| first > 0).map(|at| u64::from(at) % first).collect();
            for sequence in &below {
                let path = whole.path(lane(902), *sequence, count).unwrap();
                cut.learn(lane(902), count, &[(*sequence, part(*sequence, *sequence + 1)[0], &path)]).unwrap();
            }
            cut.append(lane(902), count, part(count, end)).unwrap();
            let before = LaneStoreError::Before { lane: lane(902), first };
            for to in first..=end {
                prop_assert_eq!(cut.frontier(lane(902), to), whole.frontier(lane(902), to));
                for from in 0..=to {
                    let (told, known) = (cut.consistency(lane(902), from, to), whole.consistency(lane(902), from, to));
                    prop_assert!(told == known || (from < first && told == Err(before.clone())), "{from} to {to}: {told:?}");
                }
                for sequence in 0..to {
                    let (told, known) = (cut.path(lane(902), sequence, to), whole.path(lane(902), sequence, to));
                    let is_shown = sequence >= first || (to >= count && below.contains(&sequence));
                    prop_assert!(told == known || (!is_shown && told == Err(before.clone())), "{sequence} of {to}: {told:?}");
                }
            }
            for from in 0..=end {
                let (told, known) = (cut.leaves(lane(902), from, end), part(from, end));
                prop_assert!(told.as_deref() == Ok(known) || (from < first && told == Err(before.clone())), "{told:?}");
            }
        }
    }

    #[test]
    fn a_lane_begins_once_and_is_forgotten_with_its_origin() {
        let (lanes, all) = (lanes(), leaves(5));
        let before = slice(&all, 3).frontier(3).unwrap();
        lanes.begin(lane(902), &before).unwrap();
        assert_eq!(lanes.begin(lane(902), &before), Err(LaneStoreError::Begun { lane: lane(902), count: 3 }));
        lanes.forget(lane(902).destination).unwrap();
        assert_eq!(lanes.count(lane(902)), Ok(3), "another's");
        lanes.forget(lane(902).origin).unwrap();
        lanes.append(lane(902), 0, &all).unwrap();
        assert_eq!(lanes.leaves(lane(902), 1, 4).unwrap(), all[1..4]);
        assert!(matches!(lanes.leaves(lane(902), 1, 6), Err(LaneStoreError::Beyond { .. })));
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
