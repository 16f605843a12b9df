//! The file of routes: what a rollup's team wants of the lanes that leave its chains. `config/routes.toml` is a commented example.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use alloy::primitives::{
    U256,
    aliases::{U80, U96},
};
use metalayer_node::{
    config::{Document, InvalidConfig, NetworkFile, Section},
    daemon::{read_network, read_rpc},
};
use metalayer_proto::{facts::Route, ids::ChainId, message::Kind};

use crate::commands::era::Era;

/// The longest payload that a gateway takes, in bytes.
const PAYLOAD_MAX: u64 = 32_768;
/// The highest gas limit that a gateway executes.
const GAS_MAX: u64 = 10_000_000;
/// The kinds that a route may allow; the others need none.
const KINDS: [Kind; 3] = [Kind::Generic, Kind::ValueFlow, Kind::Mapping];

/// What the file says.
#[derive(Debug)]
pub(super) struct RoutesFile {
    pub(super) network: NetworkFile,
    /// URLs by chain.
    pub(super) rpc: BTreeMap<ChainId, Vec<String>>,
    pub(super) routes: Vec<RouteEntry>,
}

/// One route that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RouteEntry {
    pub(super) from: ChainId,
    pub(super) to: ChainId,
    pub(super) route: Route,
}

impl RoutesFile {
    pub(super) fn load(file: &Path) -> Result<Self, InvalidConfig> {
        let document = Document::open(file)?;
        let read = read(&document.root(), document.folder());
        document.finish(read)
    }
}

fn read(root: &Section<'_>, folder: &Path) -> Option<RoutesFile> {
    let network = read_network(root, folder);
    let chains = root.sections("chains", "one [[chains]] for each chain that routes leave, with id and rpc");
    let chains: Vec<_> = chains.iter().map(read_chain).collect();
    let routes = root.sections("routes", "one [[routes]] for each route, with from, to and its terms");
    let routes: Vec<_> = routes.iter().map(|section| read_route(section, network.as_ref())).collect();
    let rpc: BTreeMap<_, _> = chains.iter().flatten().cloned().collect();
    if rpc.len() < chains.iter().flatten().count() {
        root.problem("chains", "a chain stands there twice", "name each once, with all its endpoints");
    }
    let mut seen = BTreeSet::new();
    for (index, route) in routes.iter().enumerate() {
        let Some(RouteEntry { from, to, .. }) = route else { continue };
        if !seen.insert((*from, *to)) {
            root.problem(
                &format!("routes[{index}]"),
                format!("{from} -> {to} stands there twice"),
                "keep one of the two",
            );
        }
        if chains.iter().all(Option::is_some) && !rpc.contains_key(from) {
            root.problem(&format!("routes[{index}].from"), format!("no [[chains]] has {from}"), "add one with its rpc");
        }
    }
    let whole = chains.iter().all(Option::is_some);
    let routes = routes.into_iter().collect::<Option<_>>()?;
    whole.then_some(RoutesFile { network: network?, rpc, routes })
}

fn read_chain(section: &Section<'_>) -> Option<(ChainId, Vec<String>)> {
    let id = section.parsed("id", "the chain, such as \"eip155:901\"");
    let rpc = read_rpc(section);
    Some((id?, rpc?))
}

fn read_route(section: &Section<'_>, network: Option<&NetworkFile>) -> Option<RouteEntry> {
    let from = read_end(section, "from", network);
    let to = read_end(section, "to", network);
    let kinds = read_kinds(section);
    let bytes_max = section.integer("payload_bytes_max", 0..=PAYLOAD_MAX);
    let gas_max = section.integer("gas_max", 1..=GAS_MAX);
    let value_max = amount(section, "value_max_era", U256::from(u128::MAX));
    let fee_base = amount(section, "fee_base_era", U256::from(U96::MAX));
    let fee_per_byte = amount(section, "fee_per_byte_era", U256::from(U80::MAX));
    let fee_per_gas = amount(section, "fee_per_gas_era", U256::from(U80::MAX));
    if from.is_some() && from == to {
        section.problem("to", "a route leads to another chain", "name the destination");
        return None;
    }
    let (from, to) = (from?, to?);
    let route = Route {
        gateway: network?.chain(to)?.gateway,
        kinds: kinds?,
        bytes_max: u16::try_from(bytes_max?).ok()?,
        gas_max: u32::try_from(gas_max?).ok()?,
        value_max: value_max?.saturating_to(),
        fee_base: fee_base?.saturating_to(),
        fee_per_byte: fee_per_byte?.saturating_to(),
        fee_per_gas: fee_per_gas?.saturating_to(),
    };
    Some(RouteEntry { from, to, route })
}

fn read_end(section: &Section<'_>, key: &str, network: Option<&NetworkFile>) -> Option<ChainId> {
    let chain = section.parsed(key, "a chain of the network, such as \"eip155:901\"")?;
    if network.is_some_and(|network| network.chain(chain).is_none()) {
        section.problem(key, format!("{chain} is no chain of the network"), "name one of the network_file's");
        return None;
    }
    Some(chain)
}

fn read_kinds(section: &Section<'_>) -> Option<u16> {
    const WHAT: &str = "\"generic\", \"value_flow\" or \"mapping\"";
    let kinds: Vec<Kind> = section.list("kinds", WHAT)?;
    if let Some(kind) = kinds.iter().find(|kind| !KINDS.contains(kind)) {
        section.problem("kinds", format!("{kind} needs no route"), format!("write {WHAT}"));
        return None;
    }
    Some(kinds.iter().fold(0, |bits, kind| bits | 1 << kind.byte()))
}

fn amount(section: &Section<'_>, key: &str, max: U256) -> Option<U256> {
    let Era(amount) = section.parsed(key, "an amount of $ERA as a decimal in quotes, such as \"0.05\"")?;
    if amount > max {
        section.problem(key, format!("it is more than {}", Era(max)), "write what a gateway can hold");
        return None;
    }
    Some(amount)
}
