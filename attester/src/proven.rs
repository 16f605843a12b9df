//! What is proven already: the newest quorum proof of each origin, as collectors answer it and as checked here (I7).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::primitives::B256;
use metalayer_node::{
    clock::UnixMillis,
    epochs::{EpochBook, ProvenError},
};
use metalayer_proto::{commitment::Commitment, heights::HEARTBEAT_PATIENCE, ids::GatewayId, quorum::ProvenCommitment};

/// The newest proof of one origin.
#[derive(Clone, Copy, Debug)]
struct Newest {
    commitment: Commitment,
    /// When a proof at or above the height in question was first seen; heights are proven in ascending order.
    seen_at: UnixMillis,
}

/// The newest proofs, shared by the stages of all origins.
pub struct Proven {
    epochs: Arc<EpochBook>,
    newest: Mutex<BTreeMap<GatewayId, Newest>>,
}

impl Proven {
    /// Nothing proven yet.
    pub fn new(epochs: Arc<EpochBook>) -> Self {
        Self { epochs, newest: Mutex::default() }
    }

    /// Checks a proof that somebody sent and keeps it if it is newer than what is known. Returns the commitment that is
    /// the newest proven of its origin now.
    pub fn take(&self, proven: &ProvenCommitment, now: UnixMillis) -> Result<Commitment, ProvenError> {
        let commitment = proven.commitment;
        if let Some(known) = self.newest(commitment.origin)
            && known.block_number >= commitment.block_number
        {
            return Ok(known);
        }
        self.epochs.verify(proven, now)?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = newest.entry(commitment.origin).or_insert(Newest { commitment, seen_at: now });
        if entry.commitment.block_number < commitment.block_number {
            *entry = Newest { commitment, seen_at: now };
        }
        Ok(entry.commitment)
    }

    /// The newest proven commitment of an origin.
    pub fn newest(&self, origin: GatewayId) -> Option<Commitment> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).get(&origin).map(|newest| newest.commitment)
    }

    /// Whether these very lanes are proven already.
    pub fn covers(&self, origin: GatewayId, lanes_root: B256) -> bool {
        self.newest(origin).is_some_and(|proven| proven.lanes_root == lanes_root)
    }

    /// Whether some height at or above `height` has been proven for so long that a heartbeat there adds nothing.
    pub fn long_covers(&self, origin: GatewayId, height: u64, now: UnixMillis) -> bool {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&origin).is_some_and(|newest| {
            newest.commitment.block_number >= height && now.since(newest.seen_at) > HEARTBEAT_PATIENCE
        })
    }
}
