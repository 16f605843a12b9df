//! Bytes in and out.

use proptest::prelude::*;

use super::*;

/// The order of the group, big-endian; no secret key.
const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

#[test]
fn a_secret_key_is_big_endian_and_within_the_order() {
    let mut order: [u8; 32] = hex::decode(ORDER).unwrap().try_into().unwrap();
    assert_eq!(SecretKey::from_bytes(&order).unwrap_err(), BlsError::SecretKey);
    assert_eq!(SecretKey::from_bytes(&[0; 32]).unwrap_err(), BlsError::SecretKey);
    assert_eq!(SecretKey::from_bytes(&[0xff; 32]).unwrap_err(), BlsError::SecretKey);
    assert_eq!(SecretKey::from_bytes(&[1; 31]).unwrap_err(), BlsError::Length { expected: 32, got: 31 });

    order[31] -= 1;
    assert_eq!(*SecretKey::from_bytes(&order).unwrap().to_bytes(), order);
    let minus_one = SecretKey::from_bytes(&order).unwrap().public_key();
    assert_eq!(minus_one.x_bytes(), secret(1).public_key().x_bytes());
    assert_ne!(minus_one, secret(1).public_key());
}

#[test]
fn a_secret_key_is_never_printed() {
    assert_eq!(format!("{:?}", secret(0x00c0_ffee)), "SecretKey(..)");
}

#[test]
fn flag_bits_of_other_encodings_are_no_coordinates() {
    for flag in [0x20, 0x40, 0x80] {
        let mut signature = secret(7).sign(digest(1)).to_bytes();
        signature[0] |= flag;
        assert_eq!(UncheckedSignature::from_bytes(&signature), Err(BlsError::Coordinate));

        // The other encoding's flags stand in x.c1, ours would be in x.c0: neither is taken.
        for byte in [0, 48] {
            let mut key = secret(7).public_key().to_bytes();
            key[byte] |= flag;
            assert_eq!(PublicKey::from_bytes(&key), Err(BlsError::Coordinate));
        }
    }
}

#[test]
fn the_attester_id_is_the_tagged_hash_of_the_key() {
    let key = secret(9).public_key();
    let bytes = [&crate::ids::tag("attester")[..], &[1], &key.to_bytes()].concat();
    assert_eq!(key.attester_id().0, alloy::primitives::keccak256(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(number in 1_u64.., byte in 0..PublicKey::LEN, flip: u8) {
        let mut key = secret(number).public_key().to_bytes();
        key[byte] ^= flip;
        if let Ok(decoded) = PublicKey::from_bytes(&key) {
            prop_assert_eq!(decoded.to_bytes(), key);
        }
        let mut signature = secret(number).sign(digest(2)).to_bytes();
        signature[byte % Signature::LEN] ^= flip;
        if let Ok(decoded) = UncheckedSignature::from_bytes(&signature) {
            prop_assert_eq!(decoded.to_bytes(), signature);
        }
    }

    #[test]
    fn other_lengths_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        if bytes.len() != PublicKey::LEN {
            let expected = BlsError::Length { expected: PublicKey::LEN, got: bytes.len() };
            prop_assert_eq!(PublicKey::from_bytes(&bytes), Err(expected));
        }
        if bytes.len() != Signature::LEN {
            let expected = BlsError::Length { expected: Signature::LEN, got: bytes.len() };
            prop_assert_eq!(Signature::from_bytes(&bytes), Err(expected));
        }
    }
}
