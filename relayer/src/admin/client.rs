//! The operator's side of the admin API.

use std::{net::SocketAddr, path::Path, time::Duration};

use metalayer_node::config::{SecretError, read_secret_file};
use reqwest::{Method, StatusCode, header};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Why a relayer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The token's file cannot be read.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    Token(#[from] SecretError),
    /// Nobody listens there.
    #[error("no relayer answers on {address} ({problem}); start it, or name its configuration")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// Why.
        problem: String,
    },
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    WrongState(String),
    /// It answered that it will not.
    #[error("the relayer refuses ({status}): {problem}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its words.
        problem: String,
    },
}

/// Asks the relayer at `address` for `path`.
pub async fn get<T: DeserializeOwned>(address: SocketAddr, token_file: &Path, path: &str) -> Result<T, AdminError> {
    ask(Method::GET, address, token_file, path).await
}

/// Has the relayer at `address` do what `path` names.
pub async fn post<T: DeserializeOwned>(address: SocketAddr, token_file: &Path, path: &str) -> Result<T, AdminError> {
    ask(Method::POST, address, token_file, path).await
}

async fn ask<T: DeserializeOwned>(
    method: Method,
    address: SocketAddr,
    token_file: &Path,
    path: &str,
) -> Result<T, AdminError> {
    let unreachable =
        |error: reqwest::Error| AdminError::Unreachable { address, problem: error.without_url().to_string() };
    let token: Zeroizing<String> = read_secret_file(token_file)?;
    let client = reqwest::Client::builder().timeout(DEADLINE).no_proxy().build().map_err(unreachable)?;
    let request = client.request(method, format!("http://{address}{path}"));
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", *token));
    let answer = request.send().await.map_err(unreachable)?;
    match answer.status() {
        status if status.is_success() => answer.json().await.map_err(unreachable),
        StatusCode::NOT_FOUND => Err(AdminError::NotFound(answer.text().await.map_err(unreachable)?)),
        StatusCode::CONFLICT => Err(AdminError::WrongState(answer.text().await.map_err(unreachable)?)),
        status => {
            let problem = answer.text().await.unwrap_or_default();
            Err(AdminError::Refused { status: status.as_u16(), problem })
        }
    }
}
