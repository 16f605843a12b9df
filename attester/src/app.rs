//! Builds the attester from its configuration. The only place that names concrete implementations.

use std::{path::Path, sync::Arc};

use metalayer_node::{
    chain::RpcMetrics,
    clock::{Clock, system::SystemClock},
    daemon::{BoardReadiness, DaemonError, OpenChain, asked_to_stop, open_chains},
    signer::{AttesterSigner, LocalSigner},
    store::{Store, directory::Identity, rocks::RocksStore},
    task::group::TaskGroup,
    telemetry::{self, LogFormat, Telemetry, TelemetrySettings, http},
};
use metalayer_proto::derivation::Derivation;

use crate::{
    config::Config,
    guard::{self, Guard},
    metrics::Metrics,
    origin::{Origin, Parts},
    outbox::Outbox,
    proven::Proven,
    publish::{HttpCollector, Publish},
};

/// The format of the guard's records; a change that old binaries must not read counts it up.
const FORMAT: u32 = 1;

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
    let signer = open_signer(&config)?;
    let listener = http::bind(config.telemetry_listen, "metrics", "telemetry.listen").await?;
    let chains = open_chains(&config.chains, &config.network, &RpcMetrics::declare(&registry)?).await?;

    let identity = Identity { kind: "attester-guard", format: FORMAT, network: config.network.id() };
    let store: Arc<dyn Store> = Arc::new(RocksStore::open(&config.data_dir, &identity, &[guard::TABLE])?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tasks = TaskGroup::new(clock.clone());
    let readiness = Arc::new(BoardReadiness::new(tasks.status(), clock.clone()));
    let router = http::router(registry.clone(), readiness);
    tasks.spawn_service("telemetry", |shutdown| async move {
        Ok(http::serve(listener, router, shutdown.requested()).await?)
    });
    spawn_stages(&tasks, &config, chains, store, signer, clock, Arc::new(Metrics::new(&registry)?))?;
    tracing::info!(network = %config.network.name, chains = config.chains.len(), "attesting");
    Ok(tasks.run(asked_to_stop()).await?)
}

/// Checks everything that [`run`] needs, and says what was found.
///
/// # Errors
/// All that is wrong.
pub async fn check(config_file: &Path) -> Result<String, DaemonError> {
    let config = Config::load(config_file)?;
    let signer = open_signer(&config)?;
    let registry = telemetry::Metrics::new("attester", env!("CARGO_PKG_VERSION"))?;
    let chains = open_chains(&config.chains, &config.network, &RpcMetrics::declare(&registry)?).await?;
    let id = signer.public_key().attester_id();
    Ok(format!("configuration is good: network {}, {} chains, attester {id}", config.network.name, chains.len()))
}

/// Opens the keys, and finds them in the network's epochs: with others nothing that is signed would count.
fn open_signer(config: &Config) -> Result<Arc<dyn AttesterSigner>, DaemonError> {
    let signer = LocalSigner::open(&config.bls_key_file, &config.transport_key_file)?;
    let (key, transport) = (signer.public_key(), signer.transport_key());
    let is_member = config
        .network
        .epochs
        .iter()
        .flat_map(|epoch| &epoch.members)
        .any(|member| member.member.key == key && member.transport_key == transport);
    if !is_member {
        let id = key.attester_id();
        return Err(DaemonError::NotAMember(format!(
            "attester {id} with transport key {transport} is a member of no epoch of network {}; \
             name the keys that were registered, or a newer network_file",
            config.network.name
        )));
    }
    Ok(Arc::new(signer))
}

fn spawn_stages(
    tasks: &TaskGroup,
    config: &Config,
    chains: Vec<OpenChain>,
    store: Arc<dyn Store>,
    signer: Arc<dyn AttesterSigner>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) -> Result<(), DaemonError> {
    let guard = Arc::new(Guard::new(store));
    let proven = Arc::new(Proven::new(Arc::new(config.network.epoch_book())));
    let mut outboxes = Vec::new();
    for url in &config.collectors {
        let collector = HttpCollector::new(url).map_err(|error| DaemonError::Start(error.to_string()))?;
        let outbox = Arc::new(Outbox::default());
        outboxes.push(outbox.clone());
        let publish = Publish {
            collector: Arc::new(collector),
            outbox,
            network: config.network.id(),
            signer: signer.clone(),
            proven: proven.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn_stage("publish", None, publish);
    }
    for chain in chains {
        let parts = Parts {
            reader: chain.reader,
            guard: guard.clone(),
            signer: signer.clone(),
            proven: proven.clone(),
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
