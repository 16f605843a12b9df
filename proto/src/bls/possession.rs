//! Proof that a registrant holds the secret key: without it a key computed from others' keys could sign for them.

use alloy::primitives::{Address, B256, keccak256};

use super::{BlsError, HashedDigest, PublicKey, SecretKey, Signature, pairing::POSSESSION_DST};
use crate::ids::{NetworkId, VERSION, tag};

/// A signature over the key itself, bound to one network and one operator, in a domain of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PossessionProof(Signature);

impl PossessionProof {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = Signature::LEN;

    /// Proves that `operator` on `network` holds `secret`.
    pub fn new(secret: &SecretKey, network: NetworkId, operator: Address) -> Self {
        Self(secret.sign_in_domain(message(network, operator, &secret.public_key()), POSSESSION_DST))
    }

    /// Whether it proves that `operator` on `network` holds the secret of `key`.
    pub fn verify(&self, key: &PublicKey, network: NetworkId, operator: Address) -> Result<(), BlsError> {
        HashedDigest::in_domain(message(network, operator, key), POSSESSION_DST).verify(&key.0, &self.0.0)
    }

    /// `x ‖ y` as for a [`Signature`], with the same checks.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        Signature::from_bytes(bytes).map(Self)
    }

    /// The proof's bytes, as [`Self::from_bytes`] takes them.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        self.0.to_bytes()
    }
}

/// `H(tag("possession") ‖ u8 1 ‖ network ‖ address operator ‖ key)`.
pub(super) fn message(network: NetworkId, operator: Address, key: &PublicKey) -> B256 {
    let mut bytes = tag("possession").to_vec();
    bytes.push(VERSION);
    bytes.extend_from_slice(network.0.as_slice());
    bytes.extend_from_slice(operator.as_slice());
    bytes.extend_from_slice(&key.to_bytes());
    keccak256(bytes)
}
