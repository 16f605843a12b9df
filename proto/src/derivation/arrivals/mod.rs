//! What was shown of the lanes: leaves that a derivation may take a delivery's word for (docs/protocol.md §11).
//!
//! The types carry the rule. An [`Arrival`] comes from a [`TrustedRoot`] alone, and that from the reader's own derivation or from
//! a quorum; who sends the message and its path does not matter.

mod effect;
mod root;

use std::collections::BTreeMap;

pub use effect::{Effect, StoredError};
pub use root::{RootError, ShowError, Shown, TrustedRoot};

use super::LeafId;
use crate::ids::{LaneId, MessageId};

/// A leaf that was shown, and what its message does where it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    leaf: LeafId,
    id: MessageId,
    content: Content,
}

/// What the leaf says of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// It is to be delivered.
    Valid {
        /// What delivering it earns.
        fee: u128,
        effect: Effect,
    },
    /// It must never be.
    Void,
}

impl Arrival {
    /// The leaf that comes home with it, if it is a refusal of a message that was proven where it was refused.
    pub fn home_leaf(&self) -> Option<LeafId> {
        match self.valid()? {
            (_, Effect::Refusal(refusal)) if !refusal.is_unproven() => {
                let LaneId { origin, destination } = self.leaf.lane;
                Some(LeafId { lane: LaneId { origin: destination, destination: origin }, sequence: refusal.sequence })
            }
            _ => None,
        }
    }

    /// Where it stands.
    pub const fn leaf(&self) -> LeafId {
        self.leaf
    }

    /// The message.
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// The fee and the effect of a message that was judged valid.
    pub const fn valid(&self) -> Option<(u128, &Effect)> {
        match &self.content {
            Content::Valid { fee, effect } => Some((*fee, effect)),
            Content::Void => None,
        }
    }
}

/// The arrivals that a block is applied with, or all that wait. Bounded.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    shown: BTreeMap<LeafId, Arrival>,
}

/// There is no room for another leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more than {} leaves are kept", Arrivals::MAX)]
pub struct ArrivalsFull;

impl Arrivals {
    /// The most leaves that are kept.
    pub const MAX: usize = 1 << 20;

    /// Keeps `arrival`. What is there already stays: two that were shown of one leaf are the same.
    pub fn keep(&mut self, arrival: Arrival) -> Result<(), ArrivalsFull> {
        if self.shown.len() >= Self::MAX && !self.shown.contains_key(&arrival.leaf) {
            return Err(ArrivalsFull);
        }
        self.shown.entry(arrival.leaf).or_insert(arrival);
        Ok(())
    }

    /// The leaf, if it was shown.
    pub fn get(&self, leaf: LeafId) -> Option<&Arrival> {
        self.shown.get(&leaf)
    }

    /// Forgets a leaf.
    pub fn forget(&mut self, leaf: LeafId) {
        self.shown.remove(&leaf);
    }

    /// How many leaves there are.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}
