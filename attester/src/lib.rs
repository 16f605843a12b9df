//! The daemon that node operators run: read -> judge -> guard -> sign -> publish.
//!
//! It trusts nobody's relay: it reads each origin through its own endpoints, derives the commitment, and speaks in one
//! way only, HTTP to one or more collectors.

pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod guard;
pub mod leaves;
pub mod listen;
pub mod metrics;
pub mod origin;
pub mod outbox;
pub mod proven;
pub mod publish;
pub mod rules;
pub mod stages;
pub mod start;

#[cfg(test)]
mod tests;
