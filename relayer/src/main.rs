//! `relayer`: see `relayer --help`.

use std::process::ExitCode;

use clap::Parser;
use metalayer_node::{
    daemon::{DaemonError, ended, render},
    telemetry::{LogFormat, Telemetry, TelemetrySettings},
};
use metalayer_proto::ids::MessageId;
use relayer::{
    app,
    cli::{Cli, Command, ConfigCommand, DeadLetterCommand, FeesCommand, RouteCommand},
    commands::{self, deploy, requests, route},
};

#[tokio::main]
async fn main() -> ExitCode {
    ended("relayer", run(Cli::parse().command).await)
}

/// What a command that takes long does meanwhile goes to standard error.
fn progress() -> Result<Telemetry, DaemonError> {
    let settings = TelemetrySettings { service: "relayer", format: LogFormat::Text, filter: None, otlp_endpoint: None };
    Ok(Telemetry::init(&settings)?)
}

async fn run(command: Command) -> Result<Option<String>, DaemonError> {
    Ok(Some(match command {
        Command::Run { config, log_format } => return app::run(&config, log_format).await.map(|()| None),
        Command::Config(ConfigCommand::Check { config }) => app::check(&config).await?,
        Command::Trace { id, config, json } => render(&commands::trace(&config, MessageId(id)).await?, json),
        Command::Retry(asked) => requests::have_done("retry", &asked).await?,
        Command::Refuse(asked) => requests::have_done("refuse", &asked).await?,
        Command::Reclaim(asked) => requests::have_done("reclaim", &asked).await?,
        Command::Fees(FeesCommand::Claim { origin, config, json }) => {
            render(&requests::claim_fees(&config, origin).await?, json)
        }
        Command::DeadLetter(DeadLetterCommand::List { config, json }) => {
            render(&commands::dead_letters(&config).await?, json)
        }
        Command::DeadLetter(DeadLetterCommand::Show { place, config, json }) => {
            render(&commands::dead_letter(&config, &place).await?, json)
        }
        Command::Deploy { file, dry_run, json } => {
            let _progress = progress()?;
            render(&deploy::deploy(&file, dry_run).await?, json)
        }
        Command::Route(RouteCommand::Register { file, key_file, json, .. }) => {
            render(&route::register(&file, key_file.as_deref()).await?, json)
        }
        Command::Route(RouteCommand::List { file, json }) => render(&route::list(&file).await?, json),
    }))
}
