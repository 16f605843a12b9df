//! What is proven already: the newest quorum proof of each origin in each epoch, as collectors answer it and as checked here (I7).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::B256;
use metalayer_node::{
    clock::UnixMillis,
    epochs::{EpochBook, ProvenError},
};
use metalayer_proto::{
    bls::AttesterId, commitment::Commitment, heights::HEARTBEAT_PATIENCE, ids::GatewayId, quorum::ProvenCommitment,
};

/// The newest proof of one origin in one epoch.
#[derive(Clone, Copy, Debug)]
struct Newest {
    commitment: Commitment,
    /// When a proof at or above the height in question was first seen; heights are proven in ascending order.
    seen_at: UnixMillis,
}

/// The newest proofs, shared by the stages of all origins. Only what is proven in *every* epoch that holds and has this attester
/// needs no signature of its own any more.
pub struct Proven {
    epochs: Arc<EpochBook>,
    attester: AttesterId,
    newest: Mutex<BTreeMap<(GatewayId, u64), Newest>>,
}

impl Proven {
    /// Nothing proven yet, for `attester`.
    pub fn new(epochs: Arc<EpochBook>, attester: AttesterId) -> Self {
        Self { epochs, attester, newest: Mutex::default() }
    }

    /// Checks a proof that somebody sent and keeps it if it is newer than what is known of its epoch. Returns the commitment that
    /// is the newest proven of its origin in that epoch now.
    pub fn take(&self, proven: &ProvenCommitment, now: UnixMillis) -> Result<Commitment, ProvenError> {
        let (commitment, key) = (proven.commitment, (proven.commitment.origin, proven.proof.epoch()));
        let known = self.lock().get(&key).map(|newest| newest.commitment);
        if let Some(known) = known.filter(|known| known.block_number >= commitment.block_number) {
            return Ok(known);
        }
        self.epochs.verify(proven, now)?;
        let mut newest = self.lock();
        newest.retain(|(_, epoch), _| self.epochs.get(*epoch).is_some_and(|epoch| !epoch.has_expired(now)));
        let entry = newest.entry(key).or_insert(Newest { commitment, seen_at: now });
        if entry.commitment.block_number < commitment.block_number {
            *entry = Newest { commitment, seen_at: now };
        }
        Ok(entry.commitment)
    }

    /// The epochs that this attester signs for at `now`; none: it signs nothing.
    pub fn own_epochs(&self, now: UnixMillis) -> Vec<u64> {
        self.epochs.of_member(self.attester, now)
    }

    /// The newest proven commitment of an origin, in whatever epoch.
    pub fn newest(&self, origin: GatewayId) -> Option<Commitment> {
        newest_of(&self.lock(), origin)
    }

    /// Whether these very lanes are proven already.
    pub fn covers(&self, origin: GatewayId, lanes_root: B256, now: UnixMillis) -> bool {
        self.in_all(origin, now, |newest| newest.commitment.lanes_root == lanes_root)
    }

    /// Whether some height at or above `height` has been proven.
    pub fn has_proven(&self, origin: GatewayId, height: u64, now: UnixMillis) -> bool {
        self.in_all(origin, now, |newest| newest.commitment.block_number >= height)
    }

    /// Whether some height at or above `height` has been proven for so long that a heartbeat there adds nothing.
    pub fn long_covers(&self, origin: GatewayId, height: u64, now: UnixMillis) -> bool {
        self.in_all(origin, now, |newest| {
            newest.commitment.block_number >= height && now.since(newest.seen_at) > HEARTBEAT_PATIENCE
        })
    }

    /// The newest proven commitment of an origin, if it is to be signed again: for an epoch of this attester's, the number beside it,
    /// in which nothing of that origin is proven yet.
    pub fn to_carry_over(&self, origin: GatewayId, now: UnixMillis) -> Option<(u64, Commitment)> {
        let own = self.own_epochs(now);
        let newest = self.lock();
        let lacks = own.into_iter().rev().find(|epoch| !newest.contains_key(&(origin, *epoch)))?;
        Some((lacks, newest_of(&newest, origin)?))
    }

    /// Whether it is so in every epoch that holds and has this attester, of which there is at least one.
    fn in_all(&self, origin: GatewayId, now: UnixMillis, is_so: impl Fn(&Newest) -> bool) -> bool {
        let own = self.own_epochs(now);
        let newest = self.lock();
        !own.is_empty() && own.into_iter().all(|epoch| newest.get(&(origin, epoch)).is_some_and(&is_so))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(GatewayId, u64), Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn newest_of(newest: &BTreeMap<(GatewayId, u64), Newest>, origin: GatewayId) -> Option<Commitment> {
    let of_origin = newest.range((origin, 0)..=(origin, u64::MAX)).map(|(_, newest)| newest.commitment);
    of_origin.max_by_key(|commitment| commitment.block_number)
}
