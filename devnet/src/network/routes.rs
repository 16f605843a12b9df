//! Routes between all chains, registered as each rollup's team registers its own: from a file, by the relayer's command.

use std::{fmt::Write, path::Path};

use alloy::signers::local::PrivateKeySigner;
use futures::future::try_join_all;
use metalayer_node::config::create_secret_file;

use super::{Chain, NetworkError, files::NETWORK, fs};
use crate::{processes::Processes, run_dir::RunDir};

/// The longest payload of the demo, in bytes.
pub(crate) const PAYLOAD_MAX: u16 = 4_096;
/// The most $ERA that one message carries.
pub(crate) const VALUE_MAX_ERA: u32 = 1_000;
/// The most that one from the hub carries, where all $ERA is at first.
const HUB_VALUE_MAX_ERA: u32 = 10_000_000;

/// Registers the routes that leave each chain; the hub is the first. `team` may set them on all.
pub(super) async fn register(
    dir: &RunDir,
    relayer: &Path,
    chains: &[Chain],
    team: &PrivateKeySigner,
    processes: &Processes,
) -> Result<(), NetworkError> {
    let folder = dir.folder("routes")?;
    let key = folder.join("team.key");
    create_secret_file(&key, &team.to_bytes().0)?;
    let registering = chains.iter().enumerate().map(async |(number, chain)| {
        let file = folder.join(format!("{}.toml", chain.node.name));
        let value_max = if number == 0 { HUB_VALUE_MAX_ERA } else { VALUE_MAX_ERA };
        fs::write(&file, routes_from(chain, chains, value_max))?;
        let arguments = ["route", "register", &file.to_string_lossy(), "--key-file", &key.to_string_lossy()];
        processes.complete("relayer route register", relayer, &arguments).await?;
        Ok::<_, NetworkError>(())
    });
    try_join_all(registering).await.map(drop)
}

/// The routes that leave a chain: for messages of the demo's size and for $ERA, at a hundredth of a $ERA and a little more.
fn routes_from(from: &Chain, chains: &[Chain], value_max_era: u32) -> String {
    let id = from.node.chain;
    let mut text =
        format!("network_file = \"../{NETWORK}\"\n\n[[chains]]\nid = \"{id}\"\nrpc = [{:?}]\n", from.node.url);
    for to in chains.iter().filter(|to| to.node.chain != id) {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[routes]]\nfrom = \"{id}\"\nto = \"{}\"\n\
             kinds = [\"generic\", \"value_flow\"]\n\
             payload_bytes_max = {PAYLOAD_MAX}\n\
             gas_max = 1000000\n\
             value_max_era = \"{value_max_era}\"\n\
             fee_base_era = \"0.01\"\nfee_per_byte_era = \"0.000001\"\nfee_per_gas_era = \"0.00000001\"\n",
            to.node.chain
        );
    }
    text
}
