//! `devnet demo`: messages over all lanes, what befalls them, and what became of each. One act a file.

mod findings;
mod hand_over;
mod homecoming;
mod incident;
mod kept;
mod operator;
mod play;
mod refusal;
mod stage;
mod upheaval;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use alloy::{primitives::TxHash, signers::local::PrivateKeySigner};
use metalayer_node::config::{SecretError, read_secret_key};
use metalayer_proto::ids::{ChainId, MessageId};
use relayer::deploy::TransactionError;

use crate::{
    cli::{DemoArgs, INTERRUPTED, MISSING},
    console::Console,
    network::{Ground, Network, NetworkError, Nodes},
    node::Node,
    observer::ObserverError,
    preflight::{self, Missing, Programs},
    processes::{ProcessError, Processes},
    report::Report,
    run_dir::{RunDir, clone_root},
    signals::interrupted,
};

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
    /// The relayer does not do what its operator asks.
    #[error("`{command}`: {words}")]
    Operator {
        /// What was asked.
        command: String,
        /// Its last words.
        words: String,
    },
    /// A chain does not take, or is not proven by, what the next epoch signs.
    #[error("on {chain} the next epoch is not in force, or proves nothing, after {} s; the relayer's log says more", .waited.as_secs())]
    NotHandedOver {
        /// The chain.
        chain: ChainId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Time does not move any more.
    #[error("the node does not move its time: {0}")]
    Clock(String),
    /// The collector does not say what it holds.
    #[error("the collector does not say what it holds: {0}")]
    Collector(#[from] reqwest::Error),
    /// A transaction that delivered cannot be read.
    #[error("transaction {0} cannot be read: {1}")]
    Delivery(TxHash, String),
    /// The result could not be written, or a command not be run.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

/// Why a demo did not begin.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("--key-file: {0}; {remedy}", remedy = .0.remedy())]
    Key(#[from] SecretError),
    #[error("--key-file: its digits are no key of an account")]
    NoKey,
    #[error("cannot write below {}: {source}", runs.display())]
    Files { runs: PathBuf, source: io::Error },
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
    let console = Console::new();
    let (programs, ground, dir) = match prepare(args, runs) {
        Ok(prepared) => prepared,
        Err(error) => {
            console.say(&error.to_string());
            return ExitCode::from(MISSING);
        }
    };
    let mut processes = Processes::new(dir.clone());
    let played = tokio::select! {
        played = Box::pin(play::all(args, &dir, &programs, &ground, &mut processes, &console)) => played,
        () = interrupted() => Err(DemoError::Interrupted),
    };
    match played.and_then(|played| show(args, &played, &console).map(|()| played)) {
        Ok(played) if args.keep => {
            console.say(&kept::commands(&dir, &played.network, played.example));
            processes.keep();
            code(&played)
        }
        Ok(played) => {
            processes.stop().await;
            if played.complaints.is_empty() {
                removed(dir, &console)
            } else {
                logs_kept(&dir, &console)
            }
            code(&played)
        }
        Err(error) => {
            console.say(&error.to_string());
            processes.stop().await;
            if let DemoError::Interrupted = error {
                removed(dir, &console);
                return ExitCode::from(INTERRUPTED);
            }
            logs_kept(&dir, &console);
            ExitCode::FAILURE
        }
    }
}

/// Everything that is needed, before anything is started.
fn prepare(args: &DemoArgs, runs: &Path) -> Result<(Programs, Ground, RunDir), NotBegun> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let programs = preflight::programs(&beside.unwrap_or_else(|| PathBuf::from(".")));
    let (programs, ground) = match (args.given(), &args.key_file) {
        (Some(given), Some(key_file)) => {
            let key = read_secret_key(key_file)?;
            let rich = PrivateKeySigner::from_slice(key.as_slice()).map_err(|_| NotBegun::NoKey)?;
            (programs?, Ground { nodes: Nodes::Given(given), rich })
        }
        _ => {
            let search_path = std::env::var("PATH").unwrap_or_default();
            let anvil = preflight::anvil_program(&clone_root(), &search_path);
            let (programs, anvil) = Missing::both(programs, anvil)?;
            (programs, Ground { nodes: Nodes::Started(anvil), rich: Node::rich().map_err(|_| NotBegun::NoKey)? })
        }
    };
    let dir = RunDir::create(runs, "demo").map_err(|source| NotBegun::Files { runs: runs.to_owned(), source })?;
    Ok((programs, ground, dir))
}

fn code(played: &Played) -> ExitCode {
    if played.complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn removed(dir: RunDir, console: &Console) {
    let path = dir.path().to_owned();
    if let Err(error) = dir.remove() {
        console.say(&format!("cannot remove {}: {error}", path.display()));
    }
}

fn logs_kept(dir: &RunDir, console: &Console) {
    match dir.keep_logs() {
        Ok(logs) => console.say(&format!("the logs are kept in {}", logs.display())),
        Err(error) => console.say(&format!("cannot remove all but the logs of {}: {error}", dir.path().display())),
    }
}

fn show(args: &DemoArgs, played: &Played, console: &Console) -> Result<(), DemoError> {
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
