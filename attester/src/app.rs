//! Builds the attester from its configuration. The only place that names concrete implementations.

use std::{path::Path, sync::Arc};

use metalayer_node::{
    chain::RpcMetrics,
    clock::{Clock, system::SystemClock},
    daemon::{BoardReadiness, DaemonError, OpenChain, Problems, asked_to_stop, open_chains},
    sent::{self, Sent},
    signer::{AttesterSigner, LocalSigner},
    store::{Store, directory::Identity, rocks::RocksStore},
    task::group::TaskGroup,
    telemetry::{self, LogFormat, Telemetry, TelemetrySettings, http},
};
use metalayer_proto::derivation::Derivation;
use tokio::net::TcpListener;

use crate::{
    collector::HttpCollector,
    commands::guard::unusable,
    config::Config,
    guard::{self, Guard},
    listen::Listener,
    metrics::Metrics,
    origin::{Origin, Parts},
    outbox::Outbox,
    proven::Proven,
    publish::{self, Publish},
    rules::Rules,
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
    let router = http::router(registry.clone(), readiness);
    tasks.spawn_service("telemetry", |shutdown| async move {
        Ok(http::serve(listener, router, shutdown.requested()).await?)
    });
    spawn_stages(&tasks, &config, attesting, clock, Arc::new(Metrics::new(&registry)?))?;
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
    let member = keys.as_ref().and_then(|keys| problems.note(require_member(config, keys)));
    let guard = keys.as_ref().and_then(|keys| problems.note(open_guard(config, keys)));
    let listener = problems.note(http::bind(config.telemetry_listen, "metrics", "telemetry.listen").await);
    let rpc_metrics = RpcMetrics::declare(registry)?;
    let chains = problems.note(open_chains(&config.chains, &config.network, &rpc_metrics).await);
    match (keys, member, guard, listener, chains) {
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
    let member = keys.as_ref().and_then(|keys| problems.note(require_member(&config, keys)));
    let chains = problems.note(open_chains(&config.chains, &config.network, &rpc_metrics).await);
    let (Some(keys), Some(()), Some(chains)) = (keys, member, chains) else { return Err(problems.into()) };
    let id = keys.public_key().attester_id();
    Ok(format!("configuration is good: network {}, {} chains, attester {id}", config.network.name, chains.len()))
}

/// Finds the keys in the network's epochs: with others nothing that is signed would count.
fn require_member(config: &Config, keys: &LocalSigner) -> Result<(), DaemonError> {
    let (key, transport) = (keys.public_key(), keys.transport_key());
    let is_member = config
        .network
        .epochs
        .iter()
        .flat_map(|epoch| &epoch.members)
        .any(|member| member.member.key == key && member.transport_key == transport);
    if is_member {
        return Ok(());
    }
    let id = key.attester_id();
    Err(DaemonError::NotAMember(format!(
        "attester {id} with transport key {transport} is a member of no epoch of network {}; \
         name the keys that were registered, or a newer network_file",
        config.network.name
    )))
}

/// Opens the two keys that a configuration names.
pub(crate) fn open_keys(config: &Config) -> Result<LocalSigner, DaemonError> {
    Ok(LocalSigner::open(&config.bls_key_file, &config.transport_key_file)?)
}

/// Opens the data directory, which belongs to one process at a time.
pub(crate) fn open_store(config: &Config) -> Result<Arc<dyn Store>, DaemonError> {
    let identity = Identity { kind: "attester-guard", format: FORMAT, network: config.network.id() };
    Ok(Arc::new(RocksStore::open(&config.data_dir, &identity, &[guard::TABLE, sent::TABLE])?))
}

/// The data directory, and in it the guard of the key; nothing is signed without its records.
fn open_guard(config: &Config, keys: &LocalSigner) -> Result<(Arc<dyn Store>, Guard), DaemonError> {
    let key = keys.public_key().attester_id();
    let store = open_store(config)?;
    let guard = Guard::open(store.clone(), key).map_err(unusable)?;
    Ok((store, guard))
}

fn spawn_stages(
    tasks: &TaskGroup,
    config: &Config,
    Attesting { signer, store, guard, chains }: Attesting,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) -> Result<(), DaemonError> {
    let sent = Arc::new(Sent::new(store, sent::LANE_ROWS_MAX)?);
    let rules = Arc::new(Rules::default());
    let epochs = Arc::new(config.network.epoch_book());
    let proven = Arc::new(Proven::new(epochs.clone()));
    let mut outboxes = Vec::new();
    for url in &config.collectors {
        let collector = HttpCollector::new(url).map_err(|error| DaemonError::Start(error.to_string()))?;
        let outbox = Arc::new(Outbox::default());
        outboxes.push(outbox.clone());
        let parts = publish::Parts {
            collector: Arc::new(collector),
            outbox,
            network: config.network.id(),
            signer: signer.clone(),
            listener: Listener {
                signer: signer.clone(),
                guard: guard.clone(),
                epochs: epochs.clone(),
                origins: chains.iter().map(|chain| chain.entry.id).collect(),
                metrics: metrics.clone(),
            },
            proven: proven.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn_stage("publish", None, Publish::new(parts));
    }
    for chain in chains {
        let parts = Parts {
            reader: chain.reader,
            guard: guard.clone(),
            signer: signer.clone(),
            proven: proven.clone(),
            sent: sent.clone(),
            rules: rules.clone(),
            outboxes: outboxes.clone(),
            clock: clock.clone(),
            poll: config.poll,
            metrics: metrics.clone(),
        };
        let origin = Origin::new(parts, Derivation::new(chain.deployment));
        let origin = origin.map_err(|error| DaemonError::Start(error.to_string()))?;
        tasks.spawn_stage("attest", Some(chain.entry.id), origin);
    }
    Ok(())
}
