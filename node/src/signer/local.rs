//! Keys in this process's own memory, from files or from a seed.

use std::{fmt, path::Path};

use alloy::primitives::B256;
use ed25519_dalek::SigningKey;
use metalayer_proto::{
    batch::{SealError, TransportBatch, TransportKey},
    bls::{PublicKey, SecretKey, Signature},
};
use rand::Rng;
use zeroize::Zeroizing;

use super::{AttesterSigner, SignerError};
use crate::config::{SecretError, create_secret_file, read_secret_key};

/// 32 random bytes that a key is made from, as secret as the key.
pub struct SecretSeed(Zeroizing<[u8; 32]>);

impl SecretSeed {
    /// A seed from the system's randomness.
    pub fn random() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(seed.as_mut_slice());
        Self(seed)
    }

    /// A seed that is known, for networks that are thrown away.
    pub fn known(seed: [u8; 32]) -> Self {
        Self(Zeroizing::new(seed))
    }
}

impl fmt::Debug for SecretSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSeed(..)")
    }
}

/// An [`AttesterSigner`] whose keys are in memory; wiped when dropped.
pub struct LocalSigner {
    key: SecretKey,
    public_key: PublicKey,
    transport: SigningKey,
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSigner({})", self.public_key.attester_id())
    }
}

impl LocalSigner {
    /// Keys made from two seeds, which must not be the same.
    pub fn from_seeds(key: &SecretSeed, transport: &SecretSeed) -> Self {
        Self::new(SecretKey::from_seed(&key.0), SigningKey::from_bytes(&transport.0))
    }

    /// Keys from two files, each of 64 hexadecimal digits: the BLS secret key (big-endian, as in EIP-2335 keystores)
    /// and the Ed25519 secret key (RFC 8032).
    pub fn open(key_file: &Path, transport_key_file: &Path) -> Result<Self, SignerError> {
        let key = SecretKey::from_bytes(read_secret_key(key_file)?.as_slice())
            .map_err(|_| SignerError::Key(key_file.display().to_string(), "a BLS12-381 secret key"))?;
        let transport = SigningKey::from_bytes(&*read_secret_key(transport_key_file)?);
        Ok(Self::new(key, transport))
    }

    /// Writes the keys into two new files, as [`Self::open`] reads them.
    pub fn save(&self, key_file: &Path, transport_key_file: &Path) -> Result<(), SecretError> {
        create_secret_file(key_file, &self.key.to_bytes())?;
        create_secret_file(transport_key_file, self.transport.as_bytes())
    }

    /// The secret BLS key, for what only its holder can make (a proof of possession).
    pub fn secret_key(&self) -> &SecretKey {
        &self.key
    }

    fn new(key: SecretKey, transport: SigningKey) -> Self {
        let public_key = key.public_key();
        Self { key, public_key, transport }
    }
}

impl AttesterSigner for LocalSigner {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn transport_key(&self) -> TransportKey {
        TransportKey::from(&self.transport)
    }

    fn sign(&self, digest: B256) -> Signature {
        self.key.sign(digest)
    }

    fn seal(&self, batch: &TransportBatch) -> Result<Vec<u8>, SealError> {
        batch.seal(&self.transport)
    }
}
