//! Hashing to G1 and the one pairing equation that every verification ends in.

use std::sync::LazyLock;

use alloy::primitives::B256;
use bls12_381::{
    G1Affine, G1Projective, G2Affine, G2Prepared, Gt,
    hash_to_curve::{ExpandMsgXmd, HashToCurve},
    multi_miller_loop,
};
use sha2::Sha256;

use super::BlsError;

/// Domain of signatures over commitments.
pub(super) const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Domain of proofs of possession: a signature is never one, nor the reverse.
pub(super) const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// Half of every pairing is against the generator; its line coefficients are computed once.
static MINUS_GENERATOR: LazyLock<G2Prepared> = LazyLock::new(|| G2Prepared::from(-G2Affine::generator()));

/// `hash_to_curve` of RFC 9380, suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`, under the domain `dst`.
pub(super) fn hash_to_g1(message: &[u8], dst: &[u8]) -> G1Projective {
    <G1Projective as HashToCurve<ExpandMsgXmd<Sha256>>>::hash_to_curve([message], dst)
}

/// A digest hashed to G1 once, for those who verify many signatures over it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashedDigest(G1Affine);

impl HashedDigest {
    pub(crate) fn new(digest: B256) -> Self {
        Self::in_domain(digest, SIGNATURE_DST)
    }

    pub(super) fn in_domain(digest: B256, dst: &[u8]) -> Self {
        Self(hash_to_g1(digest.as_slice(), dst).into())
    }

    /// Whether e(signature, -g2) · e(message, key) = 1: two Miller loops, one final exponentiation.
    ///
    /// Infinity satisfies the equation with anything; the types of keys and signatures exclude it.
    pub(super) fn verify(&self, key: &G2Affine, signature: &G1Affine) -> Result<(), BlsError> {
        let terms = [(signature, &*MINUS_GENERATOR), (&self.0, &G2Prepared::from(*key))];
        if multi_miller_loop(&terms).final_exponentiation() == Gt::identity() {
            Ok(())
        } else {
            Err(BlsError::WrongSignature)
        }
    }
}
