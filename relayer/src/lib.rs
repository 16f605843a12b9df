//! The daemon of the hub: watch -> collect -> aggregate -> execute.
//!
//! Nobody has to trust it: what it takes from the bus, from attesters and from nodes is checked, and what it delivers is checked
//! again on chain. It can delay, never forge.

pub mod admin;
pub mod aggregate;
pub mod app;
pub mod archive;
pub mod assignment;
pub mod cli;
pub mod collector;
pub mod commands;
pub mod config;
pub mod deploy;
pub mod execute;
mod home;
pub mod index;
pub mod metrics;
mod outcome;
pub mod record;
mod revert;
pub mod stages;
pub mod start;
pub mod tables;
#[cfg(test)]
#[allow(clippy::unwrap_used, missing_docs)]
pub(crate) mod testing;
pub mod watch;
