//! What shows that a message was sent: the tree of every lane as its origin's gateway has it, and the newest root that the gateway has stored.
//!
//! The gateway appends the id of whatever is sent; in the tree that attesters sign, the leaf of what is void is another.

use alloy::primitives::B256;
use metalayer_node::{
    lanes::{LaneStore, LaneStoreError},
    store::{Change, StoreError},
};
use metalayer_proto::{
    ids::LaneId,
    lane::{Frontier, RangeProof},
};

use super::{Index, SNAPSHOTS};

/// Why there is no path.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// The lane cannot be read, or not so far yet.
    #[error("{0}; ask again when the index has read on, or another relayer")]
    Lane(#[from] LaneStoreError),
    /// The leaves lead elsewhere.
    #[error(
        "the lane's ids in the index lead to another root; if this relayer began in the lane's middle, another one has to do it, else delete the folder `index` of the data directory to read them again"
    )]
    Root,
}

/// A lane's root that its origin's gateway has stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// How many messages the lane had.
    pub count: u64,
    /// Its root over their ids.
    pub root: B256,
}

impl Index {
    /// The newest snapshot of a lane.
    pub fn snapshot(&self, lane: LaneId) -> Result<Option<Snapshot>, StoreError> {
        self.0.get(SNAPSHOTS, &key_of(lane))?.map(|value| read_snapshot(&value)).transpose()
    }

    /// The path of a message's id in its lane as the snapshot has it.
    pub fn path(&self, lane: LaneId, sequence: u64, snapshot: Snapshot) -> Result<RangeProof, PathError> {
        let (lanes, Snapshot { count, root }) = (self.lanes(), snapshot);
        let path = lanes.path(lane, sequence, count)?;
        let leaf = lanes.leaf(lane, sequence)?.ok_or(PathError::Root)?;
        path.verify(sequence, &[leaf], count, root).map_err(|_| PathError::Root)?;
        Ok(path)
    }

    /// Keeps the ids of messages that were sent, from sequence `first` on. A lane whose beginning the bus has forgotten is passed over.
    pub(super) fn keep_ids(&self, lane: LaneId, first: u64, ids: &[B256]) -> Result<(), StoreError> {
        match self.lanes().append(lane, first, ids) {
            Err(LaneStoreError::Store(error)) => Err(error),
            Err(error) => {
                tracing::warn!(%lane, %error, "nothing of this lane can be reclaimed after a refusal");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Begins a lane in its middle, unless it is here already. What is attested of it before `ids` is taken for the gateway's own tree, which
    /// it is if nothing there was void; else [`Self::path`] finds out.
    pub(super) fn begin_ids(
        &self,
        lane: LaneId,
        before: &Frontier,
        below: &[(u64, B256, RangeProof)],
        ids: &[B256],
    ) -> Result<(), StoreError> {
        let (lanes, count) = (self.lanes(), before.count() + ids.len() as u64);
        if lanes.count(lane)? >= count {
            return Ok(());
        }
        let below: Vec<_> = below.iter().map(|(sequence, id, path)| (*sequence, *id, path)).collect();
        // In this order: what follows writes over what a path says of it.
        let begun = lanes.begin(lane, before).and_then(|()| lanes.learn(lane, count, &below));
        match begun {
            Err(LaneStoreError::Store(error)) => Err(error),
            _ => self.keep_ids(lane, before.count(), ids),
        }
    }

    fn lanes(&self) -> LaneStore {
        LaneStore::new(self.0.clone())
    }
}

/// Keeps a snapshot.
pub(super) fn keep_snapshot(lane: LaneId, snapshot: Snapshot) -> Change {
    let value = [&snapshot.count.to_be_bytes()[..], snapshot.root.as_slice()].concat();
    Change::Put(SNAPSHOTS, key_of(lane), value)
}

fn read_snapshot(value: &[u8]) -> Result<Snapshot, StoreError> {
    let damaged = || StoreError::Corrupt("a snapshot in the index".to_owned());
    let (count, root) = value.split_first_chunk().ok_or_else(damaged)?;
    let root = B256::try_from(root).map_err(|_| damaged())?;
    Ok(Snapshot { count: u64::from_be_bytes(*count), root })
}

fn key_of(lane: LaneId) -> Vec<u8> {
    [lane.origin.to_bytes(), lane.destination.to_bytes()].concat()
}
