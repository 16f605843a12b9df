//! What a message does to the facts where it arrives, and a shown leaf as a reader's own store keeps it.

use alloy::primitives::U256;

use super::{Arrival, Content};
use crate::{
    act::{Act, NoAct},
    bytes::{LengthError, Reader},
    control::Refusal,
    derivation::LeafId,
    ids::MessageId,
    message::{Kind, Message},
    value::Transfer,
};

/// What is kept of a message's content: all that facts need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// So many units of $ERA arrive.
    Credit(U256),
    /// The hub's will is done.
    Act(Act),
    /// A message of the destination's own comes home.
    Refusal(Refusal),
}

impl Effect {
    /// The effect of `message`. What does not decode has none: it was judged void, or moves nothing.
    pub fn of(message: &Message) -> Self {
        let payload = message.payload.bytes();
        match message.kind {
            Kind::ValueFlow => Transfer::decode(payload).map_or(Self::None, |transfer| Self::Credit(transfer.amount)),
            Kind::Governance => Act::decode(payload).map_or(Self::None, Self::Act),
            Kind::Control => Refusal::decode(payload).map_or(Self::None, Self::Refusal),
            Kind::Generic | Kind::Mapping => Self::None,
        }
    }
}

const VOID: u8 = 0;
const NOTHING: u8 = 1;
const CREDIT: u8 = 2;
const ACT: u8 = 3;
const REFUSAL: u8 = 4;

/// Why stored bytes are no arrival.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Not as long as it should be.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// Not one of the forms.
    #[error("{0} is the form of no shown leaf")]
    Form(u8),
    /// An act that does not decode.
    #[error(transparent)]
    Act(#[from] NoAct),
    /// A refusal that does not decode.
    #[error("a refusal that does not decode")]
    Refusal,
}

impl Arrival {
    /// The bytes in which a reader's own store keeps it, beside the leaf's place: `u8 form ‖ id`, and if valid
    /// `‖ u128 fee ‖ what the form says`.
    pub fn to_stored(&self) -> Vec<u8> {
        let (form, fee, rest) = match &self.content {
            Content::Void => (VOID, None, Vec::new()),
            Content::Valid { fee, effect: Effect::None } => (NOTHING, Some(fee), Vec::new()),
            Content::Valid { fee, effect: Effect::Credit(amount) } => {
                (CREDIT, Some(fee), amount.to_be_bytes::<32>().to_vec())
            }
            Content::Valid { fee, effect: Effect::Act(act) } => (ACT, Some(fee), act.encode()),
            Content::Valid { fee, effect: Effect::Refusal(refusal) } => (REFUSAL, Some(fee), refusal.encode()),
        };
        let mut bytes = vec![form];
        bytes.extend_from_slice(self.id.0.as_slice());
        bytes.extend(fee.into_iter().flat_map(|fee| fee.to_be_bytes()));
        bytes.extend(rest);
        bytes
    }

    /// Reads [`Self::to_stored`], which the reader itself has stored: nothing in it is proven again.
    pub fn from_own_store(leaf: LeafId, stored: &[u8]) -> Result<Self, StoredError> {
        let mut reader = Reader::new(stored);
        let form = reader.u8()?;
        let id = MessageId(reader.b256()?);
        if form == VOID {
            reader.end()?;
            return Ok(Self { leaf, id, content: Content::Void });
        }
        let fee = reader.u128()?;
        let effect = match form {
            NOTHING => Effect::None,
            CREDIT => Effect::Credit(U256::from_be_bytes::<32>(reader.array()?)),
            ACT => Effect::Act(Act::decode(&reader.rest())?),
            REFUSAL => Effect::Refusal(Refusal::decode(&reader.rest()).map_err(|_| StoredError::Refusal)?),
            form => return Err(StoredError::Form(form)),
        };
        reader.end()?;
        Ok(Self { leaf, id, content: Content::Valid { fee, effect } })
    }
}
