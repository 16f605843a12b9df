//! Vectors that others published.

use bls12_381::G1Affine;

use super::*;
use crate::bls::pairing::hash_to_g1;

/// RFC 9380, J.9.1: (message, P.x, P.y) of `BLS12381G1_XMD:SHA-256_SSWU_RO_`.
const HASH_TO_G1: [(&str, &str, &str); 5] = [
    (
        "",
        "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
        "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265",
    ),
    (
        "abc",
        "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
        "0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d",
    ),
    (
        "abcdef0123456789",
        "11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98",
        "03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709",
    ),
    (
        "q128_",
        "15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488",
        "1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38",
    ),
    (
        "a512_",
        "082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe",
        "05b84ae5a942248eea39e1d91030458c40153f3b654ab7872d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8",
    ),
];

#[test]
fn hashing_to_g1_follows_rfc_9380() {
    let dst = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    for (name, x, y) in HASH_TO_G1 {
        let message = match name {
            "q128_" => name.to_owned() + &"q".repeat(128),
            "a512_" => name.to_owned() + &"a".repeat(512),
            _ => name.to_owned(),
        };
        let point = G1Affine::from(hash_to_g1(message.as_bytes(), dst));
        assert_eq!(hex::encode(point.to_uncompressed()), format!("{x}{y}"), "{name}");
    }
}

/// EIP-2537's G2ADD vectors: 2·g2 and 5·g2.
const TWO_G2: &str = "\
    000000000000000000000000000000001638533957d540a9d2370f17cc7ed5863bc0b995b8825e0ee1ea1e1e4d00dbae81f14b0bf3611b78c952aacab827a053\
    000000000000000000000000000000000a4edef9c1ed7f729f520e47730a124fd70662a904ba1074728114d1031e1572c6c886f6b57ec72a6178288c47c33577\
    000000000000000000000000000000000468fb440d82b0630aeb8dca2b5256789a66da69bf91009cbfe6bd221e47aa8ae88dece9764bf3bd999d95d71e4c9899\
    000000000000000000000000000000000f6d4552fa65dd2638b361543f887136a43253d9c66c411697003f7a13c308f5422e1aa0a59c8967acdefd8b6e36ccf3";
const FIVE_G2: &str = "\
    000000000000000000000000000000000411a5de6730ffece671a9f21d65028cc0f1102378de124562cb1ff49db6f004fcd14d683024b0548eff3d1468df2688\
    0000000000000000000000000000000000fb837804dba8213329db46608b6c121d973363c1234a86dd183baff112709cf97096c5e9a1a770ee9d7dc641a894d6\
    0000000000000000000000000000000019b5e8f5d4a72f2b75811ac084a7f814317360bac52f6aab15eed416b4ef9938e0bdc4865cc2c4d0fd947e7c6925fd14\
    00000000000000000000000000000000093567b4228be17ee62d11a254edd041ee4b953bffb8b8c7f925bd6662b4298bac2822b446f5b5de3b893e1be5aa4986";

#[test]
fn keys_and_their_sums_are_laid_out_as_in_eip_2537() {
    assert_eq!(secret(2).public_key().to_bytes()[..], unpadded(TWO_G2));
    let sum: KeySum = [secret(2).public_key(), secret(3).public_key()].iter().collect();
    assert_eq!(sum.finish().unwrap().to_bytes()[..], unpadded(FIVE_G2));
    assert_eq!(PublicKey::from_bytes(&unpadded(FIVE_G2)), Ok(secret(5).public_key()));
}

#[test]
fn what_eip_2537_refuses_is_refused_here() {
    let outside = UncheckedSignature::from_bytes(&unpadded(G1_OUTSIDE)).unwrap();
    assert_eq!(outside.check(), Err(BlsError::Subgroup));
    assert_eq!(PublicKey::from_bytes(&unpadded(G2_OUTSIDE)), Err(BlsError::Subgroup));

    // bls_pairing_g1_not_on_curve: x = 0, y = 1; bls_pairing_g2_not_on_curve: both coordinates 1 + u.
    let mut off_curve = [0; 96];
    off_curve[95] = 1;
    assert_eq!(UncheckedSignature::from_bytes(&off_curve), Err(BlsError::Curve));
    let mut off_curve = [0; 192];
    [47, 95, 143, 191].iter().for_each(|index| off_curve[*index] = 1);
    assert_eq!(PublicKey::from_bytes(&off_curve), Err(BlsError::Curve));

    // bls_pairing_invalid_field_element: y.c1 of the generator replaced by p + 1.
    let mut key = secret(1).public_key().to_bytes();
    let above = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaac";
    key[144..].copy_from_slice(&hex::decode(above).unwrap());
    assert_eq!(PublicKey::from_bytes(&key), Err(BlsError::Coordinate));
}

/// EIP-2333, test cases 1 and 2: a master key is `KeyGen` of the seed.
#[test]
fn keys_from_seeds_follow_eip_2333() {
    let cases = [
        (
            "3141592653589793238462643383279502884197169399375105820974944592",
            "29757020647961307431480504535336562678282505419141012933316116377660817309383",
        ),
        (
            "0099ff991111002299dd7744ee3355bbdd8844115566cc55663355668888cc00",
            "27580842291869792442942448775674722299803720648445448686099262467207037398656",
        ),
    ];
    for (seed, key) in cases {
        let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
        let key: alloy::primitives::U256 = key.parse().unwrap();
        assert_eq!(*SecretKey::from_seed(&seed).to_bytes(), key.to_be_bytes::<32>());
    }
}
