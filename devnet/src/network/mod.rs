//! A network on this machine: nodes, contracts, configuration files, daemons.

#[cfg(test)]
mod commands_tests;
mod daemons;
mod endpoints;
mod files;
mod founding;
mod ground;
#[cfg(test)]
mod hand_over_tests;
mod members;
mod plan;
mod ready;
mod recipients;
mod routes;
mod succession;
#[cfg(test)]
mod tests;
mod value;

use std::{fs, io, net::SocketAddr, time::Duration};

use metalayer_node::config::SecretError;
use metalayer_proto::{
    ids::{ChainId, InvalidChainId},
    quorum::TableError,
};
use relayer::deploy::{Account, DeployError, Deployment, TransactionError};

use crate::{
    console::Console,
    listening::ListenError,
    node::Node,
    preflight::Programs,
    processes::{ProcessError, Processes},
    run_dir::RunDir,
};

use founding::Founded;

pub use daemons::Daemon;
pub use ground::{Ground, Nodes};
pub use members::Attester;
pub(crate) use plan::{INBOUND_MAX, plan};
pub use ready::NotReady;
pub use recipients::Recipients;
pub(crate) use routes::{PAYLOAD_MAX, VALUE_MAX_ERA};
pub use succession::Succession;

/// The chains' ids; the first is the hub.
const CHAINS: [(&str, u64); 3] = [("hub", 900), ("harbour", 901), ("market", 902)];
/// The network's name. Its id also covers contract addresses, so two runs are two networks.
const NAME: &str = "devnet";
const EPOCH: u64 = 1;
const DAY_S: u64 = 86_400;
/// Where among the chains the bridge stands that also sends what no honest one would.
pub(crate) const FAULTY: usize = 1;

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A node or a proxy does not run.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A node serves another chain than was said.
    #[error("the node given for {named} serves {serves}")]
    WrongChain {
        /// The chain that was said.
        named: ChainId,
        /// The chain that the node serves.
        serves: ChainId,
    },
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
    /// Where attesters read it.
    pub endpoints: Vec<String>,
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
    /// Its daemons, the relayer first.
    pub daemons: Vec<Daemon>,
    /// Who has $ERA on each chain.
    pub treasurers: Vec<Account>,
    /// Who attests next.
    pub succession: Succession,
}

impl Network {
    /// Starts everything and waits until every daemon is ready.
    pub async fn start(
        dir: &RunDir,
        programs: &Programs,
        ground: &Ground,
        processes: &mut Processes,
        console: &Console,
    ) -> Result<Self, NetworkError> {
        let Founded { chains, mut accounts, attesters, succession, executor, team } =
            founding::found(dir, programs, ground, processes, console).await?;
        console.say("registering the routes");
        let relayer = dir.copy_binary(&programs.relayer)?;
        routes::register(dir, &relayer, &chains, &team, processes).await?;

        console.say(&format!("starting one relayer and {} attesters", attesters.len()));
        let ports = daemons::Ports::reserve(attesters.len())?;
        let collector = ports.collector.local_addr()?;
        let daemons = files::write(dir, relayer, programs, &chains, &attesters, &executor, &ports)?;
        // Given back only now, so that nobody was given one of them twice.
        drop(ports);
        for daemon in &daemons {
            daemon.prepare(processes).await?;
            daemon.start(processes)?;
        }
        ready::wait(processes, &daemons, console).await?;
        value::spread(&chains, &mut accounts, ground.nodes.arrival_max(), console).await?;
        Ok(Self { chains, collector, daemons, treasurers: accounts, succession })
    }

    /// The chain with this id.
    pub fn chain(&self, id: ChainId) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.node.chain == id)
    }
}

/// Starts daemons again that were killed, and waits until they are ready.
pub async fn restart(daemons: &[&Daemon], processes: &mut Processes, console: &Console) -> Result<(), NetworkError> {
    for daemon in daemons {
        daemon.start(processes)?;
    }
    ready::wait(processes, daemons.iter().copied(), console).await
}
