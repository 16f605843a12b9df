//! Which members of a table signed.

/// A bit a member. Member i is bit 7 - (i mod 8) of byte ⌊i / 8⌋; the bits past the last member are zero, so that a
/// set of members has one encoding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bitmap {
    members: u16,
    bytes: Vec<u8>,
}

/// Bytes that are no bitmap for a table of so many members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BitmapError {
    /// Not exactly ⌈members / 8⌉ bytes.
    #[error("a bitmap of {got} bytes where {expected} are expected")]
    Length {
        /// ⌈members / 8⌉.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// A bit past the last member is set.
    #[error("a bit past the last member is set")]
    Padding,
}

impl Bitmap {
    /// Nobody out of `members`.
    pub fn empty(members: u16) -> Self {
        Self { members, bytes: vec![0; byte_len(members)] }
    }

    /// The bitmap in `bytes` over `members` members; its length must be exact and its padding zero.
    pub fn from_bytes(members: u16, bytes: &[u8]) -> Result<Self, BitmapError> {
        let expected = byte_len(members);
        if bytes.len() != expected {
            return Err(BitmapError::Length { expected, got: bytes.len() });
        }
        let padding = match members % 8 {
            0 => 0,
            used => 0xff_u8 >> used,
        };
        if bytes.last().is_some_and(|last| last & padding != 0) {
            return Err(BitmapError::Padding);
        }
        Ok(Self { members, bytes: bytes.to_vec() })
    }

    /// Its ⌈members / 8⌉ bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many members the table has, signers or not.
    pub const fn members(&self) -> u16 {
        self.members
    }

    /// Whether member `index` is in; past the last member nobody is.
    pub fn contains(&self, index: u16) -> bool {
        index < self.members && self.bytes[usize::from(index / 8)] & bit(index) != 0
    }

    /// Puts member `index` in; false, and no change, if there is no such member.
    pub fn insert(&mut self, index: u16) -> bool {
        let exists = index < self.members;
        if exists {
            self.bytes[usize::from(index / 8)] |= bit(index);
        }
        exists
    }

    /// How many are in.
    pub fn len(&self) -> usize {
        self.bytes.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }

    /// Who is in, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        (0..self.members).filter(|index| self.contains(*index))
    }
}

const fn byte_len(members: u16) -> usize {
    members.div_ceil(8) as usize
}

const fn bit(index: u16) -> u8 {
    0x80 >> (index % 8)
}
