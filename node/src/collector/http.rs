//! A collector over HTTP.

use std::time::Duration;

use alloy::primitives::Bytes;
use async_trait::async_trait;
use metalayer_proto::{
    batch::Attestation,
    bls::AttesterId,
    derivation::{LeafId, Snapshot},
    ids::{ChainId, LaneId},
    lane::ConsistencyProof,
    quorum::ProvenCommitment,
    served::{ProvenLane, ProvenSnapshot, ServedLeaf, ServedLeaves},
};
use reqwest::{Request, RequestBuilder, Response, Url};
use serde::Deserialize;

use super::{Answer, Collector, CollectorError, Serves};

/// How long a collector may take to answer.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// How long a collector may take to send a snapshot.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(120);

/// The longest snapshot that is read, with its proof, in bytes.
const SNAPSHOT_BYTES_MAX: usize = Snapshot::BYTES_MAX + 4096;

/// The longest answer that is read, in bytes: a proof for each of a full batch, in hexadecimal, fits.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The longest answer with leaves of a lane, in bytes.
const LEAVES_BYTES_MAX: usize = 32 * ServedLeaves::MAX + 4096;

/// The longest refusal that is repeated, in bytes.
const PROBLEM_MAX: usize = 300;

/// The way to a collector: the network in a daemon, memory in simulation.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Brings a request there and its answer back, within the request's own timeout; else says why not, without credentials.
    async fn carry(&self, request: Request) -> Result<Response, String>;
}

#[async_trait]
impl Carrier for reqwest::Client {
    async fn carry(&self, request: Request) -> Result<Response, String> {
        self.execute(request).await.map_err(root_cause)
    }
}

/// A collector over HTTP.
pub struct HttpCollector {
    name: String,
    base: Url,
    deadline: Duration,
    /// Makes requests; the carrier sends them.
    client: reqwest::Client,
    carrier: Box<dyn Carrier>,
}

impl HttpCollector {
    /// The collector at `base`, an `http` or `https` address.
    pub fn new(base: &Url) -> Result<Self, CollectorError> {
        Self::with_deadline(base, ANSWER_DEADLINE)
    }

    /// The same, which may take so long for an answer.
    pub fn with_deadline(base: &Url, deadline: Duration) -> Result<Self, CollectorError> {
        let client = reqwest::Client::builder()
            // Elsewhere than where the operator said nothing is posted, credentials least of all.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| CollectorError::Unreachable { collector: name_of(base), problem: root_cause(error) })?;
        Ok(Self { deadline, carrier: Box::new(client.clone()), client, name: name_of(base), base: base.clone() })
    }

    /// The collector at `base` that is reached by `carrier`.
    pub fn over(base: &Url, carrier: Box<dyn Carrier>) -> Self {
        let client = reqwest::Client::new();
        Self { deadline: ANSWER_DEADLINE, carrier, client, name: name_of(base), base: base.clone() }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Sends a request; what comes back is a success.
    async fn ask(&self, request: RequestBuilder) -> Result<Response, CollectorError> {
        let request = request.build().map_err(|error| self.unreachable(root_cause(error)))?;
        let mut response = self.carrier.carry(request).await.map_err(|problem| self.unreachable(problem))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // The status says enough where its words cannot be read.
        let body = self.body(&mut response, ANSWER_BYTES_MAX).await.unwrap_or_default();
        let mut problem = String::from_utf8_lossy(&body).into_owned();
        problem.truncate(problem.floor_char_boundary(PROBLEM_MAX));
        Err(CollectorError::Refused { collector: self.name.clone(), status: status.as_u16(), problem })
    }

    /// The body, unless it is too long.
    async fn body(&self, response: &mut Response, max: usize) -> Result<Vec<u8>, CollectorError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(root_cause(error)))? {
            if body.len() + chunk.len() > max {
                return Err(self.malformed(format!("it is longer than {max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn json<T: for<'de> Deserialize<'de>>(&self, request: RequestBuilder) -> Result<T, CollectorError> {
        let body = self.body(&mut self.ask(request).await?, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&body).map_err(|error| self.malformed(error.to_string()))
    }

    /// What `read` reads at `url`; none if the collector has none.
    async fn find<T, E: std::fmt::Display>(
        &self,
        request: RequestBuilder,
        max: usize,
        read: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Option<T>, CollectorError> {
        match self.ask(request).await {
            Ok(mut response) => {
                let body = self.body(&mut response, max).await?;
                read(&body).map(Some).map_err(|error| self.malformed(error.to_string()))
            }
            Err(CollectorError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url).timeout(self.deadline)
    }

    fn unreachable(&self, problem: String) -> CollectorError {
        CollectorError::Unreachable { collector: self.name.clone(), problem }
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
impl Serves for HttpCollector {
    fn name(&self) -> &str {
        &self.name
    }

    async fn proof_in(&self, epoch: u64, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError> {
        let mut url = self.url(&format!("/v1/proofs/{origin}"));
        url.query_pairs_mut().append_pair("epoch", &epoch.to_string());
        self.find(self.get(url), ANSWER_BYTES_MAX, ProvenCommitment::from_bytes).await
    }

    async fn start_of(&self, origin: ChainId) -> Result<Option<ProvenSnapshot>, CollectorError> {
        let request = self.get(self.url(&format!("/v1/snapshots/{origin}"))).timeout(SNAPSHOT_DEADLINE);
        self.find(request, SNAPSHOT_BYTES_MAX, ProvenSnapshot::from_bytes).await
    }

    async fn growth(&self, lane: LaneId, from: u64, to: u64) -> Result<Option<ConsistencyProof>, CollectorError> {
        let mut url = self.url(&format!("{}/consistency", path_of(lane)));
        url.query_pairs_mut().append_pair("from", &from.to_string()).append_pair("to", &to.to_string());
        self.find(self.get(url), ANSWER_BYTES_MAX, ConsistencyProof::from_bytes).await
    }

    async fn lane(&self, lane: LaneId) -> Result<Option<ProvenLane>, CollectorError> {
        self.find(self.get(self.url(&path_of(lane))), ANSWER_BYTES_MAX, ProvenLane::from_bytes).await
    }

    async fn leaf(&self, LeafId { lane, sequence }: LeafId, count: u64) -> Result<Option<ServedLeaf>, CollectorError> {
        let mut url = self.url(&format!("{}/leaves/{sequence}", path_of(lane)));
        url.query_pairs_mut().append_pair("count", &count.to_string());
        self.find(self.get(url), ANSWER_BYTES_MAX, ServedLeaf::from_bytes).await
    }

    async fn leaves(&self, lane: LaneId, from: u64, count: u64) -> Result<Option<ServedLeaves>, CollectorError> {
        let mut url = self.url(&format!("{}/leaves", path_of(lane)));
        url.query_pairs_mut().append_pair("from", &from.to_string()).append_pair("count", &count.to_string());
        self.find(self.get(url), LEAVES_BYTES_MAX, ServedLeaves::from_bytes).await
    }
}

#[async_trait]
impl Collector for HttpCollector {
    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, CollectorError> {
        let request = self.client.post(self.url("/v1/attestations")).timeout(self.deadline);
        self.json(request.header("content-type", "application/octet-stream").body(sealed)).await
    }

    async fn attestations_of(&self, attester: AttesterId) -> Result<Vec<Attestation>, CollectorError> {
        let request = self.get(self.url(&format!("/v1/attesters/{attester}/attestations")));
        let held: Vec<Bytes> = self.json(request).await?;
        held.iter()
            .map(|bytes| Attestation::from_bytes(bytes).map_err(|error| self.malformed(error.to_string())))
            .collect()
    }
}

/// Which collector it is, without credentials.
fn name_of(base: &Url) -> String {
    base.origin().ascii_serialization()
}

fn path_of(LaneId { origin, destination }: LaneId) -> String {
    format!("/v1/lanes/{origin}/{destination}")
}
