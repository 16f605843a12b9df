//! 350 attesters of equal stake, and quorum proofs of most of them.

use std::sync::Arc;

use alloy::primitives::B256;
use metalayer_proto::{
    bls::{SecretKey, SignatureSum},
    quorum::{Bitmap, EpochTable, Member, QuorumProof, Stake},
};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::GasError;

const MEMBERS: u16 = 350;
const EPOCH: u64 = 1;
const STAKE: u128 = 100_000 * 10_u128.pow(18);

/// The attesters.
pub(super) struct Signers {
    pub(super) table: Arc<EpochTable>,
    /// In the order of the table.
    keys: Vec<SecretKey>,
}

impl Signers {
    pub(super) fn draw(random: &mut ChaCha8Rng) -> Result<Self, GasError> {
        let mut keys: Vec<SecretKey> = (0..MEMBERS).map(|_| SecretKey::from_seed(&random.random())).collect();
        keys.sort_by_cached_key(|key| key.public_key().x_bytes());
        let stake = Stake::new(STAKE)?;
        let members = keys.iter().map(|key| Member { key: key.public_key(), stake }).collect();
        Ok(Self { table: Arc::new(EpochTable::new(EPOCH, members)?), keys })
    }

    /// `number` members who will not sign.
    pub(super) fn absent(&self, number: u16, random: &mut ChaCha8Rng) -> Vec<u16> {
        let mut members: Vec<u16> = (0..MEMBERS).collect();
        members.shuffle(random);
        members.truncate(number.into());
        members
    }

    /// The proof that all but `absent` signed.
    pub(super) fn prove(&self, digest: B256, absent: &[u16]) -> Result<QuorumProof, GasError> {
        let mut signers = Bitmap::empty(MEMBERS);
        let mut sum = SignatureSum::default();
        for (member, key) in (0..MEMBERS).zip(&self.keys).filter(|(member, _)| !absent.contains(member)) {
            signers.insert(member);
            sum.add(&key.sign(digest).into());
        }
        Ok(QuorumProof::new(EPOCH, sum.finish()?, &signers))
    }
}
