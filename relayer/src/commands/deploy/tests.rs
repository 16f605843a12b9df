//! What a founders' file may say.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;

use alloy::primitives::{Bytes, U256, aliases::U208};
use metalayer_node::chain::Finality;
use metalayer_proto::{
    batch::TransportKey,
    bls::{PossessionProof, SecretKey},
};

use super::*;
use crate::testing::{Attesters, gateway, transport};

const EXAMPLE: &str = include_str!("../../../../config/deploy.toml");
const OPERATOR: Address = Address::repeat_byte(5);

fn member(secret: &SecretKey, index: usize, network: NetworkId) -> String {
    let key = secret.public_key();
    let possession = PossessionProof::new(secret, network, OPERATOR).to_bytes();
    format!(
        "\n[[members]]\noperator = \"{OPERATOR}\"\nbls_key = \"{key}\"\ntransport_key = \"{}\"\nstake = \"25\"\npossession = \"{}\"\n",
        TransportKey::from(&transport(index)),
        Bytes::from(possession)
    )
}

/// The commented example, with four members who prove themselves for `network`.
fn with_members(network: NetworkId) -> String {
    Attesters::new().secrets.iter().enumerate().fold(EXAMPLE.to_owned(), |mut text, (index, secret)| {
        let _ = write!(text, "{}", member(secret, index, network));
        text
    })
}

fn planned() -> NetworkId {
    NetworkId::planned("example", gateway(900).chain)
}

fn load(text: &str) -> Result<DeployFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deploy.toml");
    std::fs::write(&file, text).unwrap();
    DeployFile::load(&file).map_err(|error| error.to_string())
}

#[test]
fn the_commented_example_is_a_plan() {
    let file = load(&with_members(planned())).unwrap();
    let plan = file.plan();
    assert_eq!((plan.name.as_str(), plan.hub_chain), ("example", gateway(900).chain));
    assert_eq!(plan.chains.iter().map(|chain| chain.partition.0).collect::<Vec<_>>(), [0, 1]);
    assert!(plan.chains.iter().all(|chain| chain.finality == Finality::Finalized));
    assert_eq!((plan.table.len(), plan.table.epoch()), (4, 1));
    assert_eq!(plan.expires_at - plan.activates_at, 90 * DAY_S);
    assert_eq!(plan.inbound.capacity, U208::from(1_000_000) * U208::from(U256::from(10).pow(U256::from(18))));
    assert_eq!(plan.roles.registry.staker, Address::repeat_byte(0x44));
}

#[test]
fn attesters_that_are_missing_are_told_once() {
    let told = load(EXAMPLE).unwrap_err();
    assert!(told.contains("1 problem;") && told.contains("members: it is missing"), "{told}");
}

#[test]
fn a_key_that_nobody_proves_is_refused() {
    // For a network that stands, another name, another hub: the same key, and no proof.
    let chain = gateway(900).chain;
    for network in [
        NetworkId::new("example", chain, Address::repeat_byte(1)),
        NetworkId::planned("other", chain),
        NetworkId::planned("example", gateway(901).chain),
    ] {
        let told = load(&with_members(network)).unwrap_err();
        assert!(told.contains("members[0].possession: it does not prove"), "{told}");
    }
    let operator = with_members(planned()).replace(&OPERATOR.to_string(), &Address::repeat_byte(6).to_string());
    assert!(load(&operator).unwrap_err().contains("members[3].possession"));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = with_members(planned())
        .replace("lasts_days = 90", "lasts_days = 29")
        .replace("capacity_era = \"1000000\"", "capacity_era = \"-1\"")
        .replace("partition = 1", "partition = 0")
        .replace("hub_chain = \"eip155:900\"", "hub_chain = \"eip155:7\"")
        .replace("guardian", "guardians")
        .replace("\"http://127.0.0.1:8546\"", "\"127.0.0.1\"");
    let told = load(&text).unwrap_err();
    for path in [
        "epoch.lasts_days",
        "inbound.capacity_era",
        "chains[1].partition: another chain has it already",
        "hub_chain: none of [[chains]] has this id",
        "roles.guardian: it is missing",
        "roles.guardians: no such key; did you mean `guardian`?",
        "chains[1].rpc[0]: it is no URL",
    ] {
        assert!(told.contains(path), "{path} is not told:\n{told}");
    }
}

#[tokio::test]
async fn the_file_of_a_network_that_stands_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deploy.toml");
    std::fs::write(&file, with_members(planned())).unwrap();
    std::fs::create_dir(folder.path().join("networks")).unwrap();
    std::fs::write(folder.path().join("networks/example.toml"), "a network").unwrap();
    let error = deploy(&file, false).await.unwrap_err().to_string();
    assert!(error.contains("example.toml exists"), "{error}");
}
