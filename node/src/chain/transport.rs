//! The way to a node: requests go out, answers come back. HTTP in a daemon, memory in simulation.

use async_trait::async_trait;
use reqwest::Url;
use serde_json::Value;

use super::endpoint::{ANSWER_BYTES_MAX, CallError, EndpointError};

/// A way to one node.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Brings a JSON-RPC request, single or batch, to the node, and its answer back. Whoever calls sets the deadline.
    async fn exchange(&self, request: &Value) -> Result<Value, CallError>;

    /// These words of the node without whatever of its address may be a secret (I12).
    fn scrub(&self, words: String) -> String {
        words
    }
}

/// A node behind a URL, which may hold credentials.
pub(super) struct HttpTransport {
    url: Url,
    client: reqwest::Client,
}

impl HttpTransport {
    /// The node at `url`, and its name: `scheme://host:port`.
    pub(super) fn open(url: &str) -> Result<(String, Self), EndpointError> {
        let url = Url::parse(url).map_err(|_| EndpointError::NotHttp)?;
        let host = url.host_str().ok_or(EndpointError::NotHttp)?;
        let port = url.port_or_known_default().ok_or(EndpointError::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::NotHttp);
        }
        let name = format!("{}://{host}:{port}", url.scheme());
        let client = reqwest::Client::builder()
            // A redirect would carry the key in the path to another host.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| EndpointError::Client(error.without_url().to_string()))?;
        Ok((name, Self { url, client }))
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn exchange(&self, request: &Value) -> Result<Value, CallError> {
        let transport = |error: reqwest::Error| CallError::Transport(root_cause(&error.without_url()));
        let mut response = self.client.post(self.url.clone()).json(request).send().await.map_err(transport)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(CallError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        // Some nodes send JSON-RPC errors under a status of failure: what they say is worth more than the status.
        match serde_json::from_slice::<Value>(&body) {
            Ok(value) if response.status().is_success() || value.get("error").is_some() => Ok(value),
            Err(error) if response.status().is_success() => Err(CallError::Malformed(error.to_string())),
            _ => Err(CallError::Status(response.status().as_u16())),
        }
    }

    fn scrub(&self, mut words: String) -> String {
        let secrets =
            [self.url.username(), self.url.password().unwrap_or_default(), self.url.query().unwrap_or_default()];
        let segments = self.url.path().split('/');
        for secret in segments.chain(secrets).filter(|secret| secret.len() >= 4) {
            words = words.replace(secret, "***");
        }
        words
    }
}

/// The innermost cause in words: reqwest's own text says only "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
