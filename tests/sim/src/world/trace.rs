//! What happened, in order: one hash over all of it, by which two runs of a seed are compared, and its end in words.

use std::{
    collections::VecDeque,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::{B256, keccak256};
use metalayer_node::clock::{Clock, UnixMillis};

use super::clock::SimClock;

/// How many of the last effects are kept in words.
const KEPT: usize = 400;

/// The effects of one run. Clones write to the same trace.
#[derive(Clone, Debug)]
pub struct Trace {
    clock: SimClock,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    hash: B256,
    effects: u64,
    last: VecDeque<String>,
}

impl Trace {
    /// A trace of nothing yet.
    pub fn new(clock: SimClock) -> Self {
        Self { clock, kept: Arc::default() }
    }

    /// Somebody had an effect.
    pub fn note(&self, who: &str, what: impl std::fmt::Display) {
        let UnixMillis(now) = self.clock.now();
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _ = write!(line, "{now} {who}: {what}");
        let mut kept = self.lock();
        kept.hash = keccak256([kept.hash.as_slice(), line.as_bytes()].concat());
        kept.effects += 1;
        kept.last.push_back(line);
        if kept.last.len() > KEPT {
            kept.last.pop_front();
        }
    }

    /// The hash over all effects so far.
    pub fn hash(&self) -> B256 {
        self.lock().hash
    }

    /// How many effects there were.
    pub fn effects(&self) -> u64 {
        self.lock().effects
    }

    /// The last effects in words.
    pub fn last(&self) -> Vec<String> {
        self.lock().last.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
