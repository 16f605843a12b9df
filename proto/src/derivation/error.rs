//! Why a derivation does not go on.

use alloy::primitives::B256;

use super::{LeafId, Lie};
use crate::{
    commitment::Commitment,
    facts::SnapshotError,
    ids::{GatewayId, MessageId},
    lanes::LanesError,
};

/// Why a block could not be applied. The derivation stands where it stood before that block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DerivationError {
    /// The reader skipped or repeated a block.
    #[error("block {expected} is next, not {got}")]
    NotNext {
        /// The number that comes next.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The block does not follow the last one: that one was not final.
    #[error("block {number} follows {got}, not {expected}")]
    Parent {
        /// The block.
        number: u64,
        /// The hash of the block applied last.
        expected: B256,
        /// The parent it names.
        got: B256,
    },
    /// The reader's logs are not in order.
    #[error("the logs of block {0} are not in order")]
    LogOrder(u64),
    /// A log that the immutable gateway cannot have written. The origin is stopped until governance decides.
    #[error("origin {origin} lies in block {block}, log {log}: {lie}")]
    OriginLies {
        /// The origin.
        origin: GatewayId,
        /// The block.
        block: u64,
        /// The log's index.
        log: u64,
        /// What cannot be.
        #[source]
        lie: Box<Lie>,
    },
    /// The block says that a message arrived, or came home refused, whose leaf was not shown yet. Once it is, the same block
    /// may be tried again.
    #[error("sequence {sequence} of the lane from {origin} to {destination} is not shown to be {id} yet",
        sequence = .leaf.sequence, origin = .leaf.lane.origin, destination = .leaf.lane.destination)]
    ArrivalUnproven {
        /// The leaf that is to be shown.
        leaf: LeafId,
        /// What the log says that it is.
        id: MessageId,
    },
    /// The origin's history puts rules in force that this binary lacks. The remedy is an upgrade.
    #[error("rules version {0} is unknown to this version of Metalayer; upgrade")]
    RulesUnknown(u32),
    /// Governance overruled a sequence. Undoing its effects on the facts needs the ledger as it was, and replacing its leaf the
    /// lane's leaves since, which a derivation that was restored from frontiers does not hold: the origin is stopped.
    #[error("sequence {} of the lane to {} was overruled, which this version cannot undo; upgrade",
        .0.sequence, .0.lane.destination)]
    Overruled(LeafId),
}

impl DerivationError {
    /// A short, stable word for metrics and `/readyz?verbose`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::OriginLies { .. } => "origin_lies",
            Self::ArrivalUnproven { .. } => "arrival_unproven",
            Self::RulesUnknown(_) => "rules_unknown",
            Self::Overruled(_) => "overruled",
            Self::NotNext { .. } | Self::Parent { .. } | Self::LogOrder(_) => "history_broken",
        }
    }
}

/// Why a derivation cannot begin at a commitment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The commitment is of another network or origin.
    #[error("the commitment is of {}, network {}", .0.origin, .0.network)]
    Foreign(Box<Commitment>),
    /// The facts are no snapshot.
    #[error(transparent)]
    Facts(#[from] SnapshotError),
    /// The lanes are no lanes.
    #[error(transparent)]
    Lanes(#[from] LanesError),
    /// The facts are not those that were committed to.
    #[error("the snapshot has facts root {got}, the commitment {expected}")]
    FactsRoot {
        /// The commitment's.
        expected: B256,
        /// The snapshot's.
        got: B256,
    },
    /// The lanes are not those that were committed to.
    #[error("the snapshot has lanes root {got}, the commitment {expected}")]
    LanesRoot {
        /// The commitment's.
        expected: B256,
        /// The snapshot's.
        got: B256,
    },
    /// The facts put another rules version in force than the commitment says.
    #[error("the snapshot has rules version {got}, the commitment {expected}")]
    Version {
        /// The commitment's.
        expected: u32,
        /// The snapshot's.
        got: u32,
    },
    /// The rules in force are unknown to this binary.
    #[error("rules version {0} is unknown to this version of Metalayer; upgrade")]
    RulesUnknown(u32),
}
