//! The configuration, its commented example, and what is checked before anything starts.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::primitives::{Address, Bytes};
use clap::CommandFactory;
use metalayer_node::{
    config::ExitCause,
    daemon::{DaemonError, render},
    telemetry,
};
use metalayer_proto::{
    bls::{PossessionProof, PublicKey},
    ids::{ChainId, NetworkId},
};
use tempfile::TempDir;

use super::bench::{network, signer};
use crate::{app, cli::Cli, commands, config::Config};

const EXAMPLE: &str = include_str!("../../../config/attester.toml");

/// A folder with a network's file and `text` as configuration.
fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("networks")).unwrap();
    network().save(&folder.path().join("networks/example.toml")).unwrap();
    let file = folder.path().join("attester.toml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

#[test]
fn the_example_is_right() {
    let (folder, file) = written(EXAMPLE);
    let config = Config::load(&file).unwrap();
    assert_eq!(config.network, network());
    assert_eq!(config.bls_key_file, folder.path().join("bls.key"));
    assert_eq!(config.poll, Duration::from_millis(100));
    assert_eq!(config.collectors.len(), 1);
    assert!(config.chains.iter().all(|chain| chain.rpc.len() == 3 && chain.agree == 2));
}

#[test]
fn ten_mistakes_are_told_at_once() {
    let (_folder, file) = written(
        r#"
        network_file = "networks/example.toml"
        bls_key_file = 5
        transport_key_file = ""
        collectors = ["ftp://collector.example.org"]
        poll_ms = 1
        pol_ms = 1
        [telemetry]
        listen = "here"
        otlp = "there"
        [[chains]]
        id = "eip155:900"
        rpc = ["not a url"]
        agree = 2
        [[chains]]
        id = "eip155:901"
        rpc = ["http://127.0.0.1:1"]
        "#,
    );
    let problems = Config::load(&file).unwrap_err().problems;
    let mut paths: Vec<_> = problems.iter().map(|one| one.path.as_str()).collect();
    paths.sort_unstable();
    let mut expected = [
        "data_dir",
        "bls_key_file",
        "transport_key_file",
        "collectors[0]",
        "poll_ms",
        "pol_ms",
        "telemetry.listen",
        "telemetry.otlp",
        "chains[0].rpc[0]",
        "chains[0].agree",
    ];
    expected.sort_unstable();
    assert_eq!(paths, expected);
}

/// A configuration whose endpoints are dead; `seed` is whose keys it names, if any.
fn runnable(seed: Option<u8>) -> (TempDir, PathBuf) {
    let (folder, file) = written(
        r#"
        network_file = "networks/example.toml"
        data_dir = "data"
        bls_key_file = "bls.key"
        transport_key_file = "transport.key"
        collectors = ["http://127.0.0.1:1"]
        [[chains]]
        id = "eip155:900"
        rpc = ["http://user:pa55word@127.0.0.1:1"]
        [[chains]]
        id = "eip155:901"
        rpc = ["http://127.0.0.1:2"]
        "#,
    );
    if let Some(seed) = seed {
        signer(seed).save(&folder.path().join("bls.key"), &folder.path().join("transport.key")).unwrap();
    }
    (folder, file)
}

async fn checked(seed: Option<u8>) -> DaemonError {
    let (folder, file) = runnable(seed);
    let error = app::check(&file).await.unwrap_err();
    assert!(!folder.path().join("data").exists(), "nothing was started");
    error
}

async fn not_opened(file: &Path) -> DaemonError {
    let registry = telemetry::Metrics::unregistered();
    app::open(&Config::load(file).unwrap(), &registry).await.err().unwrap()
}

#[tokio::test]
async fn a_missing_key_and_keys_of_two_attesters_end_with_the_code_of_keys() {
    let error = checked(None).await;
    assert_eq!(error.cause(), ExitCause::Key);
    assert!(error.to_string().contains("bls.key"), "{error}");
    let (folder, file) = runnable(Some(1));
    let elsewhere = tempfile::tempdir().unwrap();
    let transport = folder.path().join("transport.key");
    std::fs::remove_file(&transport).unwrap();
    signer(9).save(&elsewhere.path().join("bls.key"), &transport).unwrap();
    let error = app::check(&file).await.unwrap_err();
    assert!(error.to_string().contains("name the keys that were registered together"), "{error}");
    assert_eq!(error.cause(), ExitCause::Key);
}

#[tokio::test]
async fn keys_of_no_epoch_may_be_those_of_one_to_come() {
    // Its endpoints are dead; nothing else keeps it from starting.
    assert_eq!(checked(Some(9)).await.cause(), ExitCause::ChainUnreachable);
}

#[tokio::test]
async fn all_that_keeps_it_from_starting_is_told_at_once() {
    let (folder, file) = runnable(None);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("[telemetry]\nlisten = \"{}\"\n", taken.local_addr().unwrap());
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &listen).unwrap();
    let told = not_opened(&file).await.to_string();
    for part in ["bls.key", "telemetry.listen", "http://127.0.0.1:1:", "http://127.0.0.1:2:"] {
        assert!(told.contains(part), "`{part}` is missing in: {told}");
    }
    drop(folder);
}

#[tokio::test]
async fn without_the_guards_records_it_does_not_start() {
    let (_folder, file) = runnable(Some(1));
    let error = not_opened(&file).await;
    assert!(error.to_string().contains("attester guard init"), "{error}");
    commands::guard::init(&file).unwrap();
    let shown = commands::guard::show(&file).unwrap().to_string();
    assert!(shown.contains("eip155:901      nothing signed"), "{shown}");
    let again = commands::guard::init(&file).unwrap_err();
    assert_eq!(again.cause(), ExitCause::Key);
    let error = not_opened(&file).await;
    assert_eq!(error.cause(), ExitCause::ChainUnreachable, "{error}");
}

#[tokio::test]
async fn a_floor_needs_a_collector_or_the_operators_word() {
    let (_folder, file) = runnable(Some(1));
    let error = commands::guard::import_floor(&file, &[]).await.unwrap_err();
    assert_eq!(error.cause(), ExitCause::Key);
    let floor = ["eip155:901=77".parse().unwrap()];
    let imported = commands::guard::import_floor(&file, &floor).await.unwrap().to_string();
    assert!(imported.contains("eip155:901      signed up to 77"), "{imported}");
    assert!(imported.contains("nothing is known of eip155:900"), "{imported}");
    assert!(imported.contains("the hub does not tell its later epochs"), "{imported}");
    assert!("901=x".parse::<commands::guard::Floor>().is_err());
}

#[test]
fn keys_are_proven_for_a_network_that_is_still_to_be_deployed() {
    let folder = tempfile::tempdir().unwrap();
    commands::keys::new(folder.path()).unwrap();
    let operator = Address::repeat_byte(7);
    let network = NetworkId::planned("example", ChainId::new(900).unwrap());
    let shown = serde_json::to_value(commands::keys::prove(folder.path(), operator, network).unwrap()).unwrap();
    let bytes = |name: &str| shown[name].as_str().unwrap().parse::<Bytes>().unwrap();
    let key = PublicKey::from_bytes(&bytes("bls_key")).unwrap();
    let proof = PossessionProof::from_bytes(&bytes("possession")).unwrap();
    proof.verify(&key, network, operator).unwrap();
}

#[test]
fn new_keys_are_shown_with_what_a_registration_needs_and_never_overwritten() {
    let (folder, file) = runnable(None);
    let made = commands::keys::new(folder.path()).unwrap().to_string();
    let shown = commands::keys::show(&file, Some(Address::repeat_byte(7))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&render(&shown, true)).unwrap();
    assert!(made.contains(json["attester"].as_str().unwrap()) && made.contains("bls.key"), "{made}");
    let bytes = |key: &str| json[key].as_str().unwrap().parse::<Bytes>().unwrap();
    let key = PublicKey::from_bytes(&bytes("bls_key")).unwrap();
    let proof = PossessionProof::from_bytes(&bytes("possession")).unwrap();
    proof.verify(&key, network().id(), Address::repeat_byte(7)).unwrap();
    assert!(proof.verify(&key, network().id(), Address::repeat_byte(8)).is_err());
    assert_eq!(commands::keys::new(folder.path()).unwrap_err().cause(), ExitCause::Key);
}

#[tokio::test]
async fn dead_endpoints_are_all_named_without_credentials() {
    let error = checked(Some(1)).await;
    assert_eq!(error.cause(), ExitCause::ChainUnreachable);
    let told = error.to_string();
    assert!(told.contains("http://127.0.0.1:1:") && told.contains("http://127.0.0.1:2:"), "{told}");
    assert!(!told.contains("pa55word"), "{told}");
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}
