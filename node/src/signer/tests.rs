//! One suite for every signer, and what files must be like.

#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use alloy::primitives::{Address, B256, FixedBytes};
use metalayer_proto::{
    batch::Attestation,
    commitment::Commitment,
    ids::{ChainId, GatewayId, NetworkId},
};
use tempfile::TempDir;

use super::*;

fn seeded() -> LocalSigner {
    LocalSigner::from_seeds(&SecretSeed::known([1; 32]), &SecretSeed::known([2; 32]))
}

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

/// What everybody relies on who is given a signer.
fn conforms(signer: &dyn AttesterSigner) {
    let digest = B256::repeat_byte(7);
    let signature = signer.sign(digest);
    signer.public_key().verify(digest, &signature).unwrap();
    assert!(signer.public_key().verify(B256::repeat_byte(8), &signature).is_err());
    assert_eq!(signer.sign(digest).to_bytes(), signature.to_bytes());

    let network = NetworkId(B256::repeat_byte(1));
    let batch = batch(network, FixedBytes::from(signature.to_bytes()));
    let sealed = signer.seal(&batch).unwrap();
    let opened = TransportBatch::open(&sealed, network, |key| key == signer.transport_key()).unwrap();
    assert_eq!(opened, (signer.transport_key(), batch));

    let empty = TransportBatch { network, sent_at_ms: 1, attestations: Vec::new() };
    assert!(signer.seal(&empty) == Err(SealError::Number(0)));
}

fn batch(network: NetworkId, signature: FixedBytes<96>) -> TransportBatch {
    let commitment = Commitment {
        version: 1,
        network,
        origin: GatewayId { chain: ChainId::new(901).unwrap(), gateway: Address::repeat_byte(1) },
        block_number: 9,
        block_hash: B256::repeat_byte(2),
        lanes_root: B256::repeat_byte(3),
        facts_root: B256::repeat_byte(4),
    };
    TransportBatch { network, sent_at_ms: 1, attestations: vec![Attestation { commitment, signature }] }
}

#[test]
fn keys_from_seeds_conform() {
    conforms(&seeded());
}

#[test]
fn keys_from_files_conform_and_are_the_ones_that_were_saved() {
    let files = Files::new();
    let (key, transport) = (files.path("bls.key"), files.path("transport.key"));
    seeded().save(&key, &transport).unwrap();
    let opened = LocalSigner::open(&key, &transport).unwrap();
    assert_eq!(opened.public_key(), seeded().public_key());
    assert_eq!(opened.transport_key(), seeded().transport_key());
    conforms(&opened);
}

#[test]
fn a_saved_key_is_for_its_owner_alone_and_never_overwritten() {
    let files = Files::new();
    let (key, transport) = (files.path("bls.key"), files.path("transport.key"));
    seeded().save(&key, &transport).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&key).unwrap();
    assert!(matches!(seeded().save(&key, &transport), Err(SecretError::Exists(_))));
    assert_eq!(fs::read(&key).unwrap(), before);
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    let files = Files::new();
    let digits = "11".repeat(32);
    for mode in [0o640, 0o604, 0o620] {
        let key = files.write(&format!("key{mode:o}"), &digits, mode);
        let Err(SignerError::File(error)) = read_executor_key(&key) else { unreachable!("it was read") };
        assert!(matches!(error, SecretError::Exposed { .. }));
        assert!(error.remedy().contains("chmod 600"), "{}", error.remedy());
    }
}

#[test]
fn no_error_repeats_what_a_key_file_holds() {
    let files = Files::new();
    let secrets = ["5ecre7".repeat(10) + "abcg", "00".repeat(32), "5ecre7 5ecre7".into(), "5ecre7\nmore".into()];
    for (index, secret) in secrets.iter().enumerate() {
        let key = files.write(&format!("key{index}"), secret, 0o600);
        let executor = read_executor_key(&key).unwrap_err();
        let attester = LocalSigner::open(&key, &key).unwrap_err();
        for said in [executor.to_string(), format!("{executor:?}"), attester.to_string(), format!("{attester:?}")] {
            assert!(!said.contains("5ecre7") && !said.contains("0000"), "{said}");
        }
    }
}

#[test]
fn nothing_that_holds_a_key_prints_it() {
    let seed = SecretSeed::known([0xab; 32]);
    let signer = LocalSigner::from_seeds(&seed, &seed);
    let secret = hex::encode(signer.secret_key().to_bytes().as_slice());
    for said in [format!("{seed:?}"), format!("{signer:?}"), format!("{:?}", signer.secret_key())] {
        assert!(!said.contains("abab") && !said.contains("171") && !said.contains(&secret[..8]), "{said}");
    }
}

#[test]
fn an_executor_key_is_read_with_and_without_prefix() {
    let files = Files::new();
    let digits = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    for (name, text) in [("plain", digits.to_owned()), ("prefixed", format!("0x{digits}\n"))] {
        let signer = read_executor_key(&files.write(name, &text, 0o600)).unwrap();
        assert_eq!(signer.address().to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    }
}
