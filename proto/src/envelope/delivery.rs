//! `metalayer.deliveries.v1`: what happened on chain.

use alloy::primitives::B256;

use super::{EnvelopeError, field, wire};
use crate::{
    ids::{LaneId, MessageId},
    item::ITEMS_MAX,
};

/// What one final transaction did with messages of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The lane.
    pub lane: LaneId,
    /// The transaction at the destination.
    pub transaction: B256,
    /// The number of its block.
    pub block_number: u64,
    /// The hash of its block.
    pub block_hash: B256,
    /// Message by message, ascending by sequence; at least one.
    pub outcomes: Vec<MessageOutcome>,
}

/// What happened to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageOutcome {
    /// Its number in the lane.
    pub sequence: u64,
    /// Its id.
    pub id: MessageId,
    /// What happened.
    pub outcome: Outcome,
}

/// What can happen to a message at its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The recipient succeeded.
    Delivered,
    /// The recipient reverted or was not called; it can be retried.
    Failed,
    /// It was judged void and will never be delivered.
    Voided,
    /// It waits for its predecessor.
    Skipped,
    /// It was given up and sent home.
    Refused,
}

impl Outcome {
    /// The word for it in metrics and look-ups.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Voided => "void",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

impl DeliveryRecord {
    /// The most outcomes in a record.
    pub const OUTCOMES_MAX: usize = ITEMS_MAX;
}

impl From<&DeliveryRecord> for wire::DeliveryRecord {
    fn from(record: &DeliveryRecord) -> Self {
        Self {
            origin: Some(record.lane.origin.into()),
            destination: Some(record.lane.destination.into()),
            transaction: field::hash_bytes(record.transaction),
            block_number: record.block_number,
            block_hash: field::hash_bytes(record.block_hash),
            outcomes: record.outcomes.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::DeliveryRecord> for DeliveryRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::DeliveryRecord) -> Result<Self, EnvelopeError> {
        if record.outcomes.is_empty() || record.outcomes.len() > Self::OUTCOMES_MAX {
            return Err(EnvelopeError::field("outcomes", format_args!("{} of them", record.outcomes.len())));
        }
        if record.outcomes.windows(2).any(|pair| pair[0].sequence >= pair[1].sequence) {
            return Err(EnvelopeError::Contradiction("the outcomes do not ascend by sequence"));
        }
        Ok(Self {
            lane: field::lane_id(record.origin, record.destination)?,
            transaction: field::hash("transaction", &record.transaction)?,
            block_number: record.block_number,
            block_hash: field::hash("block_hash", &record.block_hash)?,
            outcomes: record.outcomes.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&MessageOutcome> for wire::MessageOutcome {
    fn from(message: &MessageOutcome) -> Self {
        let outcome = match message.outcome {
            Outcome::Delivered => wire::Outcome::Delivered,
            Outcome::Failed => wire::Outcome::Failed,
            Outcome::Voided => wire::Outcome::Voided,
            Outcome::Skipped => wire::Outcome::Skipped,
            Outcome::Refused => wire::Outcome::Refused,
        };
        Self { sequence: message.sequence, id: field::hash_bytes(message.id.0), outcome: outcome.into() }
    }
}

impl TryFrom<wire::MessageOutcome> for MessageOutcome {
    type Error = EnvelopeError;

    fn try_from(message: wire::MessageOutcome) -> Result<Self, EnvelopeError> {
        let outcome = match message.outcome() {
            wire::Outcome::Unspecified => {
                return Err(EnvelopeError::field("outcomes.outcome", format_args!("unknown: {}", message.outcome)));
            }
            wire::Outcome::Delivered => Outcome::Delivered,
            wire::Outcome::Failed => Outcome::Failed,
            wire::Outcome::Voided => Outcome::Voided,
            wire::Outcome::Skipped => Outcome::Skipped,
            wire::Outcome::Refused => Outcome::Refused,
        };
        Ok(Self { sequence: message.sequence, id: MessageId(field::hash("outcomes.id", &message.id)?), outcome })
    }
}
