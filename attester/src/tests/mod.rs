//! The attester's parts over chains, stores and clocks in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrivals;
mod bench;
mod config;
mod epochs;
mod origin;
mod proven;
mod publish;
mod served;
mod start;
