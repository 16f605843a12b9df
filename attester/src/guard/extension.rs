//! A start elsewhere: that a proven commitment, at which a derivation begins, extends what was signed.

use std::collections::BTreeMap;

use metalayer_node::store::StoreError;
use metalayer_proto::{
    commitment::Commitment,
    ids::GatewayId,
    lane::{ConsistencyError, ConsistencyProof},
    lanes::LaneState,
};

use super::{Guard, NotSafe};

/// A commitment with its lanes, and that each lane which was signed grew to what it is there. From anyone: the roots decide.
#[derive(Debug)]
pub struct Extension<'a> {
    /// What is proven.
    pub commitment: &'a Commitment,
    /// The lanes under its root, as a restored derivation has them.
    pub lanes: &'a [LaneState],
    /// By destination: from the count that was signed to the one there.
    pub growth: &'a BTreeMap<GatewayId, ConsistencyProof>,
}

/// Why a derivation must not begin there.
#[derive(Debug, thiserror::Error)]
pub enum NotExtended {
    /// Another digest was signed at its height.
    #[error(transparent)]
    NotSafe(#[from] NotSafe),
    /// It is above what was signed last, whose lanes are not on record: a floor, or a record of an earlier version.
    #[error("it is above height {0}, which was signed last and whose lanes are not on record")]
    LanesUnknown(u64),
    /// A lane that was signed is shorter there, or not there.
    #[error("the lane to {destination} was signed with {signed} messages and has fewer there")]
    Shrunk {
        /// Where the lane leads.
        destination: GatewayId,
        /// How many messages were signed.
        signed: u64,
    },
    /// Nobody has shown that the lane grew.
    #[error("it is not shown that the lane to {0} grew from what was signed")]
    NotShown(GatewayId),
    /// The lane is another one.
    #[error("the lane to {destination} did not grow from what was signed: {source}")]
    Changed {
        /// Where the lane leads.
        destination: GatewayId,
        /// What the proof says.
        source: ConsistencyError,
    },
}

impl From<StoreError> for NotExtended {
    fn from(error: StoreError) -> Self {
        Self::NotSafe(error.into())
    }
}

impl Guard {
    /// The lanes whose growth up to `commitment` is to be shown; none if the derivation is yet to come through what was signed last.
    pub fn to_extend(&self, commitment: &Commitment) -> Result<Vec<LaneState>, NotExtended> {
        let origin = commitment.origin;
        let last = self.records.last(origin)?.filter(|last| last.height < commitment.block_number);
        let Some(last) = last else { return Ok(Vec::new()) };
        self.records.lanes(origin, last.height)?.ok_or(NotExtended::LanesUnknown(last.height))
    }

    /// Lets a derivation begin at a commitment that extends what was signed; from there on it continues that.
    pub async fn extend(&self, Extension { commitment, lanes, growth }: Extension<'_>) -> Result<(), NotExtended> {
        for signed in self.to_extend(commitment)? {
            let destination = signed.destination;
            let lane = lanes.iter().find(|lane| lane.destination == destination && lane.count >= signed.count);
            let lane = lane.ok_or(NotExtended::Shrunk { destination, signed: signed.count })?;
            let of_these = |proof: &&ConsistencyProof| (proof.from(), proof.to()) == (signed.count, lane.count);
            let proof = growth.get(&destination).filter(of_these).ok_or(NotExtended::NotShown(destination))?;
            let verified = proof.verify(signed.root, lane.root);
            verified.map_err(|source| NotExtended::Changed { destination, source })?;
        }
        Ok(self.resume(commitment).await?)
    }
}
