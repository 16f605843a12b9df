//! Who signs with what stake, and proof that enough of it did (docs/protocol.md §7).

mod aggregator;
mod bitmap;
mod proof;
mod proven;
mod stake;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use aggregator::{Aggregator, NotAMember};
pub use bitmap::{Bitmap, BitmapError};
pub use proof::{ProofError, QuorumProof};
pub use proven::{ProvenCommitment, ProvenCommitmentError};
pub use stake::{InvalidStake, Stake};
pub use table::{EpochTable, Member, TableError};
