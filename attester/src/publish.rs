//! Publishing: one stage a collector posts what is in its outbox, and takes the newest proofs from the answer.

use std::{sync::Arc, time::Duration};

use alloy::primitives::Bytes;
use async_trait::async_trait;
use metalayer_node::{
    clock::Clock,
    signer::AttesterSigner,
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    batch::{ATTESTATIONS_MAX, SealError, TransportBatch},
    ids::NetworkId,
    quorum::ProvenCommitment,
};
use serde::{Deserialize, Serialize};

use crate::{metrics::Metrics, outbox::Outbox, proven::Proven};

/// How long a collector may take to answer.
pub const POST_DEADLINE: Duration = Duration::from_secs(5);

/// The most proofs of one answer that are looked at: one for each origin that a batch can hold.
const PROOFS_MAX: usize = ATTESTATIONS_MAX;

/// What a collector answers to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How many attestations it took.
    pub accepted: u32,
    /// The newest proof it holds of each origin in the batch: commitment and quorum proof.
    #[serde(default)]
    pub proofs: Vec<Bytes>,
}

/// Why a batch did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The collector cannot be reached, or not in time.
    #[error("collector {collector} cannot be reached: {problem}")]
    Unreachable {
        /// Which, without credentials.
        collector: String,
        /// Why.
        problem: String,
    },
    /// It took the batch, but what it answered is no answer.
    #[error("collector {collector} gives no proper answer: {problem}")]
    Malformed {
        /// Which.
        collector: String,
        /// Why.
        problem: String,
    },
    /// It answered that it will not take the batch.
    #[error("collector {collector} refuses the batch ({status}): {problem}")]
    Refused {
        /// Which.
        collector: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        problem: String,
    },
    /// The attestations do not go into one batch; a fault of this program.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl StageError for PublishError {
    fn severity(&self) -> Severity {
        match self {
            // A refusal may be passing too: the collector may not know the newest epoch yet.
            Self::Unreachable { .. } | Self::Malformed { .. } | Self::Refused { .. } => Severity::Retryable,
            Self::Seal(_) => Severity::Process,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "collector_unreachable",
            Self::Malformed { .. } => "collector_answer",
            Self::Refused { .. } => "collector_refuses",
            Self::Seal(_) => "seal",
        }
    }
}

/// A collector as an attester sees it.
#[async_trait]
pub trait Collector: Send + Sync + 'static {
    /// Its name for logs and metrics, without credentials.
    fn name(&self) -> &str;

    /// Posts a sealed batch.
    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, PublishError>;
}

/// Posts one outbox to one collector.
pub struct Publish {
    /// Where to.
    pub collector: Arc<dyn Collector>,
    /// What.
    pub outbox: Arc<Outbox>,
    /// The network that batches are of.
    pub network: NetworkId,
    /// Signs batches.
    pub signer: Arc<dyn AttesterSigner>,
    /// Where proofs from answers go.
    pub proven: Arc<Proven>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

#[async_trait]
impl Stage for Publish {
    type Error = PublishError;

    async fn step(&mut self) -> Result<Step, PublishError> {
        let now = self.clock.now();
        let attestations = self.outbox.due(now);
        if attestations.is_empty() {
            return Ok(Step::Idle(Wake { notice: Some(self.outbox.filled()), at: self.outbox.next_repeat() }));
        }
        let batch = TransportBatch { network: self.network, sent_at_ms: now.0, attestations };
        let sealed = self.signer.seal(&batch)?;
        let answer = self.collector.post(sealed).await?;
        self.outbox.posted(&batch.attestations, self.clock.now());
        self.metrics.posted(self.collector.name(), &batch.attestations);
        self.take_proofs(&answer);
        Ok(Step::Advanced)
    }
}

impl Publish {
    fn take_proofs(&self, answer: &Answer) {
        for bytes in answer.proofs.iter().take(PROOFS_MAX) {
            let taken = ProvenCommitment::from_bytes(bytes)
                .map_err(|error| error.to_string())
                .and_then(|proven| self.proven.take(&proven, self.clock.now()).map_err(|error| error.to_string()));
            match taken {
                Ok(commitment) => {
                    self.outbox.covered(commitment.origin, commitment.block_number);
                    self.metrics.proven(&commitment);
                }
                Err(problem) => {
                    self.metrics.bad_proof(self.collector.name());
                    tracing::warn!(
                        collector = self.collector.name(),
                        problem,
                        "the collector answered with a proof that does not hold"
                    );
                }
            }
        }
    }
}

/// A collector over HTTP.
pub struct HttpCollector {
    name: String,
    url: reqwest::Url,
    client: reqwest::Client,
}

impl HttpCollector {
    /// The collector at `base`, an `http` or `https` address.
    pub fn new(base: &reqwest::Url) -> Result<Self, PublishError> {
        Self::with_deadline(base, POST_DEADLINE)
    }

    pub(crate) fn with_deadline(base: &reqwest::Url, deadline: Duration) -> Result<Self, PublishError> {
        let name = base.origin().ascii_serialization();
        let client = reqwest::Client::builder()
            .timeout(deadline)
            // Elsewhere than where the operator said nothing is posted, credentials least of all.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| PublishError::Unreachable { collector: name.clone(), problem: root_cause(error) })?;
        let mut path = base.path().trim_end_matches('/').to_owned();
        path.push_str("/v1/attestations");
        let mut url = base.clone();
        url.set_path(&path);
        Ok(Self { name, url, client })
    }

    fn unreachable(&self, error: reqwest::Error) -> PublishError {
        PublishError::Unreachable { collector: self.name.clone(), problem: root_cause(error) }
    }

    fn malformed(&self, problem: String) -> PublishError {
        PublishError::Malformed { collector: self.name.clone(), problem }
    }

    /// The body, unless it is longer than `max` bytes.
    async fn body(&self, response: &mut reqwest::Response, max: usize) -> Result<Vec<u8>, PublishError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > max {
                return Err(self.malformed(format!("it is longer than {max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
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

/// The longest answer that is read, in bytes: a proof for each of a full batch, in hexadecimal, fits.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The longest refusal that is repeated, in bytes.
const PROBLEM_MAX: usize = 300;

#[async_trait]
impl Collector for HttpCollector {
    fn name(&self) -> &str {
        &self.name
    }

    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, PublishError> {
        let request =
            self.client.post(self.url.clone()).header("content-type", "application/octet-stream").body(sealed);
        let mut response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let body = self.body(&mut response, ANSWER_BYTES_MAX).await;
        if status.is_success() {
            return serde_json::from_slice(&body?).map_err(|error| self.malformed(error.to_string()));
        }
        // The status says enough where its words cannot be read.
        let mut problem = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        problem.truncate(problem.floor_char_boundary(PROBLEM_MAX));
        Err(PublishError::Refused { collector: self.name.clone(), status: status.as_u16(), problem })
    }
}
