//! Why a derivation does not go on.

use alloy::primitives::B256;

use crate::{
    commitment::Commitment,
    events::LogError,
    facts::SnapshotError,
    ids::{ChainId, GatewayId, MessageId},
    lane::LaneFull,
    lanes::LanesError,
    message::Kind,
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
    /// The origin's history puts rules in force that this binary lacks. The remedy is an upgrade.
    #[error("rules version {0} is unknown to this version of Metalayer; upgrade")]
    RulesUnknown(u32),
    /// Governance overruled a sequence. Undoing its effects on the facts needs the ledger, and replacing its leaf the lane's
    /// leaves since, which a derivation that was restored from frontiers does not hold: the origin is stopped.
    #[error("sequence {sequence} of the lane to {destination} was overruled, which this version cannot undo; upgrade")]
    Overruled {
        /// Where the lane leads.
        destination: GatewayId,
        /// The sequence.
        sequence: u64,
    },
}

impl DerivationError {
    /// A short, stable word for metrics and `/readyz?verbose`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::OriginLies { .. } => "origin_lies",
            Self::RulesUnknown(_) => "rules_unknown",
            Self::Overruled { .. } => "overruled",
            Self::NotNext { .. } | Self::Parent { .. } | Self::LogOrder(_) => "history_broken",
        }
    }
}

/// What a correct gateway can never log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// No event of a gateway, or not in its one encoding.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A message that says it was sent on another chain.
    #[error("the message says that it was sent on {0}")]
    SenderChain(ChainId),
    /// A message to the chain it was sent on.
    #[error("the message stays on its chain")]
    SameChain,
    /// A sequence was left out or repeated.
    #[error("sequence {expected} is next in the lane to {destination}, not {got}")]
    Sequence {
        /// Where the lane leads.
        destination: GatewayId,
        /// The sequence that comes next.
        expected: u64,
        /// The sequence that came.
        got: u64,
    },
    /// The id is not that of the message.
    #[error("the message has id {expected}, not {got}")]
    Id {
        /// The id of the message as logged.
        expected: MessageId,
        /// The id that was logged.
        got: MessageId,
    },
    /// There is no route to the destination, or it leads to another gateway.
    #[error("there is no route to {0}")]
    NoRoute(GatewayId),
    /// The route does not carry this kind.
    #[error("the route carries no {0} messages")]
    RouteKind(Kind),
    /// The payload is longer than the route allows.
    #[error("the route carries {max} bytes at most, not {got}")]
    RouteBytes {
        /// The route's bound.
        max: u16,
        /// The payload's length.
        got: u16,
    },
    /// The gas limit is higher than the route allows.
    #[error("the route carries {max} gas at most, not {got}")]
    RouteGas {
        /// The route's bound.
        max: u32,
        /// The message's gas limit.
        got: u32,
    },
    /// Another fee than the route charges, or any fee where nothing is charged.
    #[error("the message costs {expected}, not {got}")]
    Fee {
        /// What the gateway takes.
        expected: u128,
        /// What was logged.
        got: u128,
    },
    /// More messages than a lane can have.
    #[error(transparent)]
    LaneFull(#[from] LaneFull),
    /// A row of the module table gave way to one that is not newer.
    #[error("a module row of version {old} gave way to version {new}")]
    ModuleVersion {
        /// The version in the table.
        old: u64,
        /// The version that was logged.
        new: u64,
    },
    /// The rules version did not rise.
    #[error("rules version {old} gave way to {new}")]
    RulesVersion {
        /// The version in force.
        old: u32,
        /// The version that was logged.
        new: u32,
    },
    /// A sequence was overruled that was never sent.
    #[error("sequence {sequence} was overruled in a lane of {count}")]
    OverruledUnsent {
        /// The sequence.
        sequence: u64,
        /// How many messages the lane has.
        count: u64,
    },
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
