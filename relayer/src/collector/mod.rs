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
use metalayer_node::{bus::BusError, clock::Clock, epochs::EpochBook, store::StoreError};
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

use crate::{
    archive::{Archive, ArchiveError},
    metrics::Metrics,
    record::Records,
};

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It is none, or its sender is nobody.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The bus failed; the same batch may be posted again.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// What it brought could not be kept; likewise.
    #[error(transparent)]
    Store(#[from] StoreError),
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
            Self::Store(_) => "store",
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
    archive: Arc<Archive>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    signed: BTreeMap<GatewayId, SignedHeights>,
    /// The newest proof of each origin in each epoch that has not expired.
    proofs: BTreeMap<(GatewayId, u64), ProvenCommitment>,
    /// Each attester's newest attestation of each origin: what it asks for before it signs anything. Bounded by who is registered.
    newest: BTreeMap<(AttesterId, GatewayId), Attestation>,
}

impl Collector {
    /// A collector for `origins`, which knows what the archive has kept.
    pub fn open(
        epochs: Arc<EpochBook>,
        origins: BTreeMap<GatewayId, Partition>,
        records: Records,
        archive: Arc<Archive>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ArchiveError> {
        let proof = |origin: &GatewayId| {
            let proven = archive.start_of(origin.chain)?.proven().clone();
            Some(((*origin, proven.proof.epoch()), proven))
        };
        let proofs = origins.keys().filter_map(proof).collect();
        let state = State { newest: archive.attestations()?, proofs, ..State::default() };
        Ok(Self { epochs, origins, records, archive, clock, metrics, state: Mutex::new(state) })
    }

    /// Takes a sealed batch: what is well-formed and of a known origin is on the bus when this resolves. Returns how many
    /// attestations were taken, and the newest proof, in each epoch that holds, of each origin that the batch spoke of.
    pub async fn take(&self, sealed: &[u8]) -> Result<(u32, Vec<ProvenCommitment>), CollectError> {
        let (sender, batch) = self.unseal(sealed).inspect_err(|error| self.metrics.batch_refused(error.reason()))?;
        // All at once, so that the bus makes them durable together.
        let published = batch.attestations.iter().map(|attestation| self.publish(&sender, attestation));
        let taken: Vec<_> = try_join_all(published).await?.into_iter().flatten().collect();
        let newest = self.keep(sender.attester, &taken);
        self.archive.keep_attestations(sender.attester, &newest)?;
        let state = self.state();
        let spoken_of: BTreeSet<_> = batch.attestations.iter().map(|one| one.commitment.origin).collect();
        let holding = self.epochs.holding(self.clock.now());
        let keys = spoken_of.iter().flat_map(|origin| holding.iter().map(|epoch| (*origin, epoch.number())));
        let proofs = keys.filter_map(|key| state.proofs.get(&key)).cloned().collect();
        Ok((u32::try_from(taken.len()).unwrap_or(u32::MAX), proofs))
    }

    fn unseal(&self, sealed: &[u8]) -> Result<(Sender, TransportBatch), CollectError> {
        let now = self.clock.now();
        let is_registered = |key| self.epochs.signer(key, now).is_some();
        let (key, batch) = TransportBatch::open(sealed, self.epochs.network(), is_registered)?;
        let attester = self.epochs.signer(key, now).ok_or(BatchError::UnknownKey(key))?.attester_id();
        Ok((Sender { key, attester }, batch))
    }

    /// The attestation, once it is on the bus; none if it is not worth a record: an unknown origin, or a signature that is not even a point.
    async fn publish(&self, sender: &Sender, attestation: &Attestation) -> Result<Option<Attestation>, BusError> {
        let commitment = attestation.commitment;
        let Some(partition) = self.origins.get(&commitment.origin) else {
            self.metrics.attestation_refused("unknown_origin");
            return Ok(None);
        };
        let Ok(signature) = UncheckedSignature::from_bytes(attestation.signature.as_slice()) else {
            // The sender's own: its transport signature vouched for these bytes.
            tracing::warn!(attester = %sender.attester, key = %sender.key, "an attestation's signature is no point of the curve");
            self.metrics.attestation_refused("no_point");
            return Ok(None);
        };
        let record = AttestationRecord { commitment, attester: sender.attester, signature };
        self.records.publish(*partition, Vec::new(), None, record).await?;
        self.metrics.attestation_taken(commitment.origin.chain);
        Ok(Some(*attestation))
    }

    /// Takes note of what an attester sent; what of it is its newest of an origin.
    fn keep(&self, attester: AttesterId, taken: &[Attestation]) -> Vec<Attestation> {
        let mut state = self.state();
        let mut newest = BTreeMap::new();
        for attestation in taken {
            let Commitment { origin, block_number, .. } = attestation.commitment;
            state.signed.entry(origin).or_default().insert(block_number);
            let known = state.newest.entry((attester, origin)).or_insert(*attestation);
            if known.commitment.block_number <= block_number {
                *known = *attestation;
                newest.insert(origin, *attestation);
            }
        }
        newest.into_values().collect()
    }

    /// The newest attestation that was taken of `attester` for each origin.
    pub fn attestations_of(&self, attester: AttesterId) -> Vec<Attestation> {
        let state = self.state();
        let held = state.newest.iter().filter(|((of, _), _)| *of == attester);
        held.map(|(_, attestation)| *attestation).collect()
    }

    /// What others may ask of all that was derived.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Takes note of a proof that holds.
    pub fn proven(&self, proven: ProvenCommitment) {
        let now = self.clock.now();
        self.archive.proven(&proven);
        let mut state = self.state();
        state.proofs.retain(|(_, epoch), _| self.epochs.get(*epoch).is_some_and(|epoch| !epoch.has_expired(now)));
        let key = (proven.commitment.origin, proven.proof.epoch());
        let newer =
            state.proofs.get(&key).is_none_or(|known| known.commitment.block_number <= proven.commitment.block_number);
        if newer {
            state.proofs.insert(key, proven);
        }
    }

    /// The newest proof of an origin: in this epoch, or else in whatever one has the newest.
    pub fn newest_proof(&self, chain: ChainId, epoch: Option<u64>) -> Option<ProvenCommitment> {
        let state = self.state();
        let asked = state
            .proofs
            .iter()
            .filter(|((origin, number), _)| origin.chain == chain && epoch.is_none_or(|epoch| epoch == *number));
        asked.map(|(_, proven)| proven).max_by_key(|proven| proven.commitment.block_number).cloned()
    }

    /// What is known about every origin.
    pub fn origins(&self) -> Vec<OriginStatus> {
        let state = self.state();
        let status = |origin: &GatewayId| OriginStatus {
            origin: origin.chain,
            commitments_signed: state.signed.get(origin).map_or(0, SignedHeights::count),
            attested_height: state.signed.get(origin).and_then(SignedHeights::highest),
            proven_height: state
                .proofs
                .range((*origin, 0)..=(*origin, u64::MAX))
                .map(|(_, proven)| proven.commitment.block_number)
                .max(),
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
