//! What becomes a transaction beside deliveries: one call each, self-contained.
//!
//! An action that was decoded agrees with itself: every path and proof leads where it should. A quorum proof alone is left to verify.

use alloy::primitives::{Address, B256, Bytes, U256};

use super::{EnvelopeError, field, wire, wire::ready_record::Action as Wire};
use crate::{
    facts::{Fact, FactProof},
    ids::{GatewayId, LaneId},
    lane::RangeProof,
    lanes::{LaneProof, LaneState},
    message::Message,
    quorum::{EpochTable, ProvenCommitment},
};

/// One call of a gateway, or of the AttesterSet beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "records carry it boxed")]
pub enum Action {
    /// Run a failed message again.
    Retry(Message),
    /// Give a failed message up and send it home.
    Refuse(Message),
    /// Store the root of a lane as it stands at its origin.
    Snapshot(LaneId),
    /// Give a refused message's value back.
    Reclaim(Reclaim),
    /// Give a void message's value and fee back.
    ReclaimVoid(ReclaimVoid),
    /// Pay an executor what it earned.
    ClaimFees(ClaimFees),
    /// Load a chunk of an epoch's table; of the AttesterSet beside the gateway.
    LoadChunk(LoadChunk),
}

/// A refused message, and that it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaim {
    /// The message.
    pub message: Message,
    /// A count of which the origin has stored the root,
    pub count: u64,
    /// and that root, over the ids of all that was sent.
    pub root: B256,
    /// The path of the message's id under it.
    pub path: RangeProof,
}

/// A void message, and that attesters judged it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReclaimVoid {
    /// The message.
    pub message: Message,
    /// What attesters signed about its origin.
    pub proven: ProvenCommitment,
    /// The message's lane as it stands there.
    pub lane: LaneState,
    /// That it does.
    pub lane_proof: LaneProof,
    /// The path of the message's void leaf under the lane's root.
    pub path: RangeProof,
}

/// What an executor earned at one chain by delivering an origin's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimFees {
    /// Whose messages they were: this gateway pays.
    pub origin: GatewayId,
    /// What attesters signed about the chain where it was earned.
    pub proven: ProvenCommitment,
    /// Who earned it.
    pub executor: Address,
    /// All that was ever earned there, in the smallest unit of $ERA.
    pub total: U256,
    /// That it stands so in that chain's facts.
    pub fact_proof: FactProof,
}

/// A chunk of an announced epoch's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadChunk {
    /// The gateway of the chain whose AttesterSet lacks it.
    pub destination: GatewayId,
    /// The table's header, which names the chunk by its hash.
    pub header: Bytes,
    /// Which chunk.
    pub index: u16,
    /// Its entries.
    pub chunk: Bytes,
}

impl Action {
    /// All words that [`Self::as_str`] knows.
    pub const WORDS: [&str; 7] = ["retry", "refuse", "snapshot", "reclaim", "reclaim_void", "claim_fees", "load_chunk"];

    /// The word for it in metrics, logs and answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Retry(_) => Self::WORDS[0],
            Self::Refuse(_) => Self::WORDS[1],
            Self::Snapshot(_) => Self::WORDS[2],
            Self::Reclaim(_) => Self::WORDS[3],
            Self::ReclaimVoid(_) => Self::WORDS[4],
            Self::ClaimFees(_) => Self::WORDS[5],
            Self::LoadChunk(_) => Self::WORDS[6],
        }
    }

    /// The gateway that is called, or beside which.
    pub const fn gateway(&self) -> GatewayId {
        match self {
            Self::Retry(message) | Self::Refuse(message) => message.destination,
            Self::Snapshot(lane) => lane.origin,
            Self::Reclaim(Reclaim { message, .. }) | Self::ReclaimVoid(ReclaimVoid { message, .. }) => message.origin,
            Self::ClaimFees(claim) => claim.origin,
            Self::LoadChunk(load) => load.destination,
        }
    }

    /// What it takes from attesters, if anything.
    pub const fn proven(&self) -> Option<&ProvenCommitment> {
        match self {
            Self::ReclaimVoid(reclaim) => Some(&reclaim.proven),
            Self::ClaimFees(claim) => Some(&claim.proven),
            Self::Retry(_) | Self::Refuse(_) | Self::Snapshot(_) | Self::Reclaim(_) | Self::LoadChunk(_) => None,
        }
    }
}

impl Reclaim {
    fn check(&self) -> Result<(), EnvelopeError> {
        let leaf = [self.message.id().leaf()];
        let shown = self.path.verify(self.message.sequence, &leaf, self.count, self.root);
        shown.map_err(|problem| EnvelopeError::field("path", problem))
    }
}

impl ReclaimVoid {
    fn check(&self) -> Result<(), EnvelopeError> {
        let Self { message, proven, lane, lane_proof, path } = self;
        if (message.origin, message.destination) != (proven.commitment.origin, lane.destination) {
            return Err(EnvelopeError::Contradiction("the message is of another lane"));
        }
        lane_proof
            .verify(lane, proven.commitment.lanes_root)
            .map_err(|problem| EnvelopeError::field("lane_proof", problem))?;
        path.verify(message.sequence, &[message.id().void_leaf()], lane.count, lane.root)
            .map_err(|problem| EnvelopeError::field("path", problem))
    }
}

impl ClaimFees {
    fn check(&self) -> Result<(), EnvelopeError> {
        let fact = Fact::Fees { origin: self.origin, executor: self.executor, total: self.total };
        let shown = self.fact_proof.verify(&fact, self.proven.commitment.facts_root);
        shown.map_err(|problem| EnvelopeError::field("fact_proof", problem))
    }
}

impl LoadChunk {
    fn check(&self) -> Result<(), EnvelopeError> {
        let named = EpochTable::check_chunk(&self.header, self.index.into(), &self.chunk);
        named.map_err(|problem| EnvelopeError::field("chunk", problem))
    }
}

impl From<&Action> for Wire {
    fn from(action: &Action) -> Self {
        match action {
            Action::Retry(message) => Self::Retry(wire::Retry { message: field::message_bytes(message) }),
            Action::Refuse(message) => Self::Refuse(wire::Refuse { message: field::message_bytes(message) }),
            Action::Snapshot(LaneId { origin, destination }) => Self::Snapshot(wire::Snapshot {
                origin: Some((*origin).into()),
                destination: Some((*destination).into()),
            }),
            Action::Reclaim(reclaim) => Self::Reclaim(reclaim.into()),
            Action::ReclaimVoid(reclaim) => Self::ReclaimVoid(reclaim.into()),
            Action::ClaimFees(claim) => Self::ClaimFees(claim.into()),
            Action::LoadChunk(load) => Self::LoadChunk(load.into()),
        }
    }
}

impl TryFrom<Wire> for Action {
    type Error = EnvelopeError;

    fn try_from(action: Wire) -> Result<Self, EnvelopeError> {
        Ok(match action {
            Wire::Deliver(_) => return Err(EnvelopeError::Missing("action")),
            Wire::Retry(retry) => Self::Retry(field::message(&retry.message)?),
            Wire::Refuse(refuse) => Self::Refuse(field::message(&refuse.message)?),
            Wire::Snapshot(snapshot) => Self::Snapshot(field::lane_id(snapshot.origin, snapshot.destination)?),
            Wire::Reclaim(reclaim) => Self::Reclaim(reclaim.try_into()?),
            Wire::ReclaimVoid(reclaim) => Self::ReclaimVoid(reclaim.try_into()?),
            Wire::ClaimFees(claim) => Self::ClaimFees(claim.try_into()?),
            Wire::LoadChunk(load) => Self::LoadChunk(load.try_into()?),
        })
    }
}

impl From<&Reclaim> for wire::Reclaim {
    fn from(reclaim: &Reclaim) -> Self {
        Self {
            message: field::message_bytes(&reclaim.message),
            count: reclaim.count,
            root: field::hash_bytes(reclaim.root),
            path: reclaim.path.to_bytes().into(),
        }
    }
}

impl TryFrom<wire::Reclaim> for Reclaim {
    type Error = EnvelopeError;

    fn try_from(reclaim: wire::Reclaim) -> Result<Self, EnvelopeError> {
        let reclaim = Self {
            message: field::message(&reclaim.message)?,
            count: reclaim.count,
            root: field::hash("root", &reclaim.root)?,
            path: field::path(&reclaim.path)?,
        };
        reclaim.check()?;
        Ok(reclaim)
    }
}

impl From<&ReclaimVoid> for wire::ReclaimVoid {
    fn from(reclaim: &ReclaimVoid) -> Self {
        Self {
            message: field::message_bytes(&reclaim.message),
            commitment: reclaim.proven.commitment.to_bytes().into(),
            proof: reclaim.proven.proof.to_bytes().into(),
            lane: Some((&reclaim.lane).into()),
            lane_proof: reclaim.lane_proof.siblings.concat().into(),
            path: reclaim.path.to_bytes().into(),
        }
    }
}

impl TryFrom<wire::ReclaimVoid> for ReclaimVoid {
    type Error = EnvelopeError;

    fn try_from(reclaim: wire::ReclaimVoid) -> Result<Self, EnvelopeError> {
        let reclaim = Self {
            message: field::message(&reclaim.message)?,
            proven: field::proven(&reclaim.commitment, &reclaim.proof)?,
            lane: field::lane(reclaim.lane.ok_or(EnvelopeError::Missing("lane"))?)?,
            lane_proof: field::lane_proof(&reclaim.lane_proof)?,
            path: field::path(&reclaim.path)?,
        };
        reclaim.check()?;
        Ok(reclaim)
    }
}

impl From<&ClaimFees> for wire::ClaimFees {
    fn from(claim: &ClaimFees) -> Self {
        Self {
            origin: Some(claim.origin.into()),
            commitment: claim.proven.commitment.to_bytes().into(),
            proof: claim.proven.proof.to_bytes().into(),
            executor: field::address_bytes(claim.executor),
            total: field::units_bytes(claim.total),
            fact_proof: claim.fact_proof.siblings.concat().into(),
        }
    }
}

impl TryFrom<wire::ClaimFees> for ClaimFees {
    type Error = EnvelopeError;

    fn try_from(claim: wire::ClaimFees) -> Result<Self, EnvelopeError> {
        let siblings = field::hashes("fact_proof", &claim.fact_proof, FactProof::SIBLINGS_MAX)?;
        let claim = Self {
            origin: field::gateway("origin", claim.origin)?,
            proven: field::proven(&claim.commitment, &claim.proof)?,
            executor: field::address("executor", &claim.executor)?,
            total: field::units("total", &claim.total)?,
            fact_proof: FactProof { siblings },
        };
        claim.check()?;
        Ok(claim)
    }
}

impl From<&LoadChunk> for wire::LoadChunk {
    fn from(load: &LoadChunk) -> Self {
        Self {
            destination: Some(load.destination.into()),
            header: load.header.0.clone(),
            index: load.index.into(),
            chunk: load.chunk.0.clone(),
        }
    }
}

impl TryFrom<wire::LoadChunk> for LoadChunk {
    type Error = EnvelopeError;

    fn try_from(load: wire::LoadChunk) -> Result<Self, EnvelopeError> {
        let load = Self {
            destination: field::gateway("destination", load.destination)?,
            header: load.header.into(),
            index: u16::try_from(load.index).map_err(|problem| EnvelopeError::field("index", problem))?,
            chunk: load.chunk.into(),
        };
        load.check()?;
        Ok(load)
    }
}
