//! Builds the attester from its configuration. The only place that names concrete implementations.

use std::{path::Path, sync::Arc};

use metalayer_node::{
    chain::RpcMetrics,
    clock::{Clock, system::SystemClock},
    collector::{Collector, HttpCollector},
    daemon::{BoardReadiness, DaemonError, OpenChain, Problems, asked_to_stop, open_chains, open_good_chains},
    epochs::EpochMetrics,
    signer::{AttesterSigner, LocalSigner},
    store::{Store, directory::Identity, rocks::RocksStore},
    task::group::TaskGroup,
    telemetry::{self, LogFormat, Telemetry, TelemetrySettings, http},
};
use tokio::net::TcpListener;

use crate::{
    commands::guard::unusable,
    config::Config,
    guard::Guard,
    metrics::Metrics,
    stages::{self, Ground, tables},
};

/// The format of the guard's records; a change that old binaries must not read counts it up.
const FORMAT: u32 = 2;

/// Runs the attester until it is asked to stop.
///
/// # Errors
/// Why it did not start, or ended; its [`DaemonError::cause`] is the exit code.
pub async fn run(config_file: &Path, log_format: LogFormat) -> Result<(), DaemonError> {
    let config = Config::load(config_file)?;
    let settings = TelemetrySettings {
        service: "attester",
        format: log_format,
        filter: None,
        otlp_endpoint: config.otlp_endpoint.clone(),
    };
    let _telemetry = Telemetry::init(&settings)?;
    let registry = telemetry::Metrics::new("attester", env!("CARGO_PKG_VERSION"))?;
    let Opened { listener, attesting } = open(&config, &registry).await?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tasks = TaskGroup::new(clock.clone());
    let readiness = Arc::new(BoardReadiness::new(tasks.status(), clock.clone()));
    readiness.declare(&registry)?;
    let router = http::router(registry.clone(), readiness);
    tasks.spawn_service("telemetry", |shutdown| async move {
        Ok(http::serve(listener, router, shutdown.requested()).await?)
    });
    let Attesting { signer, store, guard, chains } = attesting;
    let ground = Ground {
        network: config.network.clone(),
        signer,
        store,
        guard,
        chains,
        collectors: open_collectors(&config)?,
        clock,
        poll: config.poll,
        metrics: Arc::new(Metrics::new(&registry)?),
        epoch_metrics: EpochMetrics::declare(&registry)?,
    };
    stages::start(&tasks, ground).await?;
    tracing::info!(network = %config.network.name, chains = config.chains.len(), "attesting");
    Ok(tasks.run(asked_to_stop()).await?)
}

/// All that an attester cannot run without.
pub(crate) struct Opened {
    listener: TcpListener,
    attesting: Attesting,
}

/// What its stages stand on.
struct Attesting {
    signer: Arc<dyn AttesterSigner>,
    store: Arc<dyn Store>,
    guard: Arc<Guard>,
    chains: Vec<OpenChain>,
}

/// Opens it, or says everything that is wrong.
pub(crate) async fn open(config: &Config, registry: &telemetry::Metrics) -> Result<Opened, DaemonError> {
    let mut problems = Problems::default();
    let keys = problems.note(open_keys(config));
    let paired = keys.as_ref().and_then(|keys| problems.note(require_paired(config, keys)));
    let guard = keys.as_ref().and_then(|keys| problems.note(open_guard(config, keys)));
    let listener = problems.note(http::bind(config.telemetry_listen, "metrics", "telemetry.listen").await);
    let rpc_metrics = RpcMetrics::declare(registry)?;
    let chains = problems.note(open_chains(&config.chains, &config.network, &rpc_metrics).await);
    match (keys, paired, guard, listener, chains) {
        (Some(keys), Some(()), Some((store, guard)), Some(listener), Some(chains)) => {
            let attesting = Attesting { signer: Arc::new(keys), store, guard: Arc::new(guard), chains };
            Ok(Opened { listener, attesting })
        }
        _ => Err(problems.into()),
    }
}

/// Checks everything that [`run`] needs, and says what was found.
///
/// # Errors
/// All that is wrong.
pub async fn check(config_file: &Path) -> Result<String, DaemonError> {
    let config = Config::load(config_file)?;
    let registry = telemetry::Metrics::new("attester", env!("CARGO_PKG_VERSION"))?;
    let rpc_metrics = RpcMetrics::declare(&registry)?;
    let mut problems = Problems::default();
    let keys = problems.note(open_keys(&config));
    let paired = keys.as_ref().and_then(|keys| problems.note(require_paired(&config, keys)));
    let chains = problems.note(open_good_chains(&config.chains, &config.network, &rpc_metrics).await);
    let (Some(keys), Some(()), Some(chains)) = (keys, paired, chains) else { return Err(problems.into()) };
    let id = keys.public_key().attester_id();
    let (name, count) = (&config.network.name, chains.len());
    let mut told = format!("configuration is good: network {name}, {count} chains, attester {id}");
    if !config.network.epoch_book().has_member(id) {
        told += "\nit is a member of no epoch of the network file: it signs once the hub has announced one that it is a member of";
    }
    Ok(told)
}

/// In the network file's epochs the BLS key stands beside this transport key: beside another, nobody would hear what is signed. A key that
/// stands in none may be a member of an epoch to come.
fn require_paired(config: &Config, keys: &LocalSigner) -> Result<(), DaemonError> {
    let (key, transport) = (keys.public_key(), keys.transport_key());
    let mut members = config.network.epochs.iter().flat_map(|epoch| &epoch.members);
    let Some(other) = members.find(|one| one.member.key == key && one.transport_key != transport) else {
        return Ok(());
    };
    Err(DaemonError::NotPaired(format!(
        "attester {} is registered with transport key {}, and transport_key_file holds {transport}; \
         name the keys that were registered together",
        key.attester_id(),
        other.transport_key
    )))
}

/// Opens the two keys that a configuration names.
pub(crate) fn open_keys(config: &Config) -> Result<LocalSigner, DaemonError> {
    Ok(LocalSigner::open(&config.bls_key_file, &config.transport_key_file)?)
}

/// Opens the data directory, which belongs to one process at a time.
pub(crate) fn open_store(config: &Config) -> Result<Arc<dyn Store>, DaemonError> {
    let identity = Identity { kind: "attester-guard", format: FORMAT, network: config.network.id() };
    Ok(Arc::new(RocksStore::open(&config.data_dir, &identity, &tables())?))
}

/// The data directory, and in it the guard of the key; nothing is signed without its records.
fn open_guard(config: &Config, keys: &LocalSigner) -> Result<(Arc<dyn Store>, Guard), DaemonError> {
    let key = keys.public_key().attester_id();
    let store = open_store(config)?;
    let guard = Guard::open(store.clone(), key).map_err(unusable)?;
    Ok((store, guard))
}

/// Every collector of a configuration.
pub(crate) fn open_collectors(config: &Config) -> Result<Vec<Arc<dyn Collector>>, DaemonError> {
    let open = |url| match HttpCollector::new(url) {
        Ok(collector) => Ok(Arc::new(collector) as Arc<dyn Collector>),
        Err(error) => Err(DaemonError::Start(error.to_string())),
    };
    config.collectors.iter().map(open).collect()
}
