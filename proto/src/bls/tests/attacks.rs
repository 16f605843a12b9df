//! What an attacker tries with points.

use alloy::primitives::Address;
use bls12_381::G2Projective;

use super::*;
use crate::ids::{ChainId, NetworkId};

fn network(name: &str, hub: u64) -> NetworkId {
    NetworkId::new(name, ChainId::new(hub).unwrap(), Address::repeat_byte(1))
}

const OPERATOR: Address = Address::repeat_byte(2);

#[test]
fn keys_outside_the_subgroup_are_refused_alone_and_as_a_cancelling_pair() {
    let torsion = g2_outside();
    let (first, second) = (secret(3).public_key(), secret(4).public_key());
    let pair = [G2Projective::from(first.0) + torsion, G2Projective::from(second.0) - torsion];
    // Their sum is the honest one: only the check of each can catch them.
    assert_eq!(G2Affine::from(pair[0] + pair[1]), G2Affine::from(G2Projective::from(first.0) + second.0));
    for key in pair {
        assert_eq!(PublicKey::from_bytes(&g2_bytes(key)), Err(BlsError::Subgroup));
    }
}

#[test]
fn a_sum_of_signatures_outside_the_subgroup_is_refused() {
    let good: UncheckedSignature = secret(3).sign(digest(1)).into();
    let bad = plus(&good, &g1_outside());
    assert_eq!(bad.check(), Err(BlsError::Subgroup));
    assert_eq!([bad, good].iter().collect::<SignatureSum>().finish(), Err(BlsError::Subgroup));
}

/// Two colluders may hide torsion from a sum, and gain nothing: the sum is the honest one.
#[test]
fn torsion_that_cancels_leaves_the_honest_sum() {
    let honest: [UncheckedSignature; 2] = [secret(3).sign(digest(1)).into(), secret(4).sign(digest(1)).into()];
    let twisted = [plus(&honest[0], &g1_outside()), minus(&honest[1], &g1_outside())];
    let sum = twisted.iter().collect::<SignatureSum>().finish().unwrap();
    assert_eq!(Ok(sum), honest.iter().collect::<SignatureSum>().finish());
}

#[test]
fn infinity_is_refused_as_key_signature_and_sum() {
    assert_eq!(PublicKey::from_bytes(&[0; 192]), Err(BlsError::Infinity));
    assert_eq!(UncheckedSignature::from_bytes(&[0; 96]), Err(BlsError::Infinity));
    assert_eq!(PossessionProof::from_bytes(&[0; 96]), Err(BlsError::Infinity));
    assert_eq!(KeySum::default().finish(), Err(BlsError::Infinity));
    assert_eq!(SignatureSum::default().finish(), Err(BlsError::Infinity));

    // The library's own encoding of infinity carries a flag.
    assert!(PublicKey::from_bytes(&g2_bytes(G2Affine::identity())).is_err());
    assert!(UncheckedSignature::from_bytes(&G1Affine::identity().to_uncompressed()).is_err());
}

/// Infinity everywhere satisfies the pairing equation; the types are what excludes it.
#[test]
fn infinity_everywhere_would_verify_and_cannot_be_made() {
    let hashed = HashedDigest::new(digest(1));
    assert_eq!(hashed.verify(&G2Affine::identity(), &G1Affine::identity()), Ok(()));

    let mut keys: KeySum = [secret(5).public_key()].iter().collect();
    keys.subtract(&secret(5).public_key());
    assert_eq!(keys.finish(), Err(BlsError::Infinity));
    let signature: UncheckedSignature = secret(5).sign(digest(1)).into();
    let sum: SignatureSum = [signature, negative(&signature)].iter().collect();
    assert_eq!(sum.finish(), Err(BlsError::Infinity));
}

/// A key made as pk' = pk - Σ others signs for all of them; proof of possession is what stops it.
#[test]
fn a_rogue_key_has_no_proof_of_possession() {
    let victims = [secret(11).public_key(), secret(12).public_key()];
    let attacker = secret(13);
    let mut rogue: KeySum = [attacker.public_key()].iter().collect();
    victims.iter().for_each(|victim| rogue.subtract(victim));
    let rogue = PublicKey::from_bytes(&rogue.finish().unwrap().to_bytes()).unwrap();

    // The attacker alone signs for everybody ...
    let everybody: KeySum = victims.iter().chain([&rogue]).collect();
    let forged = attacker.sign(digest(1));
    assert_eq!(everybody.finish().unwrap().verify(digest(1), &forged), Ok(()));

    // ... but can prove possession of none but the own key.
    let network = network("test", 1);
    let proof = PossessionProof::new(&attacker, network, OPERATOR);
    assert_eq!(proof.verify(&attacker.public_key(), network, OPERATOR), Ok(()));
    assert_eq!(proof.verify(&rogue, network, OPERATOR), Err(BlsError::WrongSignature));
}

#[test]
fn a_proof_of_possession_is_bound_to_operator_network_and_its_own_domain() {
    let (key, here) = (secret(21), network("test", 1));
    let proof = PossessionProof::new(&key, here, OPERATOR);
    assert_eq!(PossessionProof::from_bytes(&proof.to_bytes()), Ok(proof));
    let public = key.public_key();
    assert_eq!(proof.verify(&public, here, OPERATOR), Ok(()));

    let refused = Err(BlsError::WrongSignature);
    assert_eq!(proof.verify(&public, here, Address::repeat_byte(3)), refused);
    assert_eq!(proof.verify(&public, network("other", 1), OPERATOR), refused);
    assert_eq!(proof.verify(&public, network("test", 2), OPERATOR), refused);
    assert_eq!(proof.verify(&secret(22).public_key(), here, OPERATOR), refused);

    // A signature over the very same message is none: the domains differ.
    let message = possession::message(here, OPERATOR, &public);
    let signature = PossessionProof::from_bytes(&key.sign(message).to_bytes()).unwrap();
    assert_eq!(signature.verify(&public, here, OPERATOR), refused);
    let proof = Signature::from_bytes(&proof.to_bytes()).unwrap();
    assert_eq!(public.verify(message, &proof), refused);
}
