//! The epochs a daemon knows: who signs, from when until when, and by which transport key each is heard.

use std::{collections::BTreeMap, sync::Arc};

use metalayer_proto::{
    batch::TransportKey,
    bls::{AttesterId, PublicKey},
    ids::NetworkId,
    quorum::{EpochTable, ProofError, ProvenCommitment},
};

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
    /// Whether its proofs hold at `now`.
    pub fn holds(&self, now: UnixMillis) -> bool {
        (self.activates_at..self.expires_at).contains(&(now.0 / 1_000))
    }
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

/// All epochs of a network that this daemon knows.
#[derive(Clone, Debug)]
pub struct EpochBook {
    network: NetworkId,
    epochs: BTreeMap<u64, Epoch>,
}

impl EpochBook {
    /// The epochs of `network`.
    pub fn new(network: NetworkId, epochs: impl IntoIterator<Item = Epoch>) -> Self {
        Self { network, epochs: epochs.into_iter().map(|epoch| (epoch.table.epoch(), epoch)).collect() }
    }

    /// The network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// The epochs whose proofs hold at `now`, oldest first.
    pub fn holding(&self, now: UnixMillis) -> impl Iterator<Item = &Epoch> {
        self.epochs.values().filter(move |epoch| epoch.holds(now))
    }

    /// The BLS key registered beside `key` for an epoch that holds at `now`.
    pub fn signer(&self, key: TransportKey, now: UnixMillis) -> Option<PublicKey> {
        self.holding(now).find_map(|epoch| epoch.keys.get(&key).copied())
    }

    /// Whether `attester` is among the signers that a proof names; whether it holds, [`Self::verify`] says.
    pub fn has_signed(&self, proven: &ProvenCommitment, attester: AttesterId) -> bool {
        let table = self.epochs.get(&proven.proof.epoch()).map(|epoch| &epoch.table);
        table.is_some_and(|table| {
            let place = table.position(attester);
            place.zip(proven.proof.signers(table).ok()).is_some_and(|(place, signers)| signers.contains(place))
        })
    }

    /// Whether any epoch that is known, whatever the time, has this attester.
    pub fn has_member(&self, attester: AttesterId) -> bool {
        self.epochs.values().any(|epoch| epoch.table.position(attester).is_some())
    }

    /// That a quorum of an epoch that holds at `now` signed the commitment.
    pub fn verify(&self, proven: &ProvenCommitment, now: UnixMillis) -> Result<(), ProvenError> {
        if proven.commitment.network != self.network {
            return Err(ProvenError::Network(proven.commitment.network));
        }
        let number = proven.proof.epoch();
        let epoch = self.epochs.get(&number).filter(|epoch| epoch.holds(now)).ok_or(ProvenError::Epoch(number))?;
        Ok(proven.verify(&epoch.table)?)
    }
}
