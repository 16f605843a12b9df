//! What collectors serve by GET, beside the newest proof (docs/protocol.md §9). Whoever sends it, roots authenticate it.

use alloy::primitives::{B256, keccak256};

use crate::{
    bytes::{LengthError, Reader},
    derivation::{Shown, Snapshot, SnapshotBytesError},
    envelope::Deliver,
    ids::{ChainId, GatewayId, InvalidChainId, MessageId},
    lane::{Frontier, FrontierError, RangeError, RangeProof},
    lanes::{LaneProof, LaneState},
    quorum::{ProvenCommitment, ProvenCommitmentError},
};

/// Why bytes are none of what collectors serve.
#[derive(Debug, thiserror::Error)]
pub enum ServedError {
    /// Not exactly as long as it says.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The proven commitment is none.
    #[error(transparent)]
    Proven(#[from] ProvenCommitmentError),
    /// The snapshot is none.
    #[error(transparent)]
    Snapshot(#[from] SnapshotBytesError),
    /// A lane leads to chain 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The path is none.
    #[error(transparent)]
    Path(#[from] RangeError),
    /// The frontier is none.
    #[error(transparent)]
    Frontier(#[from] FrontierError),
    /// Not one of the forms of a leaf.
    #[error("{0} is the form of no leaf")]
    Form(u8),
}

/// Where an origin can be begun: a proven commitment and the snapshot under it. `u16 length ‖ proven commitment ‖ snapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenSnapshot {
    /// What a quorum signed.
    pub proven: ProvenCommitment,
    /// What its roots are of.
    pub snapshot: Snapshot,
}

impl ProvenSnapshot {
    /// The bytes in which it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        [put_proven(&self.proven), self.snapshot.to_bytes()].concat()
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ServedError> {
        let mut reader = Reader::new(bytes);
        let proven = read_proven(&mut reader)?;
        Ok(Self { proven, snapshot: Snapshot::from_bytes(reader.remaining())? })
    }
}

/// A lane under a proven commitment: `u16 length ‖ proven commitment ‖ GatewayId ‖ u64 count ‖ root ‖ 32 a sibling`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenLane {
    /// What a quorum signed.
    pub proven: ProvenCommitment,
    /// The lane as it stands there.
    pub lane: LaneState,
    /// That it stands there.
    pub proof: LaneProof,
}

impl ProvenLane {
    /// The bytes in which it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = put_proven(&self.proven);
        bytes.extend_from_slice(&self.lane.destination.to_bytes());
        bytes.extend_from_slice(&self.lane.count.to_be_bytes());
        bytes.extend_from_slice(self.lane.root.as_slice());
        bytes.extend(self.proof.siblings.concat());
        bytes
    }

    /// Reads [`Self::to_bytes`], strictly; how many siblings there may be is checked with the proof.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ServedError> {
        let mut reader = Reader::new(bytes);
        let proven = read_proven(&mut reader)?;
        let destination = GatewayId { chain: ChainId::new(reader.u64()?)?, gateway: reader.address()? };
        let lane = LaneState { destination, count: reader.u64()?, root: reader.b256()? };
        Ok(Self { proven, lane, proof: LaneProof { siblings: reader.hashes()? } })
    }
}

/// A leaf of a lane, with its path under a root of the lane: `u8 hashes ‖ 32 a hash ‖ content`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedLeaf {
    /// The range proof of this one leaf.
    pub path: RangeProof,
    /// What the leaf is of.
    pub content: LeafContent,
}

/// What a leaf is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeafContent {
    /// A message that was judged valid: its canonical bytes.
    Message(Vec<u8>),
    /// A message that was judged void: its canonical bytes, which whoever reclaims it has to show.
    Void(Vec<u8>),
}

const VOID: u8 = 0;
const MESSAGE: u8 = 1;

impl LeafContent {
    /// `0x00 ‖ canonical message` if it is void, else `0x01 ‖ canonical message`.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Void(message) => [&[VOID][..], message].concat(),
            Self::Message(message) => [&[MESSAGE][..], message].concat(),
        }
    }

    /// Reads [`Self::to_bytes`]; what a message's bytes say is not looked at.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ServedError> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            VOID => Ok(Self::Void(reader.rest())),
            MESSAGE => Ok(Self::Message(reader.rest())),
            form => Err(ServedError::Form(form)),
        }
    }

    /// As it is shown under a root.
    pub fn shown(&self) -> Shown<'_> {
        match self {
            Self::Message(bytes) => Shown::Message(bytes),
            Self::Void(bytes) => Shown::Void(MessageId(keccak256(bytes))),
        }
    }
}

impl ServedLeaf {
    /// The bytes in which it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let hashes = u8::try_from(self.path.hashes().len()).unwrap_or(u8::MAX);
        [&[hashes][..], &self.path.to_bytes(), &self.content.to_bytes()].concat()
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ServedError> {
        let mut reader = Reader::new(bytes);
        let hashes = usize::from(reader.u8()?);
        let path = RangeProof::from_bytes(reader.bytes(hashes * 32)?)?;
        Ok(Self { path, content: LeafContent::from_bytes(reader.remaining())? })
    }
}

/// A lane from some message on: the frontier before it, and all leaves from there. Together they lead to a root of the lane. `frontier ‖ 32 a leaf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedLeaves {
    /// The lane before the first leaf.
    pub before: Frontier,
    /// The leaves, at most [`Self::MAX`] and at least none.
    pub leaves: Vec<B256>,
}

impl ServedLeaves {
    /// The most leaves that are served at once: what one record of what is ready can name.
    pub const MAX: usize = Deliver::ITEMS_MAX;

    /// The bytes in which it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.before.to_bytes(), self.leaves.concat()].concat()
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ServedError> {
        let mut reader = Reader::new(bytes);
        let before = Frontier::read(&mut reader)?;
        Ok(Self { before, leaves: reader.hashes()? })
    }
}

fn put_proven(proven: &ProvenCommitment) -> Vec<u8> {
    let bytes = proven.to_bytes();
    // A commitment and the longest bitmap are far below 64 KiB.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], &bytes].concat()
}

fn read_proven(reader: &mut Reader<'_>) -> Result<ProvenCommitment, ServedError> {
    let length = usize::from(reader.u16()?);
    Ok(ProvenCommitment::from_bytes(reader.bytes(length)?)?)
}
