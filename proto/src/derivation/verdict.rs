//! What a message was judged.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ids::ChainId, message::Kind};

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
    /// It claims to move what only modules move, and neither end is one.
    #[error("value and assets move between modules only")]
    ModuleMissing,
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
    /// The payload is not what messages of this kind say.
    #[error("the payload is not the one encoding of what its kind says")]
    Undecodable,
    /// The transferred token is not the origin's $ERA.
    #[error("only $ERA can be transferred")]
    TokenUnknown,
    /// A transfer of nothing.
    #[error("nothing is transferred")]
    AmountZero,
    /// More than the route carries in one message.
    #[error("the route carries less value")]
    AboveValueMax,
    /// No burn of just this amount stands before it in its transaction, or it served another message.
    #[error("what it transfers was not burnt")]
    NotBurnt,
    /// More than the origin rightfully holds.
    #[error("the origin does not hold what it transfers")]
    AboveLedger,
}

impl Verdict {
    /// Whether the message is to be delivered.
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Valid)
    }
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
            Self::ModuleMissing => "module_missing",
            Self::Undecodable => "undecodable",
            Self::TokenUnknown => "token_unknown",
            Self::AmountZero => "amount_zero",
            Self::AboveValueMax => "above_value_max",
            Self::NotBurnt => "not_burnt",
            Self::AboveLedger => "above_ledger",
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
