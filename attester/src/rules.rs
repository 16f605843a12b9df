//! Which rules are due where, as the hub's own history says: told by the hub's stage, asked by all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use metalayer_proto::{
    commitment::Commitment,
    derivation::{Arrival, BlockOutcome, RulesDue, RulesOverdue},
};

/// What the hub has sent to each chain, shared by the stages of all origins.
#[derive(Default)]
pub struct Rules(Mutex<RulesDue>);

impl Rules {
    /// Notes what a block of the hub sent.
    pub fn note(&self, hub: &BlockOutcome) {
        self.lock().note(hub);
    }

    /// Notes what the hub sent before its stage begins.
    pub fn note_waiting(&self, sent: &Arrival) {
        self.lock().note_waiting(sent);
    }

    /// Whether a commitment at a block of this time may be signed.
    pub fn check(&self, commitment: &Commitment, time: u64) -> Result<(), RulesOverdue> {
        self.lock().check(commitment, time)
    }

    fn lock(&self) -> MutexGuard<'_, RulesDue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
