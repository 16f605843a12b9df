//! `metalayer.attestations.v1` and `metalayer.proofs.v1`.

use prost::bytes::Bytes;

use super::{EnvelopeError, field, wire};
use crate::{
    bls::{AttesterId, UncheckedSignature},
    commitment::Commitment,
    quorum::QuorumProof,
};

/// One attester's signature over a commitment, its batch's transport signature checked by the collector. The BLS
/// signature is not verified: sums are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestationRecord {
    /// What is signed.
    pub commitment: Commitment,
    /// Who signed, found in an epoch's table by this id.
    pub attester: AttesterId,
    /// The signature.
    pub signature: UncheckedSignature,
}

impl From<&AttestationRecord> for wire::AttestationRecord {
    fn from(record: &AttestationRecord) -> Self {
        Self {
            commitment: record.commitment.to_bytes().into(),
            attester: field::hash_bytes(record.attester.0),
            signature: Bytes::copy_from_slice(&record.signature.to_bytes()),
        }
    }
}

impl TryFrom<wire::AttestationRecord> for AttestationRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::AttestationRecord) -> Result<Self, EnvelopeError> {
        Ok(Self {
            commitment: field::commitment(&record.commitment)?,
            attester: AttesterId(field::hash("attester", &record.attester)?),
            signature: UncheckedSignature::from_bytes(&record.signature)
                .map_err(|problem| EnvelopeError::field("signature", problem))?,
        })
    }
}

/// A commitment and the proof that a quorum of one epoch signed it. Unverified: the reader has the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// What is proven.
    pub commitment: Commitment,
    /// By whom.
    pub proof: QuorumProof,
}

impl From<&ProofRecord> for wire::ProofRecord {
    fn from(record: &ProofRecord) -> Self {
        Self { commitment: record.commitment.to_bytes().into(), proof: record.proof.to_bytes().into() }
    }
}

impl TryFrom<wire::ProofRecord> for ProofRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::ProofRecord) -> Result<Self, EnvelopeError> {
        Ok(Self { commitment: field::commitment(&record.commitment)?, proof: field::proof(&record.proof)? })
    }
}
