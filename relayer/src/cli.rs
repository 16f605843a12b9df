//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use metalayer_node::telemetry::LogFormat;

const EXIT_CODES: &str = "\
Exit codes: 0 asked to stop, or done; 2 wrong command line; 3 wrong configuration; 4 no chain can be reached;
5 store unusable; 6 port in use; 7 key or guard unusable; 1 anything else.

Logs go to standard error, results to standard output. RUST_LOG sets what is logged (default: info).";

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
    /// Look at the configuration without running.
    #[command(subcommand)]
    Config(ConfigCommand),
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
