//! The whole system in one process and one thread, from one seed: the stages that the daemons run, over a bus and a clock in memory,
//! and chains in memory that run the committed contracts.

pub mod chain;
pub mod founding;
#[cfg(test)]
mod planted;
pub mod world;
