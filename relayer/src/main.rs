//! `relayer`: see `relayer --help`.

use std::process::ExitCode;

use clap::Parser;
use metalayer_node::config::ExitCause;
use relayer::{
    app,
    cli::{Cli, Command, ConfigCommand},
};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run { config, log_format } => app::run(&config, log_format).await,
        Command::Config(ConfigCommand::Check { config }) => app::check(&config).await.map(|good| {
            #[allow(clippy::print_stdout, reason = "the command's result")]
            {
                println!("{good}");
            }
        }),
    };
    match done {
        Ok(()) => ExitCause::Done.into(),
        Err(error) => {
            eprintln!("relayer: {error}");
            error.cause().into()
        }
    }
}
