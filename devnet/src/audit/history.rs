//! What gateways and tokens logged, as the auditor takes it.

use alloy::primitives::{TxHash, U256};
use metalayer_proto::ids::{ChainId, GatewayId, LaneId, MessageId};

/// A log's place in its chain's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The block's number.
    pub block: u64,
    /// The log's place in the block.
    pub log_index: u64,
}

/// A message as its origin logged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: MessageId,
    /// Its lane.
    pub lane: LaneId,
    /// Its number in the lane.
    pub sequence: u64,
    /// The sequence that must be settled first, if it is ordered after one.
    pub waits_for: Option<u64>,
    /// The block it was sent in.
    pub block: u64,
    /// The transaction that sent it.
    pub transaction: TxHash,
    /// The $ERA that was burnt for it, in the smallest unit.
    pub burnt: U256,
}

/// What a destination logged of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its recipient took it.
    Delivered,
    /// Its recipient failed.
    Failed,
    /// It was judged void.
    Voided,
    /// It was given up, and sent home.
    Refused,
}

/// One such log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The message's id.
    pub id: MessageId,
    /// The chain whose gateway logged it.
    pub destination: ChainId,
    /// The gateway it came from.
    pub origin: GatewayId,
    /// What became of it.
    pub fate: Fate,
    /// Where.
    pub place: Place,
}

/// What an origin logged of a message that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Homecoming {
    /// Its refusal is home.
    Refusal,
    /// Something of it was given back.
    Reclaim {
        /// What it carried.
        value: bool,
        /// What was paid for it.
        fee: bool,
    },
}

/// One such log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Return {
    /// The message's id.
    pub id: MessageId,
    /// The chain whose gateway logged it.
    pub origin: ChainId,
    /// What came back.
    pub homecoming: Homecoming,
}

/// Everything that was logged of messages, on all chains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Every message sent.
    pub sent: Vec<Sent>,
    /// What destinations did with them.
    pub outcomes: Vec<Outcome>,
    /// What came back.
    pub returns: Vec<Return>,
}
