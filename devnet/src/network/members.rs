//! The attesters of a run: their keys, drawn anew each time, and unequal stakes.

use alloy::signers::local::PrivateKeySigner;
use metalayer_node::{
    config::MemberEntry,
    signer::{AttesterSigner, LocalSigner, SecretSeed},
};
use metalayer_proto::quorum::{EpochTable, Member, Stake, TableError};

/// Stakes in millions of $ERA. Each is below a third; whichever is absent, the others are a quorum.
const STAKES_MILLION: [u128; 7] = [19, 17, 16, 14, 13, 11, 10];
const MILLION_ERA: u128 = 1_000_000 * 10_u128.pow(18);

/// An attester of the run.
#[derive(Debug)]
pub struct Attester {
    /// Its keys.
    pub signer: LocalSigner,
    /// Its operator's account.
    pub operator: PrivateKeySigner,
    /// What it has at stake.
    pub stake: Stake,
}

/// Seven attesters.
pub(super) fn draw() -> Vec<Attester> {
    let attester = |millions: u128| {
        let signer = LocalSigner::from_seeds(&SecretSeed::random(), &SecretSeed::random());
        let operator = PrivateKeySigner::random();
        Some(Attester { signer, operator, stake: Stake::new(millions * MILLION_ERA).ok()? })
    };
    STAKES_MILLION.into_iter().filter_map(attester).collect()
}

/// Their table.
pub(super) fn table(epoch: u64, attesters: &[Attester]) -> Result<EpochTable, TableError> {
    EpochTable::new(epoch, attesters.iter().map(|attester| attester.member(attester.stake)).collect())
}

/// Who stands behind each key, in the order of the table.
pub(super) fn entries(table: &EpochTable, attesters: &[Attester]) -> Vec<MemberEntry> {
    let entry = |member: &Member| {
        let attester = attesters.iter().find(|attester| attester.member(attester.stake) == *member)?;
        let transport_key = attester.signer.transport_key();
        Some(MemberEntry { operator: attester.operator.address(), transport_key, member: *member })
    };
    table.members().iter().filter_map(entry).collect()
}

/// The stakes of the next epoch: the same ones, the other way round.
pub(super) fn next_stakes(attesters: &[Attester]) -> Vec<(&Attester, Stake)> {
    attesters.iter().zip(attesters.iter().rev().map(|attester| attester.stake)).collect()
}

impl Attester {
    pub(super) fn member(&self, stake: Stake) -> Member {
        Member { key: self.signer.public_key(), stake }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn seven_unequal_attesters_of_whom_each_stands_in_the_table() {
        let attesters = draw();
        let table = table(1, &attesters).unwrap();
        assert_eq!(table.len(), 7);
        let entries = entries(&table, &attesters);
        assert!(entries.iter().map(|entry| entry.member).eq(table.members().iter().copied()));
        let mut stakes: Vec<_> = entries.iter().map(|entry| entry.member.stake).collect();
        stakes.sort_unstable();
        stakes.dedup();
        assert_eq!(stakes.len(), 7);
    }
}
