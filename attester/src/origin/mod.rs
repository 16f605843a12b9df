//! One origin: read -> judge -> guard -> sign. One stage instance serves one chain.

mod derive;
mod error;
mod sign;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use metalayer_node::{
    chain::{BlockRef, ChainReader, READ_BLOCKS_MAX},
    clock::{Clock, UnixMillis},
    epochs::Announced,
    sent::Sent,
    signer::AttesterSigner,
    task::{Blocked, Stage, Step, Wake},
};
use metalayer_proto::{
    commitment::Commitment,
    derivation::{Derivation, VerifiedBlock},
    heights::{Candidate, candidates},
};

use crate::{
    guard::{Guard, NotSafe, Signed},
    leaves::Leaves,
    metrics::Metrics,
    outbox::Outbox,
    proven::Proven,
    rules::Rules,
};

pub use error::OriginError;

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
    /// Who shows what was not derived here.
    pub leaves: Arc<Leaves>,
    /// Which rules are due where.
    pub rules: Arc<Rules>,
    /// Where the hub's epochs go.
    pub announced: Arc<Announced>,
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
    /// What the derivation began with, until a block that follows it was read: that one shows its hash.
    begun: Option<Commitment>,
    /// The newest blocks.
    recent: BTreeMap<u64, Recent>,
    /// Since when the next block lacks leaves, or when they were last asked for.
    asked_at: Option<UnixMillis>,
}

/// A block of which another epoch may want a signature.
struct Recent {
    commitment: Commitment,
    /// The block's time.
    time: u64,
    /// The newest of this attester's epochs that held when it was signed here.
    signed_for: Option<u64>,
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
        let begun = derivation.commitment();
        // A hub that makes no block tells its epochs all the same.
        let deployment = derivation.deployment();
        if deployment.origin == deployment.hub {
            parts.announced.note(derivation.facts());
        }
        // What was signed before it is begun here may never have been posted: the first height after that is signed for it.
        let lane_changed_at = begun.map_or(0, |_| derivation.next_block());
        Ok(Self {
            parts,
            derivation,
            signed_before,
            final_seen,
            lane_changed_at,
            advance: None,
            blocks: VecDeque::new(),
            overdue: None,
            begun,
            recent: BTreeMap::new(),
            asked_at: None,
        })
    }

    async fn next_advance(&self) -> Result<Option<Advance>, OriginError> {
        let tip = self.parts.reader.finalized().await?;
        self.parts.metrics.finalized(self.parts.reader.chain(), tip.number);
        if tip.number < self.derivation.next_block() {
            return Ok(None);
        }
        self.keep().await?;
        Ok(Some(Advance { tip, candidates: candidates(self.final_seen, tip.number).into() }))
    }

    /// Derives the block and signs it if it is due.
    async fn apply(&mut self, block: &VerifiedBlock) -> Result<Result<(), Blocked>, OriginError> {
        let outcome = match self.derive(block).await? {
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
            self.parts.announced.note(self.derivation.facts());
        }
        self.remember(block);
        self.look_at(block).await.map(Ok)
    }

    /// All final blocks were looked at.
    async fn rest(&mut self) -> Result<Step, OriginError> {
        if let Some((commitment, time)) = self.overdue {
            return Ok(match self.attest_in_time(commitment, time).await? {
                Ok(()) => Step::Advanced,
                Err(overdue) => Step::Blocked(self.blocked("rules_overdue", overdue.to_string())),
            });
        }
        if self.carry_over().await? {
            return Ok(Step::Advanced);
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
