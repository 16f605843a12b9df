//! What an attester has at stake.

use std::fmt;

/// A member's stake in the smallest unit of $ERA: 1 to 2^96 - 1.
///
/// 1,200 of the largest, tripled, are far below 2^128: sums of stakes in `u128` never overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stake(u128);

/// A stake of zero, or of 2^96 and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stake of {0} is not between 1 and 2^96 - 1")]
pub struct InvalidStake(u128);

impl Stake {
    /// The length of [`Self::to_be_bytes`].
    pub const LEN: usize = 12;
    /// The largest stake.
    pub const MAX: Self = Self((1 << 96) - 1);

    /// A stake of `units`; an error unless 1 to 2^96 - 1.
    pub const fn new(units: u128) -> Result<Self, InvalidStake> {
        if units == 0 || units > Self::MAX.0 { Err(InvalidStake(units)) } else { Ok(Self(units)) }
    }

    /// In the smallest unit of $ERA.
    pub const fn get(self) -> u128 {
        self.0
    }

    /// The stake as it stands in a table.
    pub fn to_be_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes.copy_from_slice(&self.0.to_be_bytes()[16 - Self::LEN..]);
        bytes
    }

    /// The stake in `bytes`; an error for zero.
    pub fn from_be_bytes(bytes: [u8; Self::LEN]) -> Result<Self, InvalidStake> {
        let mut wide = [0; 16];
        wide[16 - Self::LEN..].copy_from_slice(&bytes);
        Self::new(u128::from_be_bytes(wide))
    }
}

impl fmt::Display for Stake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
