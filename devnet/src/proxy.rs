//! `devnet proxy`: a further endpoint of a node that passes everything on, so that attesters have several to compare. Told to, it
//! misbehaves.

mod fault;

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{post, put},
};
use metalayer_node::config::{SecretError, read_secret_file};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

pub use fault::Fault;
use fault::InventedChain;

use crate::{cli::ProxyArgs, listening::LISTENING, signals::interrupted};

/// The longest request that is passed on.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long the node may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Where a proxy is told how to misbehave.
const FAULT_PATH: &str = "/fault";
/// How long telling it may take.
const TELLING_MAX: Duration = Duration::from_secs(5);
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
    /// How it misbehaves now.
    fault: watch::Sender<Option<Fault>>,
    invented: Mutex<InventedChain>,
}

impl Proxy {
    fn new(node: String, client: reqwest::Client, reject: Vec<String>) -> Arc<Self> {
        Arc::new(Self { node, client, reject, fault: watch::Sender::default(), invented: Mutex::default() })
    }
}

/// Has the proxy at `url` misbehave from now on; `None`: pass everything on.
pub async fn set_fault(url: &str, fault: Option<Fault>) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder().timeout(TELLING_MAX).build()?;
    client.put(format!("{url}{FAULT_PATH}")).json(&fault).send().await?.error_for_status().map(drop)
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
    let proxy = Proxy::new(node, client, args.reject.clone());
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    writeln!(io::stdout(), "{LISTENING}{}", listener.local_addr()?)?;
    axum::serve(listener, routes(proxy)).with_graceful_shutdown(interrupted()).await?;
    Ok(())
}

fn routes(proxy: Arc<Proxy>) -> Router {
    Router::new()
        .route(FAULT_PATH, put(misbehave))
        // Providers' URLs hold keys in their paths.
        .fallback(post(answer))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(proxy)
}

async fn misbehave(State(proxy): State<Arc<Proxy>>, Json(fault): Json<Option<Fault>>) {
    *proxy.invented.lock().unwrap_or_else(PoisonError::into_inner) = InventedChain::default();
    proxy.fault.send_replace(fault);
}

async fn answer(State(proxy): State<Arc<Proxy>>, body: Bytes) -> Response {
    // Whoever still waits when it stops hanging is answered. It cannot fail: the sender lives as long as the proxy.
    let fault =
        proxy.fault.subscribe().wait_for(|fault| *fault != Some(Fault::Hangs)).await.map_or(None, |fault| *fault);
    if let Some(refusal) = refusal(&proxy.reject, &body) {
        return ([(CONTENT_TYPE, "application/json")], refusal.to_string()).into_response();
    }
    let request = proxy.client.post(&proxy.node).header(CONTENT_TYPE, "application/json").body(body.clone());
    match request.send().await {
        Ok(answer) => {
            let status = answer.status();
            match answer.bytes().await {
                Ok(answer) => {
                    let answer = fault.and_then(|fault| altered(&proxy, fault, &body, &answer)).unwrap_or(answer);
                    (status, [(CONTENT_TYPE, "application/json")], answer).into_response()
                }
                Err(_) => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The calls of a request: of a batch, or the only one.
fn calls(request: &Value) -> &[Value] {
    request.as_array().map_or(std::slice::from_ref(request), Vec::as_slice)
}

/// What is answered instead of what the node did; `None` to what is no JSON.
fn altered(proxy: &Proxy, fault: Fault, request: &[u8], answer: &[u8]) -> Option<Bytes> {
    let request: Value = serde_json::from_slice(request).ok()?;
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    let mut invented = proxy.invented.lock().unwrap_or_else(PoisonError::into_inner);
    let answers =
        if answer.is_array() { answer.as_array_mut()?.as_mut_slice() } else { std::slice::from_mut(&mut answer) };
    for answer in answers {
        if let Some(call) = calls(&request).iter().find(|call| call["id"] == answer["id"])
            && let Some(result) = answer.get_mut("result")
        {
            fault.alter(call, result, &mut invented);
        }
    }
    Some(answer.to_string().into())
}

/// What a request is answered that asks for anything beginning with one of `reject`; a batch is refused whole.
fn refusal(reject: &[String], body: &[u8]) -> Option<Value> {
    if reject.is_empty() {
        return None;
    }
    let request: Value = serde_json::from_slice(body).ok()?;
    let method = calls(&request)
        .iter()
        .filter_map(|call| call["method"].as_str())
        .find(|method| reject.iter().any(|prefix| method.starts_with(prefix)))?;
    let error = json!({ "code": METHOD_NOT_FOUND, "message": format!("{method} is not available") });
    let refuse = |call: &Value| json!({ "jsonrpc": "2.0", "id": call["id"], "error": error });
    Some(if request.is_array() { calls(&request).iter().map(refuse).collect() } else { refuse(&request) })
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
        serve(routes(Proxy::new(serve(echo).await, reqwest::Client::new(), reject))).await
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

    #[tokio::test]
    async fn it_misbehaves_as_it_is_told_and_until_it_is_told_otherwise() {
        let url = proxy(&[]).await;
        // The echo answers what it is asked: a call that is its own answer.
        let logs = |logs: Value| json!({ "id": 1, "method": "eth_getLogs", "result": logs }).to_string();
        let batch =
            |list: Value| format!("[{},{}]", logs(list), json!({ "id": 2, "method": "eth_call", "result": [1, 2] }));
        set_fault(&url, Some(Fault::DropsLog)).await.unwrap();
        let told = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(told(&ask(&url, &logs(json!([1, 2]))).await.1), told(&logs(json!([1]))));
        assert_eq!(told(&ask(&url, &batch(json!([1, 2]))).await.1), told(&batch(json!([1]))));
        assert_eq!(ask(&url, "no JSON").await.1, "no JSON");

        set_fault(&url, Some(Fault::Hangs)).await.unwrap();
        let body = logs(json!([1, 2]));
        assert!(tokio::time::timeout(Duration::from_millis(100), ask(&url, &body)).await.is_err());
        let (answer, told_to_go_on) = tokio::join!(ask(&url, &body), set_fault(&url, None));
        told_to_go_on.unwrap();
        assert_eq!(told(&answer.1), told(&body), "late, and whole");
    }
}
