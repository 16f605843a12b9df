//! A snapshot: all that a derivation needs to go on from a commitment, and the bytes in which it travels (docs/protocol.md §5).

use std::collections::BTreeMap;

use super::lane_states;
use crate::{
    bytes::{LengthError, Reader},
    facts::{Namespace, SnapshotEntry, UnknownNamespace},
    ids::{ChainId, GatewayId, InvalidChainId, VERSION, tag},
    lane::{Frontier, FrontierError},
    lanes::LaneState,
};

/// All that is needed to go on from a commitment; whoever sends it, the commitment's roots authenticate it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The frontier of each lane with messages, by destination.
    pub lanes: BTreeMap<GatewayId, Frontier>,
    /// The facts, ascending by the hash of their keys.
    pub facts: Vec<SnapshotEntry>,
}

/// Why bytes are no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotBytesError {
    /// More bytes than any snapshot may have.
    #[error("a snapshot has at most {max} bytes, this one {0}", max = Snapshot::BYTES_MAX)]
    TooLong(usize),
    /// Not exactly as long as it says.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// It does not begin with the tag of a snapshot.
    #[error("the bytes do not begin with the snapshot tag")]
    Tag,
    /// A version nobody has defined yet.
    #[error("snapshot version {0} is unknown")]
    Version(u8),
    /// A lane leads to chain 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// A lane's frontier is none.
    #[error(transparent)]
    Frontier(#[from] FrontierError),
    /// Not strictly ascending by (chain, gateway).
    #[error("the lane to {0} is not above the lane before it")]
    Order(GatewayId),
    /// A fact of a namespace that nobody has defined yet.
    #[error(transparent)]
    Namespace(#[from] UnknownNamespace),
}

impl Snapshot {
    /// Each lane with messages, ascending by destination.
    pub fn lane_states(&self) -> Vec<LaneState> {
        lane_states(&self.lanes)
    }

    /// The longest snapshot that is read.
    pub const BYTES_MAX: usize = 64 << 20;

    /// `tag("snapshot") ‖ u8 1 ‖ u32 lanes ‖ lanes ‖ u32 facts ‖ facts`, where a lane is `GatewayId ‖ frontier` and a fact is its
    /// namespace, key and value, each as `u32 length ‖ bytes`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = tag("snapshot").to_vec();
        bytes.push(VERSION);
        put_length(&mut bytes, self.lanes.len());
        for (destination, frontier) in &self.lanes {
            bytes.extend_from_slice(&destination.to_bytes());
            bytes.extend(frontier.to_bytes());
        }
        put_length(&mut bytes, self.facts.len());
        for SnapshotEntry { namespace, key, value } in &self.facts {
            for part in [namespace.as_str().as_bytes(), key, value] {
                put_length(&mut bytes, part.len());
                bytes.extend_from_slice(part);
            }
        }
        bytes
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotBytesError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(SnapshotBytesError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        if reader.b256()? != tag("snapshot") {
            return Err(SnapshotBytesError::Tag);
        }
        match reader.u8()? {
            VERSION => {}
            version => return Err(SnapshotBytesError::Version(version)),
        }
        let mut lanes = BTreeMap::new();
        for _ in 0..reader.u32()? {
            let destination = GatewayId { chain: ChainId::new(reader.u64()?)?, gateway: reader.address()? };
            if lanes.last_key_value().is_some_and(|(last, _)| *last >= destination) {
                return Err(SnapshotBytesError::Order(destination));
            }
            lanes.insert(destination, Frontier::read(&mut reader)?);
        }
        let facts = (0..reader.u32()?).map(|_| read_fact(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { lanes, facts })
    }
}

/// What is longer than 4 GiB cannot be read back; nothing that a derivation holds is.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn read_fact(reader: &mut Reader<'_>) -> Result<SnapshotEntry, SnapshotBytesError> {
    let namespace: Namespace = String::from_utf8_lossy(read_part(reader)?).parse()?;
    Ok(SnapshotEntry { namespace, key: read_part(reader)?.to_vec(), value: read_part(reader)?.to_vec() })
}

fn read_part<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], LengthError> {
    let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
    reader.bytes(length)
}
