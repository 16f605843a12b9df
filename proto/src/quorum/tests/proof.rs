use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::bls::{BlsError, KeySum, PublicKey, SignatureSum};

#[test]
fn exactly_two_thirds_is_no_quorum_and_one_unit_more_is() {
    for (stake, holds) in [(99, false), (100, false), (101, true)] {
        let attesters = Attesters::new(3, &[100, 100, 100, stake, 100, 100]);
        let proof = attesters.proof(digest(1), &[0, 1, 2, 3]);
        let verified = proof.verify(&attesters.table, digest(1));
        if holds {
            assert!(verified.unwrap().iter().eq(0..4));
        } else {
            let refused = ProofError::NoQuorum { signed: 300 + stake, total: 500 + stake };
            assert_eq!(verified, Err(refused));
        }
    }
}

#[test]
fn the_denominator_is_everybody_not_the_signers() {
    let attesters = Attesters::new(3, &[10; 12]);
    let proof = attesters.proof(digest(1), &[0, 1, 2, 3]);
    assert_eq!(proof.verify(&attesters.table, digest(1)), Err(ProofError::NoQuorum { signed: 40, total: 120 }));
}

#[test]
fn each_part_of_a_proof_changed_alone_invalidates_it() {
    let attesters = Attesters::new(3, &[10; 9]);
    let table = &attesters.table;
    let proof = attesters.proof(digest(1), &[0, 1, 2, 3, 4, 5, 6]);
    assert!(proof.verify(table, digest(1)).is_ok());

    let wrong = Err(ProofError::Bls(BlsError::WrongSignature));
    assert_eq!(proof.verify(table, digest(2)), wrong);

    let bytes = proof.to_bytes();
    let changed = |index: usize, flip: u8| {
        let mut bytes = bytes.clone();
        bytes[index] ^= flip;
        QuorumProof::from_bytes(&bytes).and_then(|proof| proof.verify(table, digest(1)))
    };
    assert_eq!(changed(7, 1), Err(ProofError::Epoch { proof: 2, table: 3 }));
    assert!((8..104).all(|index| changed(index, 1).is_err()));
    // One signer more, one of them swapped for another: still a quorum by stake, not by signature.
    assert_eq!(changed(104, 0x01), wrong);
    assert_eq!(changed(104, 0x03), wrong);
    assert_eq!(changed(105, 0x01), Err(ProofError::Bitmap(BitmapError::Padding)));
}

#[test]
fn a_proof_is_of_the_epoch_it_names() {
    let [old, new] = [3, 4].map(|epoch| Attesters::new(epoch, &[10; 6]));
    let proof = old.proof(digest(1), &[0, 1, 2, 3, 4]);
    assert_eq!(proof.verify(&new.table, digest(1)), Err(ProofError::Epoch { proof: 3, table: 4 }));
}

#[test]
fn a_bitmap_has_exactly_the_tables_length() {
    let attesters = Attesters::new(3, &[10; 9]);
    let bytes = attesters.proof(digest(1), &[0, 1, 2, 3, 4, 5, 6]).to_bytes();
    for bytes in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
        let verified = QuorumProof::from_bytes(bytes).unwrap().verify(&attesters.table, digest(1));
        assert!(matches!(verified, Err(ProofError::Bitmap(BitmapError::Length { expected: 2, .. }))));
    }
}

#[test]
fn proofs_of_impossible_length_are_refused() {
    let attesters = Attesters::new(3, &[10; 9]);
    let bytes = attesters.proof(digest(1), &[0, 1, 2, 3, 4, 5, 6]).to_bytes();
    assert_eq!(QuorumProof::from_bytes(&[]), Err(ProofError::Length(0)));
    assert_eq!(QuorumProof::from_bytes(&bytes[..104]), Err(ProofError::Length(104)));
    let long = [&bytes[..104], &[0xff; 151]].concat();
    assert_eq!(QuorumProof::from_bytes(&long), Err(ProofError::Length(255)));
}

#[test]
fn an_empty_bitmap_or_a_signature_at_infinity_proves_nothing() {
    let attesters = Attesters::new(3, &[10; 9]);
    let nobody = [&3_u64.to_be_bytes()[..], &secret(1).sign(digest(1)).to_bytes(), &[0, 0]].concat();
    let verified = QuorumProof::from_bytes(&nobody).unwrap().verify(&attesters.table, digest(1));
    assert_eq!(verified, Err(ProofError::NoQuorum { signed: 0, total: 90 }));

    let infinity = [&3_u64.to_be_bytes()[..], &[0; 96], &[0xff, 0x80]].concat();
    assert_eq!(QuorumProof::from_bytes(&infinity), Err(ProofError::Bls(BlsError::Infinity)));
}

#[test]
fn a_sum_outside_the_subgroup_proves_nothing() {
    let attesters = Attesters::new(3, &[10; 9]);
    let proof = attesters.proof(digest(1), &[0, 1, 2, 3, 4, 5, 6]);
    let mut bytes = proof.to_bytes();
    let sum = UncheckedSignature::from_bytes(&bytes[8..104]).unwrap();
    bytes[8..104].copy_from_slice(&crate::bls::tests::plus(&sum, &crate::bls::tests::g1_outside()).to_bytes());
    let verified = QuorumProof::from_bytes(&bytes).unwrap().verify(&attesters.table, digest(1));
    assert_eq!(verified, Err(ProofError::Bls(BlsError::Subgroup)));
}

/// Were possession not proven, a key could cancel others. Even then infinity is no key.
#[test]
fn signers_whose_keys_sum_to_zero_are_no_quorum() {
    let victims: Vec<_> = (1..=6).map(secret).collect();
    let mut cancelling = KeySum::default();
    victims.iter().for_each(|secret| cancelling.subtract(&secret.public_key()));
    let cancelling = PublicKey::from_bytes(&cancelling.finish().unwrap().to_bytes()).unwrap();
    let mut members: Vec<_> = victims.iter().map(|secret| member(secret, 10)).collect();
    members.push(Member { key: cancelling, stake: Stake::new(10).unwrap() });
    let table = EpochTable::new(1, members).unwrap();

    let mut everybody = Bitmap::empty(7);
    (0..7).for_each(|index| assert!(everybody.insert(index)));
    let any = secret(50).sign(digest(1));
    let verified = QuorumProof::new(1, any, &everybody).verify(&table, digest(1));
    assert_eq!(verified, Err(ProofError::Bls(BlsError::Infinity)));
}

#[test]
fn maximal_stakes_reach_a_quorum() {
    let attesters = Attesters::new(1, &[Stake::MAX.get(); 6]);
    assert!(attesters.proof(digest(1), &[0, 1, 2, 3, 4]).verify(&attesters.table, digest(1)).is_ok());
    let two_thirds = attesters.proof(digest(1), &[0, 1, 2, 3]).verify(&attesters.table, digest(1));
    assert!(matches!(two_thirds, Err(ProofError::NoQuorum { .. })));
}

static FOUR: LazyLock<Attesters> = LazyLock::new(|| Attesters::new(1, &[1; 4]));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(number in 1_u64.., epoch: u64, bitmap in prop::collection::vec(any::<u8>(), 1..=150)) {
        let bytes = [&epoch.to_be_bytes()[..], &secret(number).sign(digest(1)).to_bytes(), &bitmap].concat();
        prop_assert_eq!(QuorumProof::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(proof) = QuorumProof::from_bytes(&bytes) {
            prop_assert!(proof.verify(&FOUR.table, digest(1)).is_err());
        }
    }
}

/// The sum of signatures and the sum of keys belong together however the signers are chosen.
#[test]
fn any_quorum_of_signers_verifies() {
    let attesters = Attesters::new(1, &[3, 1, 4, 1, 5, 2, 6, 5]);
    let signatures = attesters.sign(digest(1), 0..8);
    for signers in 1_u16..256 {
        let bitmap = Bitmap::from_bytes(8, &signers.to_be_bytes()[1..]).unwrap();
        let sum: SignatureSum = bitmap.iter().map(|index| &signatures[&index]).collect();
        let proof = QuorumProof::new(1, sum.finish().unwrap(), &bitmap);
        let enough = 3 * attesters.table.stake_of(&bitmap) > 2 * 27;
        assert_eq!(proof.verify(&attesters.table, digest(1)).is_ok(), enough, "{signers:08b}");
    }
}
