//! `relayer deploy`: a network from a file, and the file that every daemon reads.

mod file;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy::primitives::Address;
use futures::future::try_join_all;
use metalayer_node::{daemon::DaemonError, signer::read_executor_key};
use metalayer_proto::ids::{ChainId, NetworkId};
use serde::Serialize;

use super::connect;
use crate::deploy::{self, Account, Addresses, Plan};
use file::DeployFile;

const DAY_S: u64 = 86_400;

/// A network that was deployed, or would be.
#[derive(Debug, Serialize)]
pub struct Network {
    dry_run: bool,
    name: String,
    network: NetworkId,
    hub: ChainId,
    /// Written, unless nothing was deployed.
    network_file: PathBuf,
    deployer: Address,
    chains: Vec<Chain>,
}

#[derive(Debug, Serialize)]
struct Chain {
    chain: ChainId,
    gateway: Address,
    hub_agent: Address,
    attester_set: Address,
    era: Address,
    era_bridge: Address,
    council: Address,
}

impl Chain {
    fn of(chain: ChainId, at: Addresses) -> Self {
        let Addresses { gateway, hub_agent, attester_set, era, era_bridge, council } = at;
        Self { chain, gateway, hub_agent, attester_set, era, era_bridge, council }
    }
}

/// Deploys the network of `file` and writes its network file. A dry run sends nothing and tells where all would stand.
///
/// # Errors
/// The file is wrong, its network file exists already, a chain does not answer or cannot be part of a network, or a
/// transaction came to nothing: then some contracts may stand, and a second try deploys all anew.
pub async fn deploy(file: &Path, dry_run: bool) -> Result<Network, DaemonError> {
    let file = DeployFile::load(file)?;
    if file.network_file.exists() {
        return Err(DaemonError::Start(format!(
            "{} exists: it is the file of a network that stands. Name another network_file, or move it away",
            file.network_file.display()
        )));
    }
    let unwritable = |error: std::io::Error| DaemonError::Start(format!("{}: {error}", file.network_file.display()));
    let folder = file.network_file.parent().unwrap_or(Path::new("."));
    // Before anything is paid for.
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let key = read_executor_key(&file.key_file)?;
    let connecting = file.chains.iter().map(|(plan, rpc)| connect(plan.id, rpc, &key));
    let mut accounts: Vec<Account> = try_join_all(connecting).await?;
    let plan = file.plan();
    let network = |network, chains| Network {
        dry_run,
        name: file.name.clone(),
        network,
        hub: file.hub_chain,
        network_file: file.network_file.clone(),
        deployer: key.address(),
        chains,
    };
    if dry_run {
        let (id, chains) = deploy::rehearse(&plan, &accounts).await?;
        return Ok(network(id, chains.into_iter().map(|(chain, at)| Chain::of(chain, at)).collect()));
    }
    let deployed = deploy::deploy(&plan, &mut accounts).await?;
    deployed.network_file(&plan, &file.members).save(&file.network_file).map_err(unwritable)?;
    Ok(network(deployed.network, deployed.chains.iter().map(|one| Chain::of(one.chain, one.addresses)).collect()))
}

impl DeployFile {
    /// The plan, with the first epoch beginning now.
    fn plan(&self) -> Plan {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Plan {
            name: self.name.clone(),
            hub_chain: self.hub_chain,
            chains: self.chains.iter().map(|(plan, _)| plan.clone()).collect(),
            table: self.table.clone(),
            activates_at: now_s,
            expires_at: now_s.saturating_add(self.lasts_days.saturating_mul(DAY_S)),
            epoch_overlap_s: self.overlap_s,
            inbound: self.inbound,
            faulty: None,
            roles: self.roles.clone(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "network       {} ({})", self.name, self.network)?;
        writeln!(f, "hub           {}", self.hub)?;
        writeln!(f, "deployer      {}", self.deployer)?;
        for chain in &self.chains {
            writeln!(f, "\n{}", chain.chain)?;
            writeln!(f, "  gateway       {}", chain.gateway)?;
            writeln!(f, "  hub agent     {}", chain.hub_agent)?;
            writeln!(f, "  attester set  {}", chain.attester_set)?;
            writeln!(f, "  $ERA          {}", chain.era)?;
            writeln!(f, "  its bridge    {}", chain.era_bridge)?;
            writeln!(f, "  council       {}", chain.council)?;
        }
        if self.dry_run {
            write!(f, "\nnothing was sent: a dry run. All would stand there if the deployer sends nothing else before")
        } else {
            write!(
                f,
                "\nwritten       {}\nGive it to every operator, and open routes with relayer route register",
                self.network_file.display()
            )
        }
    }
}
