//! The configuration and key files of a run, as operators write them.

use std::{collections::BTreeMap, fmt::Write, net::SocketAddr, path::PathBuf};

use alloy::signers::local::PrivateKeySigner;
use metalayer_node::config::create_secret_file;

use super::{Attester, Chain, Daemon, NetworkError, daemons::Ports, fs};
use crate::{preflight::Programs, run_dir::RunDir};

/// The network file's name in the run's folder.
pub(super) const NETWORK: &str = "network.toml";

/// At most a tenth of the block time of one second.
const POLL_MS: u64 = 100;
/// How many endpoints must agree before an attester believes.
const AGREE: usize = 2;

/// Writes everything that one relayer and these attesters need; the relayer comes first.
pub(super) fn write(
    dir: &RunDir,
    relayer: PathBuf,
    programs: &Programs,
    chains: &[Chain],
    attesters: &[Attester],
    executor: &PrivateKeySigner,
    ports: &Ports,
) -> Result<Vec<Daemon>, NetworkError> {
    let collector = ports.collector.local_addr()?;
    let listen = RelayerPorts { collector, telemetry: ports.relayer.local_addr()?, admin: ports.admin.local_addr()? };
    let mut daemons = vec![self::relayer(dir, relayer, chains, executor, listen)?];
    let program = dir.copy_binary(&programs.attester)?;
    for (number, (attester, port)) in (1..).zip(attesters.iter().zip(&ports.attesters)) {
        let listen = AttesterPorts { collector, telemetry: port.local_addr()? };
        daemons.push(self::attester(dir, number, program.clone(), chains, attester, listen)?);
    }
    Ok(daemons)
}

struct RelayerPorts {
    collector: SocketAddr,
    telemetry: SocketAddr,
    admin: SocketAddr,
}

fn relayer(
    dir: &RunDir,
    program: PathBuf,
    chains: &[Chain],
    executor: &PrivateKeySigner,
    listen: RelayerPorts,
) -> Result<Daemon, NetworkError> {
    let RelayerPorts { collector, telemetry, admin } = listen;
    let folder = dir.folder("relayer")?;
    create_secret_file(&folder.join("executor.key"), &executor.to_bytes().0)?;
    create_secret_file(&folder.join("admin.token"), &rand::random())?;
    let text = format!(
        "network_file = \"../{NETWORK}\"\n\
         data_dir = \"data\"\n\
         poll_ms = {POLL_MS}\n\
         \n[collector]\nlisten = \"{collector}\"\n\
         \n[admin]\nlisten = \"{admin}\"\ntoken_file = \"admin.token\"\n\
         \n[execute]\nkey_file = \"executor.key\"\n\
         {}",
        telemetry_and_chains(telemetry, chains, |chain| (chain.node.urls(), 1))
    );
    let config = folder.join("relayer.toml");
    fs::write(&config, text)?;
    Ok(Daemon {
        name: "relayer".to_owned(),
        program,
        config,
        telemetry,
        is_attester: false,
        environment: BTreeMap::new(),
    })
}

struct AttesterPorts {
    /// Where the relayer's is.
    collector: SocketAddr,
    telemetry: SocketAddr,
}

fn attester(
    dir: &RunDir,
    number: usize,
    program: PathBuf,
    chains: &[Chain],
    attester: &Attester,
    listen: AttesterPorts,
) -> Result<Daemon, NetworkError> {
    let AttesterPorts { collector, telemetry } = listen;
    let name = format!("attester-{number}");
    let folder = dir.folder(&name)?;
    // Operators differ in whom they ask first: every endpoint is somebody's first choice, and caught by him if it lies.
    let endpoints = |chain: &Chain| {
        let mut endpoints = chain.endpoints.clone();
        let first = number % endpoints.len().max(1);
        endpoints.rotate_left(first);
        endpoints
    };
    attester.signer.save(&folder.join("bls.key"), &folder.join("transport.key"))?;
    let text = format!(
        "network_file = \"../{NETWORK}\"\n\
         data_dir = \"data\"\n\
         bls_key_file = \"bls.key\"\n\
         transport_key_file = \"transport.key\"\n\
         collectors = [\"http://{collector}\"]\n\
         poll_ms = {POLL_MS}\n\
         {}",
        telemetry_and_chains(telemetry, chains, |chain| (endpoints(chain), AGREE))
    );
    let config = folder.join("attester.toml");
    fs::write(&config, text)?;
    Ok(Daemon { name, program, config, telemetry, is_attester: true, environment: BTreeMap::new() })
}

/// `endpoints` says where a chain is read, and how many must agree.
fn telemetry_and_chains(
    telemetry: SocketAddr,
    chains: &[Chain],
    endpoints: impl Fn(&Chain) -> (Vec<String>, usize),
) -> String {
    let mut text = format!("\n[telemetry]\nlisten = \"{telemetry}\"\n");
    for chain in chains {
        let (urls, agree) = endpoints(chain);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[chains]]\nid = \"{}\"\nrpc = {urls:?}\nagree = {agree}\n", chain.node.chain);
    }
    text
}
