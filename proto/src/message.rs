//! The message: what is carried, and the bytes whose hash is its id (docs/protocol.md §2).

use std::{fmt, str::FromStr};

use alloy::primitives::{Address, B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};

use crate::{
    bytes::{LengthError, Reader},
    ids::{ChainId, GatewayId, InvalidChainId, LaneId, MessageId, VERSION, tag},
};

/// The longest payload, in bytes.
pub const PAYLOAD_MAX: usize = 32_768;

/// The length of a canonical message without its payload, in bytes.
pub const HEADER_LEN: usize = 186;

/// What a message is for; decides by which rules it is judged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// Anything that moves no ledgered value.
    Generic = 0,
    /// Value: transfers, revenue, payouts.
    ValueFlow = 1,
    /// Asset mapping: claims, registrations, releases.
    Mapping = 2,
    /// The hub's registries to a chain's `HubAgent`.
    Governance = 3,
    /// Gateway to gateway, handled inside.
    Control = 4,
}

impl Kind {
    /// Every kind, in the order of their bytes.
    pub const ALL: [Self; 5] = [Self::Generic, Self::ValueFlow, Self::Mapping, Self::Governance, Self::Control];

    /// The byte as it stands in canonical bytes.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The word for this kind in configuration, metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::ValueFlow => "value_flow",
            Self::Mapping => "mapping",
            Self::Governance => "governance",
            Self::Control => "control",
        }
    }
}

/// A byte that is no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no kind of message")]
pub struct UnknownKind(pub u8);

impl TryFrom<u8> for Kind {
    type Error = UnknownKind;

    fn try_from(byte: u8) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte).ok_or(UnknownKind(byte))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind; write generic, value_flow, mapping, governance or control")]
pub struct UnknownKindName(String);

impl FromStr for Kind {
    type Err = UnknownKindName;

    fn from_str(text: &str) -> Result<Self, UnknownKindName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKindName(text.to_owned()))
    }
}

/// What the recipient is called with: 0 to [`PAYLOAD_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Bytes", into = "Bytes")]
pub struct Payload(Bytes);

impl Payload {
    /// `bytes` as a payload; an error if they are more than [`PAYLOAD_MAX`].
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, PayloadTooLong> {
        let bytes = bytes.into();
        if bytes.len() > PAYLOAD_MAX { Err(PayloadTooLong(bytes.len())) } else { Ok(Self(bytes)) }
    }

    /// The bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// How many bytes; fits because of the bound.
    #[allow(clippy::cast_possible_truncation, reason = "PAYLOAD_MAX fits in 16 bits")]
    pub fn len(&self) -> u16 {
        const { assert!(PAYLOAD_MAX <= u16::MAX as usize) };
        self.0.len() as u16
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A payload above the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payload has at most {PAYLOAD_MAX} bytes, this one {0}")]
pub struct PayloadTooLong(pub usize);

impl TryFrom<Bytes> for Payload {
    type Error = PayloadTooLong;

    fn try_from(bytes: Bytes) -> Result<Self, PayloadTooLong> {
        Self::new(bytes)
    }
}

impl From<Payload> for Bytes {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

/// A message, whole.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Where it was sent.
    pub origin: GatewayId,
    /// Where it is to be delivered.
    pub destination: GatewayId,
    /// Its number in its lane, from 0, without gaps.
    pub sequence: u64,
    /// By which rules it is judged.
    pub kind: Kind,
    /// Gas the recipient is called with.
    pub gas_limit: u32,
    /// Who called the origin's gateway.
    pub sender: Address,
    /// Who is called at the destination.
    pub recipient: Address,
    /// Who gets the fee back.
    pub payer: Address,
    /// What was paid, in the smallest unit of $ERA.
    pub fee: u128,
    /// 0, or 1 + the sequence that must be settled first; at most [`Self::sequence`].
    pub after: u64,
    /// What the recipient is called with.
    pub payload: Payload,
}

/// Why bytes are no canonical message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Too short or too long.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// They do not begin with the tag of a message.
    #[error("the bytes do not begin with the message tag")]
    Tag,
    /// A version nobody has defined yet.
    #[error("message version {0} is unknown")]
    Version(u8),
    /// One of the two chains is 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The kind byte is none of the kinds.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// It waits for itself or for a later one.
    #[error("message {sequence} cannot wait for sequence {after} - 1, which does not precede it")]
    After {
        /// The message's own sequence.
        sequence: u64,
        /// Its `after`.
        after: u64,
    },
    /// Its payload is above the bound.
    #[error(transparent)]
    Payload(#[from] PayloadTooLong),
}

impl Message {
    /// The lane it travels in.
    pub const fn lane(&self) -> LaneId {
        LaneId { origin: self.origin, destination: self.destination }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.payload.bytes().len());
        bytes.extend_from_slice(tag("message").as_slice());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.origin.to_bytes());
        bytes.extend_from_slice(&self.destination.to_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.push(self.kind.byte());
        bytes.extend_from_slice(&self.gas_limit.to_be_bytes());
        bytes.extend_from_slice(self.sender.as_slice());
        bytes.extend_from_slice(self.recipient.as_slice());
        bytes.extend_from_slice(self.payer.as_slice());
        bytes.extend_from_slice(&self.fee.to_be_bytes());
        bytes.extend_from_slice(&self.after.to_be_bytes());
        bytes.extend_from_slice(self.payload.bytes());
        bytes
    }

    /// Reads canonical bytes; whatever decodes encodes to the same bytes again.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        if reader.b256()? != tag("message") {
            return Err(MessageError::Tag);
        }
        match reader.u8()? {
            VERSION => {}
            version => return Err(MessageError::Version(version)),
        }
        let message = Self {
            origin: read_gateway(&mut reader)?,
            destination: read_gateway(&mut reader)?,
            sequence: reader.u64()?,
            kind: reader.u8()?.try_into()?,
            gas_limit: reader.u32()?,
            sender: reader.address()?,
            recipient: reader.address()?,
            payer: reader.address()?,
            fee: reader.u128()?,
            after: reader.u64()?,
            payload: Payload::new(reader.rest())?,
        };
        message.check_order()?;
        Ok(message)
    }

    /// Whether it waits for an earlier message of its lane only, as every canonical message does.
    pub const fn check_order(&self) -> Result<(), MessageError> {
        if self.after > self.sequence {
            return Err(MessageError::After { sequence: self.sequence, after: self.after });
        }
        Ok(())
    }

    /// keccak256 of the canonical bytes.
    pub fn id(&self) -> MessageId {
        MessageId(keccak256(self.encode()))
    }
}

impl MessageId {
    /// The leaf of a message that was judged valid: its id.
    pub const fn leaf(self) -> B256 {
        self.0
    }

    /// The leaf of a message that was judged void, which no id can equal.
    pub fn void_leaf(self) -> B256 {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(tag("void").as_slice());
        bytes[32] = VERSION;
        bytes[33..].copy_from_slice(self.0.as_slice());
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::VoidLeafWithoutId) {
            return keccak256(&bytes[..33]);
        }
        keccak256(bytes)
    }
}

fn read_gateway(reader: &mut Reader<'_>) -> Result<GatewayId, MessageError> {
    Ok(GatewayId { chain: ChainId::new(reader.u64()?)?, gateway: reader.address()? })
}
