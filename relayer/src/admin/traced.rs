//! What is told of a message: its way, and which chain on it does not go on.

use std::fmt;

use metalayer_node::task::status::{StatusBoard, TaskState};
use metalayer_proto::ids::ChainId;
use serde::{Deserialize, Serialize};

use crate::index::MessageEntry;

/// A message's way so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// What is in final blocks.
    #[serde(flatten)]
    pub entry: MessageEntry,
    /// What of its two chains does not go on now.
    pub stopped: Vec<Stopped>,
}

/// A stage of a chain that does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The chain.
    pub chain: ChainId,
    /// What is done for it: `watch`, `aggregate`, `execute` or `index`.
    pub stage: String,
    /// A stable word.
    pub reason: String,
    /// The same for people.
    pub detail: String,
}

impl Traced {
    pub(super) fn of(entry: MessageEntry, board: &StatusBoard) -> Self {
        let ends = [entry.origin, entry.destination];
        let mut stopped = Vec::new();
        for task in board.snapshot() {
            let Some(chain) = task.chain.filter(|chain| ends.contains(chain)) else { continue };
            let (reason, detail) = match task.state {
                TaskState::Parked { reason, detail }
                | TaskState::Blocked { reason, detail, .. }
                | TaskState::BackingOff { reason, detail, .. } => (reason.to_owned(), detail),
                TaskState::Running | TaskState::Waiting => continue,
            };
            stopped.push(Stopped { chain, stage: task.name.to_owned(), reason, detail });
        }
        Self { entry, stopped }
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.entry)?;
        for Stopped { chain, stage, reason, detail } in &self.stopped {
            write!(f, "\nstopped   {chain} {stage}, {reason}: {detail}")?;
        }
        Ok(())
    }
}
