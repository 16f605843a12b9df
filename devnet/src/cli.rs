//! The command line.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};

use crate::{
    demo, gas,
    node::Given,
    proxy,
    run_dir::{RunDir, clone_root},
    stop,
};

/// Exit code: something that is needed is missing; nothing was started.
pub const MISSING: u8 = 3;
/// Exit code: ended by Ctrl-C or SIGTERM.
pub const INTERRUPTED: u8 = 130;

/// A whole Metalayer on one machine: three chains, one relayer, seven attesters, real processes.
///
/// Results go to standard output, everything else to standard error. What is started, written and logged is below `.run/` of the
/// current clone.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Exit codes:
  0    what was promised was kept
  1    something failed, or a promise was broken; standard error says which, and where the logs are
  2    the command line is wrong
  3    something that is needed is missing; nothing was started
  130  interrupted; everything was ended and removed"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send messages over all six lanes of three chains and show what became of them
    ///
    /// Starts three nodes (one of them the hub), deploys the contracts, starts one relayer and seven attesters of unequal stake, who
    /// read every chain through three endpoints, two of which must agree. Sends a burst and then a steady flow, a third of it $ERA.
    /// In the middle one attester and the relayer are killed and started again. What fails is retried, what is void
    /// is reclaimed, and last one message that fails for ever is refused and comes home.
    /// Exit code 0 says: none lost, none doubled, order kept, $ERA balanced to the last unit.
    Demo(DemoArgs),
    /// Measure what delivering costs, as the receipts of a real node tell it, against what is promised
    ///
    /// One node with default limits, 350 attesters, messages of 200 random bytes. Exit code 0 says: every limit is met.
    Gas(GasArgs),
    /// Pass requests on to a node, as a further endpoint of it
    ///
    /// Says on standard output where it listens, and goes on until it is stopped. Told by `PUT /fault` it misbehaves: with the JSON
    /// "drops_log", "alters_receipt", "invents_head" or "hangs"; null ends it.
    Proxy(ProxyArgs),
    /// End every process that earlier runs of this clone left, and remove their files
    Stop,
}

/// What a demo does.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which messages are sent: the same seed, the same messages. Without it one is drawn and printed
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many messages, a third of them $ERA; at least 60
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(60..=10_000))]
    pub messages: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    /// Leave everything running, and print what can be done with it
    #[arg(long)]
    pub keep: bool,
    /// Nodes that already run, of any client with EIP-2537, instead of starting some: three times, the hub first
    ///
    /// Attesters read all of a chain's nodes, and proxies of the first as far as there are fewer than three. Where time cannot be moved
    /// (`evm_increaseTime`) no message is refused; where it can, it is moved by seven days on the last chain.
    #[arg(long, value_name = "ID=URL[,URL...]", requires = "key_file")]
    pub rpc: Vec<Given>,
    /// Who pays on those nodes: 64 hexadecimal digits in a file that only this user can read
    ///
    /// The key of an account with coin for about 1.3 billion gas on each chain. What it gives to accounts of the demo, which are thrown
    /// away, does not come back.
    #[arg(long, value_name = "FILE", requires = "rpc")]
    pub key_file: Option<PathBuf>,
}

impl DemoArgs {
    /// The nodes that already run; `None`: there are none.
    pub fn given(&self) -> Option<[Given; 3]> {
        self.rpc.clone().try_into().ok()
    }

    /// What is wrong although each argument by itself is right.
    fn problem(&self) -> Option<&'static str> {
        let chains: BTreeSet<_> = self.rpc.iter().map(|given| given.chain).collect();
        match (self.rpc.len(), chains.len()) {
            (0, 0) | (3, 3) => None,
            _ => Some("--rpc names the nodes of all three chains, each chain once, or of none"),
        }
    }
}

/// What is passed on.
#[derive(Debug, Args)]
pub struct ProxyArgs {
    /// The node's URL: one line in a file that only this user can read, since it may hold a key
    #[arg(long, value_name = "FILE")]
    pub node_file: PathBuf,
    /// Refuse methods that begin so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub reject: Vec<String>,
}

/// How gas figures are printed.
#[derive(Debug, Args)]
pub struct GasArgs {
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> ExitCode {
        let runs = RunDir::all_of(&clone_root());
        match self.command {
            Command::Demo(args) => match args.problem() {
                Some(problem) => Self::command().error(ErrorKind::WrongNumberOfValues, problem).exit(),
                None => demo::run(&args, &runs).await,
            },
            Command::Gas(args) => gas::run(&args, &runs).await,
            Command::Proxy(args) => proxy::run(&args).await,
            Command::Stop => stop::run(&runs).await,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn demo(arguments: &[&str]) -> DemoArgs {
        let arguments = ["devnet", "demo"].iter().chain(arguments);
        match Cli::try_parse_from(arguments).unwrap().command {
            Command::Demo(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nodes_are_named_of_all_three_chains_or_of_none() {
        assert!(demo(&[]).problem().is_none());
        let key = ["--key-file", "k"];
        let all = ["--rpc", "1=http://a", "--rpc", "2=http://b", "--rpc", "3=http://c"];
        let given = demo(&[&all[..], &key].concat());
        assert!(given.problem().is_none());
        assert_eq!(given.given().unwrap().map(|given| given.chain.get()), [1, 2, 3]);
        assert!(demo(&[&all[..4], &key].concat()).problem().is_some());
        let twice = ["--rpc", "1=http://a", "--rpc", "2=http://b", "--rpc", "2=http://c"];
        assert!(demo(&[&twice[..], &key].concat()).problem().is_some());
        assert!(Cli::try_parse_from(["devnet", "demo"].iter().chain(&all)).is_err(), "nobody pays");
        assert!(Cli::try_parse_from(["devnet", "demo"].iter().chain(&key)).is_err(), "for nothing");
    }
}
