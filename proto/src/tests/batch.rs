use alloy::primitives::FixedBytes;
use ed25519_dalek::SigningKey;
use proptest::{collection::vec, prelude::*};

use super::{golden::samples, strategies};
use crate::{
    batch::{ATTESTATIONS_MAX, Attestation, BATCH_LEN_MAX, BatchError, SealError, TransportBatch, TransportKey},
    bytes::LengthError,
    ids::NetworkId,
};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn batch() -> impl Strategy<Value = TransportBatch> {
    (strategies::b256(), any::<u64>(), vec((strategies::commitment(), any::<u8>()), 1..6)).prop_map(
        |(network, sent_at_ms, attestations)| {
            let network = NetworkId(network);
            let attestations = attestations.into_iter().map(|(mut commitment, byte)| {
                commitment.network = network;
                Attestation { commitment, signature: FixedBytes::repeat_byte(byte) }
            });
            TransportBatch { network, sent_at_ms, attestations: attestations.collect() }
        },
    )
}

fn open(sealed: &[u8], network: NetworkId) -> Result<(TransportKey, TransportBatch), BatchError> {
    TransportBatch::open(sealed, network, |sender| sender == TransportKey::from(&key()))
}

proptest! {
    #[test]
    fn a_sealed_batch_is_opened(batch in batch()) {
        let sealed = batch.seal(&key()).unwrap();
        prop_assert!(sealed.len() <= BATCH_LEN_MAX);
        prop_assert_eq!(open(&sealed, batch.network), Ok((TransportKey::from(&key()), batch)));
    }

    #[test]
    fn a_changed_batch_blames_nobody(batch in batch(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut sealed = batch.seal(&key()).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        prop_assert!(!open(&sealed, batch.network).unwrap_err().blames_sender());
    }

    #[test]
    fn an_attestation_has_one_encoding(batch in batch(), cut in 1..Attestation::LEN) {
        let attestation = batch.attestations[0];
        let bytes = attestation.to_bytes();
        prop_assert_eq!(bytes.len(), Attestation::LEN);
        prop_assert_eq!(Attestation::from_bytes(&bytes), Ok(attestation));
        prop_assert!(Attestation::from_bytes(&bytes[..cut]).is_err());
        prop_assert!(Attestation::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..500)) {
        prop_assert!(open(&bytes, samples::network()).is_err());
    }
}

#[test]
fn every_malformed_batch_is_refused_for_its_reason() {
    let network = samples::network();
    let batch = samples::batch();
    let sealed = batch.seal(&key()).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut sealed = sealed.clone();
        sealed[at..at + bytes.len()].copy_from_slice(bytes);
        open(&sealed, network).unwrap_err()
    };
    let sender = TransportKey::from(&key());
    assert_eq!(with(0, &[!sealed[0]]), BatchError::Tag);
    assert_eq!(with(32, &[2]), BatchError::Version(2));
    assert_eq!(with(33, &[0; 32]), BatchError::Network(NetworkId(Default::default())));
    assert_eq!(with(65, &[1; 32]), BatchError::UnknownKey(TransportKey([1; 32])));
    assert_eq!(with(97, &[0; 8]), BatchError::Signature(sender));
    assert_eq!(with(105, &[0, 0]), BatchError::Number(0));
    assert_eq!(with(105, &[1, 1]), BatchError::Number(257));
    assert!(matches!(with(105, &[0, 1]), BatchError::Length(LengthError::Trailing { extra: 232 })));
    assert!(matches!(with(105, &[0, 3]), BatchError::Length(LengthError::Truncated { .. })));
    assert_eq!(with(sealed.len() - 1, &[!sealed[sealed.len() - 1]]), BatchError::Signature(sender));
    for length in 0..sealed.len() {
        assert!(matches!(open(&sealed[..length], network), Err(BatchError::Length(_))), "{length} bytes");
    }
}

#[test]
fn only_its_own_signature_blames_a_sender() {
    use ed25519_dalek::Signer;
    let mut sealed = samples::batch().seal(&key()).unwrap();
    let body = sealed.len() - 64;
    sealed[107 + 4..107 + 12].fill(0);
    let signature = key().sign(&sealed[..body]).to_bytes();
    sealed[body..].copy_from_slice(&signature);
    let error = open(&sealed, samples::network()).unwrap_err();
    assert!(matches!(error, BatchError::Attestation { index: 0, .. }));
    assert!(error.blames_sender());
}

#[test]
fn a_registered_weak_key_opens_nothing() {
    // The identity point as key: with a zero scalar and the identity as R, lax verification accepts any body.
    let mut sealed = samples::batch().seal(&key()).unwrap();
    let mut identity = [0; 32];
    identity[0] = 1;
    sealed[65..97].copy_from_slice(&identity);
    let at = sealed.len() - 64;
    sealed[at..].fill(0);
    sealed[at] = 1;
    let error = TransportBatch::open(&sealed, samples::network(), |_| true).unwrap_err();
    assert_eq!(error, BatchError::Signature(TransportKey(identity)));
}

#[test]
fn what_cannot_be_one_batch_is_not_sealed() {
    let batch = samples::batch();
    let none = TransportBatch { attestations: vec![], ..batch.clone() };
    assert_eq!(none.seal(&key()), Err(SealError::Number(0)));
    let full = TransportBatch { attestations: vec![batch.attestations[0]; ATTESTATIONS_MAX], ..batch.clone() };
    assert_eq!(full.seal(&key()).unwrap().len(), BATCH_LEN_MAX);
    let more = TransportBatch { attestations: vec![batch.attestations[0]; ATTESTATIONS_MAX + 1], ..batch.clone() };
    assert_eq!(more.seal(&key()), Err(SealError::Number(257)));
    let foreign = TransportBatch { network: NetworkId(Default::default()), ..batch.clone() };
    assert_eq!(foreign.seal(&key()), Err(SealError::Network(batch.network)));
}
