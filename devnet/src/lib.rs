//! A whole Metalayer on one machine: chains, contracts, attesters, relayer, traffic.
//!
//! Everything is real: EVM nodes and daemons are processes, daemons are the built binaries with configuration files, and
//! what is reported is read from the chains. The demo, the gas figures and the end-to-end
//! tests stand on it.

pub mod audit;
pub mod cli;
pub mod clock;
pub mod console;
pub mod demo;
pub mod equation;
pub mod era;
pub mod gas;
pub mod listening;
pub mod network;
pub mod node;
pub mod observer;
pub mod preflight;
pub mod processes;
pub mod proxy;
pub mod report;
pub mod restart;
pub mod run_dir;
pub mod signals;
pub mod stop;
pub mod traffic;
