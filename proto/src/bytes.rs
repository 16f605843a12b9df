//! Reading canonical bytes: strictly, and never past the end.

use alloy::primitives::{Address, B256};

/// Bytes that are shorter or longer than what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// The bytes end before the structure does.
    #[error("{missing} more bytes were expected")]
    Truncated {
        /// How many bytes are missing from the field that could not be read.
        missing: usize,
    },
    /// Bytes are left over after the structure.
    #[error("{extra} bytes are left over")]
    Trailing {
        /// How many.
        extra: usize,
    },
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], LengthError> {
        let (head, tail) =
            self.0.split_at_checked(length).ok_or(LengthError::Truncated { missing: length.abs_diff(self.0.len()) })?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], LengthError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, LengthError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, LengthError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, LengthError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, LengthError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn u128(&mut self) -> Result<u128, LengthError> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    pub(crate) fn address(&mut self) -> Result<Address, LengthError> {
        Ok(Address::new(self.array()?))
    }

    pub(crate) fn b256(&mut self) -> Result<B256, LengthError> {
        Ok(B256::new(self.array()?))
    }

    /// All that is left, for another to read.
    pub(crate) const fn remaining(self) -> &'a [u8] {
        self.0
    }

    /// All that is left, to the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }

    /// The hashes that are left, to the end; an error if the last one is cut short.
    pub(crate) fn hashes(&mut self) -> Result<Vec<B256>, LengthError> {
        let (hashes, rest) = self.0.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(LengthError::Truncated { missing: 32 - rest.len() });
        }
        self.0 = rest;
        Ok(hashes.iter().map(|hash| B256::new(*hash)).collect())
    }

    pub(crate) const fn end(self) -> Result<(), LengthError> {
        if self.0.is_empty() { Ok(()) } else { Err(LengthError::Trailing { extra: self.0.len() }) }
    }
}
