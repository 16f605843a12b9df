//! The command line.

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::{Args, Parser, Subcommand};
use metalayer_node::{config::ExitCause, telemetry::LogFormat};
use metalayer_proto::ids::ChainId;

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
    /// Run a failed message again.
    ///
    /// A message has failed when its recipient reverted: `relayer trace` says so. It can be retried at any time, by anyone and as often
    /// as one likes, until it succeeds or is refused. A retry that would fail again is not sent.
    #[command(after_help = EXIT_CODES)]
    Retry(MessageAsked),
    /// Give a failed message up and send it home.
    ///
    /// Possible from seven days after it failed first, and final: it is never delivered any more. The refusal travels to the origin
    /// like a message; when it is home, what the message carried can be reclaimed. Governance and control messages are not refused.
    #[command(after_help = EXIT_CODES)]
    Refuse(MessageAsked),
    /// Give back what a message carried that will never be delivered.
    ///
    /// Of a message that was judged void, once a quorum has signed that: its value goes to whoever sent it, its fee to its payer. Of
    /// a refused one, once its refusal is home: its value alone, since its delivery was tried and paid for. Each part comes back once.
    ///
    /// A refused message is shown under a root of its lane that its origin has stored: `relayer refuse` has that done meanwhile. If there is
    /// none yet, storing it is queued first, and the answer says to ask again.
    #[command(after_help = EXIT_CODES)]
    Reclaim(MessageAsked),
    /// What this relayer's account earns by delivering.
    #[command(subcommand)]
    Fees(FeesCommand),
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

/// A message with which something is to be done. The relayer that runs is asked for it, and sends the transaction.
#[derive(Debug, Args)]
pub struct MessageAsked {
    /// The message's id: 0x and 64 hexadecimal digits.
    pub id: B256,
    /// The configuration of the relayer that is asked, which must be running with an admin section.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to do with fees.
#[derive(Debug, Subcommand)]
pub enum FeesCommand {
    /// Claim what was earned and not yet paid.
    ///
    /// The fee of a message stays at its origin until it is delivered; whoever delivers it earns it, failed or not. What was earned at a
    /// destination can be claimed as soon as a quorum has signed a later block of it (of a chain from which nothing is sent, every 256th), and is
    /// paid to the account by each origin's gateway.
    #[command(after_help = EXIT_CODES)]
    Claim {
        /// Only what was earned with messages of this chain, as eip155:NUMBER.
        #[arg(long, value_name = "CHAIN")]
        origin: Option<ChainId>,
        /// The configuration of the relayer that is asked, which must be running with an admin section.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
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
