//! The epochs a daemon knows: who signs, from when until when, and by which transport key each is heard.
//!
//! The first stands in the network file. A later one is believed when the hub's own history, derived and final, announces it
//! ([`Announced`]); its table and keys are then read from the registry's logs ([`Learn`]), and checked by the hash that was announced.

mod announced;
mod learn;
mod registry;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use metalayer_proto::{
    batch::TransportKey,
    bls::{AttesterId, PublicKey},
    ids::NetworkId,
    quorum::{EpochTable, ProofError, ProvenCommitment},
};
use tokio::sync::Notify;

pub use announced::Announced;
pub use learn::{EpochMetrics, Learn, LearnError, Parts};

use crate::clock::UnixMillis;

/// One epoch.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// Members and stakes.
    pub table: Arc<EpochTable>,
    /// From when its proofs hold, in Unix seconds.
    pub activates_at: u64,
    /// From when they hold no more, in Unix seconds.
    pub expires_at: u64,
    /// The BLS key registered beside each transport key.
    pub keys: BTreeMap<TransportKey, PublicKey>,
}

impl Epoch {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.table.epoch()
    }

    /// Whether its proofs hold at `now`.
    pub fn holds(&self, now: UnixMillis) -> bool {
        self.activates_at <= seconds(now) && !self.has_expired(now)
    }

    /// Whether its proofs hold no more at `now`.
    pub fn has_expired(&self, now: UnixMillis) -> bool {
        self.expires_at <= seconds(now)
    }

    /// Whether it has this attester.
    pub fn has_member(&self, attester: AttesterId) -> bool {
        self.table.position(attester).is_some()
    }
}

const fn seconds(time: UnixMillis) -> u64 {
    time.0 / 1_000
}

/// Why something said to be proven is not.
#[derive(Debug, thiserror::Error)]
pub enum ProvenError {
    /// It is of another network.
    #[error("the proof is of network {0}")]
    Network(NetworkId),
    /// No such epoch is known, or it does not hold now.
    #[error("epoch {0} is unknown here, not active yet, or expired")]
    Epoch(u64),
    /// The proof itself does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl ProvenError {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Epoch(_) => "epoch",
            Self::Proof(_) => "proof",
        }
    }
}

/// All epochs of a network that this daemon knows; it grows while the daemon runs.
#[derive(Debug)]
pub struct EpochBook {
    network: NetworkId,
    epochs: RwLock<BTreeMap<u64, Arc<Epoch>>>,
    woken: Mutex<Vec<Arc<Notify>>>,
}

impl EpochBook {
    /// The epochs of `network`.
    pub fn new(network: NetworkId, epochs: impl IntoIterator<Item = Epoch>) -> Self {
        let epochs = epochs.into_iter().map(|epoch| (epoch.number(), Arc::new(epoch))).collect();
        Self { network, epochs: RwLock::new(epochs), woken: Mutex::default() }
    }

    /// The network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Adds an epoch that the hub announced; one that is known stays as it is.
    pub fn learn(&self, epoch: Epoch) {
        let mut epochs = self.epochs.write().unwrap_or_else(PoisonError::into_inner);
        epochs.entry(epoch.number()).or_insert_with(|| Arc::new(epoch));
        drop(epochs);
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|notice| notice.notify_one());
    }

    /// Notifies `notice` whenever an epoch is learned.
    pub fn wakes(&self, notice: Arc<Notify>) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    /// The epoch with this number.
    pub fn get(&self, number: u64) -> Option<Arc<Epoch>> {
        self.read().get(&number).cloned()
    }

    /// The epoch with the greatest number.
    pub fn newest(&self) -> Option<Arc<Epoch>> {
        self.read().last_key_value().map(|(_, epoch)| epoch.clone())
    }

    /// The epochs that have not expired at `now`, those still to come among them; oldest first.
    pub fn unexpired(&self, now: UnixMillis) -> Vec<Arc<Epoch>> {
        self.read().values().filter(|epoch| !epoch.has_expired(now)).cloned().collect()
    }

    /// The epochs whose proofs hold at `now`, oldest first.
    pub fn holding(&self, now: UnixMillis) -> Vec<Arc<Epoch>> {
        self.read().values().filter(|epoch| epoch.holds(now)).cloned().collect()
    }

    /// The numbers of the epochs that hold at `now` and have this attester, ascending: those it signs for.
    pub fn of_member(&self, attester: AttesterId, now: UnixMillis) -> Vec<u64> {
        let own = self.holding(now).into_iter().filter(|epoch| epoch.has_member(attester));
        own.map(|epoch| epoch.number()).collect()
    }

    /// When the next epoch begins that has not begun at `now`.
    pub fn next_activation(&self, now: UnixMillis) -> Option<UnixMillis> {
        let coming = self.read().values().map(|epoch| epoch.activates_at).filter(|at| *at > seconds(now)).min();
        coming.map(|at| UnixMillis(at.saturating_mul(1_000)))
    }

    /// The BLS key registered beside `key` for an epoch that holds at `now`.
    pub fn signer(&self, key: TransportKey, now: UnixMillis) -> Option<PublicKey> {
        self.read().values().filter(|epoch| epoch.holds(now)).find_map(|epoch| epoch.keys.get(&key).copied())
    }

    /// Whether `attester` is among the signers that a proof names; whether it holds, [`Self::verify`] says.
    pub fn has_signed(&self, proven: &ProvenCommitment, attester: AttesterId) -> bool {
        self.get(proven.proof.epoch()).is_some_and(|epoch| {
            let place = epoch.table.position(attester);
            place.zip(proven.proof.signers(&epoch.table).ok()).is_some_and(|(place, signers)| signers.contains(place))
        })
    }

    /// Whether any epoch that is known, whatever the time, has this attester.
    pub fn has_member(&self, attester: AttesterId) -> bool {
        self.read().values().any(|epoch| epoch.has_member(attester))
    }

    /// That a quorum of an epoch that holds at `now` signed the commitment.
    pub fn verify(&self, proven: &ProvenCommitment, now: UnixMillis) -> Result<(), ProvenError> {
        if proven.commitment.network != self.network {
            return Err(ProvenError::Network(proven.commitment.network));
        }
        let number = proven.proof.epoch();
        let epoch = self.get(number).filter(|epoch| epoch.holds(now)).ok_or(ProvenError::Epoch(number))?;
        Ok(proven.verify(&epoch.table)?)
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Arc<Epoch>>> {
        self.epochs.read().unwrap_or_else(PoisonError::into_inner)
    }
}
