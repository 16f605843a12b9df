//! Builds the relayer from its configuration. The only place that names concrete implementations.

use std::{path::Path, sync::Arc};

use metalayer_node::{
    bus::{
        Bus, InstanceId,
        rocks::{RocksBus, RocksBusConfig},
    },
    chain::RpcMetrics,
    clock::{Clock, system::SystemClock},
    collector::{HttpCollector, Serves},
    daemon::{BoardReadiness, DaemonError, Problems, asked_to_stop, open_chains, open_good_chains},
    epochs::EpochMetrics,
    signer::read_executor_key,
    store::{Store, Table, directory::Identity, rocks::RocksStore},
    task::group::TaskGroup,
    telemetry::{self, LogFormat, Telemetry, TelemetrySettings, http},
};
use tokio::net::TcpListener;

use crate::{
    admin::Token,
    config::Config,
    index,
    metrics::Metrics,
    stages::{Ground, Relayer, derived_tables},
};

/// The format of what derivations leave and of the archive; a change that old binaries must not read counts it up.
const SENT_FORMAT: u32 = 2;
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
        RocksStore::open(&config.data_dir.join(folder), &identity, tables)
            .map(|store| Arc::new(store) as Arc<dyn Store>)
    };
    // One folder: the archive goes on where derivations were kept.
    let derived = store("sent", "relayer-sent", SENT_FORMAT, &derived_tables())?;
    let index = store("index", "relayer-index", INDEX_FORMAT, &index::TABLES)?;
    let tasks = TaskGroup::new(clock.clone());
    let readiness = Arc::new(BoardReadiness::new(tasks.status(), clock.clone()));
    readiness.declare(&registry)?;
    let router = http::router(registry.clone(), readiness);
    tasks.spawn_service("telemetry", |shutdown| async move {
        Ok(http::serve(metrics_port, router, shutdown.requested()).await?)
    });
    let relayer = Relayer::new(Ground {
        instance: InstanceId(format!("relayer-{}", config.network.name)),
        network: config.network.clone(),
        bus,
        derived,
        index,
        chains,
        peers: open_peers(&config)?,
        key,
        clock,
        poll: config.poll,
        max_fee_per_gas: config.max_fee_per_gas,
        metrics: Arc::new(Metrics::new(&registry)?),
        epoch_metrics: EpochMetrics::declare(&registry)?,
    })?;
    relayer.start(&tasks).await?;
    let routes = relayer.collector_routes();
    tasks.spawn_service("collector", |shutdown| async move {
        Ok(http::serve(collector_port, routes, shutdown.requested()).await?)
    });
    if let Some((port, token)) = admin {
        let routes = relayer.admin_routes(token, &tasks);
        tasks.spawn_service(
            "admin",
            |shutdown| async move { Ok(http::serve(port, routes, shutdown.requested()).await?) },
        );
    }
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
    let chains = problems.note(open_good_chains(&config.chains, &config.network, &rpc_metrics).await);
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

/// The collectors of other relayers.
fn open_peers(config: &Config) -> Result<Vec<Arc<dyn Serves>>, DaemonError> {
    let open = |url| match HttpCollector::new(url) {
        Ok(peer) => Ok(Arc::new(peer) as Arc<dyn Serves>),
        Err(error) => Err(DaemonError::Start(error.to_string())),
    };
    config.peers.iter().map(open).collect()
}
