//! The attester's configuration: one TOML, every problem at once. `config/attester.toml` is a commented example.

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

/// What an attester is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network it attests for.
    pub network: NetworkFile,
    /// Where the guard's records are.
    pub data_dir: PathBuf,
    /// The BLS secret key's file.
    pub bls_key_file: PathBuf,
    /// The Ed25519 secret key's file.
    pub transport_key_file: PathBuf,
    /// Where attestations go.
    pub collectors: Vec<Url>,
    /// How often finality is looked at.
    pub poll: Duration,
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    pub telemetry_listen: SocketAddr,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// How each chain is reached.
    pub chains: Vec<ChainSettings>,
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

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9101);

fn read(root: &Section<'_>, folder: &Path) -> Option<Config> {
    let network = read_network(root, folder);
    let data_dir = root.file("data_dir", "the folder for the guard's records", folder);
    let bls_key_file = root.file("bls_key_file", "the file of the BLS secret key", folder);
    let transport_key_file = root.file("transport_key_file", "the file of the Ed25519 secret key", folder);
    let collectors = read_collectors(root, "collectors");
    let poll = root.millis_or("poll_ms", 10..=60_000, 100);
    let (telemetry_listen, otlp_endpoint) = read_telemetry(root, LISTEN);
    let chains = read_chains(root, network.as_ref());
    Some(Config {
        network: network?,
        data_dir: data_dir?,
        bls_key_file: bls_key_file?,
        transport_key_file: transport_key_file?,
        collectors: collectors?,
        poll: poll?,
        telemetry_listen: telemetry_listen?,
        otlp_endpoint,
        chains: chains?,
    })
}
