//! One origin: read -> judge -> guard -> sign. One stage instance serves one chain.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use alloy::primitives::FixedBytes;
use async_trait::async_trait;
use metalayer_node::{
    chain::{BlockRef, ChainError, ChainReader, READ_BLOCKS_MAX},
    clock::Clock,
    signer::AttesterSigner,
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    batch::Attestation,
    commitment::Commitment,
    derivation::{Derivation, DerivationError, VerifiedBlock},
    heights::{Candidate, Known, candidates},
};

use crate::{
    guard::{Guard, NotSafe, Signed},
    metrics::Metrics,
    outbox::Outbox,
    proven::Proven,
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
    /// The guard refuses.
    #[error(transparent)]
    NotSafe(#[from] NotSafe),
}

impl StageError for OriginError {
    fn severity(&self) -> Severity {
        match self {
            Self::Chain(error) if error.is_retryable() => Severity::Retryable,
            Self::Chain(_) | Self::Derivation(_) => Severity::Chain,
            Self::NotSafe(NotSafe::Store(_)) => Severity::Process,
            Self::NotSafe(_) => Severity::Chain,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Derivation(error) => error.reason(),
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
        Ok(Self { parts, derivation, signed_before, final_seen, lane_changed_at: 0, advance: None })
    }

    async fn next_advance(&self) -> Result<Option<Advance>, OriginError> {
        let tip = self.parts.reader.finalized().await?;
        self.parts.metrics.finalized(self.parts.reader.chain(), tip.number);
        if tip.number < self.derivation.next_block() {
            return Ok(None);
        }
        Ok(Some(Advance { tip, candidates: candidates(self.final_seen, tip.number).into() }))
    }

    async fn apply(&mut self, block: &VerifiedBlock) -> Result<(), OriginError> {
        let outcome = self.derivation.apply(block)?;
        if !outcome.lanes.is_empty() {
            self.lane_changed_at = block.number;
            self.parts.metrics.judged(self.parts.reader.chain(), &outcome);
        }
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
            Some(candidate) if self.is_due(candidate, &commitment) => self.attest(commitment).await,
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
}

#[async_trait]
impl Stage for Origin {
    type Error = OriginError;

    async fn step(&mut self) -> Result<Step, OriginError> {
        if self.advance.is_none() {
            self.advance = self.next_advance().await?;
        }
        // Kept until it is worked off: after an error the same candidates are come to again.
        let Some(tip) = self.advance.as_ref().map(|advance| advance.tip) else {
            let at = self.parts.clock.now().after(self.parts.poll);
            return Ok(Step::Idle(Wake { notice: None, at: Some(at) }));
        };
        let from = self.derivation.next_block();
        let last = tip.number.min(from.saturating_add(READ_BLOCKS_MAX - 1));
        let to = if last == tip.number { tip } else { self.parts.reader.block_at(last).await? };
        for block in self.parts.reader.read(from, to).await? {
            self.apply(&block).await?;
        }
        self.parts.metrics.derived(self.parts.reader.chain(), last);
        if last == tip.number {
            self.final_seen = last;
            self.advance = None;
        }
        Ok(Step::Advanced)
    }
}
