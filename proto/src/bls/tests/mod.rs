#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attacks;
mod differential;
mod encoding;
mod vectors;

use alloy::{hex, primitives::B256};
use bls12_381::{G1Affine, G2Affine};

use super::*;

/// A secret key by number, for keys that a test can name.
pub(crate) fn secret(number: u64) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(&bytes).unwrap()
}

/// A digest by number.
pub(crate) fn digest(number: u8) -> B256 {
    B256::repeat_byte(number)
}

/// Coordinates as EIP-2537 writes them (64 bytes each), without their padding.
fn unpadded(eip2537: &str) -> Vec<u8> {
    let bytes = hex::decode(eip2537).unwrap();
    bytes
        .chunks(64)
        .flat_map(|coordinate| {
            assert_eq!(coordinate[..16], [0; 16]);
            &coordinate[16..]
        })
        .copied()
        .collect()
}

/// A point of G1's curve outside the subgroup: `bls_pairing_g1_not_in_correct_subgroup` of EIP-2537.
const G1_OUTSIDE: &str = "\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000004\
    000000000000000000000000000000000a989badd40d6212b33cffc3f3763e9b\
    c760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c";

/// A point of G2's curve outside the subgroup: `bls_pairing_g2_not_in_correct_subgroup` of EIP-2537.
const G2_OUTSIDE: &str = "\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000002\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000\
    00000000000000000000000000000000013a59858b6809fca4d9a3b6539246a7\
    0051a3c88899964a42bc9a69cf9acdd9dd387cfa9086b894185b9a46a402be73\
    0000000000000000000000000000000002d27e0ec3356299a346a09ad7dc4ef6\
    8a483c3aed53f9139d2f929a3eecebf72082e5e58c6da24ee32e03040c406d4f";

pub(crate) fn g1_outside() -> UncheckedSignature {
    UncheckedSignature::from_bytes(&unpadded(G1_OUTSIDE)).unwrap()
}

fn g2_outside() -> G2Affine {
    public::point_from_bytes(unpadded(G2_OUTSIDE).as_slice().try_into().unwrap()).unwrap()
}

fn g2_bytes(point: impl Into<G2Affine>) -> [u8; PublicKey::LEN] {
    public::swap_components(point.into().to_uncompressed())
}

pub(crate) fn plus(signature: &UncheckedSignature, other: &UncheckedSignature) -> UncheckedSignature {
    UncheckedSignature(G1Affine::from(bls12_381::G1Projective::from(signature.0) + other.0))
}

pub(crate) fn minus(signature: &UncheckedSignature, other: &UncheckedSignature) -> UncheckedSignature {
    plus(signature, &negative(other))
}

pub(crate) fn negative(signature: &UncheckedSignature) -> UncheckedSignature {
    UncheckedSignature(-signature.0)
}

/// Where a digest lands in G1.
pub(crate) fn hashed(digest: B256) -> [u8; 96] {
    G1Affine::from(pairing::hash_to_g1(digest.as_slice(), pairing::SIGNATURE_DST)).to_uncompressed()
}

/// Encodings that are no keys.
pub(crate) fn refused_keys() -> Vec<(&'static str, [u8; 192])> {
    let good = secret(7).public_key().to_bytes();
    let edit = |edit: fn(&mut [u8; 192])| {
        let mut bytes = good;
        edit(&mut bytes);
        bytes
    };
    vec![
        ("infinity", [0; 192]),
        ("off the curve", edit(|bytes| bytes[191] ^= 1)),
        ("outside the subgroup", unpadded(G2_OUTSIDE).try_into().unwrap()),
        ("good and torsion", g2_bytes(bls12_381::G2Projective::from(secret(7).public_key().0) + g2_outside())),
        ("components swapped", public::swap_components(good)),
        ("coordinate above the modulus", edit(|bytes| bytes[144..].fill(0xff))),
        ("flag of another encoding", edit(|bytes| bytes[48] |= 0x80)),
    ]
}

/// Encodings that are no signatures, or none in the subgroup.
pub(crate) fn refused_signatures() -> Vec<(&'static str, [u8; 96])> {
    let good: UncheckedSignature = secret(7).sign(digest(1)).into();
    let edit = |edit: fn(&mut [u8; 96])| {
        let mut bytes = good.to_bytes();
        edit(&mut bytes);
        bytes
    };
    vec![
        ("infinity", [0; 96]),
        ("off the curve", edit(|bytes| bytes[95] ^= 1)),
        ("outside the subgroup", g1_outside().to_bytes()),
        ("good and torsion", plus(&good, &g1_outside()).to_bytes()),
        ("coordinate above the modulus", edit(|bytes| bytes[48..].fill(0xff))),
        ("flag of another encoding", edit(|bytes| bytes[0] |= 0x40)),
    ]
}

#[test]
fn encodings_that_are_refused_on_chain_are_refused_here() {
    for (name, bytes) in refused_keys() {
        assert!(PublicKey::from_bytes(&bytes).is_err(), "{name}");
    }
    for (name, bytes) in refused_signatures() {
        assert!(Signature::from_bytes(&bytes).is_err(), "{name}");
    }
}
