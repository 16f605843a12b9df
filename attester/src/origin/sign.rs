//! From what was derived to what is signed: when it is due, the rules are not overdue, and the guard admits it.

use alloy::primitives::FixedBytes;
use metalayer_proto::{
    batch::Attestation,
    commitment::Commitment,
    derivation::{RulesOverdue, VerifiedBlock},
    heights::{Candidate, Known},
    lanes::LaneState,
};

use super::{Origin, OriginError, Recent};
use crate::guard::{NotSafe, Safe};

/// How many of the newest blocks' commitments are kept, to be signed again for another epoch: what is proven last is at most a
/// heartbeat behind, and what attesters' steps differ by.
const RECENT_MAX: u64 = 1_024;

impl Origin {
    /// Keeps the commitment of the block that was applied last, if it is one of the newest.
    pub(super) fn remember(&mut self, block: &VerifiedBlock) {
        let time = block.timestamp;
        if let Some(commitment) = self.begun.take() {
            // Its own time is not known; it is no later than its child's.
            self.recent.insert(commitment.block_number, Recent { commitment, time, signed_for: None });
        }
        let is_recent =
            self.advance.as_ref().is_some_and(|advance| advance.tip.number.saturating_sub(block.number) < RECENT_MAX);
        let Some(commitment) = self.derivation.commitment().filter(|_| is_recent) else { return };
        self.recent.insert(block.number, Recent { commitment, time, signed_for: None });
        self.recent = self.recent.split_off(&(block.number + 1).saturating_sub(RECENT_MAX));
    }

    /// Signs the block that was applied last, if it is due.
    pub(super) async fn look_at(&mut self, block: &VerifiedBlock) -> Result<(), OriginError> {
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
            self.parts.metrics.refused(self.parts.reader.chain(), error.reason());
        }
        error.into()
    }

    /// Never while no epoch that holds has this attester: nobody would count it.
    fn is_due(&self, candidate: Candidate, commitment: &Commitment) -> bool {
        let (origin, proven, now) = (commitment.origin, &self.parts.proven, self.parts.clock.now());
        let known = Known {
            lane_changed: self.lane_changed_at > candidate.window_start(),
            root_proven: proven.covers(origin, commitment.lanes_root, now),
            long_proven: proven.long_covers(origin, candidate.height(), now),
        };
        candidate.is_due(known) && !proven.own_epochs(now).is_empty()
    }

    /// Attests unless rules are overdue; then the commitment is kept until they are not.
    pub(super) async fn attest_in_time(
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

    async fn attest(&mut self, commitment: Commitment) -> Result<(), OriginError> {
        match self.parts.guard.admit(&commitment, self.lanes_of(&commitment).as_deref()).await {
            Ok(safe) => self.sign(commitment, &safe),
            // Signed heights are passed again after a restart; what lies below the last needs no signature.
            Err(NotSafe::Older { .. }) => {}
            Err(error) => return Err(self.refused(error)),
        }
        Ok(())
    }

    /// Signs the newest proven commitment again for an epoch of this attester's that has no proof of the origin yet: a quiet origin
    /// would have none once the epoch before has expired.
    pub(super) async fn carry_over(&mut self) -> Result<bool, OriginError> {
        let (origin, now) = (self.derivation.deployment().origin, self.parts.clock.now());
        let Some((epoch, proven)) = self.parts.proven.to_carry_over(origin, now) else { return Ok(false) };
        // Only what this process has derived itself is signed, whoever has proven it (I6).
        let own = self.recent.get(&proven.block_number).filter(|own| own.commitment == proven);
        // What was signed while the epoch held is posted until that has a proof too.
        let Some(&Recent { commitment, time, .. }) = own.filter(|own| own.signed_for < Some(epoch)) else {
            return Ok(false);
        };
        if !self.parts.guard.has_listened() || self.parts.rules.check(&commitment, time).is_err() {
            return Ok(false);
        }
        match self.parts.guard.admit_proven(&commitment, self.lanes_of(&commitment).as_deref()).await {
            Ok(safe) => self.sign(commitment, &safe),
            // Below an operator's floor; or the derivation has not passed what was signed last, and comes there.
            Err(NotSafe::Older { .. } | NotSafe::NotContinued { .. }) => return Ok(false),
            Err(error) => return Err(self.refused(error)),
        }
        Ok(true)
    }

    fn sign(&mut self, commitment: Commitment, safe: &Safe) {
        let signature = FixedBytes::new(self.parts.signer.sign(safe.digest()).to_bytes());
        let attestation = Attestation { commitment, signature };
        for outbox in &self.parts.outboxes {
            if outbox.put(attestation) {
                self.parts.metrics.outbox_full(commitment.origin.chain);
            }
        }
        if let Some(recent) = self.recent.get_mut(&commitment.block_number) {
            recent.signed_for = self.parts.proven.own_epochs(self.parts.clock.now()).last().copied();
        }
        self.parts.metrics.signed(&commitment);
        tracing::debug!(origin = %commitment.origin, height = commitment.block_number, digest = %safe.digest(), "signed");
    }

    /// The lanes under the commitment's root; none once the derivation has left them behind.
    fn lanes_of(&self, commitment: &Commitment) -> Option<Vec<LaneState>> {
        (self.derivation.lanes_root() == commitment.lanes_root).then(|| self.derivation.lanes())
    }
}
