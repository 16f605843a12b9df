//! `metalayer.transactions.v1`: the journal of what was signed, written before it is broadcast.

use alloy::primitives::{B256, Bytes, keccak256};

use super::{EnvelopeError, field, wire};
use crate::ids::{ChainId, LaneId};

/// A signed transaction. Whoever takes over broadcasts these very bytes; a nonce gets others only by a later record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRecord {
    /// The chain it is for.
    pub chain: ChainId,
    /// The account's nonce it uses.
    pub nonce: u64,
    /// Its EIP-2718 bytes, signed; not empty.
    pub raw: Bytes,
    /// What it delivers; nothing if it does something else, which its call says, or only fills its nonce.
    pub ranges: Vec<DeliveredRange>,
}

/// Neighbouring messages of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveredRange {
    /// The lane.
    pub lane: LaneId,
    /// The first sequence.
    pub first: u64,
    /// How many sequences from there on; at least one.
    pub length: u32,
}

impl TransactionRecord {
    /// The most ranges one transaction delivers.
    pub const RANGES_MAX: usize = 256;

    /// The transaction's hash.
    pub fn hash(&self) -> B256 {
        keccak256(&self.raw)
    }
}

impl From<&TransactionRecord> for wire::TransactionRecord {
    fn from(record: &TransactionRecord) -> Self {
        Self {
            chain: record.chain.get(),
            nonce: record.nonce,
            raw: record.raw.0.clone(),
            ranges: record.ranges.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::TransactionRecord> for TransactionRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::TransactionRecord) -> Result<Self, EnvelopeError> {
        if record.raw.is_empty() {
            return Err(EnvelopeError::Missing("raw"));
        }
        if record.ranges.len() > Self::RANGES_MAX {
            return Err(EnvelopeError::field("ranges", format_args!("{} of them", record.ranges.len())));
        }
        Ok(Self {
            chain: field::chain("chain", record.chain)?,
            nonce: record.nonce,
            raw: record.raw.into(),
            ranges: record.ranges.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&DeliveredRange> for wire::DeliveredRange {
    fn from(range: &DeliveredRange) -> Self {
        Self {
            origin: Some(range.lane.origin.into()),
            destination: Some(range.lane.destination.into()),
            first: range.first,
            length: range.length,
        }
    }
}

impl TryFrom<wire::DeliveredRange> for DeliveredRange {
    type Error = EnvelopeError;

    fn try_from(range: wire::DeliveredRange) -> Result<Self, EnvelopeError> {
        if range.length == 0 || range.first.checked_add(range.length.into()).is_none() {
            return Err(EnvelopeError::field(
                "ranges.length",
                format_args!("{} from sequence {}", range.length, range.first),
            ));
        }
        Ok(Self { lane: field::lane_id(range.origin, range.destination)?, first: range.first, length: range.length })
    }
}
