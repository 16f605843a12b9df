//! An attester's public key and the id made from it.

use std::fmt;

use alloy::{
    hex,
    primitives::{B256, keccak256},
};
use bls12_381::G2Affine;
use serde::{Deserialize, Serialize};

use super::{BlsError, HashedDigest, Signature, error::exactly};
use crate::ids::{VERSION, tag};

/// The length of one coordinate's component.
const LIMB: usize = 48;

/// A point of G2: on the curve, in the subgroup, not infinity.
///
/// Nobody's key until its [`PossessionProof`](super::PossessionProof) has been verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub(super) G2Affine);

impl PublicKey {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = 192;
    /// The length of [`Self::x_bytes`].
    pub const X_LEN: usize = 96;

    /// `x.c0 ‖ x.c1 ‖ y.c0 ‖ y.c1`, 48 bytes each: the order of EIP-2537 without its padding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        let point = point_from_bytes(exactly(bytes)?)?;
        if bool::from(point.is_torsion_free()) { Ok(Self(point)) } else { Err(BlsError::Subgroup) }
    }

    /// The key's bytes, as [`Self::from_bytes`] takes them.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        swap_components(self.0.to_uncompressed())
    }

    /// The x coordinate's bytes. Tables are ordered by it: a key and its negative share it.
    pub fn x_bytes(&self) -> [u8; Self::X_LEN] {
        let mut x = [0; Self::X_LEN];
        x.copy_from_slice(&self.to_bytes()[..Self::X_LEN]);
        x
    }

    /// The id of the attester with this key.
    pub fn attester_id(&self) -> AttesterId {
        let mut bytes = tag("attester").to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.to_bytes());
        AttesterId(keccak256(bytes))
    }

    /// Whether `signature` is this key's over `digest`; [`BlsError::WrongSignature`] if not.
    pub fn verify(&self, digest: B256, signature: &Signature) -> Result<(), BlsError> {
        HashedDigest::new(digest).verify(&self.0, &signature.0)
    }
}

/// A point on the curve that is not infinity, in our order of components.
pub(super) fn point_from_bytes(bytes: &[u8; PublicKey::LEN]) -> Result<G2Affine, BlsError> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(BlsError::Infinity);
    }
    let swapped = swap_components(*bytes);
    // The library reads flags from the three bits above the modulus; ours are a coordinate and nothing else.
    if swapped[0] >> 5 != 0 {
        return Err(BlsError::Coordinate);
    }
    let point = G2Affine::from_uncompressed_unchecked(&swapped).into_option().ok_or(BlsError::Coordinate)?;
    if bool::from(point.is_on_curve()) { Ok(point) } else { Err(BlsError::Curve) }
}

/// Between the library's `c1 ‖ c0` and our `c0 ‖ c1`, in both coordinates.
pub(super) fn swap_components(mut bytes: [u8; PublicKey::LEN]) -> [u8; PublicKey::LEN] {
    for coordinate in bytes.chunks_exact_mut(2 * LIMB) {
        coordinate.rotate_left(LIMB);
    }
    bytes
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names an attester: `H(tag("attester") ‖ u8 1 ‖ key)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttesterId(pub B256);

impl fmt::Display for AttesterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
