//! What an attester signs with: its BLS key for digests and its Ed25519 key for transport.
//!
//! A signer signs whatever it is given. What may be signed is decided before: by the judge and by the guard (I2).

mod local;
#[cfg(test)]
mod tests;

use std::path::Path;

use alloy::{primitives::B256, signers::local::PrivateKeySigner};
use metalayer_proto::{
    batch::{SealError, TransportBatch, TransportKey},
    bls::{PublicKey, Signature},
};

use crate::config::{SecretError, read_secret_key};

pub use local::{LocalSigner, SecretSeed};

/// Why a key cannot be used. Never holds a secret (I12).
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// A key's file cannot be used.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    File(#[from] SecretError),
    /// The file's 32 bytes are no secret key of that kind.
    #[error("{0} does not hold {1}")]
    Key(String, &'static str),
}

/// An attester's two keys, wherever they are. Signing takes well under a millisecond and never waits.
pub trait AttesterSigner: Send + Sync + 'static {
    /// The key that attestations are signed with.
    fn public_key(&self) -> PublicKey;

    /// The key that batches are signed with, registered beside it.
    fn transport_key(&self) -> TransportKey;

    /// The BLS signature over a commitment's digest. The same digest always gives the same signature.
    fn sign(&self, digest: B256) -> Signature;

    /// The batch's bytes, signed with the transport key.
    fn seal(&self, batch: &TransportBatch) -> Result<Vec<u8>, SealError>;
}

/// An executor's secp256k1 key from a file of 64 hexadecimal digits that only its owner may read.
pub fn read_executor_key(file: &Path) -> Result<PrivateKeySigner, SignerError> {
    let key = read_secret_key(file)?;
    PrivateKeySigner::from_slice(key.as_slice())
        .map_err(|_| SignerError::Key(file.display().to_string(), "a secp256k1 key"))
}
