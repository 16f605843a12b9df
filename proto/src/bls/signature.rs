//! Signatures: as they arrive, and once they are known to be in the subgroup.

use std::fmt;

use alloy::hex;
use bls12_381::G1Affine;

use super::{BlsError, error::exactly};

/// A signature as it arrives: on the curve and not infinity, perhaps outside the subgroup.
///
/// Good for adding up ([`SignatureSum`](super::SignatureSum)), not for verifying.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UncheckedSignature(pub(super) G1Affine);

impl UncheckedSignature {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = 96;

    /// `x ‖ y`, 48 bytes each; checked for the curve and infinity only.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        let bytes = exactly::<{ Self::LEN }>(bytes)?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(BlsError::Infinity);
        }
        // The library reads flags from the three bits above the modulus; ours are a coordinate and nothing else.
        if bytes[0] >> 5 != 0 {
            return Err(BlsError::Coordinate);
        }
        let point = G1Affine::from_uncompressed_unchecked(bytes).into_option().ok_or(BlsError::Coordinate)?;
        if bool::from(point.is_on_curve()) { Ok(Self(point)) } else { Err(BlsError::Curve) }
    }

    /// The signature's bytes, as [`Self::from_bytes`] takes them.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        self.0.to_uncompressed()
    }

    /// The same point, if it is in the subgroup.
    pub fn check(self) -> Result<Signature, BlsError> {
        if bool::from(self.0.is_torsion_free()) { Ok(Signature(self.0)) } else { Err(BlsError::Subgroup) }
    }
}

impl fmt::Debug for UncheckedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(self.to_bytes()))
    }
}

/// A signature, one attester's or a sum: in the subgroup, not infinity. Verified it is not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub(super) G1Affine);

impl Signature {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = UncheckedSignature::LEN;

    /// `x ‖ y`, 48 bytes each; checked for the curve, infinity and the subgroup.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        UncheckedSignature::from_bytes(bytes)?.check()
    }

    /// The signature's bytes, as [`Self::from_bytes`] takes them.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        self.0.to_uncompressed()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(self.to_bytes()))
    }
}

impl From<Signature> for UncheckedSignature {
    fn from(signature: Signature) -> Self {
        Self(signature.0)
    }
}
