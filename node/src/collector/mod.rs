//! Collectors as those see them who ask: what they serve of origins, and where attestations go.
//!
//! Nothing that one answers is believed unchecked (I7).

mod http;
mod start;

use alloy::primitives::Bytes;
use async_trait::async_trait;
use metalayer_proto::{
    batch::Attestation,
    bls::AttesterId,
    derivation::LeafId,
    ids::{ChainId, LaneId},
    lane::ConsistencyProof,
    quorum::ProvenCommitment,
    served::{ProvenLane, ProvenSnapshot, ServedLeaf, ServedLeaves},
};
use serde::{Deserialize, Serialize};

use crate::task::Severity;

pub use http::{ANSWER_BYTES_MAX, ANSWER_DEADLINE, Carrier, HttpCollector};
pub use start::{NotBegun, Untaken, begin_at, untaken};

/// What a collector answers to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How many attestations it took.
    pub accepted: u32,
    /// The newest proof it holds of each origin in the batch, in each epoch: commitment and quorum proof.
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

/// What a collector serves of origins, whoever asks.
#[async_trait]
pub trait Serves: Send + Sync + 'static {
    /// Its name for logs and metrics, without credentials.
    fn name(&self) -> &str;

    /// The newest proof it holds of an origin in one epoch.
    async fn proof_in(&self, epoch: u64, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError>;

    /// Where an origin can be begun.
    async fn start_of(&self, origin: ChainId) -> Result<Option<ProvenSnapshot>, CollectorError>;

    /// That the lane's first `to` messages begin with its first `from`.
    async fn growth(&self, lane: LaneId, from: u64, to: u64) -> Result<Option<ConsistencyProof>, CollectorError>;

    /// The lane as it stands where its origin can be begun.
    async fn lane(&self, lane: LaneId) -> Result<Option<ProvenLane>, CollectorError>;

    /// A message and its path among the lane's first `count`.
    async fn leaf(&self, leaf: LeafId, count: u64) -> Result<Option<ServedLeaf>, CollectorError>;

    /// The frontier of the lane's first `from` messages, and all leaves after them up to `count`.
    async fn leaves(&self, lane: LaneId, from: u64, count: u64) -> Result<Option<ServedLeaves>, CollectorError>;
}

/// A collector as an attester sees it.
#[async_trait]
pub trait Collector: Serves {
    /// Posts a sealed batch.
    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, CollectorError>;

    /// The newest attestation it holds of `attester` for each origin.
    async fn attestations_of(&self, attester: AttesterId) -> Result<Vec<Attestation>, CollectorError>;
}
