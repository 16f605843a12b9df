//! Fields that several records share, between the wire and their types.

use alloy::primitives::{Address, B256, U256};
use prost::bytes::Bytes;

use super::{EnvelopeError, wire};
use crate::{
    commitment::Commitment,
    ids::{ChainId, GatewayId, LaneId},
    lane::{Frontier, RangeProof},
    lanes::{LaneProof, LaneState},
    message::Message,
    quorum::{ProvenCommitment, QuorumProof},
};

/// `bytes` as an array of exactly `N`.
pub(super) fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], EnvelopeError> {
    bytes.try_into().map_err(|_| EnvelopeError::field(field, format_args!("{} bytes, not {N}", bytes.len())))
}

pub(super) fn hash(field: &'static str, bytes: &[u8]) -> Result<B256, EnvelopeError> {
    array(field, bytes).map(B256::new)
}

pub(super) fn hash_bytes(hash: B256) -> Bytes {
    Bytes::copy_from_slice(hash.as_slice())
}

pub(super) fn chain(field: &'static str, id: u64) -> Result<ChainId, EnvelopeError> {
    ChainId::new(id).map_err(|problem| EnvelopeError::field(field, problem))
}

pub(super) fn gateway(field: &'static str, gateway: Option<wire::Gateway>) -> Result<GatewayId, EnvelopeError> {
    let gateway = gateway.ok_or(EnvelopeError::Missing(field))?;
    Ok(GatewayId { chain: chain(field, gateway.chain)?, gateway: address(field, &gateway.address)? })
}

pub(super) fn lane_id(
    origin: Option<wire::Gateway>,
    destination: Option<wire::Gateway>,
) -> Result<LaneId, EnvelopeError> {
    Ok(LaneId { origin: gateway("origin", origin)?, destination: gateway("destination", destination)? })
}

pub(super) fn commitment(bytes: &[u8]) -> Result<Commitment, EnvelopeError> {
    Commitment::from_bytes(bytes).map_err(|problem| EnvelopeError::field("commitment", problem))
}

pub(super) fn proof(bytes: &[u8]) -> Result<QuorumProof, EnvelopeError> {
    QuorumProof::from_bytes(bytes).map_err(|problem| EnvelopeError::field("proof", problem))
}

/// A commitment with its proof.
pub(super) fn proven(commitment_bytes: &[u8], proof_bytes: &[u8]) -> Result<ProvenCommitment, EnvelopeError> {
    Ok(ProvenCommitment { commitment: commitment(commitment_bytes)?, proof: proof(proof_bytes)? })
}

pub(super) fn frontier(field: &'static str, bytes: &[u8]) -> Result<Frontier, EnvelopeError> {
    Frontier::from_bytes(bytes).map_err(|problem| EnvelopeError::field(field, problem))
}

/// A message in its canonical bytes.
pub(super) fn message(bytes: &[u8]) -> Result<Message, EnvelopeError> {
    Message::decode(bytes).map_err(|problem| EnvelopeError::field("message", problem))
}

pub(super) fn message_bytes(message: &Message) -> Bytes {
    message.encode().into()
}

pub(super) fn address(field: &'static str, bytes: &[u8]) -> Result<Address, EnvelopeError> {
    array(field, bytes).map(Address::new)
}

pub(super) fn address_bytes(address: Address) -> Bytes {
    Bytes::copy_from_slice(address.as_slice())
}

pub(super) fn units(field: &'static str, bytes: &[u8]) -> Result<U256, EnvelopeError> {
    array(field, bytes).map(U256::from_be_bytes::<32>)
}

pub(super) fn units_bytes(units: U256) -> Bytes {
    Bytes::copy_from_slice(&units.to_be_bytes::<32>())
}

/// At most `max` hashes, joined.
pub(super) fn hashes(field: &'static str, bytes: &[u8], max: usize) -> Result<Vec<B256>, EnvelopeError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() > max {
        return Err(EnvelopeError::field(field, format_args!("{} bytes", bytes.len())));
    }
    Ok(hashes.iter().map(|hash| B256::new(*hash)).collect())
}

pub(super) fn lane_proof(bytes: &[u8]) -> Result<LaneProof, EnvelopeError> {
    Ok(LaneProof { siblings: hashes("lane_proof", bytes, LaneProof::SIBLINGS_MAX)? })
}

/// The path of one leaf.
pub(super) fn path(bytes: &[u8]) -> Result<RangeProof, EnvelopeError> {
    RangeProof::from_bytes(bytes).map_err(|problem| EnvelopeError::field("path", problem))
}

pub(super) fn lane(lane: wire::Lane) -> Result<LaneState, EnvelopeError> {
    Ok(LaneState {
        destination: gateway("lane.destination", lane.destination)?,
        count: lane.count,
        root: hash("lane.root", &lane.root)?,
    })
}

impl From<GatewayId> for wire::Gateway {
    fn from(id: GatewayId) -> Self {
        Self { chain: id.chain.get(), address: address_bytes(id.gateway) }
    }
}

impl From<&LaneState> for wire::Lane {
    fn from(lane: &LaneState) -> Self {
        Self { destination: Some(lane.destination.into()), count: lane.count, root: hash_bytes(lane.root) }
    }
}
