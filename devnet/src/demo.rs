//! `devnet demo`: messages over all lanes, and what became of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{
    network::Ethereum,
    primitives::{Address, TxHash, U256},
    providers::{Provider, ProviderBuilder},
};
use metalayer_proto::ids::{ChainId, LaneId, MessageId};
use relayer::deploy::TransactionError;
use serde::Deserialize;

use crate::{
    audit::Audit,
    cli::{DemoArgs, INTERRUPTED, MISSING},
    console::Console,
    equation::Equation,
    era,
    network::{Network, NetworkError},
    observer::{Observer, ObserverError, Seen},
    preflight::{self, Programs},
    processes::{ProcessError, Processes},
    report::Report,
    run_dir::{RunDir, clone_root},
    signals::interrupted,
    traffic::{Senders, Traffic},
};

/// How long no message may arrive before those that are missing are given up.
const STALL_MAX: Duration = Duration::from_secs(90);
/// How often it is looked whether all have arrived.
const LOOK: Duration = Duration::from_millis(100);
/// How long the collector may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Why a demo came to no end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A process ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A message could not be sent.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A chain could not be watched.
    #[error(transparent)]
    Observer(#[from] Arc<ObserverError>),
    /// The collector does not say what it holds.
    #[error("the collector does not say what it holds: {0}")]
    Collector(#[from] reqwest::Error),
    /// A transaction that delivered has no receipt.
    #[error("no receipt of transaction {0}: {1}")]
    Receipt(TxHash, String),
    /// The result could not be written.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

/// What a demo showed.
struct Played {
    report: Report,
    complaints: Vec<String>,
    network: Network,
    /// A message that can be looked up.
    example: Option<MessageId>,
}

/// Runs a demo below `runs` and ends whatever it started, unless it is to be kept.
pub async fn run(args: &DemoArgs, runs: &Path) -> ExitCode {
    let mut console = Console::new();
    let programs = match needed() {
        Ok(programs) => programs,
        Err(missing) => {
            console.say(&missing.to_string());
            return ExitCode::from(MISSING);
        }
    };
    let dir = match RunDir::create(runs, "demo") {
        Ok(dir) => dir,
        Err(error) => {
            console.say(&format!("cannot write below {}: {error}", runs.display()));
            return ExitCode::from(MISSING);
        }
    };
    let mut processes = Processes::new(dir.clone());
    let played = tokio::select! {
        played = Box::pin(play(args, &dir, &programs, &mut processes, &mut console)) => played,
        () = interrupted() => Err(DemoError::Interrupted),
    };
    match played.and_then(|played| show(args, &played, &mut console).map(|()| played)) {
        Ok(played) if args.keep => {
            console.say(&kept(&dir, &played));
            processes.keep();
            code(&played)
        }
        Ok(played) => {
            processes.stop().await;
            if played.complaints.is_empty() {
                removed(dir, &mut console)
            } else {
                logs_kept(&dir, &mut console)
            }
            code(&played)
        }
        Err(error) => {
            console.say(&error.to_string());
            processes.stop().await;
            if let DemoError::Interrupted = error {
                removed(dir, &mut console);
                return ExitCode::from(INTERRUPTED);
            }
            logs_kept(&dir, &mut console);
            ExitCode::FAILURE
        }
    }
}

fn needed() -> Result<Programs, preflight::Missing> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let search_path = std::env::var("PATH").unwrap_or_default();
    preflight::programs(&clone_root(), &beside.unwrap_or_else(|| PathBuf::from(".")), &search_path)
}

fn code(played: &Played) -> ExitCode {
    if played.complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn removed(dir: RunDir, console: &mut Console) {
    let path = dir.path().to_owned();
    if let Err(error) = dir.remove() {
        console.say(&format!("cannot remove {}: {error}", path.display()));
    }
}

fn logs_kept(dir: &RunDir, console: &mut Console) {
    match dir.keep_logs() {
        Ok(logs) => console.say(&format!("the logs are kept in {}", logs.display())),
        Err(error) => console.say(&format!("cannot remove all but the logs of {}: {error}", dir.path().display())),
    }
}

/// Starts everything, sends everything, waits for everything.
async fn play(
    args: &DemoArgs,
    dir: &RunDir,
    programs: &Programs,
    processes: &mut Processes,
    console: &mut Console,
) -> Result<Played, DemoError> {
    let seed = args.seed.unwrap_or_else(|| rand::random::<u32>().into());
    console.say(&format!("seed {seed}: the same messages again with --seed {seed}"));
    let mut network = Box::pin(Network::start(dir, programs, processes, console)).await?;
    let mut senders = Senders::open(&network.chains, &mut network.treasurers).await?;
    let observer = Observer::start(&network.chains).await?;

    let messages = usize::try_from(args.messages).unwrap_or(usize::MAX);
    let traffic = Traffic::plan(seed, messages, network.chains.len(), Senders::PER_CHAIN);
    let begun = Instant::now();
    console.say(&format!("sending {} messages at once, then {} one by one", traffic.burst.len(), traffic.steady.len()));
    senders.burst(&network.chains, &traffic.burst).await?;
    senders.steady(&network.chains, &traffic.steady, console).await?;
    let seen = all_settled(&observer, traffic.len(), processes, console).await?;
    let took = begun.elapsed();

    let reverting: BTreeSet<Address> = network.chains.iter().map(|chain| chain.recipients.reverting).collect();
    let audit = Audit::of(&seen.sent, &seen.outcomes, &reverting);
    let era = Equation::of(supplies(&network).await?, &seen.sent, &seen.outcomes);
    let mut complaints = audit.complaints();
    if !era.off().is_zero() {
        complaints.push(format!("the books do not balance: {era}"));
    }
    if seen.progress().0 < traffic.len() {
        complaints.push(format!(
            "{} messages were to be sent, the gateways logged {}",
            traffic.len(),
            seen.progress().0
        ));
    }
    let gas = gas_by_lane(&network, &seen).await?;
    let commitments = commitments_signed(&network).await?;
    let report = Report::new(&seen, &audit, era, &gas, commitments, seed, took);
    let example = seen.sent.last().map(|sent| sent.id);
    Ok(Played { report, complaints, network, example })
}

/// Waits until each of `messages` messages is delivered or failed, in a block that is final; gives up when nothing arrives any more.
async fn all_settled(
    observer: &Observer,
    messages: usize,
    processes: &mut Processes,
    console: &mut Console,
) -> Result<Seen, DemoError> {
    let (mut best, mut since) = (0, Instant::now());
    loop {
        processes.check()?;
        let seen = observer.seen()?;
        let (sent, settled) = seen.progress();
        console.progress(&format!("{messages} messages, {sent} seen sent, {settled} delivered or failed"));
        if sent >= messages && settled >= messages && seen.all_final() {
            return Ok(seen);
        }
        if settled > best {
            (best, since) = (settled, Instant::now());
        }
        if since.elapsed() >= STALL_MAX {
            console.say(&format!(
                "nothing arrived for {} s: giving up {} messages",
                STALL_MAX.as_secs(),
                messages - settled
            ));
            return Ok(seen);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The supply of $ERA on each chain.
async fn supplies(network: &Network) -> Result<BTreeMap<ChainId, U256>, DemoError> {
    let mut supplies = BTreeMap::new();
    for (chain, account) in network.chains.iter().zip(&network.treasurers) {
        supplies.insert(chain.node.chain, era::supply(account, chain.deployment.addresses.era).await?);
    }
    Ok(supplies)
}

/// The gas used by all transactions that delivered, by lane.
async fn gas_by_lane(network: &Network, seen: &Seen) -> Result<BTreeMap<LaneId, u64>, DemoError> {
    let mut gas = BTreeMap::new();
    for (lane, transactions) in &seen.deliveries {
        let Some(chain) = network.chain(lane.destination.chain) else { continue };
        for hash in transactions {
            let missing = |problem: String| DemoError::Receipt(*hash, problem);
            let url = chain.node.url.parse().map_err(|_| missing(format!("`{}` is no URL", chain.node.url)))?;
            let receipt =
                ProviderBuilder::<_, _, Ethereum>::default().connect_http(url).get_transaction_receipt(*hash).await;
            let receipt = receipt.map_err(|error| missing(error.to_string()))?;
            *gas.entry(*lane).or_default() += receipt.ok_or_else(|| missing("it is in no block".to_owned()))?.gas_used;
        }
    }
    Ok(gas)
}

/// An origin, as the collector tells it.
#[derive(Deserialize)]
struct Origin {
    commitments_signed: u64,
}

async fn commitments_signed(network: &Network) -> Result<u64, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
    let answer = client.get(format!("http://{}/v1/origins", network.collector)).send().await?.error_for_status()?;
    let origins: Vec<Origin> = answer.json().await?;
    Ok(origins.iter().map(|origin| origin.commitments_signed).sum())
}

fn show(args: &DemoArgs, played: &Played, console: &mut Console) -> Result<(), DemoError> {
    let result = if args.json {
        serde_json::to_string_pretty(&played.report).map_err(io::Error::from)?
    } else {
        format!("\n{}", played.report.table())
    };
    played.complaints.iter().for_each(|complaint| console.say(complaint));
    console.say("");
    writeln!(io::stdout(), "{result}")?;
    Ok(())
}

/// What can be done with a network that goes on, as commands to be pasted.
fn kept(dir: &RunDir, Played { network, example, .. }: &Played) -> String {
    let mut lines = vec![String::from("\nEverything goes on. To look at it:")];
    for endpoint in &network.endpoints {
        lines.push(format!("    curl -s 'http://{}/readyz?verbose'    # {}", endpoint.telemetry, endpoint.name));
    }
    lines.push(format!("    curl -s http://{}/v1/origins    # what attesters have signed", network.collector));
    if let Some(endpoint) = network.endpoints.first() {
        lines.push(format!("    curl -s http://{}/metrics | grep ^metalayer_", endpoint.telemetry));
    }
    for chain in &network.chains {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#;
        let (node, name) = (&chain.node, &chain.node.name);
        lines.push(format!("    curl -s -H 'content-type: application/json' -d '{request}' {}    # {name}", node.url));
    }
    if let Some(id) = example {
        let run = dir.path().display();
        lines.push(format!(
            "    {run}/bin/relayer trace {id} --config {run}/relayer/relayer.toml    # one message's way"
        ));
    }
    lines.push(format!("    tail -f {}/logs/relayer.log", dir.path().display()));
    lines.push("To end it, and any other demo of this clone:\n    make stop".to_owned());
    lines.join("\n")
}
