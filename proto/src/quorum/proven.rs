//! A commitment with the proof that a quorum signed it, as collectors serve it.

use super::{EpochTable, ProofError, QuorumProof};
use crate::commitment::{Commitment, CommitmentError};

/// `commitment (168) ‖ quorum proof`. Unverified until [`Self::verify`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProvenCommitment {
    /// What was signed.
    pub commitment: Commitment,
    /// By whom.
    pub proof: QuorumProof,
}

/// Why bytes are no proven commitment.
#[derive(Debug, thiserror::Error)]
pub enum ProvenCommitmentError {
    /// Its first part is no commitment.
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
    /// The rest is no quorum proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl ProvenCommitment {
    /// The bytes in which it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.commitment.to_bytes(), self.proof.to_bytes()].concat()
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProvenCommitmentError> {
        let (commitment, proof) = bytes.split_at(bytes.len().min(Commitment::LEN));
        Ok(Self { commitment: Commitment::from_bytes(commitment)?, proof: QuorumProof::from_bytes(proof)? })
    }

    /// That a quorum of `table` signed the commitment.
    pub fn verify(&self, table: &EpochTable) -> Result<(), ProofError> {
        self.proof.verify(table, self.commitment.digest()).map(|_| ())
    }
}
