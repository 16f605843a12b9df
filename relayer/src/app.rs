//! Builds the relayer from its configuration. The only place that names concrete implementations.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use metalayer_node::{
    bus::{
        Bus, InstanceId,
        rocks::{RocksBus, RocksBusConfig},
    },
    chain::RpcMetrics,
    clock::{Clock, system::SystemClock},
    daemon::{BoardReadiness, DaemonError, OpenChain, Problems, asked_to_stop, open_chains},
    epochs::{Announced, EpochBook, EpochMetrics},
    sent::{self, Sent},
    signer::read_executor_key,
    store::{Store, StoreError, Table, directory::Identity, rocks::RocksStore},
    task::{
        group::{TaskGroup, TaskHandle},
        status::StatusBoard,
    },
    telemetry::{self, LogFormat, Telemetry, TelemetrySettings, http},
};
use metalayer_proto::{
    ids::ChainId,
    topics::{Group, Partition},
};

use tokio::net::TcpListener;

use crate::{
    admin::{self, Admin, Served, Token},
    aggregate::{self, Aggregate},
    archive::{self, Archive, ArchiveError},
    assignment::{Assignment, Assignments, StartStage},
    collector::{self, Collector},
    config::Config,
    execute::{self, Execute},
    index::{self, Index, IndexStage},
    metrics::Metrics,
    record::Records,
    tables::{self, InForce, Tables},
    watch::{self, Watch},
};

/// The format of what derivations leave and of the archive; a change that old binaries must not read counts it up.
const SENT_FORMAT: u32 = 1;
/// The format of the index, likewise.
const INDEX_FORMAT: u32 = 2;

/// Runs the relayer until it is asked to stop.
///
/// # Errors
/// Why it did not start, or ended; its [`DaemonError::cause`] is the exit code.
pub async fn run(config_file: &Path, log_format: LogFormat) -> Result<(), DaemonError> {
    let config = Config::load(config_file)?;
    let settings = TelemetrySettings {
        service: "relayer",
        format: log_format,
        filter: None,
        otlp_endpoint: config.otlp_endpoint.clone(),
    };
    let _telemetry = Telemetry::init(&settings)?;
    let registry = telemetry::Metrics::new("relayer", env!("CARGO_PKG_VERSION"))?;
    let mut problems = Problems::default();
    let key = problems.note(read_executor_key(&config.executor_key_file));
    let metrics_port = problems.note(http::bind(config.telemetry_listen, "metrics", "telemetry.listen").await);
    let collector_port = problems.note(http::bind(config.collector_listen, "the collector", "collector.listen").await);
    let admin = problems.note(open_admin(&config).await);
    let rpc_metrics = RpcMetrics::declare(&registry)?;
    let chains = problems.note(open_chains(&config.chains, &config.network, &rpc_metrics).await);
    let (Some(key), Some(metrics_port), Some(collector_port), Some(admin), Some(chains)) =
        (key, metrics_port, collector_port, admin, chains)
    else {
        return Err(problems.into());
    };

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let partitions = config.network.chains.iter().map(|chain| chain.partition).collect();
    let bus_config = RocksBusConfig::new(config.network.id(), partitions);
    let bus: Arc<dyn Bus> = RocksBus::open(&config.data_dir.join("bus"), bus_config, clock.clone())?;
    let store = |folder, kind, format, tables: &[Table]| {
        let identity = Identity { kind, format, network: config.network.id() };
        RocksStore::open(&config.data_dir.join(folder), &identity, tables).map(Arc::new)
    };
    // One folder: the archive goes on where derivations were kept.
    let tables = [&sent::TABLES[..], &archive::TABLES].concat();
    let derived: Arc<dyn Store> = store("sent", "relayer-sent", SENT_FORMAT, &tables)?;
    let index = Index::new(store("index", "relayer-index", INDEX_FORMAT, &index::TABLES)?);
    let tasks = TaskGroup::new(clock.clone());
    let readiness = Arc::new(BoardReadiness::new(tasks.status(), clock.clone()));
    readiness.declare(&registry)?;
    let router = http::router(registry.clone(), readiness);
    tasks.spawn_service("telemetry", |shutdown| async move {
        Ok(http::serve(metrics_port, router, shutdown.requested()).await?)
    });
    let relayer = Relayer::new(&config, bus, derived, clock, chains, key, Arc::new(Metrics::new(&registry)?))?;
    relayer.spawn_epochs(&tasks, &config, EpochMetrics::declare(&registry)?).await?;
    let routes = collector::http::routes(relayer.collector.clone());
    tasks.spawn_service("collector", |shutdown| async move {
        Ok(http::serve(collector_port, routes, shutdown.requested()).await?)
    });
    relayer.spawn_index(&tasks, &index);
    if let Some((port, token)) = admin {
        let routes = admin::routes(Arc::new(relayer.admin(index, token, tasks.status())));
        tasks.spawn_service(
            "admin",
            |shutdown| async move { Ok(http::serve(port, routes, shutdown.requested()).await?) },
        );
    }
    relayer.join_groups(&tasks).await?;
    tracing::info!(network = %config.network.name, chains = config.chains.len(), "relaying");
    Ok(tasks.run(asked_to_stop()).await?)
}

/// Checks everything that [`run`] needs, and says what was found.
///
/// # Errors
/// All that is wrong.
pub async fn check(config_file: &Path) -> Result<String, DaemonError> {
    let config = Config::load(config_file)?;
    let registry = telemetry::Metrics::new("relayer", env!("CARGO_PKG_VERSION"))?;
    let rpc_metrics = RpcMetrics::declare(&registry)?;
    let mut problems = Problems::default();
    let key = problems.note(read_executor_key(&config.executor_key_file));
    let chains = problems.note(open_chains(&config.chains, &config.network, &rpc_metrics).await);
    let (Some(key), Some(chains)) = (key, chains) else { return Err(problems.into()) };
    let (name, count, account) = (&config.network.name, chains.len(), key.address());
    Ok(format!("configuration is good: network {name}, {count} chains, executor account {account}"))
}

/// The admin API's port and token, if it is wanted.
async fn open_admin(config: &Config) -> Result<Option<(TcpListener, Token)>, DaemonError> {
    let Some(admin) = &config.admin else { return Ok(None) };
    let token = Token::open(&admin.token_file).map_err(|error| DaemonError::Key(error.into()))?;
    Ok(Some((http::bind(admin.listen, "the admin API", "admin.listen").await?, token)))
}

/// An archive that cannot be opened ends as a store that cannot.
fn archived(error: ArchiveError) -> DaemonError {
    match error {
        ArchiveError::Store(error) => error.into(),
        other => StoreError::Corrupt(other.to_string()).into(),
    }
}

/// What all stages share.
struct Relayer {
    records: Records,
    sent: Arc<Sent>,
    archive: Arc<Archive>,
    instance: InstanceId,
    epochs: Arc<EpochBook>,
    announced: Arc<Announced>,
    in_force: Arc<InForce>,
    collector: Arc<Collector>,
    chains: BTreeMap<Partition, Arc<OpenChain>>,
    key: PrivateKeySigner,
    clock: Arc<dyn Clock>,
    poll: Duration,
    max_fee_per_gas: u128,
    metrics: Arc<Metrics>,
}

impl Relayer {
    fn new(
        config: &Config,
        bus: Arc<dyn Bus>,
        derived: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chains: Vec<OpenChain>,
        key: PrivateKeySigner,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, DaemonError> {
        let epochs = Arc::new(config.network.epoch_book());
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
            records,
            sent: Arc::new(sent),
            archive,
            instance: InstanceId(format!("relayer-{}", config.network.name)),
            epochs,
            announced: Arc::default(),
            in_force: Arc::default(),
            collector: Arc::new(collector),
            chains: chains.into_iter().map(|chain| (chain.entry.partition, Arc::new(chain))).collect(),
            key,
            clock,
            poll: config.poll,
            max_fee_per_gas: config.max_fee_per_gas,
            metrics,
        }))
    }

    fn admin(&self, index: Index, token: Token, board: StatusBoard) -> Admin {
        let served = |chain: &Arc<OpenChain>| {
            let served = Served { partition: chain.entry.partition, writer: chain.writer.clone() };
            (chain.entry.gateway_id(), served)
        };
        Admin {
            index,
            board,
            records: self.records.clone(),
            chains: self.chains.values().map(served).collect(),
            collector: self.collector.clone(),
            in_force: self.in_force.clone(),
            account: self.key.address(),
            token,
        }
    }

    fn spawn_index(&self, tasks: &TaskGroup, index: &Index) {
        for (partition, chain) in &self.chains {
            let stage = IndexStage::new(index::Parts {
                index: index.clone(),
                records: self.records.clone(),
                partition: *partition,
                clock: self.clock.clone(),
                poll: self.poll,
            });
            tasks.spawn_stage("index", Some(chain.entry.id), stage);
        }
    }

    /// What is on the bus already is proven in epochs that are to be known first.
    async fn spawn_epochs(&self, tasks: &TaskGroup, config: &Config, metrics: EpochMetrics) -> Result<(), DaemonError> {
        if let Some(hub) = self.chains.values().find(|chain| chain.entry.id == config.network.hub_chain) {
            let learn = hub.learn_epochs(self.announced.clone(), self.epochs.clone(), self.clock.clone(), metrics);
            learn.begin().await?;
            tasks.spawn_stage("epochs", None, learn);
        }
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
