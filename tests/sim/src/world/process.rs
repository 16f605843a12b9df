//! Daemons: each assembled by its own `stages.rs` as its `app.rs` does, on what this world has instead of disks, ports and nodes.

use std::{fmt, sync::Arc, time::Duration};

use attester::guard::Guard;
use metalayer_node::{
    bus::InstanceId,
    chain::{Endpoint, RpcMetrics},
    clock::Clock,
    collector::{Collector, HttpCollector},
    daemon::{CALL_DEADLINE, DaemonError, OpenChain, probed},
    epochs::EpochMetrics,
    signer::AttesterSigner,
    store::{Store, Table, memory::MemoryStore},
    task::group::TaskGroup,
    telemetry::Metrics,
};
use reqwest::Url;

use relayer::admin::Token;

use super::{World, bus::Reached, disk::Mounted, door::Way, life::Life, line::Line, operator, signer::Memoised};

/// How often daemons look at finality and receipts.
const POLL: Duration = Duration::from_secs(1);
/// The most a unit of gas may cost, in wei.
const MAX_FEE_PER_GAS: u128 = 1_000_000_000_000;

/// A machine on which one daemon runs, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// A relayer, by its number.
    Relayer(usize),
    /// An attester, by its place among them.
    Attester(usize),
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relayer(number) => write!(f, "relayer-{number}"),
            Self::Attester(number) => write!(f, "attester-{number}"),
        }
    }
}

/// The disks of a machine.
#[derive(Clone)]
pub(super) struct Disks {
    /// An attester's one, a relayer's for derivations and archive.
    pub first: Arc<MemoryStore>,
    /// A relayer's for the index.
    pub second: Arc<MemoryStore>,
}

impl Disks {
    /// New ones.
    pub(super) fn empty(machine: Machine) -> Self {
        let disk = |tables: &[Table]| Arc::new(MemoryStore::new(tables));
        match machine {
            Machine::Relayer(_) => {
                Self { first: disk(&relayer::stages::derived_tables()), second: disk(&relayer::index::TABLES) }
            }
            Machine::Attester(_) => Self { first: disk(&attester::stages::tables()), second: disk(&[]) },
        }
    }
}

/// Why a daemon ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// As it says itself.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A collector's address is none.
    #[error("{0}")]
    Address(String),
    /// The guard cannot be used.
    #[error(transparent)]
    Guard(#[from] attester::guard::GuardError),
}

impl World {
    /// Runs the daemon of a machine until it fails.
    pub(super) async fn run(self: Arc<Self>, machine: Machine, life: Life) -> Result<(), Fault> {
        match machine {
            Machine::Relayer(number) => self.relayer(number, life).await,
            Machine::Attester(number) => self.attester(number, life).await,
        }
    }

    async fn relayer(&self, number: usize, life: Life) -> Result<(), Fault> {
        let (metrics, clock) = (Metrics::unregistered(), Arc::new(life.clone()) as Arc<dyn Clock>);
        let disks = self.disks(Machine::Relayer(number));
        let relayer = relayer::stages::Relayer::new(relayer::stages::Ground {
            network: self.founded.network.clone(),
            instance: InstanceId(life.name.to_string()),
            bus: self.fittings.bus(Reached::new(life.clone(), self.bus.clone(), self.monitor.clone())),
            derived: self.mount(&life, disks.first),
            index: self.mount(&life, disks.second),
            chains: probed(self.chains(&life, &metrics)?).await?,
            peers: Vec::new(),
            key: self.founded.executor.clone(),
            clock: clock.clone(),
            poll: POLL,
            max_fee_per_gas: MAX_FEE_PER_GAS,
            metrics: Arc::new(relayer::metrics::Metrics::new(&metrics).map_err(DaemonError::from)?),
            epoch_metrics: EpochMetrics::declare(&metrics).map_err(DaemonError::from)?,
        })?;
        let tasks = TaskGroup::new(clock);
        self.show(Machine::Relayer(number), tasks.status());
        relayer.start(&tasks).await?;
        self.doors.open(number, life.clone(), relayer.collector_routes());
        let office = relayer.admin_routes(Token::new(operator::TOKEN), &tasks);
        self.offices.open(number, life.clone(), office);
        life.trace.note(&life.name, "serves");
        Ok(tasks.run(std::future::pending()).await.map_err(DaemonError::from)?)
    }

    async fn attester(&self, number: usize, life: Life) -> Result<(), Fault> {
        let (metrics, clock) = (Metrics::unregistered(), Arc::new(life.clone()) as Arc<dyn Clock>);
        let store = self.mount(&life, self.disks(Machine::Attester(number)).first);
        let signer: Arc<dyn AttesterSigner> = Arc::new(Memoised::new(self.founded.attesters[number].signer()));
        let signer = self.fittings.signer(signer);
        let guard = Guard::open(store.clone(), signer.public_key().attester_id())?;
        let tasks = TaskGroup::new(clock.clone());
        self.show(Machine::Attester(number), tasks.status());
        let ground = attester::stages::Ground {
            network: self.founded.network.clone(),
            signer,
            store,
            guard: Arc::new(guard),
            chains: probed(self.chains(&life, &metrics)?).await?,
            collectors: self.collectors(number, &life)?,
            clock,
            poll: POLL,
            metrics: Arc::new(attester::metrics::Metrics::new(&metrics).map_err(DaemonError::from)?),
            epoch_metrics: EpochMetrics::declare(&metrics).map_err(DaemonError::from)?,
        };
        attester::stages::start(&tasks, ground).await?;
        life.trace.note(&life.name, "attests");
        Ok(tasks.run(std::future::pending()).await.map_err(DaemonError::from)?)
    }

    fn mount(&self, life: &Life, disk: Arc<MemoryStore>) -> Arc<dyn Store> {
        self.fittings.store(&life.name, Arc::new(Mounted::new(life.clone(), disk)))
    }

    fn chains(&self, life: &Life, metrics: &Metrics) -> Result<Vec<OpenChain>, DaemonError> {
        let rpc = RpcMetrics::declare(metrics)?;
        let open = |entry: &metalayer_node::config::ChainEntry| {
            let metrics = rpc.of(entry.id);
            let nodes = self.nodes.get(&entry.id).into_iter().flatten().enumerate();
            let endpoint = |(number, node): (usize, &super::line::SimNode)| {
                let line =
                    self.fittings.transport(Box::new(Line::new(life.clone(), node.clone(), self.monitor.clone())));
                let name = format!("sim://{}/{number}", entry.name);
                Arc::new(Endpoint::over(name, line, CALL_DEADLINE, metrics.clone()))
            };
            let agree = self.fittings.agree(self.plan.agree);
            OpenChain::over(entry, &self.founded.network, nodes.map(endpoint).collect(), agree, metrics.clone())
        };
        Ok(self.founded.network.chains.iter().map(open).collect::<Result<_, _>>()?)
    }

    fn collectors(&self, attester: usize, life: &Life) -> Result<Vec<Arc<dyn Collector>>, Fault> {
        (0..self.plan.relayers)
            .map(|number| {
                let base: Url = format!("http://relayer-{number}")
                    .parse()
                    .map_err(|_| Fault::Address(format!("relayer-{number} is no host")))?;
                let monitor = self.monitor.clone();
                let way = Way {
                    life: life.clone(),
                    doors: self.doors.clone(),
                    number,
                    doubled: self.plan.doubled,
                    dice: self.dice.clone(),
                    on_post: Arc::new(move |batch| monitor.posted(attester, batch)),
                };
                Ok(Arc::new(HttpCollector::over(&base, Box::new(way))) as Arc<dyn Collector>)
            })
            .collect()
    }
}
