//! `relayer`: see `relayer --help`.

use std::process::ExitCode;

use clap::Parser;
use metalayer_node::daemon::{DaemonError, ended, render};
use metalayer_proto::ids::MessageId;
use relayer::{
    app,
    cli::{Cli, Command, ConfigCommand, DeadLetterCommand},
    commands,
};

#[tokio::main]
async fn main() -> ExitCode {
    ended("relayer", run(Cli::parse().command).await)
}

async fn run(command: Command) -> Result<Option<String>, DaemonError> {
    Ok(Some(match command {
        Command::Run { config, log_format } => return app::run(&config, log_format).await.map(|()| None),
        Command::Config(ConfigCommand::Check { config }) => app::check(&config).await?,
        Command::Trace { id, config, json } => render(&commands::trace(&config, MessageId(id)).await?, json),
        Command::DeadLetter(DeadLetterCommand::List { config, json }) => {
            render(&commands::dead_letters(&config).await?, json)
        }
        Command::DeadLetter(DeadLetterCommand::Show { place, config, json }) => {
            render(&commands::dead_letter(&config, &place).await?, json)
        }
    }))
}
