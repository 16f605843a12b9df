#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tempfile::TempDir;

use super::*;
use crate::testing::network_file;

const EXAMPLE: &str = include_str!("../../config/relayer.toml");

/// A folder with a network's file and the relayer's.
fn folder(config: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("networks")).unwrap();
    network_file().save(&folder.path().join("networks/example.toml")).unwrap();
    let file = folder.path().join("relayer.toml");
    std::fs::write(&file, config).unwrap();
    (folder, file)
}

#[test]
fn the_commented_example_is_a_configuration() {
    let (folder, file) = folder(EXAMPLE);
    let config = Config::load(&file).unwrap();
    assert_eq!(config.network, network_file());
    assert_eq!(config.data_dir, Path::new("/var/lib/metalayer/relayer"));
    assert_eq!(config.executor_key_file, folder.path().join("executor.key"));
    assert_eq!(config.max_fee_per_gas, 200_000_000_000);
    assert_eq!(config.poll, Duration::from_millis(100));
    assert_eq!(config.collector_listen, "0.0.0.0:9102".parse().unwrap());
    let peers: Vec<_> = config.peers.iter().map(|url| url.as_str()).collect();
    assert_eq!(peers, ["https://collector.example.net/"]);
    assert_eq!(config.telemetry_listen, "127.0.0.1:9100".parse().unwrap());
    let admin = config.admin.unwrap();
    assert_eq!((admin.listen.port(), admin.token_file), (9103, folder.path().join("admin.token")));
    assert_eq!(config.otlp_endpoint, None);
    let chains: Vec<_> = config.chains.iter().map(|one| (one.id.get(), one.rpc.len(), one.agree)).collect();
    assert_eq!(chains, [(900, 3, 2), (901, 3, 2)]);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let broken = EXAMPLE
        .replace("data_dir", "data_dri")
        .replace("poll_ms = 100", "poll_ms = 0")
        .replace("\"0.0.0.0:9102\"", "\"anywhere\"")
        .replace("https://collector.example.net", "ftp://collector.example.net")
        .replace("key_file = \"executor.key\"", "")
        .replace("max_fee_gwei = 200", "max_fee_gwei = 0")
        .replace("127.0.0.1:9103", "10.0.0.1:9103")
        .replace("\"eip155:901\"", "\"eip155:950\"");
    let (_folder, file) = folder(&broken);
    let invalid = Config::load(&file).unwrap_err();
    let paths: Vec<_> = invalid.problems.iter().map(|problem| problem.path.as_str()).collect();
    for path in [
        "data_dir",
        "data_dri",
        "poll_ms",
        "collector.listen",
        "collector.peers[0]",
        "execute.key_file",
        "execute.max_fee_gwei",
        "admin.listen",
        "chains",
    ] {
        assert!(paths.contains(&path), "{path} is not among {paths:?}");
    }
    assert_eq!(paths.iter().filter(|path| **path == "chains").count(), 2, "one too many, one missing");
    assert!(invalid.problems.iter().all(|problem| !problem.remedy.is_empty()));
}
