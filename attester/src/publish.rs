//! Publishing: one stage a collector asks what this key has signed, then posts what is in its outbox, and takes the newest
//! proofs from the answers.

use std::sync::Arc;

use async_trait::async_trait;
use metalayer_node::{
    clock::Clock,
    signer::AttesterSigner,
    store::StoreError,
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    batch::{ATTESTATIONS_MAX, SealError, TransportBatch},
    ids::NetworkId,
    quorum::ProvenCommitment,
};

use crate::{
    collector::{Answer, Collector, CollectorError},
    listen::{ListenError, Listener},
    metrics::Metrics,
    outbox::Outbox,
    proven::Proven,
};

/// The most proofs of one answer that are looked at: one for each origin that a batch can hold.
const PROOFS_MAX: usize = ATTESTATIONS_MAX;

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
    listened: bool,
}

impl Publish {
    /// The stage of one collector.
    pub const fn new(parts: Parts) -> Self {
        Self { parts, listened: false }
    }

    async fn take_proofs(&self, answer: &Answer) -> Result<(), StoreError> {
        for bytes in answer.proofs.iter().take(PROOFS_MAX) {
            let taken = ProvenCommitment::from_bytes(bytes).map_err(|error| error.to_string()).and_then(|proven| {
                let newest = self.parts.proven.take(&proven, self.parts.clock.now());
                newest.map(|newest| (proven, newest)).map_err(|error| error.to_string())
            });
            match taken {
                Ok((proven, newest)) => {
                    self.parts.outbox.covered(newest.origin, newest.block_number);
                    self.parts.metrics.proven(&newest);
                    // Only the newest was checked.
                    if proven.commitment == newest {
                        self.parts.listener.hear_proof(&proven, self.parts.collector.name()).await?;
                    }
                }
                Err(problem) => {
                    let collector = self.parts.collector.name();
                    self.parts.metrics.bad_proof(collector);
                    tracing::warn!(collector, problem, "the collector answered with a proof that does not hold");
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Stage for Publish {
    type Error = PublishError;

    async fn step(&mut self) -> Result<Step, PublishError> {
        let Parts { collector, outbox, clock, .. } = &self.parts;
        let now = clock.now();
        if !self.listened {
            self.parts.listener.ask(collector.as_ref(), now).await?;
            self.listened = true;
        }
        let attestations = outbox.due(now);
        if attestations.is_empty() {
            return Ok(Step::Idle(Wake { notice: Some(outbox.filled()), at: outbox.next_repeat() }));
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
