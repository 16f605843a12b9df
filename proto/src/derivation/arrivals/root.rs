//! Lane roots that can be believed, and what is shown under them.

use alloy::primitives::B256;

use super::{super::LaneChange, Arrival, Content, Effect};
use crate::{
    derivation::{JudgedMessage, LeafId},
    ids::{LaneId, MessageId, NetworkId},
    lane::{Frontier, RangeError, RangeProof},
    lanes::{LaneProof, LaneProofError, LaneState},
    message::{Message, MessageError},
    quorum::{EpochTable, ProofError, ProvenCommitment},
};

/// A lane's root that the reader derived itself, or that a quorum signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedRoot {
    lane: LaneId,
    count: u64,
    root: B256,
}

/// Why a lane's root cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The commitment is of another network.
    #[error("the commitment is of network {0}")]
    Network(NetworkId),
    /// No quorum signed the commitment.
    #[error(transparent)]
    Quorum(#[from] ProofError),
    /// The lane is not in the commitment.
    #[error(transparent)]
    Lane(#[from] LaneProofError),
}

/// Why nothing was shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// The bytes are no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// It is the message of another place.
    #[error("sequence {got} of the lane {lane} is another place than {expected}")]
    Elsewhere {
        /// The lane that the message says.
        lane: LaneId,
        /// The sequence that it says.
        got: u64,
        /// The sequence it was to be.
        expected: u64,
    },
    /// The path does not lead from the leaf to the root.
    #[error(transparent)]
    Path(#[from] RangeError),
    /// The growth does not lead to the root.
    #[error("the lane did not grow to {count} messages and their root by these")]
    Growth {
        /// How many messages the lane has.
        count: u64,
    },
}

/// What is shown of a leaf. Whoever sends it, the leaf's path authenticates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// A message that was judged valid: its canonical bytes.
    Message(&'a [u8]),
    /// A message that was judged void: its id.
    Void(MessageId),
}

impl TrustedRoot {
    /// The root of a lane that its own derivation gave.
    pub(in crate::derivation) const fn derived(lane: LaneId, count: u64, root: B256) -> Self {
        Self { lane, count, root }
    }

    /// The root of a lane in a commitment that a quorum of `table` signed. Whether that epoch holds is the caller's to know.
    pub fn proven(
        network: NetworkId,
        proven: &ProvenCommitment,
        table: &EpochTable,
        lane: &LaneState,
        proof: &LaneProof,
    ) -> Result<Self, RootError> {
        let commitment = &proven.commitment;
        if commitment.network != network {
            return Err(RootError::Network(commitment.network));
        }
        proof.verify(lane, commitment.lanes_root)?;
        proven.verify(table)?;
        let id = LaneId { origin: commitment.origin, destination: lane.destination };
        Ok(Self { lane: id, count: lane.count, root: lane.root })
    }

    /// The lane.
    pub const fn lane(&self) -> LaneId {
        self.lane
    }

    /// How many messages it had.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether it is the root of these leaves.
    pub fn is_of(&self, leaves: &Frontier) -> bool {
        (leaves.count(), leaves.root()) == (self.count, self.root)
    }

    /// Takes what `path`, a range proof of one leaf, shows of `sequence`.
    pub fn show(&self, sequence: u64, shown: Shown<'_>, path: &RangeProof) -> Result<Arrival, ShowError> {
        let leaf = LeafId { lane: self.lane, sequence };
        let (arrival, hash) = match shown {
            Shown::Message(bytes) => {
                let message = Message::decode(bytes)?;
                let arrival = arrival_of(leaf, &message)?;
                let hash = arrival.id.leaf();
                (arrival, hash)
            }
            Shown::Void(id) => (Arrival { leaf, id, content: Content::Void }, id.void_leaf()),
        };
        path.verify(sequence, &[hash], self.count, self.root)?;
        Ok(arrival)
    }

    /// Takes the messages by which the lane grew to this root.
    pub fn show_growth(&self, change: &LaneChange) -> Result<Vec<Arrival>, ShowError> {
        let mut frontier = change.before.clone();
        let mut arrivals = Vec::with_capacity(change.messages.len());
        let growth = || ShowError::Growth { count: self.count };
        for JudgedMessage { message, verdict, .. } in &change.messages {
            let leaf = LeafId { lane: self.lane, sequence: frontier.count() };
            let mut arrival = arrival_of(leaf, message)?;
            let hash = if verdict.is_valid() {
                arrival.id.leaf()
            } else {
                arrival.content = Content::Void;
                arrival.id.void_leaf()
            };
            frontier.append(hash).map_err(|_| growth())?;
            arrivals.push(arrival);
        }
        if self.is_of(&frontier) { Ok(arrivals) } else { Err(growth()) }
    }
}

/// `message`, valid, at `leaf`.
fn arrival_of(leaf: LeafId, message: &Message) -> Result<Arrival, ShowError> {
    if (message.lane(), message.sequence) != (leaf.lane, leaf.sequence) {
        return Err(ShowError::Elsewhere { lane: message.lane(), got: message.sequence, expected: leaf.sequence });
    }
    Ok(Arrival { leaf, id: message.id(), content: Content::Valid { fee: message.fee, effect: Effect::of(message) } })
}
