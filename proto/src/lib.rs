//! WHAT Metalayer says: everything that is signed, and everything that travels.
//!
//! Pure: no I/O, no async, no clock. The exact bytes are in `docs/protocol.md`.

pub mod act;
pub mod batch;
pub mod bls;
mod bytes;
pub mod commitment;
pub mod control;
pub mod derivation;
pub mod envelope;
pub mod events;
pub mod facts;
pub mod heights;
pub mod ids;
pub mod interop;
pub mod item;
pub mod lane;
pub mod lanes;
pub mod message;
#[cfg(feature = "planted")]
pub mod planted;
pub mod quorum;
pub mod served;
pub mod topics;
pub mod value;

pub use bytes::LengthError;

#[cfg(test)]
mod tests;
