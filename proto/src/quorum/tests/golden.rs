//! Golden files: what Solidity recomputes, in parallel arrays of hex so that `vm.parseJson` reads them.

use alloy::{hex, primitives::Address};

use serde_json::{Value, json};

use super::*;
use crate::{
    bls::{KeySum, PossessionProof, PublicKey, tests as points},
    ids::{ChainId, NetworkId},
    tests::golden::{drawn, golden, text},
};

fn golden_secret(index: usize) -> SecretKey {
    SecretKey::from_seed(&drawn(format!("golden attester {index}")))
}

fn golden_digest(index: usize) -> B256 {
    drawn(format!("golden digest {index}"))
}

/// The set that gas is measured with: 350 members of nearly equal stake.
fn large() -> Attesters {
    let stakes: Vec<_> = (0..350).map(|index| 10_u128.pow(24) + index * 10_u128.pow(18)).collect();
    Attesters::with_secrets(7, (0..350).map(golden_secret).collect(), &stakes)
}

/// Six members of 600 in all, whose two thirds can be hit exactly.
fn small() -> Attesters {
    Attesters::with_secrets(1, (0..6).map(golden_secret).collect(), &[100, 100, 100, 101, 100, 99])
}

#[test]
fn golden_bls() {
    let secrets: Vec<_> = (0..4).map(golden_secret).collect();
    let keys: Vec<_> = secrets.iter().map(SecretKey::public_key).collect();
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(golden_digest(0)).into()).collect();
    let network = NetworkId::new("golden", ChainId::new(901).unwrap(), Address::repeat_byte(0x11));
    let operators: Vec<_> = (1..=4).map(Address::repeat_byte).collect();
    let possession = secrets
        .iter()
        .zip(&operators)
        .map(|(secret, operator)| text(PossessionProof::new(secret, network, *operator).to_bytes()));
    let sum = |keys: &[PublicKey]| text(keys.iter().collect::<KeySum>().finish().unwrap().to_bytes());
    let (refused_key_names, refused_keys): (Vec<_>, Vec<_>) =
        points::refused_keys().into_iter().map(|(name, bytes)| (name, text(bytes))).unzip();
    let (refused_signature_names, refused_signatures): (Vec<_>, Vec<_>) =
        points::refused_signatures().into_iter().map(|(name, bytes)| (name, text(bytes))).unzip();

    golden(
        "bls.json",
        &json!({
            "network": text(network.0),
            "secrets": secrets.iter().map(|secret| text(*secret.to_bytes())).collect::<Vec<_>>(),
            "keys": keys.iter().map(|key| text(key.to_bytes())).collect::<Vec<_>>(),
            "attesterIds": keys.iter().map(|key| text(key.attester_id().0)).collect::<Vec<_>>(),
            "digests": (0..4).map(|index| text(golden_digest(index))).collect::<Vec<_>>(),
            "hashedDigests": (0..4).map(|index| text(points::hashed(golden_digest(index)))).collect::<Vec<_>>(),
            "signaturesOfDigest0": signatures.iter().map(|one: &UncheckedSignature| text(one.to_bytes())).collect::<Vec<_>>(),
            "aggregateKey": sum(&keys),
            "aggregateSignature": text(signatures.iter().collect::<SignatureSum>().finish().unwrap().to_bytes()),
            "operators": operators.iter().map(text).collect::<Vec<_>>(),
            "possessionProofs": possession.collect::<Vec<_>>(),
            "refusedKeyNames": refused_key_names,
            "refusedKeys": refused_keys,
            "refusedSignatureNames": refused_signature_names,
            "refusedSignatures": refused_signatures,
        }),
    );
}

#[test]
fn golden_table() {
    golden("table.json", &json!({ "small": table(&small()), "large": table(&large()) }));
}

fn table(attesters: &Attesters) -> Value {
    let table = &attesters.table;
    let keys: KeySum = table.members().iter().map(|member| &member.key).collect();
    json!({
        "epoch": table.epoch(),
        "members": table.len(),
        "total": table.total().to_string(),
        "stakes": table.members().iter().map(|member| member.stake.to_string()).collect::<Vec<_>>(),
        "chunks": table.chunks().map(text).collect::<Vec<_>>(),
        "header": text(table.header()),
        "tableHash": text(table.hash()),
        "aggregateKey": text(keys.finish().unwrap().to_bytes()),
    })
}

#[test]
fn golden_quorum() {
    golden(
        "quorum.json",
        &json!({
            "digest": text(golden_digest(0)),
            "small": proofs(&small(), small_cases()),
            "large": proofs(&large(), large_cases()),
        }),
    );
}

/// A name, whether it is a quorum, and who signs.
type Case = (&'static str, bool, Vec<u16>);

fn small_cases() -> Vec<Case> {
    vec![
        ("everybody", true, (0..6).collect()),
        ("one above two thirds", true, vec![0, 1, 2, 3]),
        ("exactly two thirds", false, vec![0, 1, 2, 4]),
        ("one below two thirds", false, vec![0, 1, 2, 5]),
        ("one alone", false, vec![4]),
    ]
}

fn large_cases() -> Vec<Case> {
    let without = |absent: fn(&u16) -> bool| (0..350).filter(|index| !absent(index)).collect();
    vec![
        ("everybody", true, without(|_| false)),
        ("one absent", true, without(|index| *index == 349)),
        ("10 % absent", true, without(|index| index % 10 == 9)),
        ("33 % absent", true, without(|index| index % 3 == 2)),
        ("half absent", false, without(|index| index % 2 == 1)),
    ]
}

/// For each case its proof, whether it holds, and what a verifier finds on its way; then proofs spoilt by hand.
fn proofs(attesters: &Attesters, cases: Vec<Case>) -> Value {
    let signatures = attesters.sign(golden_digest(0), 0..attesters.table.len());
    let [mut names, mut proofs, mut holds] = [vec![], vec![], vec![]];
    let [mut signed, mut keys] = [vec![], vec![]];
    for (name, quorum, signers) in cases {
        let mut bitmap = Bitmap::empty(attesters.table.len());
        signers.iter().for_each(|index| assert!(bitmap.insert(*index)));
        let sum: SignatureSum = signers.iter().map(|index| &signatures[index]).collect();
        let proof = QuorumProof::new(attesters.table.epoch(), sum.finish().unwrap(), &bitmap);
        assert_eq!(proof.verify(&attesters.table, golden_digest(0)).is_ok(), quorum, "{name}");
        names.push(json!(name));
        proofs.push(json!(text(proof.to_bytes())));
        holds.push(json!(quorum));
        signed.push(json!(attesters.table.stake_of(&bitmap).to_string()));
        keys.push(json!(text(attesters.table.key_of(&bitmap).unwrap().to_bytes())));
    }
    let good = hex::decode(proofs[0].as_str().unwrap()).unwrap();
    let (spoilt_names, spoilt): (Vec<_>, Vec<_>) =
        spoil(&good).into_iter().map(|(name, proof)| (name, text(proof))).unzip();
    json!({
        "names": names, "proofs": proofs, "holds": holds, "signed": signed, "aggregateKeys": keys,
        "spoiltNames": spoilt_names, "spoiltProofs": spoilt,
    })
}

/// Everybody's proof, made to fail in one way at a time.
fn spoil(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let edit = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut proof = good.to_vec();
        edit(&mut proof);
        proof
    };
    vec![
        ("another epoch", edit(&|proof| proof[7] ^= 1)),
        (
            "signature negated",
            edit(&|proof| {
                let signature = UncheckedSignature::from_bytes(&proof[8..104]).unwrap();
                proof[8..104].copy_from_slice(&points::negative(&signature).to_bytes());
            }),
        ),
        (
            "signature outside the subgroup",
            edit(&|proof| {
                let signature = UncheckedSignature::from_bytes(&proof[8..104]).unwrap();
                proof[8..104].copy_from_slice(&points::plus(&signature, &points::g1_outside()).to_bytes());
            }),
        ),
        ("signature off the curve", edit(&|proof| proof[103] ^= 1)),
        ("signature at infinity", edit(&|proof| proof[8..104].fill(0))),
        ("first signer left out of the bitmap", edit(&|proof| proof[104] ^= 0x80)),
        ("empty bitmap", edit(&|proof| proof[104..].fill(0))),
        ("padding bit set", edit(&|proof| *proof.last_mut().unwrap() |= 1)),
        ("bitmap a byte longer", edit(&|proof| proof.push(0))),
        ("bitmap a byte shorter", edit(&|proof| proof.truncate(proof.len() - 1))),
        ("nothing after the signature", edit(&|proof| proof.truncate(104))),
        ("nothing at all", Vec::new()),
    ]
}
