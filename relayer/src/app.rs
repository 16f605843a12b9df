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
    daemon::{BoardReadiness, DaemonError, OpenChain, asked_to_stop, open_chains},
    epochs::EpochBook,
    signer::read_executor_key,
    task::group::{TaskGroup, TaskHandle},
    telemetry::{self, LogFormat, Telemetry, TelemetrySettings, http},
};
use metalayer_proto::{
    derivation::Derivation,
    ids::ChainId,
    topics::{Group, Partition},
};

use crate::{
    aggregate::{self, Aggregate},
    assignment::{Assignment, Assignments, StartStage},
    collector::{self, Collector},
    config::Config,
    execute::{self, Execute},
    metrics::Metrics,
    record::Records,
    watch::{self, Watch},
};

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
    let key = read_executor_key(&config.executor_key_file)?;
    let metrics_port = http::bind(config.telemetry_listen, "metrics", "telemetry.listen").await?;
    let collector_port = http::bind(config.collector_listen, "the collector", "collector.listen").await?;
    let chains = open_chains(&config.chains, &config.network, &RpcMetrics::declare(&registry)?).await?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let partitions = config.network.chains.iter().map(|chain| chain.partition).collect();
    let bus_config = RocksBusConfig::new(config.network.id(), partitions);
    let bus: Arc<dyn Bus> = RocksBus::open(&config.data_dir.join("bus"), bus_config, clock.clone())?;
    let tasks = TaskGroup::new(clock.clone());
    let readiness = Arc::new(BoardReadiness::new(tasks.status(), clock.clone()));
    let router = http::router(registry.clone(), readiness);
    tasks.spawn_service("telemetry", |shutdown| async move {
        Ok(http::serve(metrics_port, router, shutdown.requested()).await?)
    });
    let relayer = Relayer::new(&config, bus, clock, chains, key, Arc::new(Metrics::new(&registry)?));
    let routes = collector::http::routes(relayer.collector.clone());
    tasks.spawn_service("collector", |shutdown| async move {
        Ok(http::serve(collector_port, routes, shutdown.requested()).await?)
    });
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
    let key = read_executor_key(&config.executor_key_file)?;
    let registry = telemetry::Metrics::new("relayer", env!("CARGO_PKG_VERSION"))?;
    let chains = open_chains(&config.chains, &config.network, &RpcMetrics::declare(&registry)?).await?;
    let (name, count, account) = (&config.network.name, chains.len(), key.address());
    Ok(format!("configuration is good: network {name}, {count} chains, executor account {account}"))
}

/// What all stages share.
struct Relayer {
    records: Records,
    instance: InstanceId,
    epochs: Arc<EpochBook>,
    collector: Arc<Collector>,
    chains: BTreeMap<Partition, Arc<OpenChain>>,
    key: PrivateKeySigner,
    clock: Arc<dyn Clock>,
    poll: Duration,
    metrics: Arc<Metrics>,
}

impl Relayer {
    fn new(
        config: &Config,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        chains: Vec<OpenChain>,
        key: PrivateKeySigner,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let epochs = Arc::new(config.network.epoch_book());
        let records = Records::new(bus, metrics.clone());
        let origins = chains.iter().map(|chain| (chain.entry.gateway_id(), chain.entry.partition)).collect();
        let collector = Collector::new(epochs.clone(), origins, records.clone(), clock.clone(), metrics.clone());
        Arc::new(Self {
            records,
            instance: InstanceId(format!("relayer-{}", config.network.name)),
            epochs,
            collector: Arc::new(collector),
            chains: chains.into_iter().map(|chain| (chain.entry.partition, Arc::new(chain))).collect(),
            key,
            clock,
            poll: config.poll,
            metrics,
        })
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
            partition,
            instance: self.instance.clone(),
            clock: self.clock.clone(),
            poll: self.poll,
            metrics: self.metrics.clone(),
        };
        Some((chain.entry.id, Watch::new(parts, Derivation::new(chain.deployment))))
    }

    fn aggregate(&self, assignment: Assignment) -> Option<(ChainId, Aggregate)> {
        let chain = self.chains.get(&assignment.ownership.partition)?;
        let parts = aggregate::Parts {
            assignment,
            origin: chain.entry.gateway_id(),
            destinations: self.chains.values().map(|chain| (chain.entry.gateway_id(), chain.entry.partition)).collect(),
            epochs: self.epochs.clone(),
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
            writer: chain.writer.clone(),
            key: self.key.clone(),
            epochs: self.epochs.clone(),
            records: self.records.clone(),
            clock: self.clock.clone(),
            poll: self.poll,
            metrics: self.metrics.clone(),
        };
        Some((chain.entry.id, Execute::new(parts)))
    }
}
