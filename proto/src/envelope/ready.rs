//! `metalayer.ready.v1`: what is to become a transaction, with all that it needs.

use super::{Action, EnvelopeError, field, wire};
use crate::{
    commitment::Commitment,
    ids::LaneId,
    item::Item,
    lane::Frontier,
    lanes::{LaneProof, LaneState},
    quorum::QuorumProof,
};

/// What is to become a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadyRecord {
    /// Deliver messages of one lane.
    Deliver(Box<Deliver>),
    /// Do something else, in one call.
    Act(Box<Action>),
}

/// A lane's newest leaves under a proven commitment: everything that `accept` and `deliver` take.
///
/// One that was decoded agrees with itself: the items lead from the frontier to the lane's count and root, and the lane
/// stands under the commitment. The quorum proof alone is left to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver {
    /// What attesters signed.
    pub commitment: Commitment,
    /// That they did.
    pub proof: QuorumProof,
    /// The lane as it stands in the commitment.
    pub lane: LaneState,
    /// That it does.
    pub lane_proof: LaneProof,
    /// The lane before the first item; its count is the first sequence.
    pub before: Frontier,
    /// One item a leaf, from there to the end of the lane, so that any range of them can be proven; 1 to
    /// [`Self::ITEMS_MAX`]. What another record carries is a bare leaf here.
    pub items: Vec<Item>,
}

impl Deliver {
    /// The most leaves a record names: a backlog, of which a transaction takes a part.
    pub const ITEMS_MAX: usize = 65_536;

    /// The lane the items belong to.
    pub const fn lane_id(&self) -> LaneId {
        LaneId { origin: self.commitment.origin, destination: self.lane.destination }
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        self.lane_proof
            .verify(&self.lane, self.commitment.lanes_root)
            .map_err(|problem| EnvelopeError::field("lane_proof", problem))?;
        let mut frontier = self.before.clone();
        for item in &self.items {
            frontier.append(item.leaf()).map_err(|problem| EnvelopeError::field("items", problem))?;
        }
        if self.items.is_empty() {
            return Err(EnvelopeError::Missing("items"));
        }
        if (frontier.count(), frontier.root()) != (self.lane.count, self.lane.root) {
            return Err(EnvelopeError::Contradiction("the items do not lead to the lane's count and root"));
        }
        Ok(())
    }
}

impl From<&ReadyRecord> for wire::ReadyRecord {
    fn from(record: &ReadyRecord) -> Self {
        let action = match record {
            ReadyRecord::Deliver(deliver) => wire::ready_record::Action::Deliver(deliver.as_ref().into()),
            ReadyRecord::Act(action) => action.as_ref().into(),
        };
        Self { action: Some(action) }
    }
}

impl TryFrom<wire::ReadyRecord> for ReadyRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::ReadyRecord) -> Result<Self, EnvelopeError> {
        Ok(match record.action.ok_or(EnvelopeError::Missing("action"))? {
            wire::ready_record::Action::Deliver(deliver) => Self::Deliver(Box::new(deliver.try_into()?)),
            action => Self::Act(Box::new(action.try_into()?)),
        })
    }
}

impl From<&Deliver> for wire::Deliver {
    fn from(deliver: &Deliver) -> Self {
        Self {
            commitment: deliver.commitment.to_bytes().into(),
            proof: deliver.proof.to_bytes().into(),
            lane: Some((&deliver.lane).into()),
            lane_proof: deliver.lane_proof.siblings.concat().into(),
            before: deliver.before.to_bytes().into(),
            items: Item::encode_all(&deliver.items).into(),
        }
    }
}

impl TryFrom<wire::Deliver> for Deliver {
    type Error = EnvelopeError;

    fn try_from(deliver: wire::Deliver) -> Result<Self, EnvelopeError> {
        let commitment = field::commitment(&deliver.commitment)?;
        let lane = field::lane(deliver.lane.ok_or(EnvelopeError::Missing("lane"))?)?;
        let before = field::frontier("before", &deliver.before)?;
        let lane_id = LaneId { origin: commitment.origin, destination: lane.destination };
        let items = Item::decode_all(&deliver.items, lane_id, before.count(), Self::ITEMS_MAX)
            .map_err(|problem| EnvelopeError::field("items", problem))?;
        let deliver = Self {
            commitment,
            proof: field::proof(&deliver.proof)?,
            lane,
            lane_proof: field::lane_proof(&deliver.lane_proof)?,
            before,
            items,
        };
        deliver.check()?;
        Ok(deliver)
    }
}
