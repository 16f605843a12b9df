//! Configuration: one TOML a daemon, every problem at once with its path and what to do about it.
//!
//! ```toml
//! data_dir = "/var/lib/metalayer"
//! [[chains]]
//! name = "harbour"
//! ```
//!
//! A daemon opens its file as a [`Document`], reads each key through a [`Section`] and finishes the document: either
//! the typed configuration, or an [`InvalidConfig`] that lists everything that is wrong. Keys that nobody has read are
//! unknown, and refused.

mod document;
mod exit;
mod nearest;
mod network;
mod problem;
mod secret;
mod section;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use exit::ExitCause;
pub use network::{ChainEntry, EpochEntry, MemberEntry, NetworkFile, read_finality, read_member};
pub use problem::{InvalidConfig, Problem};
pub use secret::{SecretError, create_secret_file, read_secret_file, read_secret_key};
pub use section::Section;
