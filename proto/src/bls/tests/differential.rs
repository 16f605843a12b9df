//! Every operation beside blst, an independent implementation of the same suite.

use blst::{BLST_ERROR, min_sig as other};
use proptest::prelude::*;

use super::*;
use crate::bls::pairing::SIGNATURE_DST;

/// blst writes G2 coordinates c1 ‖ c0.
fn other_key_bytes(key: &other::PublicKey) -> [u8; PublicKey::LEN] {
    public::swap_components(key.serialize())
}

fn other_verifies(key: &PublicKey, digest: B256, signature: &Signature) -> bool {
    let key = other::PublicKey::deserialize(&public::swap_components(key.to_bytes())).unwrap();
    let signature = other::Signature::deserialize(&signature.to_bytes()).unwrap();
    signature.verify(true, digest.as_slice(), SIGNATURE_DST, &[], &key, true) == BLST_ERROR::BLST_SUCCESS
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn keys_and_signatures_equal_blst(seed: [u8; 32], digest: [u8; 32], wrong: [u8; 32]) {
        let (digest, wrong) = (B256::from(digest), B256::from(wrong));
        let ours = SecretKey::from_seed(&seed);
        let theirs = other::SecretKey::key_gen(&seed, &[]).unwrap();
        prop_assert_eq!(&*ours.to_bytes(), &theirs.serialize());
        prop_assert_eq!(ours.public_key().to_bytes(), other_key_bytes(&theirs.sk_to_pk()));

        let signature = ours.sign(digest);
        let their_signature = theirs.sign(digest.as_slice(), SIGNATURE_DST, &[]);
        prop_assert_eq!(signature.to_bytes(), their_signature.serialize());
        prop_assert_eq!(Signature::from_bytes(&their_signature.serialize()), Ok(signature));
        prop_assert_eq!(PublicKey::from_bytes(&other_key_bytes(&theirs.sk_to_pk())), Ok(ours.public_key()));

        for digest in [digest, wrong] {
            let holds = ours.public_key().verify(digest, &signature).is_ok();
            prop_assert_eq!(holds, other_verifies(&ours.public_key(), digest, &signature));
        }
    }

    #[test]
    fn sums_equal_blst(numbers in prop::collection::vec(1_u64.., 1..12), digest: [u8; 32]) {
        let digest = B256::from(digest);
        let secrets: Vec<_> = numbers.into_iter().map(secret).collect();
        let keys: Vec<_> = secrets.iter().map(SecretKey::public_key).collect();
        let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(digest).into()).collect();
        let signature = signatures.iter().collect::<SignatureSum>().finish().unwrap();
        let key = keys.iter().collect::<KeySum>().finish().unwrap();
        prop_assert_eq!(key.verify(digest, &signature), Ok(()));

        let theirs: Vec<_> =
            signatures.iter().map(|signature| other::Signature::deserialize(&signature.to_bytes()).unwrap()).collect();
        let sum = other::AggregateSignature::aggregate(&theirs.iter().collect::<Vec<_>>(), true).unwrap();
        prop_assert_eq!(signature.to_bytes(), sum.to_signature().serialize());

        let theirs: Vec<_> = keys
            .iter()
            .map(|key| other::PublicKey::deserialize(&public::swap_components(key.to_bytes())).unwrap())
            .collect();
        let sum = other::AggregatePublicKey::aggregate(&theirs.iter().collect::<Vec<_>>(), true).unwrap();
        prop_assert_eq!(key.to_bytes(), other_key_bytes(&sum.to_public_key()));
    }

    /// Both accept the same encodings, whatever is done to a good one.
    #[test]
    fn refusals_equal_blst(number in 1_u64.., byte in 0..PublicKey::LEN, flip in 1_u8..) {
        let mut signature = secret(number).sign(digest(1)).to_bytes();
        signature[byte % Signature::LEN] ^= flip;
        let theirs = other::Signature::deserialize(&signature).and_then(|signature| signature.validate(true));
        prop_assert_eq!(Signature::from_bytes(&signature).is_ok(), theirs.is_ok());

        let mut key = secret(number).public_key().to_bytes();
        key[byte] ^= flip;
        let theirs = other::PublicKey::deserialize(&public::swap_components(key)).and_then(|key| key.validate());
        prop_assert_eq!(PublicKey::from_bytes(&key).is_ok(), theirs.is_ok());
    }
}
