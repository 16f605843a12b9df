//! `attester`: see `attester --help`.

use std::process::ExitCode;

use attester::{
    app,
    cli::{Cli, Command, ConfigCommand, GuardCommand, KeysCommand},
    commands::{guard, keys},
};
use clap::Parser;
use metalayer_node::daemon::{DaemonError, ended, render};
use metalayer_proto::ids::NetworkId;

#[tokio::main]
async fn main() -> ExitCode {
    ended("attester", run(Cli::parse().command).await)
}

async fn run(command: Command) -> Result<Option<String>, DaemonError> {
    Ok(Some(match command {
        Command::Run { config, log_format } => return app::run(&config, log_format).await.map(|()| None),
        Command::Config(ConfigCommand::Check { config }) => app::check(&config).await?,
        Command::Keys(KeysCommand::New { folder, json }) => render(&keys::new(&folder)?, json),
        Command::Keys(KeysCommand::Show { config, operator, json }) => render(&keys::show(&config, operator)?, json),
        Command::Keys(KeysCommand::Prove { folder, operator, network, json }) => {
            let network = NetworkId::planned(&network.network, network.hub_chain);
            render(&keys::prove(&folder, operator, network)?, json)
        }
        Command::Guard(GuardCommand::Init { config, json }) => render(&guard::init(&config)?, json),
        Command::Guard(GuardCommand::Show { config, json }) => render(&guard::show(&config)?, json),
        Command::Guard(GuardCommand::ImportFloor { config, floor, json }) => {
            render(&guard::import_floor(&config, &floor).await?, json)
        }
    }))
}
