//! The command line.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{
    demo, gas,
    run_dir::{RunDir, clone_root},
    stop,
};

/// Exit code: something that is needed is missing; nothing was started.
pub const MISSING: u8 = 3;
/// Exit code: ended by Ctrl-C or SIGTERM.
pub const INTERRUPTED: u8 = 130;

/// A whole Metalayer on one machine: three chains, one relayer, four attesters, real processes.
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
    /// Starts three nodes (one of them the hub), deploys the contracts, starts one relayer and four attesters of unequal stake,
    /// sends a burst and then a steady flow, and waits until every message is delivered, or failed where its recipient reverts.
    /// Exit code 0 says: none lost, none doubled, order kept.
    Demo(DemoArgs),
    /// Measure what delivering costs, as the receipts of a real node tell it, against what is promised
    ///
    /// One node with default limits, 350 attesters, messages of 200 random bytes. Exit code 0 says: every limit is met.
    Gas(GasArgs),
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
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(60..=10_000))]
    pub messages: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    /// Leave everything running, and print what can be done with it
    #[arg(long)]
    pub keep: bool,
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
            Command::Demo(args) => demo::run(&args, &runs).await,
            Command::Gas(args) => gas::run(&args, &runs).await,
            Command::Stop => stop::run(&runs).await,
        }
    }
}
