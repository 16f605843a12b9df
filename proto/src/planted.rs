//! Bugs that are planted to see whether the simulation finds them. Only the feature `planted` builds them, and nothing that is installed has it.

use std::cell::Cell;

use crate::{
    derivation::VoidReason,
    message::{Kind, Message},
};

/// A bug of the derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// All void messages have the same leaf.
    VoidLeafWithoutId,
    /// What a rollup's logs say was burnt it had.
    LedgerBelievesLogs,
    /// A message is judged by the newest rules that are known, whatever version is in force.
    VerdictByNewestVersion,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// From now on this thread's derivations have this bug, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// What the next rules might forbid: bytes beside a module.
pub(crate) fn next_version(message: &Message) -> Result<(), VoidReason> {
    if message.kind == Kind::Generic { Err(VoidReason::NoRules(message.kind)) } else { Ok(()) }
}
