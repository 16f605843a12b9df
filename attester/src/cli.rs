//! The command line.

use std::path::PathBuf;

use alloy::primitives::Address;
use clap::{Args, Parser, Subcommand};
use metalayer_node::{config::ExitCause, telemetry::LogFormat};
use metalayer_proto::ids::ChainId;

use crate::commands::guard::Floor;

const EXIT_CODES: &str = ExitCause::HELP;

/// Verifies what happens on every rollup of a Metalayer network, and signs it.
///
/// An attester reads each chain through its own RPC endpoints, derives the lanes and facts, and posts its signatures to one or
/// more collectors. It needs RPC URLs, two keys and a collector's address, and no open port but the one for metrics.
#[derive(Debug, Parser)]
#[command(name = "attester", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Attest until told to stop (SIGTERM or Ctrl-C).
    #[command(after_help = EXIT_CODES)]
    Run {
        /// The configuration file; config/attester.toml is a commented example.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How log lines are written: text or json.
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        log_format: LogFormat,
    },
    /// Make the two keys, or show what of them is public.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look after the record of what was signed, without which nothing is signed.
    #[command(subcommand)]
    Guard(GuardCommand),
    /// Look at the configuration without running.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a BLS key and a transport key: bls.key and transport.key, readable by you alone. Never overwrites.
    #[command(after_help = EXIT_CODES)]
    New {
        /// The folder to write them into.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        folder: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the attester's id, its public keys and, for an operator's account, the proof of possession.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The account that registers the key.
        #[arg(long, value_name = "ADDRESS")]
        operator: Option<Address>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prove possession of the keys for a network that is still to be deployed: what its founders put into their file.
    #[command(after_help = EXIT_CODES)]
    Prove {
        /// The folder that `keys new` wrote them into.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        folder: PathBuf,
        /// The operator's account.
        #[arg(long, value_name = "ADDRESS")]
        operator: Address,
        /// The network.
        #[command(flatten)]
        network: PlannedNetwork,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A network by what is known of it before it stands.
#[derive(Debug, Args)]
pub struct PlannedNetwork {
    /// The network's name, as the founders' file has it.
    #[arg(long, value_name = "NAME")]
    pub network: String,
    /// The chain of its hub.
    #[arg(long, value_name = "CHAIN")]
    pub hub_chain: ChainId,
}

/// What to do with the guard's records.
#[derive(Debug, Subcommand)]
pub enum GuardCommand {
    /// Begin the records of a key that has never signed. For a key that has, import a floor instead.
    #[command(after_help = EXIT_CODES)]
    Init {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what was signed last of each origin. The attester must not be running.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// After the records were lost or restored from an old copy: raise them to what collectors hold of this key and to what is
    /// proven. Make sure first that no other process uses the key.
    #[command(after_help = EXIT_CODES)]
    ImportFloor {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Sign nothing of CHAIN at or below HEIGHT; for what no collector knows. May be repeated.
        #[arg(long, value_name = "CHAIN=HEIGHT")]
        floor: Vec<Floor>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the file, the keys and every endpoint; report all problems at once, each with what to do.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}
