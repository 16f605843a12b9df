//! `metalayer.messages.v1`: one block that changed a lane.

use super::{EnvelopeError, field, wire};
use crate::{
    commitment::Commitment,
    derivation::{JudgedMessage, LaneChange, Verdict, VoidReason},
    ids::GatewayId,
    lanes::{LaneState, LanesTree},
    message::{Kind, Message},
};

/// What a watcher derived from one block that changed a lane.
///
/// One that was decoded agrees with itself: the lanes give the commitment's lanes root, and each change leads from its
/// frontier to its lane's count and root. So once the commitment is proven, all that it carries is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRecord {
    /// What attesters who read the same block sign.
    pub commitment: Commitment,
    /// The block's time, in Unix seconds.
    pub timestamp: u64,
    /// All lanes of the origin after this block, ascending by destination.
    pub lanes: Vec<LaneState>,
    /// The lanes that this block changed, ascending by destination; at least one.
    pub changes: Vec<LaneChange>,
}

impl BlockRecord {
    fn check(&self) -> Result<(), EnvelopeError> {
        let tree = LanesTree::new(self.lanes.clone()).map_err(|problem| EnvelopeError::field("lanes", problem))?;
        if tree.root() != self.commitment.lanes_root {
            return Err(EnvelopeError::Contradiction("the lanes do not give the lanes root"));
        }
        if self.changes.is_empty() {
            return Err(EnvelopeError::Missing("changes"));
        }
        if self.changes.windows(2).any(|pair| pair[0].destination >= pair[1].destination) {
            return Err(EnvelopeError::Contradiction("the changes do not ascend by destination"));
        }
        self.changes.iter().try_for_each(|change| self.check_change(change))
    }

    fn check_change(&self, change: &LaneChange) -> Result<(), EnvelopeError> {
        let mut frontier = change.before.clone();
        for judged in &change.messages {
            let message = &judged.message;
            let place = (self.commitment.origin, change.destination, frontier.count());
            if (message.origin, message.destination, message.sequence) != place {
                return Err(EnvelopeError::Contradiction("a message is not the next of its lane"));
            }
            frontier.append(judged.leaf()).map_err(|problem| EnvelopeError::field("before", problem))?;
        }
        let after = LaneState { destination: change.destination, count: frontier.count(), root: frontier.root() };
        if change.messages.is_empty() || !self.lanes.contains(&after) {
            return Err(EnvelopeError::Contradiction("a change does not lead to its lane's count and root"));
        }
        Ok(())
    }
}

impl From<&BlockRecord> for wire::BlockRecord {
    fn from(record: &BlockRecord) -> Self {
        Self {
            commitment: record.commitment.to_bytes().into(),
            timestamp: record.timestamp,
            lanes: record.lanes.iter().map(Into::into).collect(),
            changes: record.changes.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::BlockRecord> for BlockRecord {
    type Error = EnvelopeError;

    fn try_from(record: wire::BlockRecord) -> Result<Self, EnvelopeError> {
        let record = Self {
            commitment: field::commitment(&record.commitment)?,
            timestamp: record.timestamp,
            lanes: record.lanes.into_iter().map(field::lane).collect::<Result<_, _>>()?,
            changes: record.changes.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        };
        record.check()?;
        Ok(record)
    }
}

impl From<&LaneChange> for wire::LaneChange {
    fn from(change: &LaneChange) -> Self {
        Self {
            destination: Some(change.destination.into()),
            before: change.before.to_bytes().into(),
            messages: change.messages.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::LaneChange> for LaneChange {
    type Error = EnvelopeError;

    fn try_from(change: wire::LaneChange) -> Result<Self, EnvelopeError> {
        let destination: GatewayId = field::gateway("changes.destination", change.destination)?;
        Ok(Self {
            destination,
            before: field::frontier("changes.before", &change.before)?,
            messages: change.messages.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&JudgedMessage> for wire::JudgedMessage {
    fn from(judged: &JudgedMessage) -> Self {
        let void_reason = match judged.verdict {
            Verdict::Valid => None,
            Verdict::Void(reason) => Some(reason.into()),
        };
        Self {
            message: judged.message.encode().into(),
            transaction: field::hash_bytes(judged.transaction_hash),
            void_reason,
        }
    }
}

impl TryFrom<wire::JudgedMessage> for JudgedMessage {
    type Error = EnvelopeError;

    fn try_from(judged: wire::JudgedMessage) -> Result<Self, EnvelopeError> {
        let message =
            Message::decode(&judged.message).map_err(|problem| EnvelopeError::field("messages.message", problem))?;
        let verdict = match judged.void_reason {
            None => Verdict::Valid,
            Some(reason) => Verdict::Void(reason.try_into()?),
        };
        let transaction_hash = field::hash("messages.transaction", &judged.transaction)?;
        Ok(Self { id: message.id(), message, verdict, transaction_hash })
    }
}

impl From<VoidReason> for wire::VoidReason {
    fn from(reason: VoidReason) -> Self {
        let code = |code: wire::VoidCode| Self { code: code.into(), ..Self::default() };
        let byte = |kind: Kind| u32::from(kind.byte());
        match reason {
            VoidReason::ModuleKind { module, expected } => {
                Self { module, kind: byte(expected), ..code(wire::VoidCode::ModuleKind) }
            }
            VoidReason::DifferentModules => code(wire::VoidCode::DifferentModules),
            VoidReason::NoRules(kind) => Self { kind: byte(kind), ..code(wire::VoidCode::NoRules) },
            VoidReason::NotTheHub(chain) => Self { chain: chain.get(), ..code(wire::VoidCode::NotTheHub) },
            VoidReason::NotTheRegistry => code(wire::VoidCode::NotTheRegistry),
            VoidReason::NotTheGateway => code(wire::VoidCode::NotTheGateway),
            VoidReason::ModuleMissing => code(wire::VoidCode::ModuleMissing),
            VoidReason::Undecodable => code(wire::VoidCode::Undecodable),
            VoidReason::TokenUnknown => code(wire::VoidCode::TokenUnknown),
            VoidReason::AmountZero => code(wire::VoidCode::AmountZero),
            VoidReason::AboveValueMax => code(wire::VoidCode::AboveValueMax),
            VoidReason::NotBurnt => code(wire::VoidCode::NotBurnt),
            VoidReason::AboveLedger => code(wire::VoidCode::AboveLedger),
        }
    }
}

impl TryFrom<wire::VoidReason> for VoidReason {
    type Error = EnvelopeError;

    fn try_from(reason: wire::VoidReason) -> Result<Self, EnvelopeError> {
        let kind = || {
            let byte =
                u8::try_from(reason.kind).map_err(|problem| EnvelopeError::field("void_reason.kind", problem))?;
            Kind::try_from(byte).map_err(|problem| EnvelopeError::field("void_reason.kind", problem))
        };
        Ok(match reason.code() {
            wire::VoidCode::Unspecified => {
                return Err(EnvelopeError::field("void_reason.code", format_args!("unknown code {}", reason.code)));
            }
            wire::VoidCode::ModuleKind => Self::ModuleKind { module: reason.module, expected: kind()? },
            wire::VoidCode::DifferentModules => Self::DifferentModules,
            wire::VoidCode::NoRules => Self::NoRules(kind()?),
            wire::VoidCode::NotTheHub => Self::NotTheHub(field::chain("void_reason.chain", reason.chain)?),
            wire::VoidCode::NotTheRegistry => Self::NotTheRegistry,
            wire::VoidCode::NotTheGateway => Self::NotTheGateway,
            wire::VoidCode::ModuleMissing => Self::ModuleMissing,
            wire::VoidCode::Undecodable => Self::Undecodable,
            wire::VoidCode::TokenUnknown => Self::TokenUnknown,
            wire::VoidCode::AmountZero => Self::AmountZero,
            wire::VoidCode::AboveValueMax => Self::AboveValueMax,
            wire::VoidCode::NotBurnt => Self::NotBurnt,
            wire::VoidCode::AboveLedger => Self::AboveLedger,
        })
    }
}
