//! What an operator does besides running it: each command answers one result.

pub mod guard;
pub mod keys;
