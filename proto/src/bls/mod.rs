//! BLS12-381 signatures of attesters: signatures in G1, keys in G2 (docs/protocol.md §7).
//!
//! The suite is `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_` of draft-irtf-cfrg-bls-signature over RFC 9380. What
//! has been checked of a point is its type:
//!
//! | type | on the curve, not infinity | in the subgroup | verified |
//! | --- | --- | --- | --- |
//! | [`UncheckedSignature`] | yes | no | no |
//! | [`Signature`] | yes | yes | no |
//! | [`PublicKey`], [`AggregateKey`] | yes | yes | |
//! | [`PossessionProof`] | yes | yes | no |
//!
//! One attester's signature stays unchecked until it is added: the subgroup check of 350 signatures costs more than
//! their sum and its pairing together. [`SignatureSum::finish`] checks what counts, the sum.

mod error;
mod pairing;
mod possession;
mod public;
mod secret;
mod signature;
mod sum;
#[cfg(test)]
pub(crate) mod tests;

pub use error::BlsError;
pub(crate) use pairing::HashedDigest;
pub use possession::PossessionProof;
pub use public::{AttesterId, PublicKey};
pub use secret::SecretKey;
pub use signature::{Signature, UncheckedSignature};
pub use sum::{AggregateKey, KeySum, SignatureSum};
