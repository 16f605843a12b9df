//! Quorum proofs that were checked already: the records of one commitment all carry the same.

use std::collections::VecDeque;

use alloy::primitives::{B256, keccak256};
use metalayer_node::{
    clock::UnixMillis,
    epochs::{EpochBook, ProvenError},
};
use metalayer_proto::quorum::ProvenCommitment;

/// How many proofs are remembered.
const REMEMBERED_MAX: usize = 256;

/// Remembers what was verified, by the hash of commitment and proof bytes together.
#[derive(Default)]
pub(super) struct Verified(VecDeque<B256>);

impl Verified {
    /// That a quorum signed a record's commitment: one pairing, or none if these very bytes were checked before.
    pub(super) fn check(
        &mut self,
        proven: &ProvenCommitment,
        epochs: &EpochBook,
        now: UnixMillis,
    ) -> Result<(), ProvenError> {
        let hash = keccak256(proven.to_bytes());
        if self.0.contains(&hash) {
            return Ok(());
        }
        epochs.verify(proven, now)?;
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(hash);
        Ok(())
    }
}
