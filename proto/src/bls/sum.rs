//! Adding up signatures and keys. Adding comes first, the sum is checked.

use std::fmt;

use alloy::{hex, primitives::B256};
use bls12_381::{G1Affine, G1Projective, G2Affine, G2Projective};

use super::{BlsError, HashedDigest, PublicKey, Signature, UncheckedSignature, public::swap_components};

/// A running sum of signatures over one digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureSum(G1Projective);

impl SignatureSum {
    /// Adds one signature.
    pub fn add(&mut self, signature: &UncheckedSignature) {
        self.0 += signature.0;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    /// The sum, if it is in the subgroup and not infinity.
    pub fn finish(&self) -> Result<Signature, BlsError> {
        let point = G1Affine::from(self.0);
        if bool::from(point.is_identity()) {
            return Err(BlsError::Infinity);
        }
        UncheckedSignature(point).check()
    }
}

impl<'a> FromIterator<&'a UncheckedSignature> for SignatureSum {
    fn from_iter<I: IntoIterator<Item = &'a UncheckedSignature>>(signatures: I) -> Self {
        let mut sum = Self::default();
        signatures.into_iter().for_each(|signature| sum.add(signature));
        sum
    }
}

/// A running sum of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeySum(G2Projective);

impl KeySum {
    /// Adds one key.
    pub fn add(&mut self, key: &PublicKey) {
        self.0 += key.0;
    }

    /// Takes one key away.
    pub fn subtract(&mut self, key: &PublicKey) {
        self.0 -= key.0;
    }

    /// The sum, if it is not infinity. That it is in the subgroup follows from its terms.
    pub fn finish(&self) -> Result<AggregateKey, BlsError> {
        let point = G2Affine::from(self.0);
        if bool::from(point.is_identity()) { Err(BlsError::Infinity) } else { Ok(AggregateKey(point)) }
    }
}

impl<'a> FromIterator<&'a PublicKey> for KeySum {
    fn from_iter<I: IntoIterator<Item = &'a PublicKey>>(keys: I) -> Self {
        let mut sum = Self::default();
        keys.into_iter().for_each(|key| sum.add(key));
        sum
    }
}

/// The sum of signers' keys; it verifies the sum of their signatures over one digest.
///
/// Sound only over keys whose possession was proven: else a rogue key cancels the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AggregateKey(G2Affine);

impl AggregateKey {
    /// The bytes of the sum, laid out as a [`PublicKey`]'s.
    pub fn to_bytes(&self) -> [u8; PublicKey::LEN] {
        swap_components(self.0.to_uncompressed())
    }

    /// Whether `signature` is the sum of all these keys' signatures over `digest`.
    pub fn verify(&self, digest: B256, signature: &Signature) -> Result<(), BlsError> {
        self.verify_hashed(&HashedDigest::new(digest), signature)
    }

    pub(crate) fn verify_hashed(&self, digest: &HashedDigest, signature: &Signature) -> Result<(), BlsError> {
        digest.verify(&self.0, &signature.0)
    }
}

impl fmt::Debug for AggregateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(self.to_bytes()))
    }
}
