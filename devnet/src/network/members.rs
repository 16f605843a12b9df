//! The attesters of a run: their keys, drawn anew each time, and unequal stakes.

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use metalayer_node::{
    config::MemberEntry,
    signer::{AttesterSigner, LocalSigner, SecretSeed},
};
use metalayer_proto::quorum::{EpochTable, Member, Stake, TableError};

/// Stakes in millions of $ERA. Each is below a third; no two of them are a quorum, any three are but the smallest three.
const STAKES_MILLION: [u128; 4] = [31, 27, 23, 19];
const MILLION_ERA: u128 = 1_000_000 * 10_u128.pow(18);

/// An attester of the run.
#[derive(Debug)]
pub struct Attester {
    /// Its keys.
    pub signer: LocalSigner,
    /// Its operator's account.
    pub operator: Address,
    /// What it has at stake.
    pub stake: Stake,
}

/// Four attesters.
pub(super) fn draw() -> Vec<Attester> {
    let attester = |millions: u128| {
        let signer = LocalSigner::from_seeds(&SecretSeed::random(), &SecretSeed::random());
        let operator = PrivateKeySigner::random().address();
        Some(Attester { signer, operator, stake: Stake::new(millions * MILLION_ERA).ok()? })
    };
    STAKES_MILLION.into_iter().filter_map(attester).collect()
}

/// Their table.
pub(super) fn table(epoch: u64, attesters: &[Attester]) -> Result<EpochTable, TableError> {
    EpochTable::new(epoch, attesters.iter().map(Attester::member).collect())
}

/// Who stands behind each key, in the order of the table.
pub(super) fn entries(table: &EpochTable, attesters: &[Attester]) -> Vec<MemberEntry> {
    let entry = |member: &Member| {
        let attester = attesters.iter().find(|attester| attester.member() == *member)?;
        let transport_key = attester.signer.transport_key();
        Some(MemberEntry { operator: attester.operator, transport_key, member: *member })
    };
    table.members().iter().filter_map(entry).collect()
}

impl Attester {
    fn member(&self) -> Member {
        Member { key: self.signer.public_key(), stake: self.stake }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn four_unequal_attesters_of_whom_each_stands_in_the_table() {
        let attesters = draw();
        let table = table(1, &attesters).unwrap();
        assert_eq!(table.len(), 4);
        let entries = entries(&table, &attesters);
        assert!(entries.iter().map(|entry| entry.member).eq(table.members().iter().copied()));
        let mut stakes: Vec<_> = entries.iter().map(|entry| entry.member.stake).collect();
        stakes.sort_unstable();
        stakes.dedup();
        assert_eq!(stakes.len(), 4);
    }
}
