//! What a request to the admin API must show.

use std::{fmt, path::Path};

use alloy::primitives::{B256, keccak256};
use metalayer_node::config::{SecretError, read_secret_file};

/// A token, kept as its hash: comparing hashes tells nothing about how much of a guess was right.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(B256);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// The token in a file that only its owner may read.
    pub fn open(file: &Path) -> Result<Self, SecretError> {
        Ok(Self::new(&read_secret_file(file)?))
    }

    /// This token.
    pub fn new(token: &str) -> Self {
        Self(keccak256(token))
    }

    /// Whether `shown` is it.
    pub fn matches(&self, shown: &str) -> bool {
        keccak256(shown) == self.0
    }
}
