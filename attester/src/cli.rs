//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use metalayer_node::telemetry::LogFormat;

const EXIT_CODES: &str = "\
Exit codes: 0 asked to stop, or done; 2 wrong command line; 3 wrong configuration; 4 no chain can be reached;
5 store unusable; 6 port in use; 7 key or guard unusable; 1 anything else.

Logs go to standard error, results to standard output. RUST_LOG sets what is logged (default: info).";

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
    /// Look at the configuration without running.
    #[command(subcommand)]
    Config(ConfigCommand),
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
