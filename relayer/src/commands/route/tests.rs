//! What a file of routes may say, and what is told of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alloy::primitives::aliases::{U80, U96};
use metalayer_proto::message::Kind;

use super::*;
use crate::testing::{gateway, network_file};

const EXAMPLE: &str = include_str!("../../../../config/routes.toml");

fn load(text: &str) -> Result<RoutesFile, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("networks")).unwrap();
    network_file().save(&folder.path().join("networks/example.toml")).unwrap();
    let file = folder.path().join("routes.toml");
    std::fs::write(&file, text).unwrap();
    RoutesFile::load(&file).map_err(|error| error.to_string())
}

fn wanted() -> RouteEntry {
    load(EXAMPLE).unwrap().routes[0]
}

#[test]
fn the_commented_example_is_a_file_of_routes() {
    let file = load(EXAMPLE).unwrap();
    let (hub, harbour) = (gateway(900), gateway(901));
    assert_eq!(file.rpc[&hub.chain], ["http://127.0.0.1:8545"]);
    let RouteEntry { from, to, route } = file.routes[0];
    assert_eq!((from, to), (hub.chain, harbour.chain));
    assert_eq!(route.gateway, harbour.gateway, "the gateway is the network file's");
    assert!(route.allows(Kind::Generic) && route.allows(Kind::ValueFlow) && !route.allows(Kind::Mapping));
    assert_eq!((route.bytes_max, route.gas_max), (4_096, 1_000_000));
    assert_eq!(route.value_max, 100_000 * 10_u128.pow(18));
    assert_eq!(route.fee_base, U96::from(10_u128.pow(16)));
    assert_eq!(route.fee_per_byte, U80::from(10_u128.pow(13)));
    assert_eq!(route.fee_per_gas, U80::from(10_u128.pow(11)));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = EXAMPLE
        .replace("from = \"eip155:900\"", "from = \"eip155:901\"")
        .replace("\"value_flow\"]", "\"control\"]")
        .replace("payload_bytes_max = 4096", "payload_bytes_max = 40000")
        .replace("fee_base_era = \"0.01\"", "fee_base_era = 0.01")
        .replace("fee_per_gas_era = \"0.0000001\"", "fee_per_gas_era = \"10000000\"")
        .replace("gas_max", "gas_limit");
    let told = load(&text).unwrap_err();
    for path in [
        "routes[0].kinds: control needs no route",
        "routes[0].payload_bytes_max",
        "routes[0].gas_max: it is missing",
        "routes[0].fee_base_era",
        "routes[0].fee_per_gas_era: it is more than",
        "routes[0].to: a route leads to another chain",
        "routes[0].gas_limit: no such key; remove it",
    ] {
        assert!(told.contains(path), "{path} is not told:\n{told}");
    }
}

#[test]
fn a_route_twice_and_a_chain_without_an_endpoint_are_refused() {
    let route = EXAMPLE.split_once("[[routes]]").unwrap().1;
    let twice = load(&format!("{EXAMPLE}\n[[routes]]{route}")).unwrap_err();
    assert!(twice.contains("routes[1]: eip155:900 -> eip155:901 stands there twice"), "{twice}");
    let back = route.replace("900", "HUB").replace("901", "900").replace("HUB", "901");
    let without = load(&format!("{EXAMPLE}\n[[routes]]{back}")).unwrap_err();
    assert!(without.contains("routes[1].from: no [[chains]] has eip155:901"), "{without}");
}

#[test]
fn a_change_is_told_beside_what_was() {
    let RouteEntry { from, to, route } = wanted();
    let before = Route { gas_max: 7, ..route };
    let of = |before| Changed::from((from, to), before, &route);
    assert_eq!(of(None).change, Change::Opened);
    assert_eq!(of(Some(route)).change, Change::Unchanged);
    let told = Changes { dry_run: true, routes: vec![of(Some(before))] }.to_string();
    assert!(
        told.contains(
            "eip155:900 -> eip155:901  would be changed\n    was generic, value_flow; at most 4096 bytes, 7 gas"
        ),
        "{told}"
    );
    assert!(told.contains("fee 0.01 ERA + 0.00001 ERA a byte + 0.0000001 ERA a gas"), "{told}");
    assert!(told.ends_with("nothing was sent: a dry run"), "{told}");
}
