//! The command line.

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::{Parser, Subcommand};
use metalayer_node::{config::ExitCause, telemetry::LogFormat};

const EXIT_CODES: &str = ExitCause::HELP;

/// Carries proven messages between the rollups of a Metalayer network.
///
/// A relayer watches every chain, collects the attesters' signatures, adds them up to quorum proofs, and delivers the messages
/// that they prove. It can delay messages, never forge them. It needs RPC URLs and an account that pays for gas on every chain.
#[derive(Debug, Parser)]
#[command(name = "relayer", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Relay until told to stop (SIGTERM or Ctrl-C).
    #[command(after_help = EXIT_CODES)]
    Run {
        /// The configuration file; config/relayer.toml is a commented example.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How log lines are written: text or json.
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        log_format: LogFormat,
    },
    /// What became of a message: where it was sent, how it was judged, what its destination did with it.
    #[command(after_help = EXIT_CODES)]
    Trace {
        /// The message's id: 0x and 64 hexadecimal digits.
        id: B256,
        /// The configuration of the relayer that is asked, which must be running with an admin section.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look at records that were refused.
    #[command(subcommand)]
    DeadLetter(DeadLetterCommand),
    /// Deploy a network's contracts on all its chains, and write the network file that every daemon reads.
    #[command(after_help = EXIT_CODES)]
    Deploy {
        /// What to deploy; config/deploy.toml is a commented example.
        file: PathBuf,
        /// Send nothing: check the file, the key and every chain, and tell where all would stand.
        #[arg(long)]
        dry_run: bool,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// What a rollup's team allows on the lanes that leave its chains: kinds, limits, fees.
    #[command(subcommand)]
    Route(RouteCommand),
    /// Look at the configuration without running.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with refused records.
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// The newest of them, each with its place and why it was refused.
    #[command(after_help = EXIT_CODES)]
    List {
        /// The configuration of the relayer that is asked.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// One of them with its bytes.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// TOPIC/PARTITION/OFFSET, as `list` prints it.
        place: String,
        /// The configuration of the relayer that is asked.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with routes.
#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// Bring the routes of a file onto their chains. What stands there already is left alone, so that it can be run again.
    #[command(after_help = EXIT_CODES)]
    Register {
        /// The routes; config/routes.toml is a commented example.
        file: PathBuf,
        /// The key of the account that may set routes at each gateway: 64 hexadecimal digits in a file that you alone can read.
        #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
        key_file: Option<PathBuf>,
        /// Send nothing: tell what would be set, beside what stands there.
        #[arg(long, conflicts_with = "key_file")]
        dry_run: bool,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// The routes that leave the chains of a file, as the gateways have them now.
    #[command(after_help = EXIT_CODES)]
    List {
        /// The routes' file, of which the network and the chains count.
        file: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the file, the key and every endpoint; report all problems at once, each with what to do.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}
