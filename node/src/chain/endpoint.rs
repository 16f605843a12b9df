//! One JSON-RPC endpoint: calls with a deadline and a bounded answer, under a name that holds no secret (I12).

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    metrics::ReaderMetrics,
    transport::{HttpTransport, Transport},
};

/// The longest answer that is taken, in bytes: all receipts of a full block fit several times.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most calls in one batch; public endpoints refuse more than about a hundred.
pub(super) const BATCH_CALLS_MAX: usize = 32;

/// How much of a node's own words goes into an error.
const MESSAGE_CHARS_MAX: usize = 200;

/// Failures in a row after which an endpoint is asked last.
const STRIKES_MAX: u32 = 3;

/// Why an endpoint gave no answer. Never holds the endpoint's path, query or credentials.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The deadline passed.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// No connection, or it broke.
    #[error("{0}")]
    Transport(String),
    /// An HTTP status other than success.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The answer is longer than [`ANSWER_BYTES_MAX`].
    #[error("an answer of more than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// The answer is not what JSON-RPC 2.0 or the method says.
    #[error("a malformed answer: {0}")]
    Malformed(String),
    /// The node answered with an error of its own.
    #[error("{message} (code {code})")]
    Rpc {
        /// JSON-RPC error code.
        code: i64,
        /// The node's words, shortened.
        message: String,
        /// What came with them: a revert's data, mostly.
        data: Option<Value>,
    },
}

impl CallError {
    /// Whether the node says that it does not know the method (JSON-RPC -32601, or the words that proxies use).
    pub fn is_unsupported(&self) -> bool {
        let Self::Rpc { code, message, .. } = self else { return false };
        let words = message.to_ascii_lowercase();
        *code == -32601
            || (words.contains("method")
                && ["not found", "not supported", "unsupported", "does not exist", "not available"]
                    .iter()
                    .any(|said| words.contains(said)))
    }
}

/// Why an endpoint cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL, or not one of HTTP. The text is not repeated: it may hold a key.
    #[error("not an HTTP URL; write http://HOST:PORT or https://HOST/PATH")]
    NotHttp,
    /// TLS or the resolver could not be set up.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

/// One JSON-RPC endpoint.
pub struct Endpoint {
    name: String,
    transport: Box<dyn Transport>,
    deadline: Duration,
    metrics: ReaderMetrics,
    calls: AtomicU64,
    lacks_block_receipts: AtomicBool,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    strikes: u32,
    benched_until: Option<Instant>,
    benched_for: Option<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({})", self.name)
    }
}

impl Endpoint {
    /// An endpoint at `url`, each of whose calls is given `deadline`, answer included.
    pub fn new(url: &str, deadline: Duration, metrics: ReaderMetrics) -> Result<Self, EndpointError> {
        let (name, transport) = HttpTransport::open(url)?;
        Ok(Self::over(name, Box::new(transport), deadline, metrics))
    }

    /// The endpoint that is reached by `transport`, under a name that holds no secret.
    pub fn over(name: String, transport: Box<dyn Transport>, deadline: Duration, metrics: ReaderMetrics) -> Self {
        Self {
            name,
            transport,
            deadline,
            metrics,
            calls: AtomicU64::new(0),
            lacks_block_receipts: AtomicBool::new(false),
            health: Mutex::default(),
        }
    }

    /// `scheme://host:port`, for logs, metrics and errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Requests made so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls one method.
    pub async fn call(&self, method: &'static str, params: Value) -> Result<Value, CallError> {
        let request = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let answer = self.post(method, &request).await?;
        self.record(method, self.outcome(answer))
    }

    /// Calls one method with several parameters, in as few requests as [`BATCH_CALLS_MAX`] allows, concurrently;
    /// answers stand in the order of `params`. Fails whole.
    pub async fn batch(&self, method: &'static str, params: Vec<Value>) -> Result<Vec<Value>, CallError> {
        if let [only] = params.as_slice() {
            return Ok(vec![self.call(method, only.clone()).await?]);
        }
        let chunks = params.chunks(BATCH_CALLS_MAX).map(|chunk| self.batch_once(method, chunk));
        Ok(futures::future::try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    async fn batch_once(&self, method: &'static str, params: &[Value]) -> Result<Vec<Value>, CallError> {
        let request: Vec<Value> = params
            .iter()
            .enumerate()
            .map(|(id, params)| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .collect();
        let answer = self.post(method, &Value::Array(request)).await?;
        self.record(method, self.sort_batch(answer, params.len()))
    }

    fn sort_batch(&self, answer: Value, expected: usize) -> Result<Vec<Value>, CallError> {
        let Value::Array(answers) = answer else {
            // A node that takes no batches answers with one error.
            self.outcome(answer)?;
            return Err(CallError::Malformed("one answer to a batch".into()));
        };
        let mut sorted: Vec<Option<Value>> = vec![None; expected];
        for answer in answers {
            let id = answer.get("id").and_then(Value::as_u64).and_then(|id| usize::try_from(id).ok());
            let slot = id.and_then(|id| sorted.get_mut(id));
            *slot.ok_or_else(|| CallError::Malformed("an answer to no call of the batch".into()))? =
                Some(self.outcome(answer)?);
        }
        sorted.into_iter().collect::<Option<_>>().ok_or_else(|| CallError::Malformed("a batch lacks answers".into()))
    }

    async fn post(&self, method: &'static str, request: &Value) -> Result<Value, CallError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let answer = match tokio::time::timeout(self.deadline, self.transport.exchange(request)).await {
            Ok(Err(CallError::Transport(cause))) => Err(CallError::Transport(self.scrub(&cause))),
            Ok(answer) => answer,
            Err(_) => Err(CallError::TimedOut(self.deadline)),
        };
        self.metrics.request_took(started.elapsed());
        answer.inspect_err(|_| self.metrics.request_failed(&self.name, method))
    }

    fn record<T>(&self, method: &'static str, outcome: Result<T, CallError>) -> Result<T, CallError> {
        match &outcome {
            Ok(_) => self.metrics.request_answered(&self.name, method),
            Err(_) => self.metrics.request_failed(&self.name, method),
        }
        outcome
    }

    fn outcome(&self, mut answer: Value) -> Result<Value, CallError> {
        if let Some(error) = answer.get_mut("error").filter(|error| !error.is_null()) {
            let data = error.get_mut("data").map(Value::take);
            return Err(CallError::Rpc {
                code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
                message: self.scrub(error.get("message").and_then(Value::as_str).unwrap_or("an error without words")),
                data,
            });
        }
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(CallError::Malformed("neither result nor error".into())),
        }
    }

    /// A node's words, shortened, on one line and without whatever may be a secret.
    fn scrub(&self, words: &str) -> String {
        let words = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.transport.scrub(words).chars().take(MESSAGE_CHARS_MAX).collect()
    }

    // ── Health ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Excludes the endpoint until `pause` has passed, because it was caught lying; returns whether it was not yet.
    pub(super) fn bench(&self, what: &str, pause: Duration) -> bool {
        let mut health = self.health();
        let fresh = health.benched_until.is_none_or(|until| until <= Instant::now());
        health.benched_until = Some(Instant::now() + pause);
        health.benched_for = Some(what.to_owned());
        self.metrics.benched(&self.name, true);
        fresh
    }

    /// Why the endpoint is excluded now, if it is.
    pub fn benched(&self) -> Option<String> {
        let mut health = self.health();
        if health.benched_until.is_some_and(|until| until <= Instant::now()) {
            health.benched_until = None;
            health.benched_for = None;
            self.metrics.benched(&self.name, false);
        }
        health.benched_for.clone()
    }

    /// Counts a call that failed or came too late; returns whether that made it tired.
    pub(super) fn strike(&self) -> bool {
        let mut health = self.health();
        health.strikes = health.strikes.saturating_add(1);
        let tires = health.strikes == STRIKES_MAX;
        if tires {
            self.metrics.silent(&self.name, true);
        }
        tires
    }

    /// Forgets failures: the endpoint has answered. Returns whether it was tired.
    pub(super) fn answered(&self) -> bool {
        let was_tired = std::mem::take(&mut self.health().strikes) >= STRIKES_MAX;
        if was_tired {
            self.metrics.silent(&self.name, false);
        }
        was_tired
    }

    /// Whether the endpoint failed so often in a row that others are asked first.
    pub(super) fn is_tired(&self) -> bool {
        self.health().strikes >= STRIKES_MAX
    }

    pub(super) fn lacks_block_receipts(&self) -> bool {
        self.lacks_block_receipts.load(Ordering::Relaxed)
    }

    pub(super) fn remember_lack_of_block_receipts(&self) {
        self.lacks_block_receipts.store(true, Ordering::Relaxed);
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        // Nothing that holds the lock can leave the record half-written.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
