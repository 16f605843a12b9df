//! The transport batch: how attestations travel from an attester to collectors (docs/protocol.md §9).

use std::fmt;

use alloy::primitives::{B256, FixedBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::{
    bytes::{LengthError, Reader},
    commitment::{Commitment, CommitmentError},
    ids::{NetworkId, VERSION, tag},
};

/// The most attestations in one batch.
pub const ATTESTATIONS_MAX: usize = 256;

const ATTESTATION_LEN: usize = 232;
const HEADER_LEN: usize = 32 + 1 + 32 + 32 + 8 + 2;
const SIGNATURE_LEN: usize = 64;

/// The longest batch, in bytes.
pub const BATCH_LEN_MAX: usize = HEADER_LEN + ATTESTATIONS_MAX * ATTESTATION_LEN + SIGNATURE_LEN;

/// An attester's Ed25519 public key, which says who sent a batch; registered beside its BLS key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransportKey(pub [u8; 32]);

impl fmt::Display for TransportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&B256::new(self.0), f)
    }
}

impl fmt::Debug for TransportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&SigningKey> for TransportKey {
    fn from(key: &SigningKey) -> Self {
        Self(key.verifying_key().to_bytes())
    }
}

/// One attester's signature over a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attestation {
    /// What is signed.
    pub commitment: Commitment,
    /// The BLS signature, uncompressed; not checked here.
    pub signature: FixedBytes<96>,
}

impl Attestation {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = Commitment::LEN + 96;

    /// `commitment (168) ‖ signature (96)`, as collectors serve it.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.commitment.to_bytes()[..], self.signature.as_slice()].concat()
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CommitmentError> {
        let (commitment, signature) = bytes.split_at(bytes.len().min(Commitment::LEN));
        let mut reader = Reader::new(signature);
        let attestation =
            Self { commitment: Commitment::from_bytes(commitment)?, signature: FixedBytes::new(reader.array()?) };
        reader.end()?;
        Ok(attestation)
    }
}

/// What one attester sends at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportBatch {
    /// The network all attestations are of.
    pub network: NetworkId,
    /// When it was sent, in Unix milliseconds, by the sender's clock.
    pub sent_at_ms: u64,
    /// 1 to [`ATTESTATIONS_MAX`] attestations.
    pub attestations: Vec<Attestation>,
}

/// Why attestations cannot be sent as one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// None, or too many.
    #[error("a batch carries 1 to {ATTESTATIONS_MAX} attestations, not {0}")]
    Number(usize),
    /// A commitment of another network, which the batch's bytes could not say.
    #[error("an attestation is of network {0}, not the batch's")]
    Network(NetworkId),
}

/// Why bytes are no batch. Nobody is to blame for the bytes unless [`Self::blames_sender`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Too short or too long for what it says it carries.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// It does not begin with the tag of a batch.
    #[error("the bytes do not begin with the batch tag")]
    Tag,
    /// A version nobody has defined yet.
    #[error("batch version {0} is unknown")]
    Version(u8),
    /// Of another network.
    #[error("the batch is of network {0}")]
    Network(NetworkId),
    /// No attestations, or too many.
    #[error("a batch carries 1 to {ATTESTATIONS_MAX} attestations, not {0}")]
    Number(u16),
    /// Nobody registered its key for an unexpired epoch.
    #[error("transport key {0} is not registered")]
    UnknownKey(TransportKey),
    /// The bytes are not signed by that key.
    #[error("the batch is not signed by transport key {0}")]
    Signature(TransportKey),
    /// Signed by its sender, but an attestation is none.
    #[error("attestation {index} of transport key {key}: {error}")]
    Attestation {
        /// Who sent it.
        key: TransportKey,
        /// Which attestation.
        index: u16,
        /// What is wrong with it.
        #[source]
        error: CommitmentError,
    },
}

impl BatchError {
    /// Whether the holder of the transport key did this: the only error found after its signature held.
    pub const fn blames_sender(&self) -> bool {
        matches!(self, Self::Attestation { .. })
    }
}

impl TransportBatch {
    /// The bytes of this batch, signed by `key`.
    pub fn seal(&self, key: &SigningKey) -> Result<Vec<u8>, SealError> {
        let number = self.attestations.len();
        let count = u16::try_from(number).ok().filter(|_| (1..=ATTESTATIONS_MAX).contains(&number));
        let count = count.ok_or(SealError::Number(number))?;
        let foreign = self.attestations.iter().map(|one| one.commitment.network).find(|other| *other != self.network);
        if let Some(network) = foreign {
            return Err(SealError::Network(network));
        }
        let mut bytes = Vec::with_capacity(HEADER_LEN + number * ATTESTATION_LEN + SIGNATURE_LEN);
        bytes.extend_from_slice(tag("batch").as_slice());
        bytes.push(VERSION);
        bytes.extend_from_slice(self.network.0.as_slice());
        bytes.extend_from_slice(&TransportKey::from(key).0);
        bytes.extend_from_slice(&self.sent_at_ms.to_be_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
        for Attestation { commitment, signature } in &self.attestations {
            bytes.extend_from_slice(&commitment.version.to_be_bytes());
            commitment.encode_body(&mut bytes);
            bytes.extend_from_slice(signature.as_slice());
        }
        let signature = key.sign(&bytes);
        bytes.extend_from_slice(&signature.to_bytes());
        Ok(bytes)
    }

    /// Opens a sealed batch of `network`, and says whose it is.
    ///
    /// `is_registered` says whether a key is registered for an unexpired epoch. Nothing that the batch carries is looked at
    /// before the signature held.
    pub fn open(
        sealed: &[u8],
        network: NetworkId,
        is_registered: impl FnOnce(TransportKey) -> bool,
    ) -> Result<(TransportKey, Self), BatchError> {
        let mut reader = Reader::new(sealed);
        let header = Header::read(&mut reader, network)?;
        let attestations = reader.bytes(usize::from(header.count) * ATTESTATION_LEN)?;
        let signature = Signature::from_bytes(&reader.array::<SIGNATURE_LEN>()?);
        reader.end()?;
        if !is_registered(header.key) {
            return Err(BatchError::UnknownKey(header.key));
        }
        let body = &sealed[..HEADER_LEN + attestations.len()];
        VerifyingKey::from_bytes(&header.key.0)
            .and_then(|key| key.verify_strict(body, &signature))
            .map_err(|_| BatchError::Signature(header.key))?;

        let mut reader = Reader::new(attestations);
        let attestations = (0..header.count).map(|index| {
            read_attestation(&mut reader, network).map_err(|error| BatchError::Attestation {
                key: header.key,
                index,
                error,
            })
        });
        let attestations = attestations.collect::<Result<_, _>>()?;
        Ok((header.key, Self { network, sent_at_ms: header.sent_at_ms, attestations }))
    }
}

struct Header {
    key: TransportKey,
    sent_at_ms: u64,
    count: u16,
}

impl Header {
    fn read(reader: &mut Reader<'_>, network: NetworkId) -> Result<Self, BatchError> {
        if reader.b256()? != tag("batch") {
            return Err(BatchError::Tag);
        }
        match reader.u8()? {
            VERSION => {}
            version => return Err(BatchError::Version(version)),
        }
        match NetworkId(reader.b256()?) {
            same if same == network => {}
            other => return Err(BatchError::Network(other)),
        }
        let header = Self { key: TransportKey(reader.array()?), sent_at_ms: reader.u64()?, count: reader.u16()? };
        if !(1..=ATTESTATIONS_MAX).contains(&usize::from(header.count)) {
            return Err(BatchError::Number(header.count));
        }
        Ok(header)
    }
}

fn read_attestation(reader: &mut Reader<'_>, network: NetworkId) -> Result<Attestation, CommitmentError> {
    let version = reader.u32()?;
    let commitment = Commitment::decode_body(reader, version, network)?;
    Ok(Attestation { commitment, signature: FixedBytes::new(reader.array()?) })
}
