//! The lanes root: all lanes of an origin in one hash, each to be shown alone (docs/protocol.md §4).

use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{GatewayId, VERSION, tag},
    lane::{LEAVES_MAX, node},
};

/// A lane as it stands in a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LaneState {
    /// Where it leads.
    pub destination: GatewayId,
    /// How many messages it has, at least one.
    pub count: u64,
    /// The root of its tree.
    pub root: B256,
}

impl LaneState {
    /// The lane's leaf under the lanes root.
    pub fn leaf(&self) -> B256 {
        let mut bytes = tag("lane").to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.destination.to_bytes());
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.extend_from_slice(self.root.as_slice());
        keccak256(bytes)
    }
}

/// The lanes root of an origin from which nothing was ever sent.
pub fn no_lanes() -> B256 {
    tag("no lanes")
}

/// All lanes of one origin, and the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanesTree {
    lanes: Vec<LaneState>,
    /// Level by level from the leaves to the root; none without lanes.
    levels: Vec<Vec<B256>>,
}

/// Why lanes cannot stand under one root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LanesError {
    /// Not strictly ascending by (chain, gateway).
    #[error("lane to {0} is not above the lane before it")]
    Order(GatewayId),
    /// A lane without messages, or with more than it can have.
    #[error("the lane to {destination} cannot stand with {count} messages")]
    Count {
        /// Where it leads.
        destination: GatewayId,
        /// How many messages it claims.
        count: u64,
    },
}

impl LanesTree {
    /// The tree over `lanes`, which must be strictly ascending and have messages.
    pub fn new(lanes: Vec<LaneState>) -> Result<Self, LanesError> {
        if let Some(pair) = lanes.windows(2).find(|pair| pair[0].destination >= pair[1].destination) {
            return Err(LanesError::Order(pair[1].destination));
        }
        if let Some(lane) = lanes.iter().find(|lane| !(1..=LEAVES_MAX).contains(&lane.count)) {
            return Err(LanesError::Count { destination: lane.destination, count: lane.count });
        }
        let mut levels = Vec::new();
        let mut level: Vec<_> = lanes.iter().map(LaneState::leaf).collect();
        while level.len() > 1 {
            let above = level.chunks(2).map(|pair| pair.get(1).map_or(pair[0], |right| sorted_node(pair[0], *right)));
            let above = above.collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Ok(Self { lanes, levels })
    }

    /// The lanes, ascending.
    pub fn lanes(&self) -> &[LaneState] {
        &self.lanes
    }

    /// The lanes root.
    pub fn root(&self) -> B256 {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_else(no_lanes)
    }

    /// The lane to `destination` and its proof, if there is one.
    pub fn prove(&self, destination: GatewayId) -> Option<(LaneState, LaneProof)> {
        let mut index = self.lanes.binary_search_by_key(&destination, |lane| lane.destination).ok()?;
        let lane = self.lanes[index];
        let mut siblings = Vec::new();
        for level in &self.levels {
            siblings.extend(level.get(index ^ 1));
            index /= 2;
        }
        Some((lane, LaneProof { siblings }))
    }
}

/// The siblings of a lane's leaf, bottom up, as OpenZeppelin's `MerkleProof` takes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneProof {
    /// The siblings.
    pub siblings: Vec<B256>,
}

/// Why a lane proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LaneProofError {
    /// More siblings than any lane can have.
    #[error("a lane proof has at most {max} hashes, this one {0}", max = LaneProof::SIBLINGS_MAX)]
    TooLong(usize),
    /// It leads somewhere else.
    #[error("the lane proof leads to root {got}, not {expected}")]
    Root {
        /// The root that was to be reached.
        expected: B256,
        /// The root that was reached.
        got: B256,
    },
}

impl LaneProof {
    /// The most siblings a proof may have.
    pub const SIBLINGS_MAX: usize = 32;

    /// Checks that `lane` stands under `lanes_root`.
    pub fn verify(&self, lane: &LaneState, lanes_root: B256) -> Result<(), LaneProofError> {
        if self.siblings.len() > Self::SIBLINGS_MAX {
            return Err(LaneProofError::TooLong(self.siblings.len()));
        }
        let got = self.siblings.iter().fold(lane.leaf(), |hash, sibling| sorted_node(hash, *sibling));
        if got == lanes_root { Ok(()) } else { Err(LaneProofError::Root { expected: lanes_root, got }) }
    }
}

fn sorted_node(a: B256, b: B256) -> B256 {
    node(a.min(b), a.max(b))
}
