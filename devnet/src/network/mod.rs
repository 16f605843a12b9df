//! A network on this machine: nodes, contracts, configuration files, daemons.

#[cfg(test)]
mod commands_tests;
mod files;
mod members;
mod ready;
mod routes;
#[cfg(test)]
mod tests;
mod value;

use std::{
    collections::BTreeMap,
    fs, io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::{
    primitives::{Address, aliases::U208},
    signers::local::PrivateKeySigner,
};
use futures::future::try_join_all;
use metalayer_node::{
    chain::{Finality, ReadingMode},
    config::SecretError,
};
use metalayer_proto::{
    ids::{ChainId, InvalidChainId},
    quorum::{EpochTable, TableError},
    topics::Partition,
};
use relayer::deploy::{
    self, Account, ChainPlan, DeployError, Deployment, InboundCap, Plan, RegistryRoles, Roles, TransactionError,
};

use crate::{
    console::Console,
    node::{Blocks, Node, NodeError},
    preflight::Programs,
    processes::{ProcessError, Processes},
    run_dir::RunDir,
};

pub use members::Attester;
pub use ready::{Endpoint, NotReady};
pub use routes::Recipients;

/// The chains' ids; the first is the hub.
const CHAINS: [(&str, u64); 3] = [("hub", 900), ("harbour", 901), ("market", 902)];
/// The network's name. Its id also covers contract addresses, so two runs are two networks.
const NAME: &str = "devnet";
const EPOCH: u64 = 1;
const DAY_S: u64 = 86_400;

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A node does not run.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A daemon does not run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The contracts could not be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A transaction came to nothing.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The attesters are no epoch's.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A chain cannot exist.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// A key file could not be written.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another file could not be written, or no port is free.
    #[error("the run's files: {0}")]
    Files(#[from] io::Error),
    /// Daemons are not ready in time.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// What the hub told the chains, or the $ERA it sent there, does not arrive.
    #[error("after {} s {what}; the relayer's log says more", .waited.as_secs())]
    NotArrived {
        /// What is missing.
        what: String,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// One chain of the network.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its node.
    pub node: Node,
    /// Its contracts.
    pub deployment: Deployment,
    /// Whom messages are sent to.
    pub recipients: Recipients,
}

/// A running network.
#[derive(Debug)]
pub struct Network {
    /// Its chains, the hub first.
    pub chains: Vec<Chain>,
    /// Where the relayer's collector listens.
    pub collector: SocketAddr,
    /// Where the daemons say whether they are ready.
    pub endpoints: Vec<Endpoint>,
    /// Who has $ERA on each chain.
    pub treasurers: Vec<Account>,
}

impl Network {
    /// Starts everything and waits until every daemon is ready.
    pub async fn start(
        dir: &RunDir,
        programs: &Programs,
        processes: &mut Processes,
        console: &mut Console,
    ) -> Result<Self, NetworkError> {
        console.say("starting three nodes");
        let nodes = start_nodes(programs, processes).await?;
        let executor = PrivateKeySigner::random();
        let admin = PrivateKeySigner::random();
        for node in &nodes {
            node.fund(&[executor.address(), admin.address()]).await?;
        }

        console.say("deploying the contracts");
        let attesters = members::draw();
        let table = Arc::new(members::table(EPOCH, &attesters)?);
        let planned: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.chain)).collect();
        let plan = plan(NAME, &planned, admin.address(), table);
        let mut accounts = try_join_all(nodes.iter().map(|node| Account::connect(&node.url, admin.clone()))).await?;
        let deployed = deploy::deploy(&plan, &mut accounts).await?;
        let members = members::entries(&plan.table, &attesters);
        deployed.network_file(&plan, &members).save(&dir.path().join(files::NETWORK))?;
        let recipients = routes::open(&deployed.chains, &mut accounts).await?;
        let chains: Vec<Chain> = nodes
            .into_iter()
            .zip(deployed.chains)
            .zip(recipients)
            .map(|((node, deployment), recipients)| Chain { node, deployment, recipients })
            .collect();

        console.say("starting one relayer and four attesters");
        let ports = Ports::reserve(attesters.len())?;
        let configs = files::write(dir, &chains, &attesters, &executor, &ports)?;
        let collector = ports.collector.local_addr()?;
        // Given back only now, so that nobody was given one of them twice.
        drop(ports);
        let endpoints = start_daemons(dir, programs, processes, configs)?;
        ready::wait(processes, &endpoints, console).await?;
        value::spread(&chains, &mut accounts, console).await?;
        Ok(Self { chains, collector, endpoints, treasurers: accounts })
    }

    /// The chain with this id.
    pub fn chain(&self, id: ChainId) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.node.chain == id)
    }
}

/// A configuration file, and what is started with it.
#[derive(Debug)]
struct Daemon {
    name: String,
    relayer: bool,
    config: PathBuf,
    telemetry: SocketAddr,
}

/// Ports that are free, held until those who listen on them are started.
struct Ports {
    collector: TcpListener,
    relayer: TcpListener,
    admin: TcpListener,
    attesters: Vec<TcpListener>,
}

impl Ports {
    fn reserve(attesters: usize) -> io::Result<Self> {
        let free = || TcpListener::bind(("127.0.0.1", 0));
        Ok(Self {
            collector: free()?,
            relayer: free()?,
            admin: free()?,
            attesters: (0..attesters).map(|_| free()).collect::<Result<_, _>>()?,
        })
    }
}

async fn start_nodes(programs: &Programs, processes: &mut Processes) -> Result<Vec<Node>, NetworkError> {
    let mut nodes = Vec::new();
    for (name, id) in CHAINS {
        let chain = ChainId::new(id)?;
        nodes.push(Node::start(processes, &programs.anvil, name, chain, Blocks::EverySecond, &[]).await?);
    }
    Ok(nodes)
}

/// A network that is thrown away, its epoch in force: one account stands for everybody who has a role. The first of `chains` is the
/// hub, and a chain's place is its partition's number.
pub(crate) fn plan(name: &str, chains: &[(&str, ChainId)], admin: Address, table: Arc<EpochTable>) -> Plan {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let chain = |(partition, (name, id)): (u32, &(&str, ChainId))| ChainPlan {
        name: (*name).to_owned(),
        id: *id,
        partition: Partition(partition),
        finality: Finality::Finalized,
        reading: ReadingMode::BloomReceipts,
    };
    Plan {
        name: name.to_owned(),
        hub_chain: chains[0].1,
        chains: (0..).zip(chains).map(chain).collect(),
        table,
        activates_at: now_s - DAY_S,
        expires_at: now_s + 90 * DAY_S,
        epoch_overlap_s: DAY_S,
        inbound: InboundCap { capacity: U208::from(u128::MAX), window_s: 3_600 },
        roles: Roles {
            era_holder: admin,
            route_admin: admin,
            guardian: admin,
            council: vec![admin],
            unfreeze_delay_s: DAY_S,
            registry: RegistryRoles::all(admin),
        },
    }
}

fn start_daemons(
    dir: &RunDir,
    programs: &Programs,
    processes: &mut Processes,
    daemons: Vec<Daemon>,
) -> Result<Vec<Endpoint>, NetworkError> {
    let relayer = dir.copy_binary(&programs.relayer)?;
    let attester = dir.copy_binary(&programs.attester)?;
    let mut endpoints = Vec::new();
    for Daemon { name, relayer: is_relayer, config, telemetry } in daemons {
        let program = if is_relayer { &relayer } else { &attester };
        let config = config.to_string_lossy();
        if !is_relayer {
            processes.complete(&name, &attester, &["guard", "init", "--config", &config])?;
        }
        let log = processes.start(&name, program, &["run", "--config", &config], &BTreeMap::new())?;
        endpoints.push(Endpoint { name, telemetry, log });
    }
    Ok(endpoints)
}
