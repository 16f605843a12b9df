//! What one transaction carries.

use metalayer_proto::{
    envelope::{DeliveredRange, TraceContext},
    ids::LaneId,
    item::Item,
    lane::RangeProof,
    lanes::{LaneProof, LaneState},
    quorum::ProvenCommitment,
};

use super::actions::ActionId;

/// A lane's root and all that shows that it is attested.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub(super) proven: ProvenCommitment,
    pub(super) lane: LaneState,
    pub(super) lane_proof: LaneProof,
}

/// Which of a lane's sequences go into the next transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) length: usize,
    /// How many of them with their bodies; the others as bare leaves.
    pub(super) messages: usize,
}

/// Neighbouring items of one lane, proven under its root.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) lane: LaneId,
    pub(super) root: Proven,
    pub(super) first: u64,
    pub(super) items: Vec<Item>,
    pub(super) range_proof: RangeProof,
    /// Whether the call shows the root to the gateway, or trusts that the gateway keeps it.
    pub(super) shows_root: bool,
    /// The trace of its first message.
    pub(super) trace: Option<TraceContext>,
}

impl Batch {
    /// What the transaction is to do, without the bodies.
    pub(super) fn carried(&self) -> Carried {
        Carried {
            lane: self.lane,
            count: self.root.lane.count,
            sequences: with_bodies(self.first, &self.items),
            shows_root: self.shows_root,
        }
    }

    /// How many messages it carries.
    pub(super) fn messages(&self) -> usize {
        self.items.iter().filter(|item| !matches!(item, Item::Leaf(_))).count()
    }
}

/// What a transaction that is under way is to do: enough to tell what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cargo {
    /// Deliver messages.
    Messages(Carried),
    /// Anything else.
    Action(ActionId),
}

impl Cargo {
    /// What of it is delivered.
    pub(super) fn ranges(&self) -> Vec<DeliveredRange> {
        let Self::Messages(Carried { lane, sequences, .. }) = self else { return Vec::new() };
        let (Some(first), Some(last)) = (sequences.first(), sequences.last()) else { return Vec::new() };
        let length = u32::try_from(last - first + 1).unwrap_or(u32::MAX);
        vec![DeliveredRange { lane: *lane, first: *first, length }]
    }
}

/// Messages of one lane in a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Carried {
    pub(super) lane: LaneId,
    /// The count whose root it stands on.
    pub(super) count: u64,
    /// The sequences whose bodies it carries, ascending.
    pub(super) sequences: Vec<u64>,
    /// Whether it shows that root to the gateway.
    pub(super) shows_root: bool,
}

/// The sequences of `items` that are more than a bare leaf.
pub(super) fn with_bodies(first: u64, items: &[Item]) -> Vec<u64> {
    let with_body = |(sequence, item): (u64, &Item)| (!matches!(item, Item::Leaf(_))).then_some(sequence);
    (first..).zip(items).filter_map(with_body).collect()
}
