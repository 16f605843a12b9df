//! What a `Control` message says (docs/protocol.md §11): a refusal, from the gateway that gave a message up to the one that sent it.

use alloy::{primitives::B256, sol_types::SolValue};

use crate::ids::MessageId;

/// The payload of a `Control` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Refusal {
    /// The sequence that was given up, in the lane from where this message goes to.
    pub sequence: u64,
    /// The message; zero: it was never proven there, and governance settled its sequence.
    pub id: MessageId,
}

/// Bytes that are no refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not exactly abi.encode(uint64 sequence, bytes32 id)")]
pub struct NoRefusal;

impl Refusal {
    /// Whether governance settled a sequence that was never proven.
    pub fn is_unproven(&self) -> bool {
        self.id.0.is_zero()
    }

    /// `abi.encode(sequence, id)`.
    pub fn encode(&self) -> Vec<u8> {
        (self.sequence, self.id.0).abi_encode_params()
    }

    /// Reads [`Self::encode`], strictly.
    pub fn decode(payload: &[u8]) -> Result<Self, NoRefusal> {
        let (sequence, id) = <(u64, B256)>::abi_decode_params_validate(payload).map_err(|_| NoRefusal)?;
        let refusal = Self { sequence, id: MessageId(id) };
        if refusal.encode() == payload { Ok(refusal) } else { Err(NoRefusal) }
    }
}
