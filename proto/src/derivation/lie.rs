//! What stops an origin.

use crate::{
    control::NoRefusal,
    events::LogError,
    ids::{ChainId, GatewayId, MessageId},
    lane::LaneFull,
    message::Kind,
};

use super::LeafId;

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
    /// A refusal that the gateway did not encode.
    #[error(transparent)]
    Refusal(#[from] NoRefusal),
    /// A message that was to have arrived is another one, or was judged void, or the reverse.
    #[error("what arrived as sequence {} of the lane from {} is not {id}, or not so judged", .leaf.sequence, .leaf.lane.origin)]
    Contradicted {
        /// The leaf, which was shown.
        leaf: LeafId,
        /// The id that was logged.
        id: MessageId,
    },
    /// A sequence was settled or failed here before.
    #[error("sequence {} of the lane from {} was taken before", .0.sequence, .0.lane.origin)]
    Taken(LeafId),
    /// A retry or a refusal of what did not fail.
    #[error("{id} did not fail here, or is settled")]
    NotFailed {
        /// The message.
        id: MessageId,
    },
    /// An executor is credited with what it did not execute in that transaction, or twice.
    #[error("sequence {sequence} from {origin} was not executed in this transaction, or is credited twice")]
    NotExecuted {
        /// Where it comes from.
        origin: GatewayId,
        /// The sequence.
        sequence: u64,
    },
    /// A refusal was logged and not sent home, or sent home and not logged.
    #[error("the refusal of sequence {sequence} from {origin} was not both sent home and logged")]
    RefusalUnpaired {
        /// Where the refused message comes from.
        origin: GatewayId,
        /// Its sequence.
        sequence: u64,
    },
    /// A refusal came home of what was never sent.
    #[error("sequence {sequence} came home refused in a lane of {count}")]
    RefusedUnsent {
        /// The sequence.
        sequence: u64,
        /// How many messages the lane has.
        count: u64,
    },
    /// Governance that no delivered act of the hub says.
    #[error("no act of the hub that was delivered in this transaction says so")]
    NotGoverned,
    /// More units than can be counted.
    #[error("the origin would hold more units than can be counted")]
    Overflow,
    /// The hub's registry opened twice, or with another token.
    #[error("$ERA was opened before, or as another token")]
    Opened,
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
