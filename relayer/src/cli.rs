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
