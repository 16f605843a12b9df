//! Fields that several records share, between the wire and their types.

use alloy::primitives::{Address, B256};
use prost::bytes::Bytes;

use super::{EnvelopeError, wire};
use crate::{
    commitment::Commitment,
    ids::{ChainId, GatewayId, LaneId},
    lane::Frontier,
    lanes::LaneState,
    quorum::QuorumProof,
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
    Ok(GatewayId { chain: chain(field, gateway.chain)?, gateway: Address::new(array(field, &gateway.address)?) })
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

pub(super) fn frontier(field: &'static str, bytes: &[u8]) -> Result<Frontier, EnvelopeError> {
    Frontier::from_bytes(bytes).map_err(|problem| EnvelopeError::field(field, problem))
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
        Self { chain: id.chain.get(), address: Bytes::copy_from_slice(id.gateway.as_slice()) }
    }
}

impl From<&LaneState> for wire::Lane {
    fn from(lane: &LaneState) -> Self {
        Self { destination: Some(lane.destination.into()), count: lane.count, root: hash_bytes(lane.root) }
    }
}
