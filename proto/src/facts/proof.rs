//! That a fact stands under a facts root.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use super::{Fact, goes_right};
use crate::lane::node;

/// The siblings from the fact's leaf up to the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactProof {
    /// The siblings, deepest first.
    pub siblings: Vec<B256>,
}

/// Why a fact proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactProofError {
    /// More siblings than a key has bits.
    #[error("a fact proof has at most {max} hashes, this one {0}", max = FactProof::SIBLINGS_MAX)]
    TooLong(usize),
    /// Nothing stands under the root of the empty map.
    #[error("a zero facts root proves nothing")]
    ZeroRoot,
    /// It leads somewhere else.
    #[error("the fact proof leads to root {got}, not {expected}")]
    Root {
        /// The root that was to be reached.
        expected: B256,
        /// The root that was reached.
        got: B256,
    },
}

impl FactProof {
    /// The most siblings a proof may have.
    pub const SIBLINGS_MAX: usize = 256;

    /// Checks that `fact` stands under `root`.
    pub fn verify(&self, fact: &Fact, root: B256) -> Result<(), FactProofError> {
        if self.siblings.len() > Self::SIBLINGS_MAX {
            return Err(FactProofError::TooLong(self.siblings.len()));
        }
        if root.is_zero() {
            return Err(FactProofError::ZeroRoot);
        }
        let key = fact.key().hash();
        let levels = (0..self.siblings.len()).rev();
        let got = levels.zip(&self.siblings).fold(fact.leaf(), |hash, (level, sibling)| {
            if goes_right(key, level) { node(*sibling, hash) } else { node(hash, *sibling) }
        });
        if got == root { Ok(()) } else { Err(FactProofError::Root { expected: root, got }) }
    }
}
