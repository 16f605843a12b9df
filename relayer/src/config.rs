//! The relayer's configuration: one TOML, every problem at once. `config/relayer.toml` is a commented example.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use metalayer_node::{
    config::{Document, InvalidConfig, NetworkFile, Section},
    daemon::{ChainSettings, read_chains, read_collectors, read_network, read_telemetry},
};
use reqwest::Url;

/// What is paid for a unit of gas at most, in gwei, unless the operator says otherwise.
const MAX_FEE_GWEI: u64 = 200;

const WEI_A_GWEI: u128 = 1_000_000_000;

/// What a relayer is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network it serves.
    pub network: NetworkFile,
    /// Where the bus is.
    pub data_dir: PathBuf,
    /// How often finality and receipts are looked at.
    pub poll: Duration,
    /// Where attesters post.
    pub collector_listen: SocketAddr,
    /// The collectors of other relayers, which show where to begin.
    pub peers: Vec<Url>,
    /// Where operators ask, if they may.
    pub admin: Option<Admin>,
    /// The file of the key that pays for transactions on every chain.
    pub executor_key_file: PathBuf,
    /// The most a unit of gas may cost, in wei.
    pub max_fee_per_gas: u128,
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    pub telemetry_listen: SocketAddr,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// How each chain is reached.
    pub chains: Vec<ChainSettings>,
}

/// The admin API.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where it is served: on loopback.
    pub listen: SocketAddr,
    /// The file of the token that every request must show.
    pub token_file: PathBuf,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Everything that is wrong with it, or with the network file that it names.
    pub fn load(file: &Path) -> Result<Self, InvalidConfig> {
        let document = Document::open(file)?;
        let config = read(&document.root(), document.folder());
        document.finish(config)
    }
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn read(root: &Section<'_>, folder: &Path) -> Option<Config> {
    let network = read_network(root, folder);
    let data_dir = root.file("data_dir", "the folder for the embedded bus", folder);
    let poll = root.millis_or("poll_ms", 10..=60_000, 100);
    let collector = root.optional_section("collector", "where attesters post, and other relayers' collectors");
    let (collector_listen, peers) =
        collector.map_or((Some(local(9102)), Some(Vec::new())), |section| read_collector(&section));
    let admin = root.optional_section("admin", "where operators ask").map(|section| read_admin(&section, folder));
    let execute = root.section("execute", "a table with key_file");
    let executor_key_file = execute
        .as_ref()
        .and_then(|section| section.file("key_file", "the file of the key that pays for transactions", folder));
    let max_fee_gwei =
        execute.map_or(Some(MAX_FEE_GWEI), |section| section.integer_or("max_fee_gwei", 1..=1_000_000, MAX_FEE_GWEI));
    let (telemetry_listen, otlp_endpoint) = read_telemetry(root, local(9100));
    let chains = read_chains(root, network.as_ref());
    Some(Config {
        network: network?,
        data_dir: data_dir?,
        poll: poll?,
        collector_listen: collector_listen?,
        peers: peers?,
        // One that is there and wrong is no configuration.
        admin: admin.map_or(Some(None), |admin| admin.map(Some))?,
        executor_key_file: executor_key_file?,
        max_fee_per_gas: u128::from(max_fee_gwei?) * WEI_A_GWEI,
        telemetry_listen: telemetry_listen?,
        otlp_endpoint,
        chains: chains?,
    })
}

fn read_collector(section: &Section<'_>) -> (Option<SocketAddr>, Option<Vec<Url>>) {
    let listen = section.parsed_or("listen", "an address and port, such as \"0.0.0.0:9102\"", local(9102));
    let peers = if section.has("peers") { read_collectors(section, "peers") } else { Some(Vec::new()) };
    (listen, peers)
}

fn read_admin(section: &Section<'_>, folder: &Path) -> Option<Admin> {
    let listen =
        section.parsed_or("listen", "an address and port of loopback, such as \"127.0.0.1:9103\"", local(9103));
    if listen.is_some_and(|listen| !listen.ip().is_loopback()) {
        let remedy = "name a loopback address, and reach it from elsewhere through a tunnel";
        section.problem("listen", "the admin API is served on loopback only", remedy);
    }
    let token_file = section.file("token_file", "the file of the token that every request must show", folder);
    Some(Admin { listen: listen?, token_file: token_file? })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
