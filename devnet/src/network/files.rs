//! The configuration and key files of a run, as operators write them.

use std::{fmt::Write, net::SocketAddr};

use alloy::signers::local::PrivateKeySigner;
use metalayer_node::config::create_secret_file;

use super::{Attester, Chain, Daemon, NetworkError, Ports, fs};
use crate::run_dir::RunDir;

/// The network file's name in the run's folder.
pub(super) const NETWORK: &str = "network.toml";

/// At most a tenth of the block time of one second.
const POLL_MS: u64 = 100;

/// Writes everything that one relayer and these attesters need; the relayer comes first.
pub(super) fn write(
    dir: &RunDir,
    chains: &[Chain],
    attesters: &[Attester],
    executor: &PrivateKeySigner,
    ports: &Ports,
) -> Result<Vec<Daemon>, NetworkError> {
    let collector = ports.collector.local_addr()?;
    let listen = RelayerPorts { collector, telemetry: ports.relayer.local_addr()?, admin: ports.admin.local_addr()? };
    let mut daemons = vec![relayer(dir, chains, executor, listen)?];
    for (number, (attester, port)) in (1..).zip(attesters.iter().zip(&ports.attesters)) {
        daemons.push(self::attester(dir, chains, attester, number, collector, port.local_addr()?)?);
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
        telemetry_and_chains(telemetry, chains)
    );
    let config = folder.join("relayer.toml");
    fs::write(&config, text)?;
    Ok(Daemon { name: "relayer".to_owned(), relayer: true, config, telemetry })
}

fn attester(
    dir: &RunDir,
    chains: &[Chain],
    attester: &Attester,
    number: u32,
    collector: SocketAddr,
    telemetry: SocketAddr,
) -> Result<Daemon, NetworkError> {
    let name = format!("attester-{number}");
    let folder = dir.folder(&name)?;
    attester.signer.save(&folder.join("bls.key"), &folder.join("transport.key"))?;
    let text = format!(
        "network_file = \"../{NETWORK}\"\n\
         data_dir = \"data\"\n\
         bls_key_file = \"bls.key\"\n\
         transport_key_file = \"transport.key\"\n\
         collectors = [\"http://{collector}\"]\n\
         poll_ms = {POLL_MS}\n\
         {}",
        telemetry_and_chains(telemetry, chains)
    );
    let config = folder.join("attester.toml");
    fs::write(&config, text)?;
    Ok(Daemon { name, relayer: false, config, telemetry })
}

fn telemetry_and_chains(telemetry: SocketAddr, chains: &[Chain]) -> String {
    let mut text = format!("\n[telemetry]\nlisten = \"{telemetry}\"\n");
    for Chain { node, .. } in chains {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[chains]]\nid = \"{}\"\nrpc = [\"{}\"]\nagree = 1\n", node.chain, node.url);
    }
    text
}
