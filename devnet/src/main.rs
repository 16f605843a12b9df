//! `devnet`: a whole Metalayer on one machine. See `devnet --help`.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    devnet::cli::Cli::parse().run().await
}
