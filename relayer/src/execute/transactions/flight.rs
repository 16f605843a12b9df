//! One nonce on its way, and what is told of it.

use alloy::primitives::TxHash;
use metalayer_node::{
    bus::Offset,
    chain::{BlockRef, Receipt},
    clock::UnixMillis,
};

use super::pricing::Price;
use crate::execute::batch::Cargo;

/// Signed bytes: the same call under the same nonce as those before them, at a higher price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) hash: TxHash,
    /// Where the journal has them.
    pub(super) offset: Offset,
    pub(super) price: Price,
}

/// A nonce that is not finally used. Pending, then included in a block; a reorg makes it pending again.
#[derive(Debug)]
pub(super) struct Flight {
    /// Oldest first; whichever is included, the call is the same.
    pub(super) attempts: Vec<Attempt>,
    pub(super) gas: u64,
    /// What it carries; nothing if it only fills its nonce.
    pub(super) cargo: Option<Cargo>,
    /// The attempt that is in a block, and the block.
    pub(super) included: Option<(TxHash, BlockRef)>,
    /// Whether its receipt was counted.
    pub(super) is_counted: bool,
    /// When bytes of it were broadcast last; none if they are to be at once.
    pub(super) broadcast_at: Option<UnixMillis>,
    /// When the newest of them were signed, as far as is known.
    pub(super) priced_at: UnixMillis,
    /// The chain's height when the newest bytes were first found waiting.
    pub(super) waits_since: Option<u64>,
}

impl Flight {
    pub(super) fn new(gas: u64, cargo: Option<Cargo>, attempt: Attempt, now: UnixMillis) -> Self {
        Self {
            attempts: vec![attempt],
            gas,
            cargo,
            included: None,
            is_counted: false,
            broadcast_at: None,
            priced_at: now,
            waits_since: None,
        }
    }

    /// Takes dearer bytes for its newest.
    pub(super) fn replace(&mut self, attempt: Attempt, now: UnixMillis) {
        self.attempts.push(attempt);
        self.priced_at = now;
        self.waits_since = None;
    }

    /// The most that it may cost, in wei.
    pub(super) fn cost(&self) -> u128 {
        let dearest = self.attempts.iter().map(|attempt| attempt.price.max_fee).max().unwrap_or_default();
        dearest.saturating_mul(u128::from(self.gas))
    }
}

/// What has happened to a transaction.
#[derive(Debug)]
pub(in crate::execute) enum News {
    /// It is in a block. `is_first` unless a reorg had taken it out of another one.
    Included {
        /// What the block did with it.
        receipt: Receipt,
        /// Whether it is to be counted.
        is_first: bool,
    },
    /// Its block is final.
    Final,
    /// Its block is no part of the chain any more: the same bytes are under way again.
    Undone,
    /// Its nonce was used by a transaction that is not ours: what it carried is in none any more.
    Taken,
}

/// News of one transaction.
#[derive(Debug)]
pub(in crate::execute) struct Report {
    pub(in crate::execute) nonce: u64,
    pub(in crate::execute) cargo: Option<Cargo>,
    pub(in crate::execute) news: News,
}
