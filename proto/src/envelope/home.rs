//! `metalayer.home.v1`: what came back to the gateway that messages left from.

use alloy::primitives::{Address, B256, U256};

use super::{EnvelopeError, field, wire};
use crate::ids::{GatewayId, MessageId};

/// What one final transaction brought home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeRecord {
    /// The gateway.
    pub origin: GatewayId,
    /// The transaction.
    pub transaction: B256,
    /// The number of its block.
    pub block_number: u64,
    /// The hash of its block.
    pub block_hash: B256,
    /// What it logged, in order; 1 to [`Self::EVENTS_MAX`].
    pub events: Vec<HomeEvent>,
}

/// One thing that came home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeEvent {
    /// The refusal of a message.
    Refused {
        /// Who refused it.
        destination: GatewayId,
        /// Its number in the lane.
        sequence: u64,
        /// Its id; zero: it was never proven at the destination, and governance settled it.
        id: MessageId,
    },
    /// What a message carried.
    Reclaimed {
        /// Its id.
        id: MessageId,
        /// Whether its value was given back now.
        value: bool,
        /// Whether its fee was.
        fee: bool,
    },
    /// What an executor earned.
    FeesClaimed {
        /// Where it was earned.
        destination: GatewayId,
        /// By whom.
        executor: Address,
        /// How much was paid now, in the smallest unit of $ERA.
        amount: U256,
    },
    /// The root of a lane was stored, so that a refused message can be shown to be in it.
    SnapshotTaken {
        /// Where the lane leads.
        destination: GatewayId,
        /// How many messages it had.
        count: u64,
        /// Its root then, over the ids of all that was sent.
        root: B256,
    },
}

impl HomeEvent {
    /// The word for it in metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Reclaimed { .. } => "reclaimed",
            Self::FeesClaimed { .. } => "fees_claimed",
            Self::SnapshotTaken { .. } => "snapshot_taken",
        }
    }
}

impl HomeRecord {
    /// The most events in a record.
    pub const EVENTS_MAX: usize = 1_024;
}

impl From<&HomeRecord> for wire::HomeRecord {
    fn from(record: &HomeRecord) -> Self {
        Self {
            origin: Some(record.origin.into()),
            transaction: field::hash_bytes(record.transaction),
            block_number: record.block_number,
            block_hash: field::hash_bytes(record.block_hash),
            events: record.events.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::HomeRecord> for HomeRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::HomeRecord) -> Result<Self, EnvelopeError> {
        if record.events.is_empty() || record.events.len() > Self::EVENTS_MAX {
            return Err(EnvelopeError::field("events", format_args!("{} of them", record.events.len())));
        }
        Ok(Self {
            origin: field::gateway("origin", record.origin)?,
            transaction: field::hash("transaction", &record.transaction)?,
            block_number: record.block_number,
            block_hash: field::hash("block_hash", &record.block_hash)?,
            events: record.events.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&HomeEvent> for wire::HomeEvent {
    fn from(event: &HomeEvent) -> Self {
        use wire::home_event::Event;
        let event = match *event {
            HomeEvent::Refused { destination, sequence, id } => Event::Refused(wire::Refused {
                destination: Some(destination.into()),
                sequence,
                id: field::hash_bytes(id.0),
            }),
            HomeEvent::Reclaimed { id, value, fee } => {
                Event::Reclaimed(wire::Reclaimed { id: field::hash_bytes(id.0), value, fee })
            }
            HomeEvent::FeesClaimed { destination, executor, amount } => Event::FeesClaimed(wire::FeesClaimed {
                destination: Some(destination.into()),
                executor: field::address_bytes(executor),
                amount: field::units_bytes(amount),
            }),
            HomeEvent::SnapshotTaken { destination, count, root } => Event::SnapshotTaken(wire::SnapshotTaken {
                destination: Some(destination.into()),
                count,
                root: field::hash_bytes(root),
            }),
        };
        Self { event: Some(event) }
    }
}

impl TryFrom<wire::HomeEvent> for HomeEvent {
    type Error = EnvelopeError;

    fn try_from(event: wire::HomeEvent) -> Result<Self, EnvelopeError> {
        use wire::home_event::Event;
        Ok(match event.event.ok_or(EnvelopeError::Missing("events.event"))? {
            Event::Refused(refused) => Self::Refused {
                destination: field::gateway("refused.destination", refused.destination)?,
                sequence: refused.sequence,
                id: MessageId(field::hash("refused.id", &refused.id)?),
            },
            Event::Reclaimed(reclaimed) => Self::Reclaimed {
                id: MessageId(field::hash("reclaimed.id", &reclaimed.id)?),
                value: reclaimed.value,
                fee: reclaimed.fee,
            },
            Event::FeesClaimed(claimed) => Self::FeesClaimed {
                destination: field::gateway("fees_claimed.destination", claimed.destination)?,
                executor: field::address("fees_claimed.executor", &claimed.executor)?,
                amount: field::units("fees_claimed.amount", &claimed.amount)?,
            },
            Event::SnapshotTaken(taken) => Self::SnapshotTaken {
                destination: field::gateway("snapshot_taken.destination", taken.destination)?,
                count: taken.count,
                root: field::hash("snapshot_taken.root", &taken.root)?,
            },
        })
    }
}
