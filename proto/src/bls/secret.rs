//! An attester's secret key.

use std::fmt;

use alloy::primitives::B256;
use bls12_381::{G2Affine, G2Projective, Scalar};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{
    BlsError, PublicKey, Signature,
    error::exactly,
    pairing::{SIGNATURE_DST, hash_to_g1},
};

/// A secret scalar, 1 to r - 1. It is wiped when dropped and never printed (I12).
pub struct SecretKey(Scalar);

impl SecretKey {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = 32;

    /// The key in `bytes`, big-endian as in EIP-2335 keystores and blst; an error unless in 1 to r - 1.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        let mut little_endian = Zeroizing::new(*exactly::<{ Self::LEN }>(bytes)?);
        little_endian.reverse();
        let scalar = Scalar::from_bytes(&little_endian).into_option().ok_or(BlsError::SecretKey)?;
        if scalar == Scalar::zero() { Err(BlsError::SecretKey) } else { Ok(Self(scalar)) }
    }

    /// `KeyGen` of draft-irtf-cfrg-bls-signature-05 §2.3 with empty `key_info`. `seed` must be uniformly random and
    /// as secret as the key.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut salt = Sha256::digest(b"BLS-SIG-KEYGEN-SALT-");
        loop {
            let scalar = seed_to_scalar(&salt, seed);
            if scalar != Scalar::zero() {
                return Self(scalar);
            }
            salt = Sha256::digest(salt);
        }
    }

    /// 32 bytes, big-endian, for a keystore.
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        let mut bytes = Zeroizing::new(self.0.to_bytes());
        bytes.reverse();
        bytes
    }

    /// The public key that goes with it.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(G2Affine::from(G2Projective::generator() * self.0))
    }

    /// Signs a commitment's digest. The same digest always gives the same signature.
    pub fn sign(&self, digest: B256) -> Signature {
        self.sign_in_domain(digest, SIGNATURE_DST)
    }

    pub(super) fn sign_in_domain(&self, digest: B256, dst: &[u8]) -> Signature {
        Signature((hash_to_g1(digest.as_slice(), dst) * self.0).into())
    }
}

/// `OS2IP(HKDF-Expand(HKDF-Extract(salt, IKM ‖ 0x00), I2OSP(48, 2), 48)) mod r`.
fn seed_to_scalar(salt: &[u8], seed: &[u8; 32]) -> Scalar {
    const OUTPUT_LEN: usize = 48;
    let mut input = Zeroizing::new([0; 33]);
    input[..32].copy_from_slice(seed);

    let mut wide = Zeroizing::new([0; 64]);
    #[allow(clippy::expect_used, reason = "48 bytes are below HKDF's limit of 255 blocks")]
    Hkdf::<Sha256>::new(Some(salt), input.as_slice())
        .expand(&[0, 48], &mut wide[..OUTPUT_LEN])
        .expect("48 bytes are below the limit");
    wide[..OUTPUT_LEN].reverse();
    Scalar::from_bytes_wide(&wide)
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}
