//! `devnet proxy`: a further endpoint of a node that passes everything on, so that attesters have several to compare.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use metalayer_node::config::{SecretError, read_secret_file};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{cli::ProxyArgs, listening::LISTENING, signals::interrupted};

/// The longest request that is passed on.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long the node may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// JSON-RPC: the method does not exist.
const METHOD_NOT_FOUND: i64 = -32_601;

/// Why nothing is passed on.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The node's URL cannot be read.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    Node(#[from] SecretError),
    /// There is no client for HTTP.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// No port is free, or standard output is closed.
    #[error(transparent)]
    Listen(#[from] io::Error),
}

/// What is passed on, and where.
struct Proxy {
    node: String,
    client: reqwest::Client,
    /// Methods that begin so are refused.
    reject: Vec<String>,
}

/// Passes on until it is told to stop.
pub async fn run(args: &ProxyArgs) -> ExitCode {
    match pass_on(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn pass_on(args: &ProxyArgs) -> Result<(), ProxyError> {
    let node = read_secret_file(&args.node_file)?.to_string();
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
    let proxy = Arc::new(Proxy { node, client, reject: args.reject.clone() });
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    writeln!(io::stdout(), "{LISTENING}{}", listener.local_addr()?)?;
    axum::serve(listener, routes(proxy)).with_graceful_shutdown(interrupted()).await?;
    Ok(())
}

fn routes(proxy: Arc<Proxy>) -> Router {
    Router::new().route("/", post(answer)).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)).with_state(proxy)
}

async fn answer(State(proxy): State<Arc<Proxy>>, body: Bytes) -> Response {
    if let Some(refusal) = refusal(&proxy.reject, &body) {
        return ([(CONTENT_TYPE, "application/json")], refusal.to_string()).into_response();
    }
    let request = proxy.client.post(&proxy.node).header(CONTENT_TYPE, "application/json").body(body);
    match request.send().await {
        Ok(answer) => {
            let status = answer.status();
            match answer.bytes().await {
                Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
                Err(_) => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// What a request is answered that asks for anything beginning with one of `reject`; a batch is refused whole.
fn refusal(reject: &[String], body: &[u8]) -> Option<Value> {
    if reject.is_empty() {
        return None;
    }
    let request: Value = serde_json::from_slice(body).ok()?;
    let calls = request.as_array().map_or(std::slice::from_ref(&request), Vec::as_slice);
    let method = calls
        .iter()
        .filter_map(|call| call["method"].as_str())
        .find(|method| reject.iter().any(|prefix| method.starts_with(prefix)))?;
    let error = json!({ "code": METHOD_NOT_FOUND, "message": format!("{method} is not available") });
    let refuse = |call: &Value| json!({ "jsonrpc": "2.0", "id": call["id"], "error": error });
    Some(if request.is_array() { calls.iter().map(refuse).collect() } else { refuse(&request) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The URL of a proxy to a node that answers whatever it is asked.
    async fn proxy(reject: &[&str]) -> String {
        async fn serve(routes: Router) -> String {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
            url
        }
        let echo = Router::new().route("/", post(|body: Bytes| async { (StatusCode::ACCEPTED, body) }));
        let reject = reject.iter().map(|&prefix| prefix.to_owned()).collect();
        serve(routes(Arc::new(Proxy { node: serve(echo).await, client: reqwest::Client::new(), reject }))).await
    }

    async fn ask(url: &str, body: &str) -> (u16, String) {
        let answer = reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn whatever_is_asked_and_answered_passes_unchanged() {
        let body = r#"{ "jsonrpc":"2.0","id":1, "method":"evm_mine" }"#;
        assert_eq!(ask(&proxy(&[]).await, body).await, (202, body.to_owned()));
        let body = "no JSON";
        assert_eq!(ask(&proxy(&["evm_"]).await, body).await, (202, body.to_owned()));
    }

    #[tokio::test]
    async fn methods_that_are_rejected_do_not_reach_the_node() {
        let url = proxy(&["evm_", "anvil_"]).await;
        let (status, answer) = ask(&url, r#"{"id":7,"method":"anvil_setBalance"}"#).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["id"], &answer["error"]["code"]), (200, &json!(7), &json!(METHOD_NOT_FOUND)));

        let (_, batch) = ask(&url, r#"[{"id":1,"method":"eth_chainId"},{"id":2,"method":"evm_mine"}]"#).await;
        let batch: Value = serde_json::from_str(&batch).unwrap();
        assert_eq!((&batch[0]["id"], &batch[1]["id"]), (&json!(1), &json!(2)));
        assert!(batch[0]["error"].is_object() && batch[1]["error"].is_object());

        let body = r#"{"id":7,"method":"eth_chainId"}"#;
        assert_eq!(ask(&url, body).await.1, body);
    }
}
