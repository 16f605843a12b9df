//! WHAT a daemon stands on: chains, bus, store, clock, signer, tasks, telemetry, configuration.
//!
//! Per concept one folder: the trait, the real implementation, the in-memory twin, and one conformance suite that
//! runs on both. Nothing here knows what a commitment is for; that is `attester` and `relayer`.

pub mod bus;
pub mod chain;
pub mod clock;
pub mod collector;
pub mod config;
pub mod daemon;
pub mod epochs;
pub mod lanes;
pub mod sent;
pub mod signer;
pub mod store;
pub mod task;
pub mod telemetry;
