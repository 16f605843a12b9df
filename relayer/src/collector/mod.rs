//! The collector: the door for attesters.
//!
//! The Ed25519 signature of a batch is checked before anything else; without it the batch is dropped and nobody is
//! blamed, whoever it names. What gets in goes onto the bus, one record an attestation; BLS signatures are summed there, not here.

pub mod http;
mod signed;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::try_join_all;
use metalayer_node::{bus::BusError, clock::Clock, epochs::EpochBook};
use metalayer_proto::{
    batch::{Attestation, BatchError, TransportBatch, TransportKey},
    bls::{AttesterId, UncheckedSignature},
    commitment::Commitment,
    envelope::AttestationRecord,
    ids::{ChainId, GatewayId},
    quorum::ProvenCommitment,
    topics::Partition,
};
use serde::Serialize;
use signed::SignedHeights;

use crate::{metrics::Metrics, record::Records};

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It is none, or its sender is nobody.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The bus failed; the same batch may be posted again.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl CollectError {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Batch(BatchError::UnknownKey(_)) => "unknown_key",
            Self::Batch(BatchError::Signature(_)) => "bad_signature",
            Self::Batch(BatchError::Network(_)) => "other_network",
            Self::Batch(BatchError::Attestation { .. }) => "bad_attestation",
            Self::Batch(_) => "malformed",
            Self::Bus(_) => "bus",
        }
    }
}

/// What the collector knows about one origin.
#[derive(Debug, Clone, Serialize)]
pub struct OriginStatus {
    /// The origin.
    pub origin: ChainId,
    /// How many distinct heights it holds a checked attestation of.
    pub commitments_signed: u64,
    /// The highest of them.
    pub attested_height: Option<u64>,
    /// The highest that is proven.
    pub proven_height: Option<u64>,
}

/// The collector's state, shared by all requests.
pub struct Collector {
    epochs: Arc<EpochBook>,
    /// The origins it collects for.
    origins: BTreeMap<GatewayId, Partition>,
    records: Records,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    signed: BTreeMap<GatewayId, SignedHeights>,
    proofs: BTreeMap<GatewayId, ProvenCommitment>,
    /// Each attester's newest attestation of each origin: what it asks for before it signs anything. Bounded by who is registered.
    newest: BTreeMap<(AttesterId, GatewayId), Attestation>,
}

impl Collector {
    /// A collector for `origins`.
    pub fn new(
        epochs: Arc<EpochBook>,
        origins: BTreeMap<GatewayId, Partition>,
        records: Records,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { epochs, origins, records, clock, metrics, state: Mutex::default() }
    }

    /// Takes a sealed batch: what is well-formed and of a known origin is on the bus when this resolves. Returns how many
    /// attestations were taken, and the newest proof of each origin that the batch spoke of.
    pub async fn take(&self, sealed: &[u8]) -> Result<(u32, Vec<ProvenCommitment>), CollectError> {
        let (sender, batch) = self.open(sealed).inspect_err(|error| self.metrics.batch_refused(error.reason()))?;
        // All at once, so that the bus makes them durable together.
        let published = batch.attestations.iter().map(|attestation| self.publish(&sender, attestation));
        let taken = try_join_all(published).await?.into_iter().map(u32::from).sum();
        let state = self.state();
        let spoken_of: BTreeSet<_> = batch.attestations.iter().map(|one| one.commitment.origin).collect();
        let proofs = spoken_of.iter().filter_map(|origin| state.proofs.get(origin)).cloned().collect();
        Ok((taken, proofs))
    }

    fn open(&self, sealed: &[u8]) -> Result<(Sender, TransportBatch), CollectError> {
        let now = self.clock.now();
        let is_registered = |key| self.epochs.signer(key, now).is_some();
        let (key, batch) = TransportBatch::open(sealed, self.epochs.network(), is_registered)?;
        let attester = self.epochs.signer(key, now).ok_or(BatchError::UnknownKey(key))?.attester_id();
        Ok((Sender { key, attester }, batch))
    }

    /// False for an attestation that is not worth a record: an unknown origin, or a signature that is not even a point.
    async fn publish(&self, sender: &Sender, attestation: &Attestation) -> Result<bool, BusError> {
        let commitment = attestation.commitment;
        let Some(partition) = self.origins.get(&commitment.origin) else {
            self.metrics.attestation_refused("unknown_origin");
            return Ok(false);
        };
        let Ok(signature) = UncheckedSignature::from_bytes(attestation.signature.as_slice()) else {
            // The sender's own: its transport signature vouched for these bytes.
            tracing::warn!(attester = %sender.attester, key = %sender.key, "an attestation's signature is no point of the curve");
            self.metrics.attestation_refused("no_point");
            return Ok(false);
        };
        let record = AttestationRecord { commitment, attester: sender.attester, signature };
        self.records.publish(*partition, Vec::new(), None, record).await?;
        self.keep(sender.attester, *attestation);
        self.metrics.attestation_taken(commitment.origin.chain);
        Ok(true)
    }

    fn keep(&self, attester: AttesterId, attestation: Attestation) {
        let mut state = self.state();
        let Commitment { origin, block_number, .. } = attestation.commitment;
        state.signed.entry(origin).or_default().insert(block_number);
        let newest = state.newest.entry((attester, origin)).or_insert(attestation);
        if newest.commitment.block_number < block_number {
            *newest = attestation;
        }
    }

    /// The newest attestation that was taken of `attester` for each origin.
    pub fn attestations_of(&self, attester: AttesterId) -> Vec<Attestation> {
        let state = self.state();
        let held = state.newest.iter().filter(|((of, _), _)| *of == attester);
        held.map(|(_, attestation)| *attestation).collect()
    }

    /// Takes note of a proof that holds.
    pub fn proven(&self, proven: ProvenCommitment) {
        let mut state = self.state();
        let origin = proven.commitment.origin;
        let newer = state
            .proofs
            .get(&origin)
            .is_none_or(|known| known.commitment.block_number <= proven.commitment.block_number);
        if newer {
            state.proofs.insert(origin, proven);
        }
    }

    /// The newest proof of an origin.
    pub fn newest_proof(&self, chain: ChainId) -> Option<ProvenCommitment> {
        self.state().proofs.values().find(|proven| proven.commitment.origin.chain == chain).cloned()
    }

    /// What is known about every origin.
    pub fn origins(&self) -> Vec<OriginStatus> {
        let state = self.state();
        let status = |origin: &GatewayId| OriginStatus {
            origin: origin.chain,
            commitments_signed: state.signed.get(origin).map_or(0, SignedHeights::count),
            attested_height: state.signed.get(origin).and_then(SignedHeights::highest),
            proven_height: state.proofs.get(origin).map(|proven| proven.commitment.block_number),
        };
        self.origins.keys().map(status).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose batch it is: proven by its transport signature.
struct Sender {
    key: TransportKey,
    attester: AttesterId,
}
