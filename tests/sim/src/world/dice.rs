//! The seed: everything that could be otherwise is drawn from it, and the same seed draws the same.

use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::keccak256;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of draws. Clones draw from the same stream.
#[derive(Clone, Debug)]
pub struct Dice(Arc<Mutex<ChaCha8Rng>>);

impl Dice {
    /// The stream of `seed` for one purpose: others draw as much as they like without changing it.
    pub fn of(seed: u64, purpose: &str) -> Self {
        let seed = keccak256([&seed.to_be_bytes(), purpose.as_bytes()].concat());
        Self(Arc::new(Mutex::new(ChaCha8Rng::from_seed(seed.0))))
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..bound) }
    }

    /// A number from `low` to `high` inclusive.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a thousand.
    pub fn permille(&self, times: u64) -> bool {
        self.below(1_000) < times
    }

    /// One of these, if there is any.
    pub fn pick<'a, T>(&self, among: &'a [T]) -> Option<&'a T> {
        among.get(usize::try_from(self.below(among.len() as u64)).unwrap_or_default())
    }
}
