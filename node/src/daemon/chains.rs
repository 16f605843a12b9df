//! The chains of a daemon: `[[chains]]` of its configuration, joined with the network file, probed and opened.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use metalayer_proto::{
    derivation::Deployment,
    ids::{ChainId, GatewayId},
};

use super::DaemonError;
use crate::{
    chain::{
        Endpoint, Expected, InvalidQuorum, Lacking, QuorumReader, ReaderMetrics, ReaderSettings, RpcMetrics, RpcWriter,
    },
    clock::Clock,
    config::{ChainEntry, NetworkFile, Section},
    epochs::{self, Announced, EpochBook, EpochMetrics, Learn},
};

/// How long one JSON-RPC call may take.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// How long an endpoint that was caught lying is not asked.
const BENCH_PAUSE: Duration = Duration::from_secs(600);

/// The most endpoints of one chain.
const ENDPOINTS_MAX: u64 = 16;

/// How one chain is reached.
#[derive(Clone, Debug)]
pub struct ChainSettings {
    /// Which.
    pub id: ChainId,
    /// URLs of its endpoints. They may hold credentials and are never shown.
    pub rpc: Vec<String>,
    /// How many endpoints must agree.
    pub agree: usize,
}

/// Reads `[[chains]]`: every chain of the network exactly once.
pub fn read_chains(root: &Section<'_>, network: Option<&NetworkFile>) -> Option<Vec<ChainSettings>> {
    let what = "one [[chains]] for each chain of the network, with id, rpc and agree";
    let read: Vec<_> = root.sections("chains", what).iter().map(read_chain).collect();
    let ids: Vec<_> = read.iter().flatten().map(|chain| chain.id).collect();
    let mut seen = BTreeSet::new();
    for id in &ids {
        if !seen.insert(*id) {
            root.problem("chains", format!("{id} stands there twice"), "keep one of the two");
        } else if network.is_some_and(|network| network.chain(*id).is_none()) {
            root.problem(
                "chains",
                format!("{id} is no chain of the network"),
                "remove it, or name another network_file",
            );
        }
    }
    // One that could not be read may be the one that is missing: what is wrong with it is told already.
    let whole = network.filter(|_| read.iter().all(Option::is_some));
    let missing = whole.into_iter().flat_map(|network| &network.chains).filter(|entry| !seen.contains(&entry.id));
    for entry in missing {
        root.problem("chains", format!("{} ({}) is missing", entry.id, entry.name), "add a [[chains]] for it");
    }
    read.into_iter().collect()
}

fn read_chain(section: &Section<'_>) -> Option<ChainSettings> {
    let id = section.parsed("id", "the chain, such as \"eip155:901\"");
    let rpc = read_rpc(section);
    let endpoints = rpc.as_ref().map_or(ENDPOINTS_MAX, |rpc| rpc.len() as u64);
    let agree = section.integer_or("agree", 1..=endpoints, 1).and_then(|agree| usize::try_from(agree).ok());
    Some(ChainSettings { id: id?, rpc: rpc?, agree: agree? })
}

/// Reads `rpc`: the URLs of a chain's endpoints, which may hold credentials and are never shown.
pub fn read_rpc(section: &Section<'_>) -> Option<Vec<String>> {
    let rpc: Option<Vec<String>> = section.list("rpc", "the http or https URL of an endpoint");
    let endpoints = rpc.as_ref().map_or(0, |rpc| rpc.len() as u64);
    if endpoints > ENDPOINTS_MAX {
        section.problem("rpc", format!("{endpoints} endpoints"), format!("name at most {ENDPOINTS_MAX}"));
    }
    for (index, url) in rpc.iter().flatten().enumerate() {
        if !reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            section.problem(&format!("rpc[{index}]"), "it is no URL", "write the http or https URL of an endpoint");
        }
    }
    rpc
}

/// A node of `chain` for a command that asks now and then, through the endpoints at `rpc`.
///
/// # Errors
/// A URL is none.
pub fn open_writer(chain: ChainId, rpc: &[String]) -> Result<RpcWriter, DaemonError> {
    let metrics = ReaderMetrics::unregistered(chain)?;
    let endpoint = |url: &String| Endpoint::new(url, CALL_DEADLINE, metrics.clone()).map(Arc::new);
    Ok(RpcWriter::new(chain, rpc.iter().map(endpoint).collect::<Result<_, _>>()?))
}

/// A chain that can be read, once enough of its endpoints were probed.
pub struct OpenChain {
    /// What the network file says of it.
    pub entry: ChainEntry,
    /// What a derivation of it begins with.
    pub deployment: Deployment,
    /// Reads its final history, as k endpoints agree on it.
    pub reader: Arc<QuorumReader>,
    /// Sends transactions through the same endpoints.
    pub writer: Arc<RpcWriter>,
}

impl OpenChain {
    /// The chain of `entry` through `endpoints`, of which `agree` must agree.
    ///
    /// # Errors
    /// There are fewer than that.
    pub fn over(
        entry: &ChainEntry,
        network: &NetworkFile,
        endpoints: Vec<Arc<Endpoint>>,
        agree: usize,
        metrics: ReaderMetrics,
    ) -> Result<Self, InvalidQuorum> {
        let reading = ReaderSettings {
            quorum: agree,
            finality: entry.finality,
            watched: vec![entry.gateway],
            bench_pause: BENCH_PAUSE,
        };
        let ChainEntry { id, gateway, deployment_block, finality, .. } = *entry;
        let reader = QuorumReader::new(id, endpoints.clone(), reading, metrics)?;
        let reader = reader.expecting(Expected { chain: id, gateway, deployment_block, finality });
        let deployment = Deployment {
            network: network.id(),
            origin: entry.gateway_id(),
            deployed_at: entry.deployment_block,
            hub: hub_gateway(network, entry),
            hub_registry: network.hub_registry,
            era: entry.era,
        };
        let writer = RpcWriter::new(entry.id, endpoints);
        Ok(Self { entry: entry.clone(), deployment, reader: Arc::new(reader), writer: Arc::new(writer) })
    }

    /// The stage that learns the epochs which the hub, that is this chain, announces.
    pub fn learn_epochs(
        &self,
        announced: Arc<Announced>,
        epochs: Arc<EpochBook>,
        clock: Arc<dyn Clock>,
        metrics: EpochMetrics,
    ) -> Learn {
        Learn::new(epochs::Parts {
            announced,
            epochs,
            reader: self.reader.clone(),
            logs: self.reader.clone(),
            registry: self.deployment.hub_registry,
            // The registry is deployed after the gateway that it names.
            since: self.deployment.deployed_at,
            clock,
            metrics,
        })
    }
}

/// Opens all chains of a configuration, [`probed`].
///
/// # Errors
/// All problems of all endpoints at once.
pub async fn open_chains(
    settings: &[ChainSettings],
    network: &NetworkFile,
    metrics: &RpcMetrics,
) -> Result<Vec<OpenChain>, DaemonError> {
    probed(open_all(settings, network, metrics)?).await
}

/// Opens all chains of a configuration, if every one of them can be read now.
///
/// # Errors
/// All problems of all endpoints at once.
pub async fn open_good_chains(
    settings: &[ChainSettings],
    network: &NetworkFile,
    metrics: &RpcMetrics,
) -> Result<Vec<OpenChain>, DaemonError> {
    probed_if(open_all(settings, network, metrics)?, |_, _| false).await
}

/// These chains, after a probe of every endpoint. Those of which too few endpoints answer are probed again, and read, once they do: the
/// others do not wait for them (I9). Only the hub is waited for, which tells who attests.
///
/// # Errors
/// All problems of all endpoints at once, if too few of some chain's can ever do, or too few of the hub's answer.
pub async fn probed(chains: Vec<OpenChain>) -> Result<Vec<OpenChain>, DaemonError> {
    let is_hub = |chain: &OpenChain| chain.deployment.origin == chain.deployment.hub;
    probed_if(chains, |chain, lacking| lacking.may_pass && !is_hub(chain)).await
}

/// These chains, if `may_lack` what they lack.
async fn probed_if(
    chains: Vec<OpenChain>,
    may_lack: impl Fn(&OpenChain, &Lacking) -> bool,
) -> Result<Vec<OpenChain>, DaemonError> {
    let probes = futures::future::join_all(chains.iter().map(|chain| chain.reader.probe())).await;
    let is_refused =
        |(chain, probe): (_, &Result<_, Lacking>)| probe.as_ref().is_err_and(|lacking| !may_lack(chain, lacking));
    let refused = chains.iter().zip(&probes).any(is_refused);
    let problems = probes.into_iter().flat_map(|probe| probe.unwrap_or_else(|lacking| lacking.problems));
    let problems: Vec<_> = problems.collect();
    if refused {
        return Err(DaemonError::Probe(problems));
    }
    for problem in problems {
        tracing::warn!("{problem}");
    }
    Ok(chains)
}

fn open_all(
    settings: &[ChainSettings],
    network: &NetworkFile,
    metrics: &RpcMetrics,
) -> Result<Vec<OpenChain>, DaemonError> {
    // The configuration names chains of the network only; this was checked when it was read.
    let known = settings.iter().filter_map(|chain| Some((chain, network.chain(chain.id)?)));
    known.map(|(chain, entry)| open(chain, entry, network, metrics)).collect()
}

fn open(
    settings: &ChainSettings,
    entry: &ChainEntry,
    network: &NetworkFile,
    metrics: &RpcMetrics,
) -> Result<OpenChain, DaemonError> {
    let metrics = metrics.of(settings.id);
    let endpoint = |url: &String| Endpoint::new(url, CALL_DEADLINE, metrics.clone()).map(Arc::new);
    let endpoints: Vec<_> = settings.rpc.iter().map(endpoint).collect::<Result<_, _>>()?;
    Ok(OpenChain::over(entry, network, endpoints, settings.agree, metrics)?)
}

/// The hub's gateway; a network file without its hub is refused when it is read.
fn hub_gateway(network: &NetworkFile, entry: &ChainEntry) -> GatewayId {
    network.chain(network.hub_chain).unwrap_or(entry).gateway_id()
}
