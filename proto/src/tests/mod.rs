//! The tests of this crate's bytes: properties, differences against naive implementations, and golden files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

mod acts;
mod batch;
mod commitment;
mod derivation;
mod events;
mod facts;
pub(crate) mod golden;
mod heights;
mod interop;
mod item;
mod lane;
mod lanes;
mod message;
mod served;
mod snapshot;
mod strategies;
