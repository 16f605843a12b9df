//! WHAT Metalayer says: everything that is signed, and everything that travels.
//!
//! Pure: no I/O, no async, no clock. The exact bytes are in `docs/protocol.md`.
pub mod ids;
