//! What is sent: planned from a seed, then sent by accounts of their own.

mod plan;
mod send;

pub use plan::{Cargo, Planned, Traffic};
pub use send::Senders;
