#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aggregator;
mod bitmap;
mod golden;
mod proof;
mod table;

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::B256;

use super::*;
use crate::bls::{
    SecretKey, SignatureSum, UncheckedSignature,
    tests::{digest, secret},
};

/// A table and its members' secrets, in the table's order.
pub(crate) struct Attesters {
    pub(crate) table: Arc<EpochTable>,
    pub(crate) secrets: Vec<SecretKey>,
}

impl Attesters {
    /// One member a stake, with secrets 1, 2, 3 …; the table decides on the order, and `stakes` follows it.
    pub(crate) fn new(epoch: u64, stakes: &[u128]) -> Self {
        Self::with_secrets(epoch, (1..).take(stakes.len()).map(secret).collect(), stakes)
    }

    fn with_secrets(epoch: u64, secrets: Vec<SecretKey>, stakes: &[u128]) -> Self {
        let mut keyed: Vec<_> = secrets.into_iter().map(|secret| (secret.public_key(), secret)).collect();
        keyed.sort_by_cached_key(|(key, _)| key.x_bytes());
        let stakes = stakes.iter().map(|stake| Stake::new(*stake).unwrap());
        let members = keyed.iter().zip(stakes).map(|((key, _), stake)| Member { key: *key, stake }).collect();
        let secrets = keyed.into_iter().map(|(_, secret)| secret).collect();
        Self { table: Arc::new(EpochTable::new(epoch, members).unwrap()), secrets }
    }

    pub(crate) fn sign(&self, digest: B256, signers: impl Iterator<Item = u16>) -> BTreeMap<u16, UncheckedSignature> {
        signers.into_iter().map(|index| (index, self.secrets[usize::from(index)].sign(digest).into())).collect()
    }

    /// The aggregate of these signers' good signatures, whether a quorum or not.
    pub(crate) fn proof(&self, digest: B256, signers: &[u16]) -> QuorumProof {
        let signatures = self.sign(digest, signers.iter().copied());
        let sum: SignatureSum = signatures.values().collect();
        let mut bitmap = Bitmap::empty(self.table.len());
        signers.iter().for_each(|index| assert!(bitmap.insert(*index)));
        QuorumProof::new(self.table.epoch(), sum.finish().unwrap(), &bitmap)
    }
}

fn member(secret: &SecretKey, stake: u128) -> Member {
    Member { key: secret.public_key(), stake: Stake::new(stake).unwrap() }
}
