//! `attester guard`: begins the guard's records, shows them, and raises them to what is known to be signed.

use std::{collections::BTreeMap, fmt, path::Path, str::FromStr, sync::Arc};

use alloy::primitives::B256;
use metalayer_node::{
    chain::RpcMetrics,
    clock::{Clock, system::SystemClock},
    daemon::{DaemonError, open_chains},
    epochs::{EpochBook, EpochMetrics},
    sent,
    signer::AttesterSigner,
    store::Store,
    telemetry::Metrics,
};
use metalayer_proto::ids::{ChainId, GatewayId};
use serde::Serialize;

use crate::{
    app::{open_collectors, open_keys, open_store},
    config::Config,
    guard::{Guard, GuardError, Signed},
    listen,
};

/// What the guard has on record.
#[derive(Debug, Serialize)]
pub struct Records {
    attester: String,
    origins: Vec<OriginRecord>,
    /// What could not be asked or found, for the operator to weigh.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct OriginRecord {
    origin: ChainId,
    /// Nothing at or below it is signed any more; `None`: nothing was signed.
    last_height: Option<u64>,
    digest: Option<B256>,
    /// A height that this key signed without a record: nothing more is signed until a floor is imported.
    unrecorded_height: Option<u64>,
}

impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attester {}", self.attester)?;
        for record in &self.origins {
            write!(f, "\n  {:<16}", record.origin.to_string())?;
            match record.last_height {
                Some(height) => write!(f, "signed up to {height}")?,
                None => f.write_str("nothing signed")?,
            }
            if let Some(height) = record.unrecorded_height {
                write!(f, "; signed {height} without a record: run `attester guard import-floor`")?;
            }
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

/// A height below which nothing more is signed, as the operator gives it: `eip155:901=12345`.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    origin: ChainId,
    height: u64,
}

impl FromStr for Floor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write CHAIN=HEIGHT, such as eip155:901=12345".to_owned();
        let (origin, height) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self { origin: origin.parse().map_err(|_| wrong())?, height: height.parse().map_err(|_| wrong())? })
    }
}

/// Begins the records of a key that has never signed.
///
/// # Errors
/// There are records already, or they cannot be written.
pub fn init(config_file: &Path) -> Result<Records, DaemonError> {
    let config = Config::load(config_file)?;
    let signer = open_keys(&config)?;
    let guard = Guard::init(open_store(&config)?, signer.public_key().attester_id()).map_err(unusable)?;
    records(&guard, &config, &signer, Vec::new())
}

/// Shows what is on record.
///
/// # Errors
/// There are no records, or they cannot be read.
pub fn show(config_file: &Path) -> Result<Records, DaemonError> {
    let config = Config::load(config_file)?;
    let signer = open_keys(&config)?;
    let guard = Guard::open(open_store(&config)?, signer.public_key().attester_id()).map_err(unusable)?;
    records(&guard, &config, &signer, Vec::new())
}

/// Raises the records to what collectors hold of this key, to what is proven, and to the operator's own floors; begins them if
/// they are missing.
///
/// # Errors
/// No collector answers and no floor is given, or the records cannot be written.
pub async fn import_floor(config_file: &Path, floors: &[Floor]) -> Result<Records, DaemonError> {
    let config = Config::load(config_file)?;
    let signer = open_keys(&config)?;
    let (known, mut warnings) = ask_all(&config, &signer).await?;
    if known.is_none() && floors.is_empty() {
        let problem =
            "no collector answers, so nobody says what this key has signed; try again, or give --floor for each chain";
        return Err(DaemonError::Guard(problem.to_owned()));
    }
    let mut floor = known.unwrap_or_default();
    for Floor { origin, height } in floors {
        let entry = config
            .network
            .chain(*origin)
            .ok_or_else(|| DaemonError::Guard(format!("{origin} is no chain of network {}", config.network.name)))?;
        let signed = Signed { height: *height, digest: None };
        raise(&mut floor, entry.gateway_id(), signed);
    }
    let store = open_store(&config)?;
    // What was derived was followed through the records as they were.
    sent::begin_anew(store.as_ref())?;
    let guard = open_or_begin(store, &signer).map_err(unusable)?;
    for entry in &config.network.chains {
        match floor.get(&entry.gateway_id()) {
            Some(signed) => {
                guard.import(entry.gateway_id(), *signed).await?;
            }
            None => warnings.push(format!("nothing is known of {}; its records stay as they are", entry.id)),
        }
    }
    records(&guard, &config, &signer, warnings)
}

fn open_or_begin(store: Arc<dyn Store>, signer: &dyn AttesterSigner) -> Result<Guard, GuardError> {
    let key = signer.public_key().attester_id();
    match Guard::open(store.clone(), key) {
        Err(GuardError::Missing) => Guard::init(store, key),
        other => other,
    }
}

/// Learns the epochs that the hub has announced: what this key has signed may be proven in one of them alone.
async fn learn_epochs(config: &Config, epochs: &Arc<EpochBook>) -> Result<(), DaemonError> {
    let metrics = Metrics::unregistered();
    let hub: Vec<_> = config.chains.iter().filter(|chain| chain.id == config.network.hub_chain).cloned().collect();
    for chain in open_chains(&hub, &config.network, &RpcMetrics::declare(&metrics)?).await? {
        let clock = Arc::new(SystemClock);
        chain.learn_epochs(Arc::default(), epochs.clone(), clock, EpochMetrics::declare(&metrics)?).begin().await?;
    }
    Ok(())
}

type Known = BTreeMap<GatewayId, Signed>;

/// What all collectors together know that this key has signed; `None` if not one answered.
async fn ask_all(config: &Config, signer: &dyn AttesterSigner) -> Result<(Option<Known>, Vec<String>), DaemonError> {
    let (epochs, now) = (Arc::new(config.network.epoch_book()), SystemClock.now());
    let origins: Vec<_> = config.network.chains.iter().map(|chain| chain.id).collect();
    let (mut known, mut warnings) = (None, Vec::new());
    if let Err(error) = learn_epochs(config, &epochs).await {
        warnings.push(format!(
            "the hub does not tell its later epochs, so that proofs in them say nothing of this key; ask again once it does: {error}"
        ));
    }
    for collector in open_collectors(config)? {
        match listen::ask(collector.as_ref(), signer, &epochs, &origins, now).await {
            Ok(heard) => {
                let known = known.get_or_insert_with(Known::new);
                for commitment in heard.signed {
                    let signed = Signed { height: commitment.block_number, digest: Some(commitment.digest()) };
                    raise(known, commitment.origin, signed);
                }
            }
            Err(error) => warnings.push(error.to_string()),
        }
    }
    Ok((known, warnings))
}

fn raise(known: &mut Known, origin: GatewayId, signed: Signed) {
    let entry = known.entry(origin).or_insert(signed);
    if entry.height < signed.height {
        *entry = signed;
    }
}

fn records(
    guard: &Guard,
    config: &Config,
    signer: &dyn AttesterSigner,
    warnings: Vec<String>,
) -> Result<Records, DaemonError> {
    let record = |entry: &metalayer_node::config::ChainEntry| {
        let (id, gateway) = (entry.id, entry.gateway_id());
        let last = guard.last(gateway)?;
        Ok::<_, DaemonError>(OriginRecord {
            origin: id,
            last_height: last.map(|signed| signed.height),
            digest: last.and_then(|signed| signed.digest),
            unrecorded_height: guard.heard(gateway)?,
        })
    };
    let origins = config.network.chains.iter().map(record).collect::<Result<_, _>>()?;
    Ok(Records { attester: signer.public_key().attester_id().to_string(), origins, warnings })
}

pub(crate) fn unusable(error: GuardError) -> DaemonError {
    match error {
        GuardError::Store(error) => error.into(),
        other => DaemonError::Guard(other.to_string()),
    }
}
