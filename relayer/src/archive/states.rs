//! The states that an origin came through, until it is known which of them are proven.
//!
//! A state is what a commitment's roots are of: quiet blocks share it, and a derivation shares most of it with the one before.

use std::collections::VecDeque;

use alloy::primitives::B256;
use metalayer_proto::{
    commitment::Commitment,
    derivation::{BlockOutcome, Derivation},
};

/// The most states of an origin that wait for a proof. Of more the older ones are dropped: a later proof has its own.
const STATES_MAX: usize = 256;

/// Newest last.
#[derive(Default)]
pub(super) struct States(VecDeque<State>);

struct State {
    roots: (u32, B256, B256),
    derivation: Derivation,
}

fn roots(commitment: &Commitment) -> (u32, B256, B256) {
    (commitment.version, commitment.lanes_root, commitment.facts_root)
}

impl States {
    /// Adds the state behind a block, if the block changed it; how many had to be dropped.
    pub(super) fn add(&mut self, derivation: &Derivation, outcome: &BlockOutcome) -> u64 {
        let facts_root = derivation.facts().root();
        let is_same = self.0.back().is_some_and(|last| outcome.lanes.is_empty() && last.roots.2 == facts_root);
        let Some(commitment) = derivation.commitment().filter(|_| !is_same) else { return 0 };
        self.0.push_back(State { roots: roots(&commitment), derivation: derivation.clone() });
        let dropped = self.0.len().saturating_sub(STATES_MAX);
        self.0.drain(..dropped);
        dropped as u64
    }

    /// The state that was committed to, if it is here. Older ones are forgotten: whatever is proven next is newer.
    pub(super) fn take(&mut self, commitment: &Commitment) -> Option<Derivation> {
        let place = self.0.iter().rposition(|state| state.roots == roots(commitment))?;
        self.0.drain(..place);
        // It may be proven again at a later height.
        self.0.front().map(|state| state.derivation.clone())
    }
}
