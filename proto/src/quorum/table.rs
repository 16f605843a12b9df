//! The attester set of one epoch.

use std::collections::HashMap;

use alloy::primitives::{B256, keccak256};

use super::{Bitmap, InvalidStake, Stake};
use crate::{
    bls::{AggregateKey, AttesterId, BlsError, KeySum, PublicKey},
    ids::{VERSION, tag},
};

/// The length of an entry: key and stake.
const ENTRY_LEN: usize = PublicKey::LEN + Stake::LEN;
/// The length of a header without its chunk hashes: tag, version, epoch, members, total stake.
const HEADER_LEN: usize = 32 + 1 + 8 + 2 + 16;

/// One entry of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The key it signs with.
    pub key: PublicKey,
    /// The weight of its signature.
    pub stake: Stake,
}

/// Why members, or bytes, are no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Fewer than 4 or more than 1,200 members.
    #[error("{0} members; a table has {min} to {max}", min = EpochTable::MIN_MEMBERS, max = EpochTable::MAX_MEMBERS)]
    Members(usize),
    /// A key's x is not above its predecessor's: out of order, twice, or a key and its negative.
    #[error("member {0} does not stand above its predecessor by its key's x")]
    Order(usize),
    /// A member holds a third of the total or more.
    #[error("member {0} holds a third of the stake or more")]
    TooLarge(usize),
    /// An entry's key is refused.
    #[error("member {index}'s key: {source}")]
    Key {
        /// The entry's place in the table.
        index: usize,
        /// Why.
        source: BlsError,
    },
    /// An entry's stake is zero.
    #[error("member {index}'s stake: {source}")]
    Stake {
        /// The entry's place in the table.
        index: usize,
        /// Why.
        source: InvalidStake,
    },
    /// The header is not what the hash was taken of.
    #[error("the header does not have the table's hash")]
    Hash,
    /// The header's length, tag or version is wrong, or it names another number of chunks than its members need.
    #[error("the header is not well-formed")]
    Header,
    /// The number of chunks is not the header's.
    #[error("{got} chunks where the header names {expected}")]
    Chunks {
        /// As in the header.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// A chunk's length or hash is not the header's.
    #[error("chunk {0} is not the header's")]
    Chunk(usize),
    /// The stakes do not add up to the header's total.
    #[error("the stakes add up to {got}, the header says {expected}")]
    Total {
        /// As in the header.
        expected: u128,
        /// The sum of the entries.
        got: u128,
    },
}

/// The attester set of one epoch: keys and stakes, ascending by the keys' x.
///
/// What it guarantees: 4 to 1,200 members, no key twice and none beside its negative, every member below a third of
/// the total. That every key's possession was proven is the registry's guarantee to the hash's author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EpochTable {
    epoch: u64,
    members: Vec<Member>,
    positions: HashMap<AttesterId, u16>,
    total: u128,
    key_sum: KeySum,
}

impl EpochTable {
    /// The fewest members: below four, one of them holds a third.
    pub const MIN_MEMBERS: usize = 4;
    /// The most members.
    pub const MAX_MEMBERS: usize = 1_200;
    /// Entries in every chunk but the last.
    pub const CHUNK_MEMBERS: usize = 120;

    /// The table of `members`, in whatever order they come.
    pub fn new(epoch: u64, mut members: Vec<Member>) -> Result<Self, TableError> {
        members.sort_by_cached_key(|member| member.key.x_bytes());
        Self::from_sorted(epoch, members)
    }

    fn from_sorted(epoch: u64, members: Vec<Member>) -> Result<Self, TableError> {
        if !(Self::MIN_MEMBERS..=Self::MAX_MEMBERS).contains(&members.len()) {
            return Err(TableError::Members(members.len()));
        }
        if let Some(index) = members.windows(2).position(|pair| pair[0].key.x_bytes() >= pair[1].key.x_bytes()) {
            return Err(TableError::Order(index + 1));
        }
        let total = members.iter().map(|member| member.stake.get()).sum();
        if let Some(index) = members.iter().position(|member| 3 * member.stake.get() >= total) {
            return Err(TableError::TooLarge(index));
        }
        let key_sum = members.iter().map(|member| &member.key).collect();
        let positions = members.iter().map(|member| member.key.attester_id()).zip(0..).collect();
        Ok(Self { epoch, members, positions, total, key_sum })
    }

    /// The table in `header` and `chunks`, from whomever they come, if `hash` is its hash.
    pub fn decode(hash: B256, header: &[u8], chunks: &[impl AsRef<[u8]>]) -> Result<Self, TableError> {
        if keccak256(header) != hash {
            return Err(TableError::Hash);
        }
        let header = Header::decode(header)?;
        if chunks.len() != header.chunk_hashes.len() {
            return Err(TableError::Chunks { expected: header.chunk_hashes.len(), got: chunks.len() });
        }

        let mut members = Vec::with_capacity(header.members);
        for (index, chunk) in chunks.iter().map(AsRef::as_ref).enumerate() {
            header.check_chunk(index, chunk)?;
            for entry in chunk.chunks_exact(ENTRY_LEN) {
                members.push(decode_entry(members.len(), entry)?);
            }
        }

        let table = Self::from_sorted(header.epoch, members)?;
        if table.total != header.total {
            return Err(TableError::Total { expected: header.total, got: table.total });
        }
        Ok(table)
    }

    /// That `chunk` is the one that `header` names at `index`; that the header is the right one, only its hash says.
    pub fn check_chunk(header: &[u8], index: usize, chunk: &[u8]) -> Result<(), TableError> {
        Header::decode(header)?.check_chunk(index, chunk)
    }

    /// `tag("table") ‖ u8 1 ‖ u64 epoch ‖ u16 members ‖ u128 total stake ‖ H(chunk 0) ‖ H(chunk 1) ‖ …`
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = tag("table").to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.len().to_be_bytes());
        bytes.extend_from_slice(&self.total.to_be_bytes());
        for chunk in self.chunks() {
            bytes.extend_from_slice(keccak256(chunk).as_slice());
        }
        bytes
    }

    /// The entries, at most 120 a chunk, every chunk but the last full.
    pub fn chunks(&self) -> impl Iterator<Item = Vec<u8>> {
        self.members.chunks(Self::CHUNK_MEMBERS).map(|members| {
            let entry = |member: &Member| [&member.key.to_bytes()[..], &member.stake.to_be_bytes()].concat();
            members.iter().flat_map(entry).collect()
        })
    }

    /// `H(header)`: names the table in a hand-over and on chain.
    pub fn hash(&self) -> B256 {
        keccak256(self.header())
    }

    /// The epoch whose signers these are.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The members in the order of the table; a bitmap's bit i is the i-th.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How many members there are.
    #[allow(clippy::len_without_is_empty, reason = "a table is never empty")]
    #[allow(clippy::cast_possible_truncation, reason = "at most 1,200")]
    pub fn len(&self) -> u16 {
        self.members.len() as u16
    }

    /// The stake of all members.
    pub const fn total(&self) -> u128 {
        self.total
    }

    /// The place of `attester`, if it is a member.
    pub fn position(&self, attester: AttesterId) -> Option<u16> {
        self.positions.get(&attester).copied()
    }

    /// The stake of `signers`.
    pub fn stake_of(&self, signers: &Bitmap) -> u128 {
        self.signing(signers).map(|member| member.stake.get()).sum()
    }

    /// Whether `stake` is a quorum: strictly more than two thirds of the total.
    pub const fn is_quorum(&self, stake: u128) -> bool {
        3 * stake > 2 * self.total
    }

    /// The sum of the signers' keys, from the absentees' if they are fewer. Infinity is an error: with nobody
    /// signing, or with keys that cancel, everything would verify.
    pub fn key_of(&self, signers: &Bitmap) -> Result<AggregateKey, BlsError> {
        if 2 * signers.len() <= self.members.len() {
            return self.signing(signers).map(|member| &member.key).collect::<KeySum>().finish();
        }
        let mut sum = self.key_sum;
        for (index, member) in (0..).zip(&self.members) {
            if !signers.contains(index) {
                sum.subtract(&member.key);
            }
        }
        sum.finish()
    }

    fn signing(&self, signers: &Bitmap) -> impl Iterator<Item = &Member> {
        (0..).zip(&self.members).filter(|(index, _)| signers.contains(*index)).map(|(_, member)| member)
    }
}

/// A header's fields, its length checked against its own number of members.
struct Header {
    epoch: u64,
    members: usize,
    total: u128,
    chunk_hashes: Vec<B256>,
}

impl Header {
    fn decode(bytes: &[u8]) -> Result<Self, TableError> {
        let (fixed, hashes) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(TableError::Header)?;
        if fixed[..32] != tag("table") || fixed[32] != VERSION {
            return Err(TableError::Header);
        }
        let members = usize::from(u16::from_be_bytes(array(&fixed[41..43])));
        if !(EpochTable::MIN_MEMBERS..=EpochTable::MAX_MEMBERS).contains(&members) {
            return Err(TableError::Members(members));
        }
        if hashes.len() != 32 * members.div_ceil(EpochTable::CHUNK_MEMBERS) {
            return Err(TableError::Header);
        }
        Ok(Self {
            epoch: u64::from_be_bytes(array(&fixed[33..41])),
            members,
            total: u128::from_be_bytes(array(&fixed[43..59])),
            chunk_hashes: hashes.chunks_exact(32).map(B256::from_slice).collect(),
        })
    }

    fn check_chunk(&self, index: usize, chunk: &[u8]) -> Result<(), TableError> {
        let hash = self.chunk_hashes.get(index).ok_or(TableError::Chunk(index))?;
        // A hash for each chunk that the members need, so that some are left for this one.
        let entries = EpochTable::CHUNK_MEMBERS.min(self.members - index * EpochTable::CHUNK_MEMBERS);
        let is_named = chunk.len() == entries * ENTRY_LEN && keccak256(chunk) == *hash;
        is_named.then_some(()).ok_or(TableError::Chunk(index))
    }
}

fn decode_entry(index: usize, entry: &[u8]) -> Result<Member, TableError> {
    let (key, stake) = entry.split_at(PublicKey::LEN);
    Ok(Member {
        key: PublicKey::from_bytes(key).map_err(|source| TableError::Key { index, source })?,
        stake: Stake::from_be_bytes(array(stake)).map_err(|source| TableError::Stake { index, source })?,
    })
}

/// `bytes` as an array; its callers pass slices of exactly that length.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
