//! What an operator asks a running relayer, through its admin API: each command answers one result, [`requests`] among them. Beside them what
//! founders and rollups' teams do with keys of their own: [`deploy`] and [`route`].

pub mod deploy;
mod era;
pub mod requests;
pub mod route;

use std::{fmt, path::Path};

use alloy::signers::local::PrivateKeySigner;
use metalayer_node::{chain::ChainError, daemon::DaemonError, signer::SignerError};
use metalayer_proto::ids::{ChainId, MessageId};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    admin::{
        Letter, Traced,
        client::{self, AdminError},
    },
    config::{self, Config},
    deploy::{Account, DeployError, TransactionError},
};

/// Refused records, newest last.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Letters(Vec<Letter>);

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0, "no record was refused")
    }
}

/// One a line; where there are none, `none`.
fn write_lines(f: &mut fmt::Formatter<'_>, all: &[impl fmt::Display], none: &str) -> fmt::Result {
    if all.is_empty() {
        return f.write_str(none);
    }
    let lines: Vec<_> = all.iter().map(ToString::to_string).collect();
    f.write_str(&lines.join("\n"))
}

/// What became of a message, and what of its chains does not go on.
///
/// # Errors
/// The relayer does not answer, or never saw the message.
pub async fn trace(config_file: &Path, id: MessageId) -> Result<Traced, DaemonError> {
    ask(config_file, &format!("/v1/messages/{id}")).await
}

/// The newest records that were refused.
///
/// # Errors
/// The relayer does not answer.
pub async fn dead_letters(config_file: &Path) -> Result<Letters, DaemonError> {
    ask(config_file, "/v1/dead-letters").await.map(Letters)
}

/// One refused record with its bytes; `place` as [`dead_letters`] shows it.
///
/// # Errors
/// The relayer does not answer, or no such record was refused.
pub async fn dead_letter(config_file: &Path, place: &str) -> Result<Letter, DaemonError> {
    ask(config_file, &format!("/v1/dead-letters/{place}")).await
}

async fn ask<T: DeserializeOwned>(config_file: &Path, path: &str) -> Result<T, DaemonError> {
    let admin = admin(config_file)?;
    client::get(admin.listen, &admin.token_file, path).await.map_err(told)
}

async fn post<T: DeserializeOwned>(config_file: &Path, path: &str) -> Result<T, DaemonError> {
    let admin = admin(config_file)?;
    client::post(admin.listen, &admin.token_file, path).await.map_err(told)
}

fn admin(config_file: &Path) -> Result<config::Admin, DaemonError> {
    Config::load(config_file)?.admin.ok_or_else(|| {
        DaemonError::Start(
            "the configuration has no [admin]: add it with a token_file, and start the relayer again".to_owned(),
        )
    })
}

fn told(error: AdminError) -> DaemonError {
    match error {
        AdminError::Token(error) => DaemonError::Key(SignerError::File(error)),
        AdminError::NotFound(problem) => DaemonError::Unknown(problem),
        AdminError::WrongState(problem) => DaemonError::WrongState(problem),
        other => DaemonError::Start(other.to_string()),
    }
}

/// The account of `key` on `chain`, through the first of the endpoints at `rpc` that answers and serves it.
async fn connect(chain: ChainId, rpc: &[String], key: &PrivateKeySigner) -> Result<Account, DaemonError> {
    let mut problems = Vec::new();
    for url in rpc {
        match Account::connect(url, key.clone()).await {
            Ok(account) if account.chain() == chain => return Ok(account),
            Ok(account) => problems.push(format!("an endpoint serves {}", account.chain())),
            Err(error) => problems.push(error.to_string()),
        }
    }
    Err(DaemonError::Unreachable(format!("{chain}: {}: check rpc", problems.join("; "))))
}

/// A node's failure as a command's.
fn node_failed(error: &ChainError) -> DaemonError {
    match error {
        ChainError::Refused { .. } => DaemonError::Start(error.to_string()),
        _ => DaemonError::Unreachable(error.to_string()),
    }
}

impl From<TransactionError> for DaemonError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Node { .. } => Self::Unreachable(error.to_string()),
            _ => Self::Start(error.to_string()),
        }
    }
}

impl From<DeployError> for DaemonError {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Transaction(error) => error.into(),
            _ => Self::Start(error.to_string()),
        }
    }
}
