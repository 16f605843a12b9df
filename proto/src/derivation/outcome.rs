//! What came out of a block.

use alloy::primitives::B256;

use super::Verdict;
use crate::{
    ids::{GatewayId, LaneId, MessageId},
    lane::Frontier,
    message::Message,
};

/// What one block changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockOutcome {
    /// The block's number.
    pub number: u64,
    /// The block's hash.
    pub hash: B256,
    /// The block's time, in Unix seconds.
    pub timestamp: u64,
    /// The lanes that grew, ascending by destination; none: the block changed no lane.
    pub lanes: Vec<LaneChange>,
    /// Leaves that no later block of any chain asks for: their messages are settled, at home too.
    pub settled: Vec<LeafId>,
}

/// A place in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId {
    /// The lane.
    pub lane: LaneId,
    /// The number in it.
    pub sequence: u64,
}

/// How one lane grew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneChange {
    /// Where the lane leads.
    pub destination: GatewayId,
    /// The lane as it was; its count is the sequence of the first message.
    pub before: Frontier,
    /// What was added, in order.
    pub messages: Vec<JudgedMessage>,
}

impl LaneChange {
    /// The leaves that were added, in order.
    pub fn leaves(&self) -> impl Iterator<Item = B256> {
        self.messages.iter().map(JudgedMessage::leaf)
    }
}

/// A message and what it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedMessage {
    /// The message.
    pub message: Message,
    /// Its id.
    pub id: MessageId,
    /// What it was judged.
    pub verdict: Verdict,
    /// The transaction it was sent in.
    pub transaction_hash: B256,
}

impl JudgedMessage {
    /// Its leaf in the lane.
    pub fn leaf(&self) -> B256 {
        match self.verdict {
            Verdict::Valid => self.id.leaf(),
            Verdict::Void(_) => self.id.void_leaf(),
        }
    }
}
