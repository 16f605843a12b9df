//! From a final block to what it brought: with the leaves that other chains' derivations, or collectors, show.

use std::time::Duration;

use metalayer_node::{
    sent::{Applied, ApplyError, SentError},
    task::Blocked,
};
use metalayer_proto::derivation::{BlockOutcome, LeafId, VerifiedBlock};

use super::{Origin, OriginError};
use crate::guard::NotSafe;

/// How long a leaf is waited for that its chain's own derivation is yet to come to, before collectors are asked; and how long until they are
/// asked again.
const ASK_AFTER: Duration = Duration::from_secs(10);

impl Origin {
    /// Keeps the derivation now and then, where a block is known to follow: at that one a restart signs again what may never have been posted.
    pub(super) async fn keep(&self) -> Result<(), OriginError> {
        let (origin, height) = (self.derivation.deployment().origin, self.derivation.next_block().saturating_sub(1));
        let is_followed = self.parts.guard.is_followed(origin, height).await.map_err(NotSafe::from)?;
        if is_followed && self.overdue.is_none() {
            self.parts.sent.keep_when_due(&self.derivation).map_err(SentError::from)?;
        }
        Ok(())
    }

    /// Derives the block; what it lacks, if its arrivals were not shown yet.
    pub(super) async fn derive(&mut self, block: &VerifiedBlock) -> Result<Result<BlockOutcome, Blocked>, OriginError> {
        let (chain, metrics) = (self.parts.reader.chain(), self.parts.metrics.clone());
        loop {
            match self.parts.sent.apply(&mut self.derivation, block) {
                Ok(Applied { outcome, dropped }) => {
                    self.asked_at = None;
                    metrics.unproven(chain, 0);
                    metrics.kept(chain, self.parts.sent.rows_of(chain), dropped);
                    return Ok(Ok(outcome));
                }
                Err(ApplyError::Unproven { source, missing }) => {
                    metrics.unproven(chain, missing.len());
                    if !self.ask_for(&missing).await? {
                        return Ok(Err(self.blocked(source.reason(), source.to_string())));
                    }
                }
                Err(ApplyError::Derivation(error)) => return Err(error.into()),
                Err(ApplyError::Sent(error)) => return Err(error.into()),
            }
        }
    }

    /// Asks collectors for leaves: at once for what no derivation here will come to, else only after a while. Whether any was shown.
    async fn ask_for(&mut self, missing: &[LeafId]) -> Result<bool, OriginError> {
        let now = self.parts.clock.now();
        let is_due = match self.asked_at {
            None => missing.iter().any(|leaf| self.parts.sent.is_for_others(leaf)),
            Some(at) => at.after(ASK_AFTER) <= now,
        };
        if !is_due {
            self.asked_at.get_or_insert(now);
            return Ok(false);
        }
        let found = self.parts.leaves.find(missing).await;
        self.parts.sent.take(&found).map_err(SentError::from)?;
        // What was found may name more; what was not is asked for again later.
        self.asked_at = if found.is_empty() { Some(now) } else { None };
        Ok(!found.is_empty())
    }
}
