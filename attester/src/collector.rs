//! Collectors as an attester sees them: where attestations go, and who can say what was signed and proven before.
//!
//! Nothing that one answers is believed unchecked (I7).

use std::time::Duration;

use alloy::primitives::Bytes;
use async_trait::async_trait;
use metalayer_node::task::Severity;
use metalayer_proto::{batch::Attestation, bls::AttesterId, ids::ChainId, quorum::ProvenCommitment};
use reqwest::{Response, Url};
use serde::{Deserialize, Serialize};

/// How long a collector may take to answer.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes: a proof for each of a full batch, in hexadecimal, fits.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The longest refusal that is repeated, in bytes.
const PROBLEM_MAX: usize = 300;

/// What a collector answers to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How many attestations it took.
    pub accepted: u32,
    /// The newest proof it holds of each origin in the batch: commitment and quorum proof.
    #[serde(default)]
    pub proofs: Vec<Bytes>,
}

/// Why a collector gave no answer that is one.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// It cannot be reached, or not in time.
    #[error("collector {collector} cannot be reached: {problem}")]
    Unreachable {
        /// Which, without credentials.
        collector: String,
        /// Why.
        problem: String,
    },
    /// What it answered is no answer.
    #[error("collector {collector} gives no proper answer: {problem}")]
    Malformed {
        /// Which.
        collector: String,
        /// Why.
        problem: String,
    },
    /// It answered that it will not.
    #[error("collector {collector} refuses ({status}): {problem}")]
    Refused {
        /// Which.
        collector: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        problem: String,
    },
}

impl CollectorError {
    /// All of them may pass: a refusal too, since the collector may not know the newest epoch yet.
    pub const fn severity(&self) -> Severity {
        Severity::Retryable
    }

    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "collector_unreachable",
            Self::Malformed { .. } => "collector_answer",
            Self::Refused { .. } => "collector_refuses",
        }
    }
}

/// A collector.
#[async_trait]
pub trait Collector: Send + Sync + 'static {
    /// Its name for logs and metrics, without credentials.
    fn name(&self) -> &str;

    /// Posts a sealed batch.
    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, CollectorError>;

    /// The newest attestation it holds of `attester` for each origin.
    async fn attestations_of(&self, attester: AttesterId) -> Result<Vec<Attestation>, CollectorError>;

    /// The newest proof it holds of an origin.
    async fn newest_proof(&self, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError>;
}

/// A collector over HTTP.
pub struct HttpCollector {
    name: String,
    base: Url,
    client: reqwest::Client,
}

impl HttpCollector {
    /// The collector at `base`, an `http` or `https` address.
    pub fn new(base: &Url) -> Result<Self, CollectorError> {
        Self::with_deadline(base, ANSWER_DEADLINE)
    }

    pub(crate) fn with_deadline(base: &Url, deadline: Duration) -> Result<Self, CollectorError> {
        let name = base.origin().ascii_serialization();
        let client = reqwest::Client::builder()
            .timeout(deadline)
            // Elsewhere than where the operator said nothing is posted, credentials least of all.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| CollectorError::Unreachable { collector: name.clone(), problem: root_cause(error) })?;
        Ok(Self { name, base: base.clone(), client })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Sends a request; what comes back is a success.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Response, CollectorError> {
        let mut response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // The status says enough where its words cannot be read.
        let body = self.body(&mut response).await.unwrap_or_default();
        let mut problem = String::from_utf8_lossy(&body).into_owned();
        problem.truncate(problem.floor_char_boundary(PROBLEM_MAX));
        Err(CollectorError::Refused { collector: self.name.clone(), status: status.as_u16(), problem })
    }

    /// The body, unless it is too long.
    async fn body(&self, response: &mut Response) -> Result<Vec<u8>, CollectorError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.malformed(format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn json<T: for<'de> Deserialize<'de>>(&self, request: reqwest::RequestBuilder) -> Result<T, CollectorError> {
        let body = self.body(&mut self.ask(request).await?).await?;
        serde_json::from_slice(&body).map_err(|error| self.malformed(error.to_string()))
    }

    fn unreachable(&self, error: reqwest::Error) -> CollectorError {
        CollectorError::Unreachable { collector: self.name.clone(), problem: root_cause(error) }
    }

    fn malformed(&self, problem: String) -> CollectorError {
        CollectorError::Malformed { collector: self.name.clone(), problem }
    }
}

/// The innermost cause, without the URL: reqwest's own words are only "error sending request".
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[async_trait]
impl Collector for HttpCollector {
    fn name(&self) -> &str {
        &self.name
    }

    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, CollectorError> {
        let request = self.client.post(self.url("/v1/attestations"));
        self.json(request.header("content-type", "application/octet-stream").body(sealed)).await
    }

    async fn attestations_of(&self, attester: AttesterId) -> Result<Vec<Attestation>, CollectorError> {
        let request = self.client.get(self.url(&format!("/v1/attesters/{attester}/attestations")));
        let held: Vec<Bytes> = self.json(request).await?;
        held.iter()
            .map(|bytes| Attestation::from_bytes(bytes).map_err(|error| self.malformed(error.to_string())))
            .collect()
    }

    async fn newest_proof(&self, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError> {
        match self.ask(self.client.get(self.url(&format!("/v1/proofs/{origin}")))).await {
            Ok(mut response) => {
                let body = self.body(&mut response).await?;
                ProvenCommitment::from_bytes(&body).map(Some).map_err(|error| self.malformed(error.to_string()))
            }
            Err(CollectorError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
