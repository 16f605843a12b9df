//! One origin: read -> judge -> guard -> sign. One stage instance serves one chain.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use alloy::primitives::FixedBytes;
use async_trait::async_trait;
use metalayer_node::{
    chain::{BlockRef, ChainError, ChainReader, READ_BLOCKS_MAX},
    clock::Clock,
    sent::{Applied, ApplyError, Sent, SentError},
    signer::AttesterSigner,
    task::{Blocked, Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    batch::Attestation,
    commitment::Commitment,
    derivation::{BlockOutcome, Derivation, DerivationError, RulesOverdue, VerifiedBlock},
    heights::{Candidate, Known, candidates},
};

use crate::{
    guard::{Guard, NotSafe, Signed},
    metrics::Metrics,
    outbox::Outbox,
    proven::Proven,
    rules::Rules,
};

/// Why an origin is not attested.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// It could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its history could not be derived.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// What it sent could not be kept, or what it needs not be found.
    #[error(transparent)]
    Sent(#[from] SentError),
    /// The guard refuses.
    #[error(transparent)]
    NotSafe(#[from] NotSafe),
}

impl StageError for OriginError {
    fn severity(&self) -> Severity {
        match self {
            Self::Chain(error) if error.is_retryable() => Severity::Retryable,
            Self::Chain(_) | Self::Derivation(_) => Severity::Chain,
            Self::NotSafe(NotSafe::Store(_)) | Self::Sent(_) => Severity::Process,
            Self::NotSafe(_) => Severity::Chain,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Derivation(error) => error.reason(),
            Self::Sent(_) => "sent_store",
            Self::NotSafe(NotSafe::Store(_)) => "guard_store",
            Self::NotSafe(_) => "guard_refuses",
        }
    }
}

/// What an origin's stage works with.
pub struct Parts {
    /// Reads the chain.
    pub reader: Arc<dyn ChainReader>,
    /// Refuses what conflicts.
    pub guard: Arc<Guard>,
    /// Signs what the guard admits.
    pub signer: Arc<dyn AttesterSigner>,
    /// What needs no signature any more.
    pub proven: Arc<Proven>,
    /// What all origins have sent.
    pub sent: Arc<Sent>,
    /// Which rules are due where.
    pub rules: Arc<Rules>,
    /// Where attestations go, one a collector.
    pub outboxes: Vec<Arc<Outbox>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How often finality is looked at.
    pub poll: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The stage of one origin.
pub struct Origin {
    parts: Parts,
    derivation: Derivation,
    /// What the guard had signed last when this process began: the derivation has to come through it.
    signed_before: Option<Signed>,
    /// Final blocks up to here have been looked at.
    final_seen: u64,
    /// The last block that changed a lane.
    lane_changed_at: u64,
    advance: Option<Advance>,
    /// Blocks that were read and not applied yet.
    blocks: VecDeque<VerifiedBlock>,
    /// The newest commitment that is not signed because rules are overdue, and its block's time.
    overdue: Option<(Commitment, u64)>,
}

/// A move of finality that is being worked off.
struct Advance {
    tip: BlockRef,
    candidates: VecDeque<Candidate>,
}

impl Origin {
    /// The stage of `derivation`'s origin, which begins where the derivation stands.
    pub fn new(parts: Parts, derivation: Derivation) -> Result<Self, OriginError> {
        let origin = derivation.deployment().origin;
        let signed_before = parts.guard.last(origin).map_err(NotSafe::from)?;
        let final_seen = derivation.next_block().saturating_sub(1);
        Ok(Self {
            parts,
            derivation,
            signed_before,
            final_seen,
            lane_changed_at: 0,
            advance: None,
            blocks: VecDeque::new(),
            overdue: None,
        })
    }

    async fn next_advance(&self) -> Result<Option<Advance>, OriginError> {
        let tip = self.parts.reader.finalized().await?;
        self.parts.metrics.finalized(self.parts.reader.chain(), tip.number);
        if tip.number < self.derivation.next_block() {
            return Ok(None);
        }
        Ok(Some(Advance { tip, candidates: candidates(self.final_seen, tip.number).into() }))
    }

    /// Derives the block; what it lacks, if its arrivals were not shown yet.
    fn derive(&mut self, block: &VerifiedBlock) -> Result<Result<BlockOutcome, Blocked>, OriginError> {
        let (chain, metrics) = (self.parts.reader.chain(), &self.parts.metrics);
        match self.parts.sent.apply(&mut self.derivation, block) {
            Ok(Applied { outcome, dropped }) => {
                metrics.unproven(chain, 0);
                metrics.kept(chain, self.parts.sent.rows_of(chain), dropped);
                Ok(Ok(outcome))
            }
            Err(ApplyError::Unproven { source, missing }) => {
                metrics.unproven(chain, missing);
                Ok(Err(self.blocked(source.reason(), source.to_string())))
            }
            Err(ApplyError::Derivation(error)) => Err(error.into()),
            Err(ApplyError::Sent(error)) => Err(error.into()),
        }
    }

    /// Derives the block and signs it if it is due.
    async fn apply(&mut self, block: &VerifiedBlock) -> Result<Result<(), Blocked>, OriginError> {
        let outcome = match self.derive(block)? {
            Ok(outcome) => outcome,
            Err(blocked) => return Ok(Err(blocked)),
        };
        if !outcome.lanes.is_empty() {
            self.lane_changed_at = block.number;
            self.parts.metrics.judged(self.parts.reader.chain(), &outcome);
        }
        let deployment = self.derivation.deployment();
        if deployment.origin == deployment.hub {
            self.parts.rules.note(&outcome);
        }
        self.look_at(block).await.map(Ok)
    }

    /// Signs the block that was applied last, if it is due.
    async fn look_at(&mut self, block: &VerifiedBlock) -> Result<(), OriginError> {
        let signed_here = self.signed_before.is_some_and(|signed| signed.height == block.number);
        let candidates = self.advance.as_mut().map(|advance| &mut advance.candidates);
        let candidate = candidates.and_then(|all| all.pop_front_if(|candidate| candidate.height() == block.number));
        if !signed_here && candidate.is_none() {
            return Ok(());
        }
        let Some(commitment) = self.derivation.commitment() else { return Ok(()) };
        if signed_here {
            self.parts.guard.observe(&commitment).await.map_err(|error| self.refused(error))?;
        }
        match candidate {
            Some(candidate) if self.is_due(candidate, &commitment) => {
                self.attest_in_time(commitment, block.timestamp).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Counts what the guard refused; a store that fails is no refusal.
    fn refused(&self, error: NotSafe) -> OriginError {
        if !matches!(error, NotSafe::Store(_)) {
            self.parts.metrics.refused(self.parts.reader.chain());
        }
        error.into()
    }

    fn is_due(&self, candidate: Candidate, commitment: &Commitment) -> bool {
        let (origin, proven) = (commitment.origin, &self.parts.proven);
        candidate.is_due(Known {
            lane_changed: self.lane_changed_at > candidate.window_start(),
            root_proven: proven.covers(origin, commitment.lanes_root),
            long_proven: proven.long_covers(origin, candidate.height(), self.parts.clock.now()),
        })
    }

    /// Attests unless rules are overdue; then the commitment is kept until they are not.
    async fn attest_in_time(
        &mut self,
        commitment: Commitment,
        time: u64,
    ) -> Result<Result<(), RulesOverdue>, OriginError> {
        let overdue = self.parts.rules.check(&commitment, time);
        self.parts.metrics.rules_overdue(commitment.origin.chain, overdue.is_err());
        if let Err(overdue) = overdue {
            if self.overdue.replace((commitment, time)).is_none() {
                tracing::warn!(origin = %commitment.origin, "nothing is signed: {overdue}");
            }
            return Ok(Err(overdue));
        }
        self.overdue = None;
        self.attest(commitment).await.map(Ok)
    }

    async fn attest(&self, commitment: Commitment) -> Result<(), OriginError> {
        let safe = match self.parts.guard.admit(&commitment).await {
            Ok(safe) => safe,
            // Signed heights are passed again after a restart; what lies below the last needs no signature.
            Err(NotSafe::Older { .. }) => return Ok(()),
            Err(error) => return Err(self.refused(error)),
        };
        let signature = FixedBytes::new(self.parts.signer.sign(safe.digest()).to_bytes());
        let attestation = Attestation { commitment, signature };
        for outbox in &self.parts.outboxes {
            if outbox.put(attestation) {
                self.parts.metrics.outbox_full(commitment.origin.chain);
            }
        }
        self.parts.metrics.signed(&commitment);
        tracing::debug!(origin = %commitment.origin, height = commitment.block_number, digest = %safe.digest(), "signed");
        Ok(())
    }

    /// All final blocks were looked at.
    async fn rest(&mut self) -> Result<Step, OriginError> {
        if let Some((commitment, time)) = self.overdue {
            return Ok(match self.attest_in_time(commitment, time).await? {
                Ok(()) => Step::Advanced,
                Err(overdue) => Step::Blocked(self.blocked("rules_overdue", overdue.to_string())),
            });
        }
        Ok(Step::Idle(self.next_poll()))
    }

    fn blocked(&self, reason: &'static str, detail: String) -> Blocked {
        Blocked { reason, detail, wake: self.next_poll() }
    }

    fn next_poll(&self) -> Wake {
        Wake::at(self.parts.clock.now().after(self.parts.poll))
    }
}

#[async_trait]
impl Stage for Origin {
    type Error = OriginError;

    async fn step(&mut self) -> Result<Step, OriginError> {
        // What was derived before could not be signed, and would not be come to again.
        if self.advance.is_none() && self.parts.guard.has_listened() {
            self.advance = self.next_advance().await?;
        }
        // Kept until it is worked off: after an error the same candidates are come to again.
        let Some(tip) = self.advance.as_ref().map(|advance| advance.tip) else { return self.rest().await };
        if self.blocks.is_empty() {
            let from = self.derivation.next_block();
            let last = tip.number.min(from.saturating_add(READ_BLOCKS_MAX - 1));
            let to = if last == tip.number { tip } else { self.parts.reader.block_at(last).await? };
            self.blocks = self.parts.reader.read(from, to).await?.into();
        }
        while let Some(block) = self.blocks.pop_front() {
            match self.apply(&block).await {
                Ok(Ok(())) => {}
                Ok(Err(blocked)) => {
                    // Read once: it waits here for what it lacks.
                    self.blocks.push_front(block);
                    return Ok(Step::Blocked(blocked));
                }
                Err(error) => {
                    self.blocks.clear();
                    return Err(error);
                }
            }
            self.parts.metrics.derived(self.parts.reader.chain(), block.number);
        }
        if self.derivation.next_block() > tip.number {
            self.final_seen = tip.number;
            self.advance = None;
        }
        Ok(Step::Advanced)
    }
}
