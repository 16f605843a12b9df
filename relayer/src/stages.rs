//! Assembles a relayer's stages from what they stand on. Names no concrete implementation, so that a daemon and a simulation run
//! the very same.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use axum::Router;
use metalayer_node::{
    bus::{Bus, InstanceId},
    clock::Clock,
    collector::Serves,
    config::NetworkFile,
    daemon::{DaemonError, OpenChain},
    epochs::{Announced, EpochBook, EpochMetrics},
    sent::{self, Sent},
    store::{Store, StoreError, Table},
    task::group::{TaskGroup, TaskHandle},
};
use metalayer_proto::{
    ids::ChainId,
    topics::{Group, Partition},
};

use crate::{
    admin::{self, Admin, Served, Token},
    aggregate::{self, Aggregate},
    archive::{self, Archive, ArchiveError},
    assignment::{Assignment, Assignments, StartStage},
    collector::{self, Collector},
    execute::{self, Execute},
    index::{self, Index, IndexStage},
    metrics::Metrics,
    record::Records,
    start::{self, Start, StartError},
    tables::{self, InForce, Tables},
    watch::{self, Watch},
};

/// The tables of the store that derivations and the archive are kept in.
pub fn derived_tables() -> Vec<Table> {
    [&sent::TABLES[..], &archive::TABLES].concat()
}

/// What the stages of one relayer stand on.
pub struct Ground {
    /// The network that is served.
    pub network: NetworkFile,
    /// Who this is to the bus: whoever comes back under the same name finds its own stores again.
    pub instance: InstanceId,
    /// The bus.
    pub bus: Arc<dyn Bus>,
    /// Where derivations and the archive are kept, with [`derived_tables`].
    pub derived: Arc<dyn Store>,
    /// Where the index is kept, with [`index::TABLES`].
    pub index: Arc<dyn Store>,
    /// Every chain of the network.
    pub chains: Vec<OpenChain>,
    /// The collectors of other relayers, asked where to begin.
    pub peers: Vec<Arc<dyn Serves>>,
    /// The key that pays for transactions on every chain.
    pub key: PrivateKeySigner,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How often finality and receipts are looked at.
    pub poll: Duration,
    /// The most a unit of gas may cost, in wei.
    pub max_fee_per_gas: u128,
    /// What stages count.
    pub metrics: Arc<Metrics>,
    /// What is counted of epochs.
    pub epoch_metrics: EpochMetrics,
}

/// An archive that cannot be opened ends as a store that cannot.
fn archived(error: ArchiveError) -> DaemonError {
    match error {
        ArchiveError::Store(error) => error.into(),
        other => StoreError::Corrupt(other.to_string()).into(),
    }
}

/// A start that fails ends as what failed.
fn unbegun(error: StartError) -> DaemonError {
    match error {
        StartError::Store(error) => error.into(),
        StartError::Archive(error) => archived(error),
        StartError::Bus(error) => error.into(),
    }
}

/// What all stages share.
pub struct Relayer {
    network: NetworkFile,
    records: Records,
    sent: Arc<Sent>,
    archive: Arc<Archive>,
    index: Index,
    instance: InstanceId,
    epochs: Arc<EpochBook>,
    announced: Arc<Announced>,
    in_force: Arc<InForce>,
    collector: Arc<Collector>,
    chains: BTreeMap<Partition, Arc<OpenChain>>,
    peers: Vec<Arc<dyn Serves>>,
    key: PrivateKeySigner,
    clock: Arc<dyn Clock>,
    poll: Duration,
    max_fee_per_gas: u128,
    metrics: Arc<Metrics>,
    epoch_metrics: EpochMetrics,
}

impl Relayer {
    /// A relayer on `ground`, at nothing yet.
    ///
    /// # Errors
    /// A store does not hold what it should.
    pub fn new(ground: Ground) -> Result<Arc<Self>, DaemonError> {
        let Ground { network, instance, bus, derived, index, chains, peers, key, clock, metrics, .. } = ground;
        let epochs = Arc::new(network.epoch_book());
        let records = Records::new(bus, metrics.clone());
        let deployments: Vec<_> = chains.iter().map(|chain| chain.deployment).collect();
        let sent = Sent::open(derived.clone(), sent::LANE_ROWS_MAX, &deployments)?;
        let archive = Archive::open(derived, deployments.iter().map(|one| one.origin), metrics.clone());
        let archive = Arc::new(archive.map_err(archived)?);
        let origins = chains.iter().map(|chain| (chain.entry.gateway_id(), chain.entry.partition)).collect();
        let (to, at) = (records.clone(), clock.clone());
        let collector = Collector::open(epochs.clone(), origins, to, archive.clone(), at, metrics.clone());
        let collector = collector.map_err(archived)?;
        Ok(Arc::new(Self {
            network,
            records,
            sent: Arc::new(sent),
            archive,
            index: Index::new(index),
            instance,
            epochs,
            announced: Arc::default(),
            in_force: Arc::default(),
            collector: Arc::new(collector),
            chains: chains.into_iter().map(|chain| (chain.entry.partition, Arc::new(chain))).collect(),
            peers,
            key,
            clock,
            poll: ground.poll,
            max_fee_per_gas: ground.max_fee_per_gas,
            metrics,
            epoch_metrics: ground.epoch_metrics,
        }))
    }

    /// Begins to work in `tasks`: learns the epochs, finds where to begin, then starts all stages of chains, by which it is ready.
    ///
    /// # Errors
    /// The hub does not tell who attests, or the bus cannot be joined.
    pub async fn start(self: &Arc<Self>, tasks: &TaskGroup) -> Result<(), DaemonError> {
        self.spawn_epochs(tasks).await?;
        self.begin().await?;
        self.spawn_tables(tasks);
        self.spawn_index(tasks);
        self.join_groups(tasks).await
    }

    /// What is served to attesters.
    pub fn collector_routes(&self) -> Router {
        collector::http::routes(self.collector.clone())
    }

    /// What is served to operators who show `token`.
    pub fn admin_routes(&self, token: Token, tasks: &TaskGroup) -> Router {
        admin::routes(Arc::new(self.admin(token, tasks)))
    }

    fn admin(&self, token: Token, tasks: &TaskGroup) -> Admin {
        let served = |chain: &Arc<OpenChain>| {
            let served = Served { partition: chain.entry.partition, writer: chain.writer.clone() };
            (chain.entry.gateway_id(), served)
        };
        Admin {
            index: self.index.clone(),
            board: tasks.status(),
            records: self.records.clone(),
            chains: self.chains.values().map(served).collect(),
            collector: self.collector.clone(),
            in_force: self.in_force.clone(),
            account: self.key.address(),
            token,
        }
    }

    fn spawn_index(&self, tasks: &TaskGroup) {
        for (partition, chain) in &self.chains {
            let stage = IndexStage::new(index::Parts {
                index: self.index.clone(),
                records: self.records.clone(),
                partition: *partition,
                clock: self.clock.clone(),
                poll: self.poll,
            });
            tasks.spawn_stage("index", Some(chain.entry.id), stage);
        }
    }

    /// What is on the bus already is proven in epochs that are to be known first.
    async fn spawn_epochs(&self, tasks: &TaskGroup) -> Result<(), DaemonError> {
        if let Some(hub) = self.chains.values().find(|chain| chain.entry.id == self.network.hub_chain) {
            let metrics = self.epoch_metrics.clone();
            let learn = hub.learn_epochs(self.announced.clone(), self.epochs.clone(), self.clock.clone(), metrics);
            learn.begin().await?;
            tasks.spawn_stage("epochs", None, learn);
        }
        Ok(())
    }

    fn spawn_tables(&self, tasks: &TaskGroup) {
        for (partition, chain) in &self.chains {
            let stage = Tables::new(tables::Parts {
                destination: chain.entry.gateway_id(),
                attester_set: chain.entry.attester_set,
                partition: *partition,
                writer: chain.writer.clone(),
                epochs: self.epochs.clone(),
                in_force: self.in_force.clone(),
                records: self.records.clone(),
                clock: self.clock.clone(),
                metrics: self.metrics.clone(),
            });
            tasks.spawn_stage("tables", Some(chain.entry.id), stage);
        }
    }

    /// Where each origin begins, and what is open there; after the epochs that its proof is of.
    async fn begin(&self) -> Result<(), DaemonError> {
        let start = Start::new(start::Parts {
            chains: self.chains.iter().map(|(partition, chain)| (*partition, chain.deployment)).collect(),
            peers: self.peers.clone(),
            epochs: self.epochs.clone(),
            sent: self.sent.clone(),
            archive: self.archive.clone(),
            records: self.records.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        start.begin().await.map_err(unbegun)?;
        for origin in self.chains.values().map(|chain| chain.entry.gateway_id()) {
            self.index.begin(&self.archive, origin).map_err(archived)?;
            if let Some(served) = self.archive.start_of(origin.chain) {
                self.collector.proven(served.proven().clone());
            }
        }
        Ok(())
    }

    async fn join_groups(self: &Arc<Self>, tasks: &TaskGroup) -> Result<(), DaemonError> {
        self.join(tasks, Group::Watch, "watch_group", |relayer, tasks, assignment| {
            let (chain, stage) = relayer.watch(&assignment)?;
            Some(tasks.spawn_stage("watch", Some(chain), stage))
        })
        .await?;
        self.join(tasks, Group::Aggregate, "aggregate_group", |relayer, tasks, assignment| {
            let (chain, stage) = relayer.aggregate(assignment)?;
            Some(tasks.spawn_stage("aggregate", Some(chain), stage))
        })
        .await?;
        self.join(tasks, Group::Execute, "execute_group", |relayer, tasks, assignment| {
            let (chain, stage) = relayer.execute(assignment)?;
            Some(tasks.spawn_stage("execute", Some(chain), stage))
        })
        .await
    }

    /// Joins a group; `start` starts the stage of a partition, and answers `None` for one that no chain of the network has.
    async fn join(
        self: &Arc<Self>,
        tasks: &TaskGroup,
        group: Group,
        name: &'static str,
        start: impl Fn(&Self, &TaskGroup, Assignment) -> Option<TaskHandle> + Send + Sync + 'static,
    ) -> Result<(), DaemonError> {
        let relayer = self.clone();
        let start: StartStage = Box::new(move |tasks, assignment| start(&relayer, tasks, assignment));
        let bus = self.records.bus.clone();
        let member = Assignments::join(bus, group, self.instance.clone(), tasks.clone(), start).await?;
        tasks.spawn_service(name, |shutdown| member.run(shutdown));
        Ok(())
    }

    fn watch(&self, assignment: &Assignment) -> Option<(ChainId, Watch)> {
        let partition = assignment.ownership.partition;
        let chain = self.chains.get(&partition)?;
        let parts = watch::Parts {
            reader: chain.reader.clone(),
            records: self.records.clone(),
            sent: self.sent.clone(),
            announced: self.announced.clone(),
            archive: self.archive.clone(),
            partition,
            instance: self.instance.clone(),
            clock: self.clock.clone(),
            poll: self.poll,
            metrics: self.metrics.clone(),
        };
        Some((chain.entry.id, Watch::new(parts, chain.deployment)))
    }

    fn aggregate(&self, assignment: Assignment) -> Option<(ChainId, Aggregate)> {
        let chain = self.chains.get(&assignment.ownership.partition)?;
        let parts = aggregate::Parts {
            assignment,
            origin: chain.entry.gateway_id(),
            destinations: self.chains.values().map(|chain| (chain.entry.gateway_id(), chain.entry.partition)).collect(),
            epochs: self.epochs.clone(),
            in_force: self.in_force.clone(),
            records: self.records.clone(),
            collector: self.collector.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        };
        Some((chain.entry.id, Aggregate::new(parts)))
    }

    fn execute(&self, assignment: Assignment) -> Option<(ChainId, Execute)> {
        let chain = self.chains.get(&assignment.ownership.partition)?;
        let parts = execute::Parts {
            assignment,
            destination: chain.entry.gateway_id(),
            attester_set: chain.entry.attester_set,
            writer: chain.writer.clone(),
            reader: chain.reader.clone(),
            max_fee_per_gas: self.max_fee_per_gas,
            key: self.key.clone(),
            epochs: self.epochs.clone(),
            archive: self.archive.clone(),
            records: self.records.clone(),
            clock: self.clock.clone(),
            poll: self.poll,
            metrics: self.metrics.clone(),
        };
        Some((chain.entry.id, Execute::new(parts)))
    }
}
