//! `metalayer.cursors.v1`: who reads a chain and how far.

use super::{EnvelopeError, field, wire};
use crate::ids::ChainId;

/// How far a chain has been read and published. Saved only after the bus has acknowledged (I1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The chain.
    pub chain: ChainId,
    /// The instance that reads it; at most [`Self::READER_MAX`] bytes.
    pub reader: String,
    /// The next block to read, exclusive end of what was read.
    pub next_block: u64,
}

impl Cursor {
    /// The longest name of an instance, in bytes.
    pub const READER_MAX: usize = 128;

    /// The key under which a compacted topic keeps it.
    pub fn key(&self) -> Vec<u8> {
        self.chain.to_be_bytes().to_vec()
    }
}

impl From<&Cursor> for wire::Cursor {
    fn from(cursor: &Cursor) -> Self {
        Self { chain: cursor.chain.get(), reader: cursor.reader.clone(), next_block: cursor.next_block }
    }
}

impl TryFrom<wire::Cursor> for Cursor {
    type Error = EnvelopeError;

    fn try_from(cursor: wire::Cursor) -> Result<Self, EnvelopeError> {
        if cursor.reader.is_empty() || cursor.reader.len() > Self::READER_MAX {
            return Err(EnvelopeError::field("reader", format_args!("{} bytes", cursor.reader.len())));
        }
        Ok(Self { chain: field::chain("chain", cursor.chain)?, reader: cursor.reader, next_block: cursor.next_block })
    }
}
