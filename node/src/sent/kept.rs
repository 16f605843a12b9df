//! A derivation as it is kept on disk: `u32 settled ‖ settled × (destination ‖ origin ‖ u64 sequence) ‖ commitment ‖ snapshot`.

use alloy::primitives::Address;
use metalayer_proto::{
    commitment::{Commitment, CommitmentError},
    derivation::{Deployment, Derivation, LeafId, RestoreError, Snapshot, SnapshotBytesError},
    ids::{ChainId, GatewayId, LaneId},
};

/// The length of a leaf's place, as it stands in keys and records.
const LEAF_LEN: usize = 2 * GatewayId::LEN + 8;

/// Why a record is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeptError {
    #[error("it is cut short")]
    Short,
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotBytesError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// The record of a derivation at `commitment`, which settled these leaves and could not delete them yet.
pub(super) fn encode(commitment: &Commitment, derivation: &Derivation, settled: &[LeafId]) -> Vec<u8> {
    // As many as the bound allows.
    let mut bytes = u32::try_from(settled.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    settled.iter().for_each(|leaf| bytes.extend(key(*leaf)));
    bytes.extend(commitment.to_bytes());
    bytes.extend(derivation.snapshot().to_bytes());
    bytes
}

/// Reads [`encode`]. The commitment's own roots show that nothing is damaged.
pub(super) fn decode(deployment: Deployment, bytes: &[u8]) -> Result<(Derivation, Vec<LeafId>), KeptError> {
    let (count, rest) = bytes.split_first_chunk().ok_or(KeptError::Short)?;
    let length = usize::try_from(u32::from_be_bytes(*count)).unwrap_or(usize::MAX).saturating_mul(LEAF_LEN);
    let (settled, rest) = rest.split_at_checked(length).ok_or(KeptError::Short)?;
    let (commitment, snapshot) = rest.split_at_checked(Commitment::LEN).ok_or(KeptError::Short)?;
    let settled = settled.chunks_exact(LEAF_LEN).map(|leaf| read_key(leaf).ok_or(KeptError::Short));
    let settled = settled.collect::<Result<_, _>>()?;
    let (commitment, snapshot) = (Commitment::from_bytes(commitment)?, Snapshot::from_bytes(snapshot)?);
    Ok((Derivation::restore(deployment, &commitment, snapshot)?, settled))
}

/// `destination ‖ origin ‖ sequence`, so that all that leads to one chain stands together.
pub(super) fn key(LeafId { lane: LaneId { origin, destination }, sequence }: LeafId) -> Vec<u8> {
    let mut key = Vec::with_capacity(LEAF_LEN);
    key.extend_from_slice(&destination.to_bytes());
    key.extend_from_slice(&origin.to_bytes());
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// Reads [`key`].
pub(super) fn read_key(key: &[u8]) -> Option<LeafId> {
    let (destination, rest) = key.split_first_chunk::<{ GatewayId::LEN }>()?;
    let (origin, sequence) = rest.split_first_chunk::<{ GatewayId::LEN }>()?;
    let lane = LaneId { origin: read_gateway(origin)?, destination: read_gateway(destination)? };
    Some(LeafId { lane, sequence: u64::from_be_bytes(sequence.try_into().ok()?) })
}

fn read_gateway(bytes: &[u8; GatewayId::LEN]) -> Option<GatewayId> {
    let (chain, gateway) = bytes.split_first_chunk()?;
    Some(GatewayId { chain: ChainId::new(u64::from_be_bytes(*chain)).ok()?, gateway: Address::try_from(gateway).ok()? })
}
