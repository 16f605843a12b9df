//! What came out of a block.

use std::fmt;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{ChainId, GatewayId, MessageId},
    lane::Frontier,
    message::{Kind, Message},
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

/// What a message was judged, once and for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is to be delivered.
    Valid,
    /// It must never be delivered.
    Void(VoidReason),
}

/// Why a message is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// One end is a module's contract, of another kind.
    #[error("module {module} sends and receives {expected} messages only")]
    ModuleKind {
        /// The module.
        module: u32,
        /// Its kind.
        expected: Kind,
    },
    /// One end is a module's contract, the other is not or is another module's.
    #[error("both ends of a module's message must be the same module")]
    DifferentModules,
    /// The rules version in force has no rules by which this kind could be valid.
    #[error("the rules in force know no valid {0} message")]
    NoRules(Kind),
    /// Governance from another chain than the hub.
    #[error("governance comes from the hub, not from {0}")]
    NotTheHub(ChainId),
    /// Governance from the hub, but not from its registry.
    #[error("governance comes from the hub's registry")]
    NotTheRegistry,
    /// Control that the gateway did not send itself.
    #[error("control comes from the gateway itself")]
    NotTheGateway,
}

impl VoidReason {
    /// The word for it in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModuleKind { .. } => "module_kind",
            Self::DifferentModules => "different_modules",
            Self::NoRules(_) => "no_rules",
            Self::NotTheHub(_) => "not_the_hub",
            Self::NotTheRegistry => "not_the_registry",
            Self::NotTheGateway => "not_the_gateway",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => f.write_str("valid"),
            Self::Void(reason) => write!(f, "void: {reason}"),
        }
    }
}
