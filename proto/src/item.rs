//! Items: what a delivery carries of each leaf (docs/protocol.md §2).
//!
//! What the destination knows already (both gateways, the sequence) is left out, and what equals its default too, so
//! that a message has exactly one item.

use alloy::primitives::{Address, B256};

use crate::{
    bytes::{LengthError, Reader},
    ids::{LaneId, MessageId},
    message::{Message, MessageError, Payload, PayloadTooLong, UnknownKind},
};

/// The most items in one delivery: its bitmap has a bit for each.
pub const ITEMS_MAX: usize = 256;

const LEAF: u8 = 0x00;
const VOID: u8 = 0x01;
const MESSAGE: u8 = 0x80;
const HAS_PAYER: u8 = 1;
const HAS_FEE: u8 = 2;
const HAS_AFTER: u8 = 4;

/// One leaf of a delivered range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A bare leaf, left for another time.
    Leaf(B256),
    /// A message judged void; its leaf is recomputed from the id.
    Void(MessageId),
    /// A message to be delivered.
    Message(Box<Message>),
}

/// Why bytes are no items.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Cut short.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// A first byte that no item has.
    #[error("an item cannot begin with {0:#04x}")]
    Form(u8),
    /// The kind byte is none of the kinds.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// Its payload is above the bound.
    #[error(transparent)]
    Payload(#[from] PayloadTooLong),
    /// A field that equals its default is written out: not the one item of this message.
    #[error("the {0} equals its default and must be left out")]
    Redundant(&'static str),
    /// It waits for itself or a later message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// More items than the reader takes.
    #[error("more than {max} items")]
    TooMany {
        /// How many it takes.
        max: usize,
    },
    /// The sequence of a later item does not fit in 64 bits.
    #[error("the items run past the last sequence")]
    Sequence,
}

impl Item {
    /// The leaf it stands for.
    pub fn leaf(&self) -> B256 {
        match self {
            Self::Leaf(leaf) => *leaf,
            Self::Void(id) => id.void_leaf(),
            Self::Message(message) => message.id().leaf(),
        }
    }

    /// Appends its bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(leaf) => {
                out.push(LEAF);
                out.extend_from_slice(leaf.as_slice());
            }
            Self::Void(id) => {
                out.push(VOID);
                out.extend_from_slice(id.0.as_slice());
            }
            Self::Message(message) => encode_message(message, out),
        }
    }

    /// The items of the leaves from `first` on, one after the other.
    pub fn encode_all(items: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        items.iter().for_each(|item| item.encode(&mut bytes));
        bytes
    }

    /// Reads the items of `lane` from sequence `first` on, to the last byte; at most `max` ([`ITEMS_MAX`] in a delivery).
    pub fn decode_all(bytes: &[u8], lane: LaneId, first: u64, max: usize) -> Result<Vec<Self>, ItemError> {
        let mut reader = Reader::new(bytes);
        let mut items = Vec::new();
        let mut sequence = Some(first);
        while !reader.is_empty() {
            if items.len() == max {
                return Err(ItemError::TooMany { max });
            }
            let number = sequence.ok_or(ItemError::Sequence)?;
            items.push(decode(&mut reader, lane, number)?);
            sequence = number.checked_add(1);
        }
        Ok(items)
    }
}

fn encode_message(message: &Message, out: &mut Vec<u8>) {
    let payer = (message.payer != message.sender).then_some(message.payer);
    let fee = (message.fee != 0).then_some(message.fee);
    let after = (message.after != 0).then_some(message.after);
    let flag = |present: bool, bit: u8| if present { bit } else { 0 };
    out.push(
        MESSAGE | flag(payer.is_some(), HAS_PAYER) | flag(fee.is_some(), HAS_FEE) | flag(after.is_some(), HAS_AFTER),
    );
    out.push(message.kind.byte());
    out.extend_from_slice(&message.payload.len().to_be_bytes());
    out.extend_from_slice(&message.gas_limit.to_be_bytes());
    out.extend_from_slice(message.sender.as_slice());
    out.extend_from_slice(message.recipient.as_slice());
    out.extend(payer.iter().flat_map(|payer| payer.as_slice()));
    out.extend(fee.into_iter().flat_map(u128::to_be_bytes));
    out.extend(after.into_iter().flat_map(u64::to_be_bytes));
    out.extend_from_slice(message.payload.bytes());
}

fn decode(reader: &mut Reader<'_>, lane: LaneId, sequence: u64) -> Result<Item, ItemError> {
    match reader.u8()? {
        LEAF => Ok(Item::Leaf(reader.b256()?)),
        VOID => Ok(Item::Void(MessageId(reader.b256()?))),
        form if form & !(HAS_PAYER | HAS_FEE | HAS_AFTER) == MESSAGE => {
            Ok(Item::Message(Box::new(decode_message(reader, form, lane, sequence)?)))
        }
        form => Err(ItemError::Form(form)),
    }
}

fn decode_message(reader: &mut Reader<'_>, form: u8, lane: LaneId, sequence: u64) -> Result<Message, ItemError> {
    let kind = reader.u8()?.try_into()?;
    let payload_length = usize::from(reader.u16()?);
    let gas_limit = reader.u32()?;
    let sender = reader.address()?;
    let recipient = reader.address()?;
    let payer = if form & HAS_PAYER == 0 { sender } else { other_than(sender, reader.address()?)? };
    let fee = if form & HAS_FEE == 0 { 0 } else { not_zero("fee", reader.u128()?)? };
    let after = if form & HAS_AFTER == 0 { 0 } else { not_zero("after", reader.u64()?)? };
    let payload = Payload::new(reader.bytes(payload_length)?.to_vec())?;
    let LaneId { origin, destination } = lane;
    let message =
        Message { origin, destination, sequence, kind, gas_limit, sender, recipient, payer, fee, after, payload };
    message.check_order()?;
    Ok(message)
}

fn other_than(sender: Address, payer: Address) -> Result<Address, ItemError> {
    if payer == sender { Err(ItemError::Redundant("payer")) } else { Ok(payer) }
}

fn not_zero<T: PartialEq + From<u8>>(field: &'static str, value: T) -> Result<T, ItemError> {
    if value == T::from(0) { Err(ItemError::Redundant(field)) } else { Ok(value) }
}
