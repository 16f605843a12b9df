//! What facts hold, and the bytes of it that are hashed.

use alloy::primitives::{
    Address, B256,
    aliases::{U80, U96},
};
use serde::{Deserialize, Serialize};

use super::FactError;
use crate::{bytes::Reader, lane::LEAVES_MAX, message::Kind};

/// The policy of the lane to one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// The gateway there; never zero.
    pub gateway: Address,
    /// Which kinds may be sent: bit k for the kind of byte k.
    pub kinds: u16,
    /// The longest payload, in bytes.
    pub bytes_max: u16,
    /// The highest gas limit.
    pub gas_max: u32,
    /// The highest value of one message, in the smallest unit of what is moved.
    pub value_max: u128,
    /// What each message costs, in the smallest unit of $ERA.
    pub fee_base: U96,
    /// What each byte of payload costs.
    pub fee_per_byte: U80,
    /// What each unit of the gas limit costs.
    pub fee_per_gas: U80,
}

impl Route {
    /// Whether messages of `kind` may be sent.
    pub const fn allows(&self, kind: Kind) -> bool {
        self.kinds & (1 << kind.byte()) != 0
    }

    /// What a message with `payload_length` bytes and `gas_limit` costs, in the smallest unit of $ERA.
    pub fn fee(&self, payload_length: u16, gas_limit: u32) -> u128 {
        // At most 2^96 + 2^96 + 2^112: no sum or product overflows.
        let [base, per_byte, per_gas] =
            [self.fee_base.to::<u128>(), self.fee_per_byte.to::<u128>(), self.fee_per_gas.to::<u128>()];
        base + u128::from(payload_length) * per_byte + u128::from(gas_limit) * per_gas
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.gateway.to_vec();
        bytes.extend_from_slice(&self.kinds.to_be_bytes());
        bytes.extend_from_slice(&self.bytes_max.to_be_bytes());
        bytes.extend_from_slice(&self.gas_max.to_be_bytes());
        bytes.extend_from_slice(&self.value_max.to_be_bytes());
        bytes.extend_from_slice(&self.fee_base.to_be_bytes::<12>());
        bytes.extend_from_slice(&self.fee_per_byte.to_be_bytes::<10>());
        bytes.extend_from_slice(&self.fee_per_gas.to_be_bytes::<10>());
        bytes
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, FactError> {
        let route = Self {
            gateway: reader.address()?,
            kinds: reader.u16()?,
            bytes_max: reader.u16()?,
            gas_max: reader.u32()?,
            value_max: reader.u128()?,
            fee_base: U96::from_be_bytes::<12>(reader.array()?),
            fee_per_byte: U80::from_be_bytes::<10>(reader.array()?),
            fee_per_gas: U80::from_be_bytes::<10>(reader.array()?),
        };
        if route.gateway.is_zero() { Err(FactError::Removed) } else { Ok(route) }
    }
}

/// A row of the module table: what a contract is on one chain. A removed one stays as module 0 with its version, or an
/// older act that arrives late would bring the module back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModuleRow {
    /// The module it belongs to; 0: none any more.
    pub module: u32,
    /// The only kind of message it sends and receives; in the facts, that of a removed one is `Generic`.
    pub kind: Kind,
    /// The row's version; a row only ever gives way to a newer one.
    pub version: u64,
}

impl ModuleRow {
    /// Whether the contract is no module any more.
    pub const fn is_removed(&self) -> bool {
        self.module == 0
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.module.to_be_bytes().to_vec();
        bytes.push(self.kind.byte());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, FactError> {
        let row = Self { module: reader.u32()?, kind: reader.u8()?.try_into()?, version: reader.u64()? };
        if row.is_removed() && row.kind != Kind::Generic { Err(FactError::RemovedKind) } else { Ok(row) }
    }
}

/// An epoch of the attester set, as it was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EpochEntry {
    /// Commits to the epoch's members and stakes.
    pub table_hash: B256,
    /// From when its proofs hold, in Unix seconds.
    pub activates_at: u64,
    /// From when they no longer do, in Unix seconds.
    pub expires_at: u64,
}

impl EpochEntry {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.table_hash.to_vec();
        bytes.extend_from_slice(&self.activates_at.to_be_bytes());
        bytes.extend_from_slice(&self.expires_at.to_be_bytes());
        bytes
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, FactError> {
        Ok(Self { table_hash: reader.b256()?, activates_at: reader.u64()?, expires_at: reader.u64()? })
    }
}

/// Which arrivals from one origin were taken: all below a watermark, and some above it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Credited {
    watermark: u64,
    bitmap: Vec<u8>,
}

impl Credited {
    /// All sequences below `watermark`, and from it on those of `bitmap`, 8 a byte, least significant bit first.
    ///
    /// The watermark itself is not taken and the last byte is not zero: there is one way to write each set.
    pub fn new(watermark: u64, bitmap: Vec<u8>) -> Result<Self, FactError> {
        if bitmap.last() == Some(&0) || bitmap.first().is_some_and(|byte| byte & 1 == 1) {
            return Err(FactError::Bitmap);
        }
        Ok(Self { watermark, bitmap })
    }

    /// The first sequence that was not taken.
    pub const fn watermark(&self) -> u64 {
        self.watermark
    }

    /// Whether the arrival with `sequence` was taken.
    pub fn contains(&self, sequence: u64) -> bool {
        let Some(offset) = sequence.checked_sub(self.watermark) else { return true };
        usize::try_from(offset).is_ok_and(|offset| self.bit(offset))
    }

    /// Takes the arrival with `sequence`. False, and nothing has changed, if it was taken before or no lane is that long.
    pub fn insert(&mut self, sequence: u64) -> bool {
        if sequence >= LEAVES_MAX || self.contains(sequence) {
            return false;
        }
        let Ok(offset) = usize::try_from(sequence - self.watermark) else { return false };
        if self.bitmap.len() <= offset / 8 {
            self.bitmap.resize(offset / 8 + 1, 0);
        }
        self.bitmap[offset / 8] |= 1 << (offset % 8);
        if offset == 0 {
            self.advance();
        }
        true
    }

    fn bit(&self, offset: usize) -> bool {
        self.bitmap.get(offset / 8).is_some_and(|byte| byte >> (offset % 8) & 1 == 1)
    }

    /// Moves the watermark over all that follow it without a gap.
    fn advance(&mut self) {
        let whole = self.bitmap.iter().take_while(|byte| **byte == u8::MAX).count();
        self.bitmap.drain(..whole);
        let bits = self.bitmap.first().map_or(0, |byte| byte.trailing_ones());
        for index in 0..self.bitmap.len() {
            let above = self.bitmap.get(index + 1).copied().unwrap_or(0);
            let shifted = u16::from_le_bytes([self.bitmap[index], above]) >> bits;
            self.bitmap[index] = shifted.to_le_bytes()[0];
        }
        while self.bitmap.last() == Some(&0) {
            self.bitmap.pop();
        }
        self.watermark += whole as u64 * 8 + u64::from(bits);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.watermark.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bitmap);
        bytes
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, FactError> {
        Self::new(reader.u64()?, reader.rest())
    }
}
