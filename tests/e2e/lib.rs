//! The whole system, end to end: the built binaries, real EVM nodes, nothing in place of what a user would run.
//!
//! Run it with `make test-e2e`, which builds the binaries first.

#![cfg_attr(
    test,
    allow(clippy::expect_used, clippy::panic, clippy::cast_precision_loss, reason = "a test that cannot go on fails")
)]

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod binaries;
#[cfg(test)]
mod deleted;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fees;
#[cfg(test)]
mod gas;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod network;
#[cfg(test)]
mod recovered;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod rpc;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod taken_over;
