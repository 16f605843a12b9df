//! Adding attesters' signatures up to a quorum.

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::B256;

use super::{Bitmap, EpochTable, QuorumProof};
use crate::bls::{BlsError, HashedDigest, SignatureSum, UncheckedSignature};

/// An index past the table's last member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the table has no member {0}")]
pub struct NotAMember(pub u16);

/// The signatures over one digest by one epoch's members, summed as they come.
///
/// A batch is added first and checked by one pairing over its sum. If that fails it is halved, down to single
/// signatures. **Only a signature that failed alone is its signer's fault**: colluders can let errors cancel, so a sum
/// that holds says nothing about its terms, and one that fails blames none of them.
#[derive(Clone, Debug)]
pub struct Aggregator {
    table: Arc<EpochTable>,
    digest: HashedDigest,
    /// Whose signatures are in `sum`.
    signers: Bitmap,
    sum: SignatureSum,
}

impl Aggregator {
    /// Nothing signed yet.
    pub fn new(table: Arc<EpochTable>, digest: B256) -> Self {
        let signers = Bitmap::empty(table.len());
        Self { table, digest: HashedDigest::new(digest), signers, sum: SignatureSum::default() }
    }

    /// Adds what holds of `batch` (by place in the table) and returns the members whose own signature failed, checked
    /// alone. A batch of one is a single check, as quarantine wants it. Who has signed already is passed over.
    ///
    /// One pairing if all is well; with b bad ones among n, at most 2 b log₂ n + 1.
    pub fn add(&mut self, batch: &BTreeMap<u16, UncheckedSignature>) -> Result<Vec<u16>, NotAMember> {
        if let Some(index) = batch.keys().find(|index| **index >= self.table.len()) {
            return Err(NotAMember(*index));
        }
        let new: Vec<_> = batch
            .iter()
            .filter(|(index, _)| !self.signers.contains(**index))
            .map(|(index, signature)| (*index, *signature))
            .collect();
        let mut bad = Vec::new();
        self.add_or_bisect(&new, &mut bad);
        Ok(bad)
    }

    fn add_or_bisect(&mut self, batch: &[(u16, UncheckedSignature)], bad: &mut Vec<u16>) {
        match batch {
            [] => {}
            _ if self.add_if_sum_holds(batch) => {}
            [(index, _)] => bad.push(*index),
            _ => {
                let (left, right) = batch.split_at(batch.len() / 2);
                self.add_or_bisect(left, bad);
                self.add_or_bisect(right, bad);
            }
        }
    }

    fn add_if_sum_holds(&mut self, batch: &[(u16, UncheckedSignature)]) -> bool {
        let mut signers = Bitmap::empty(self.table.len());
        batch.iter().for_each(|(index, _)| {
            signers.insert(*index);
        });
        let sum: SignatureSum = batch.iter().map(|(_, signature)| signature).collect();
        let holds = self.check(&signers, &sum).is_ok();
        if holds {
            signers.iter().for_each(|index| {
                self.signers.insert(index);
            });
            self.sum.merge(&sum);
        }
        holds
    }

    fn check(&self, signers: &Bitmap, sum: &SignatureSum) -> Result<(), BlsError> {
        self.table.key_of(signers)?.verify_hashed(&self.digest, &sum.finish()?)
    }

    /// Whose signatures have been added.
    pub const fn signers(&self) -> &Bitmap {
        &self.signers
    }

    /// Their stake.
    pub fn stake(&self) -> u128 {
        self.table.stake_of(&self.signers)
    }

    /// The proof, once a quorum has been added; wider with everyone who is added after.
    pub fn proof(&self) -> Option<QuorumProof> {
        let signature = self.sum.finish().ok()?;
        let quorum = self.table.is_quorum(self.stake());
        quorum.then(|| QuorumProof::new(self.table.epoch(), signature, &self.signers))
    }
}
