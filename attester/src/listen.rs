//! Listening before signing: what this key is already known to have signed.
//!
//! A collector keeps what it was sent, and proofs name their signers. A signature of this key's that is not in the guard's records
//! means that they are an old copy, or that the key is used elsewhere. Only what this key's own signature shows counts:
//! no collector can stop an attester by a word.

use std::sync::Arc;

use metalayer_node::{
    clock::UnixMillis,
    collector::{Collector, CollectorError},
    epochs::EpochBook,
    signer::AttesterSigner,
    store::StoreError,
};
use metalayer_proto::{
    batch::Attestation, bls::Signature, commitment::Commitment, ids::ChainId, quorum::ProvenCommitment,
};

use crate::{guard::Guard, metrics::Metrics};

/// Why nothing was heard.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The collector did not answer.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// What was heard could not be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a collector told, checked.
#[derive(Debug, Default)]
pub struct Heard {
    /// What this key has signed.
    pub signed: Vec<Commitment>,
    /// The newest proof of each origin in each epoch that holds.
    pub proofs: Vec<ProvenCommitment>,
}

/// What a collector knows that this key has signed, and what it knows to be proven.
pub async fn ask(
    collector: &dyn Collector,
    signer: &dyn AttesterSigner,
    epochs: &EpochBook,
    origins: &[ChainId],
    now: UnixMillis,
) -> Result<Heard, CollectorError> {
    let key = signer.public_key();
    let mut heard = Heard::default();
    for attestation in collector.attestations_of(key.attester_id()).await? {
        if is_signed_by(signer, epochs, &attestation) {
            heard.signed.push(attestation.commitment);
        }
    }
    for epoch in epochs.holding(now) {
        for origin in origins {
            let Some(proven) = collector.proof_in(epoch.number(), *origin).await? else { continue };
            if epochs.verify(&proven, now).is_err() {
                continue;
            }
            if epochs.has_signed(&proven, key.attester_id()) {
                heard.signed.push(proven.commitment);
            }
            heard.proofs.push(proven);
        }
    }
    Ok(heard)
}

fn is_signed_by(signer: &dyn AttesterSigner, epochs: &EpochBook, attestation: &Attestation) -> bool {
    attestation.commitment.network == epochs.network()
        && Signature::from_bytes(attestation.signature.as_slice())
            .is_ok_and(|signature| signer.public_key().verify(attestation.commitment.digest(), &signature).is_ok())
}

/// Hears for the guard, from one collector.
pub struct Listener {
    /// Whose signatures count.
    pub signer: Arc<dyn AttesterSigner>,
    /// Who must have a record of each.
    pub guard: Arc<Guard>,
    /// The epochs that proofs are checked against.
    pub epochs: Arc<EpochBook>,
    /// The origins whose proofs are asked for.
    pub origins: Vec<ChainId>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Listener {
    /// Asks `collector` what this key has signed. From then on the guard may admit. Returns the newest proofs, checked.
    pub async fn ask(&self, collector: &dyn Collector, now: UnixMillis) -> Result<Vec<ProvenCommitment>, ListenError> {
        let heard = ask(collector, self.signer.as_ref(), &self.epochs, &self.origins, now).await?;
        for commitment in heard.signed {
            self.hear(&commitment, collector.name()).await?;
        }
        self.guard.listened();
        Ok(heard.proofs)
    }

    /// Hears a proof, if this key is among its signers and it holds.
    pub async fn hear_proof(
        &self,
        proven: &ProvenCommitment,
        collector: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let id = self.signer.public_key().attester_id();
        if self.epochs.has_signed(proven, id) && self.epochs.verify(proven, now).is_ok() {
            self.hear(&proven.commitment, collector).await?;
        }
        Ok(())
    }

    async fn hear(&self, commitment: &Commitment, collector: &str) -> Result<(), StoreError> {
        if !self.guard.hear(commitment).await? {
            self.metrics.unrecorded(commitment.origin.chain);
            tracing::error!(
                origin = %commitment.origin,
                height = commitment.block_number,
                collector,
                "this key signed what the guard has no record of: its records are an old copy, or the key is used elsewhere; \
                 nothing more of this origin is signed until `attester guard import-floor`"
            );
        }
        Ok(())
    }
}
