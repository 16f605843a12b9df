//! Keys that everybody knows: runs of one seed are alike to the last byte.

use alloy::{
    primitives::{B256, keccak256},
    signers::{k256::ecdsa, local::PrivateKeySigner},
};
use metalayer_node::{
    config::MemberEntry,
    signer::{AttesterSigner, LocalSigner, SecretSeed},
};
use metalayer_proto::quorum::{EpochTable, Member, Stake, TableError};

use super::FoundingError;

/// Stakes in millions of $ERA. Each is below a third; whichever is absent, the others are a quorum.
const STAKES_MILLION: [u128; 4] = [28, 26, 24, 22];
const MILLION_ERA: u128 = 1_000_000 * 10_u128.pow(18);

/// An attester.
#[derive(Clone, Debug)]
pub struct Attester {
    /// What its two keys are made of.
    name: String,
    /// Its operator's account.
    pub operator: PrivateKeySigner,
    /// What it has at stake.
    pub stake: Stake,
}

impl Attester {
    /// Its keys.
    pub fn signer(&self) -> LocalSigner {
        let seed = |purpose| SecretSeed::known(known(&format!("{} {purpose}", self.name)).0);
        LocalSigner::from_seeds(&seed("attestations"), &seed("transport"))
    }

    fn member(&self) -> Member {
        Member { key: self.signer().public_key(), stake: self.stake }
    }
}

/// All attesters.
pub(super) fn attesters() -> Result<Vec<Attester>, FoundingError> {
    let attester = |(number, millions): (u32, u128)| {
        let name = format!("attester {number}");
        let operator = account(&name)?;
        Ok(Attester { name, operator, stake: Stake::new(millions * MILLION_ERA)? })
    };
    (1..).zip(STAKES_MILLION).map(attester).collect()
}

/// Their table.
pub(super) fn table(epoch: u64, attesters: &[Attester]) -> Result<EpochTable, TableError> {
    EpochTable::new(epoch, attesters.iter().map(Attester::member).collect())
}

/// The attesters of the next epoch: the same ones, with the stakes the other way round.
pub(super) fn next_stakes(attesters: &[Attester]) -> Vec<Attester> {
    let stakes = attesters.iter().rev().map(|one| one.stake);
    attesters.iter().zip(stakes).map(|(one, stake)| Attester { stake, ..one.clone() }).collect()
}

/// Who stands behind each key.
pub(super) fn entries(attesters: &[Attester]) -> Vec<MemberEntry> {
    let entry = |one: &Attester| MemberEntry {
        operator: one.operator.address(),
        transport_key: one.signer().transport_key(),
        member: one.member(),
    };
    attesters.iter().map(entry).collect()
}

/// The account of this name.
pub(super) fn account(name: &str) -> Result<PrivateKeySigner, ecdsa::Error> {
    PrivateKeySigner::from_bytes(&known(name))
}

fn known(name: &str) -> B256 {
    keccak256(format!("simulation: {name}"))
}
