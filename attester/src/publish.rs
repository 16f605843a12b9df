//! Publishing: one stage a collector asks what this key has signed and what is proven, at first and whenever an epoch of this
//! attester's begins, then posts what is in its outbox, and takes the newest proofs from the answers.

use std::sync::Arc;

use async_trait::async_trait;
use metalayer_node::{
    clock::{Clock, UnixMillis},
    collector::{Answer, Collector, CollectorError},
    signer::AttesterSigner,
    store::StoreError,
    task::{Blocked, Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    batch::{ATTESTATIONS_MAX, SealError, TransportBatch},
    ids::NetworkId,
    quorum::{ProvenCommitment, ProvenCommitmentError},
};

use crate::{
    listen::{ListenError, Listener},
    metrics::Metrics,
    outbox::Outbox,
    proven::Proven,
};

/// The most proofs of one answer that are looked at: for each origin that a batch can hold, of a few epochs that hold at the same time.
const PROOFS_MAX: usize = 4 * ATTESTATIONS_MAX;

/// Why a batch did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The collector did not take it.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The attestations do not go into one batch; a fault of this program.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What this key was heard to have signed could not be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ListenError> for PublishError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::Collector(error) => Self::Collector(error),
            ListenError::Store(error) => Self::Store(error),
        }
    }
}

impl StageError for PublishError {
    fn severity(&self) -> Severity {
        match self {
            Self::Collector(error) => error.severity(),
            Self::Seal(_) | Self::Store(_) => Severity::Process,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Collector(error) => error.reason(),
            Self::Seal(_) => "seal",
            Self::Store(_) => "guard_store",
        }
    }
}

/// What the stage works with.
pub struct Parts {
    /// Where to.
    pub collector: Arc<dyn Collector>,
    /// What.
    pub outbox: Arc<Outbox>,
    /// The network that batches are of.
    pub network: NetworkId,
    /// Signs batches.
    pub signer: Arc<dyn AttesterSigner>,
    /// Hears what this key has signed.
    pub listener: Listener,
    /// Where proofs from answers go.
    pub proven: Arc<Proven>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Posts one outbox to one collector.
pub struct Publish {
    parts: Parts,
    /// The epochs that this attester was signing for when the collector was asked last.
    asked_in: Option<Vec<u64>>,
}

impl Publish {
    /// The stage of one collector.
    pub fn new(parts: Parts) -> Self {
        parts.listener.epochs.wakes(parts.outbox.filled());
        Self { parts, asked_in: None }
    }

    /// Asks what this key has signed, and for the newest proofs: who has nothing to post hears of them no other way.
    async fn ask(&self, now: UnixMillis) -> Result<(), PublishError> {
        for proven in self.parts.listener.ask(self.parts.collector.as_ref(), now).await? {
            self.take_proof(Ok(proven)).await?;
        }
        Ok(())
    }

    async fn take_proofs(&self, answer: &Answer) -> Result<(), StoreError> {
        for bytes in answer.proofs.iter().take(PROOFS_MAX) {
            self.take_proof(ProvenCommitment::from_bytes(bytes)).await?;
        }
        Ok(())
    }

    async fn take_proof(&self, proven: Result<ProvenCommitment, ProvenCommitmentError>) -> Result<(), StoreError> {
        let (collector, now) = (self.parts.collector.name(), self.parts.clock.now());
        let taken = proven.map_err(|error| error.to_string()).and_then(|proven| {
            let taken = self.parts.proven.take(&proven, now);
            taken.map(|_| proven).map_err(|error| error.to_string())
        });
        match taken {
            Ok(proven) => {
                let origin = proven.commitment.origin;
                self.parts.outbox.covered(origin, |height| self.parts.proven.has_proven(origin, height, now));
                self.parts.proven.newest(origin).iter().for_each(|newest| self.parts.metrics.proven(newest));
                self.parts.listener.hear_proof(&proven, collector, now).await?;
            }
            Err(problem) => {
                self.parts.metrics.bad_proof(collector);
                tracing::warn!(collector, problem, "the collector answered with a proof that does not hold");
            }
        }
        Ok(())
    }

    /// No epoch that holds has this attester, and nobody would take what it posts: it waits for one, and says so.
    fn no_epoch(&self, now: UnixMillis) -> Blocked {
        let id = self.parts.signer.public_key().attester_id();
        let detail = format!(
            "attester {id} is a member of no epoch that holds now; it signs once one that it is a member of begins"
        );
        Blocked { reason: "no_epoch", detail, wake: self.next_epoch(now) }
    }

    /// Woken when an epoch begins, or is learned.
    fn next_epoch(&self, now: UnixMillis) -> Wake {
        Wake { notice: Some(self.parts.outbox.filled()), at: self.parts.listener.epochs.next_activation(now) }
    }
}

#[async_trait]
impl Stage for Publish {
    type Error = PublishError;

    async fn step(&mut self) -> Result<Step, PublishError> {
        let Parts { collector, outbox, clock, proven, .. } = &self.parts;
        let now = clock.now();
        let own_epochs = proven.own_epochs(now);
        if self.asked_in.as_ref() != Some(&own_epochs) {
            self.ask(now).await?;
            self.asked_in = Some(own_epochs.clone());
        }
        if own_epochs.is_empty() {
            return Ok(Step::Blocked(self.no_epoch(now)));
        }
        let attestations = outbox.due(now);
        if attestations.is_empty() {
            let at = [outbox.next_repeat(), self.next_epoch(now).at].into_iter().flatten().min();
            return Ok(Step::Idle(Wake { notice: Some(outbox.filled()), at }));
        }
        let batch = TransportBatch { network: self.parts.network, sent_at_ms: now.0, attestations };
        let sealed = self.parts.signer.seal(&batch)?;
        let answer = collector.post(sealed).await?;
        outbox.posted(&batch.attestations, clock.now());
        self.parts.metrics.posted(collector.name(), &batch.attestations);
        self.take_proofs(&answer).await?;
        Ok(Step::Advanced)
    }
}
