//! A quorum proof: signer bitmap and aggregate signature.

use alloy::primitives::B256;

use super::{Bitmap, BitmapError, EpochTable};
use crate::bls::{BlsError, HashedDigest, Signature, UncheckedSignature};

/// The epoch's and signature's part of a proof.
const FIXED_LEN: usize = 8 + UncheckedSignature::LEN;

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Too short or too long for any table.
    #[error("a quorum proof of {0} bytes")]
    Length(usize),
    /// It is of another epoch than the table.
    #[error("a proof of epoch {proof} against the table of epoch {table}")]
    Epoch {
        /// The proof's.
        proof: u64,
        /// The table's.
        table: u64,
    },
    /// The bitmap is not one over the table's members.
    #[error(transparent)]
    Bitmap(#[from] BitmapError),
    /// The signers hold two thirds of the stake or less.
    #[error("the signers hold {signed} of {total}, which is no quorum")]
    NoQuorum {
        /// The signers' stake.
        signed: u128,
        /// Everybody's.
        total: u128,
    },
    /// The signature, or the sum of the signers' keys, is refused.
    #[error(transparent)]
    Bls(#[from] BlsError),
}

/// `u64 epoch ‖ signature (96) ‖ bitmap`. Unverified until [`Self::verify`]; its bytes are never an id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuorumProof {
    epoch: u64,
    signature: UncheckedSignature,
    /// How many members it must cover is the table's to say.
    bitmap: Vec<u8>,
}

impl QuorumProof {
    /// The length of the longest proof.
    pub const MAX_LEN: usize = FIXED_LEN + EpochTable::MAX_MEMBERS.div_ceil(8);

    /// The proof that `signers` of `epoch` signed, `signature` being the sum of theirs.
    pub fn new(epoch: u64, signature: Signature, signers: &Bitmap) -> Self {
        Self { epoch, signature: signature.into(), bitmap: signers.as_bytes().to_vec() }
    }

    /// The proof in `bytes`, its bitmap as yet unchecked.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() <= FIXED_LEN || bytes.len() > Self::MAX_LEN {
            return Err(ProofError::Length(bytes.len()));
        }
        let (epoch, rest) = bytes.split_first_chunk().ok_or(ProofError::Length(bytes.len()))?;
        let (signature, bitmap) = rest.split_at(UncheckedSignature::LEN);
        Ok(Self {
            epoch: u64::from_be_bytes(*epoch),
            signature: UncheckedSignature::from_bytes(signature)?,
            bitmap: bitmap.to_vec(),
        })
    }

    /// The proof's bytes, as a destination's `accept` takes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.epoch.to_be_bytes()[..], &self.signature.to_bytes(), &self.bitmap].concat()
    }

    /// The epoch whose table it is to be verified with.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Who signed, according to the proof.
    pub fn signers(&self, table: &EpochTable) -> Result<Bitmap, BitmapError> {
        Bitmap::from_bytes(table.len(), &self.bitmap)
    }

    /// That a quorum of `table` signed `digest`; who did.
    pub fn verify(&self, table: &EpochTable, digest: B256) -> Result<Bitmap, ProofError> {
        if self.epoch != table.epoch() {
            return Err(ProofError::Epoch { proof: self.epoch, table: table.epoch() });
        }
        let signers = self.signers(table)?;
        let signed = table.stake_of(&signers);
        if !table.is_quorum(signed) {
            return Err(ProofError::NoQuorum { signed, total: table.total() });
        }
        table.key_of(&signers)?.verify_hashed(&HashedDigest::new(digest), &self.signature.check()?)?;
        Ok(signers)
    }
}
