//! What every task is doing, for `/readyz?verbose` and the metrics.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metalayer_proto::ids::ChainId;

use crate::clock::UnixMillis;

/// What a task is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TaskState {
    /// A step is under way (or a service runs).
    Running,
    /// Nothing to do until it is woken.
    Waiting,
    /// Work waits for what others have to bring.
    Blocked {
        /// The stable word for it.
        reason: &'static str,
        /// What is missing.
        detail: String,
        /// Since when it is missing; steps that only look again do not count.
        since: UnixMillis,
    },
    /// The last step failed in a way that may pass.
    BackingOff {
        /// The error's stable word.
        reason: &'static str,
        /// The error in full.
        detail: String,
        /// How many steps failed in a row.
        failures: u32,
        /// When it is tried again.
        until: UnixMillis,
    },
    /// It stopped with its chain and does not come back before a restart.
    Parked {
        /// The error's stable word.
        reason: &'static str,
        /// The error in full, and which task had it.
        detail: String,
    },
}

/// A task, and since when it is how it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskStatus {
    /// Its name, one a kind of stage.
    pub name: &'static str,
    /// The chain it serves, if it serves one.
    pub chain: Option<ChainId>,
    /// What it is doing.
    pub state: TaskState,
    /// Since when.
    pub since: UnixMillis,
    /// When a step last ended without an error, whether or not it found anything to do; at first its start.
    pub last_success: UnixMillis,
    /// When a step last did work; at first its start.
    pub last_progress: UnixMillis,
    /// The CPU time that its steps took in all.
    pub cpu: Duration,
}

/// The status of all tasks of a group; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct StatusBoard {
    rows: Arc<Mutex<Rows>>,
}

/// By name and chain.
type Rows = BTreeMap<(&'static str, Option<ChainId>), Row>;

#[derive(Debug)]
struct Row {
    task: u64,
    status: TaskStatus,
}

impl Row {
    fn is_parked(&self) -> bool {
        matches!(self.status.state, TaskState::Parked { .. })
    }

    fn is_live(&self, task: u64) -> bool {
        self.task == task && !self.is_parked()
    }
}

/// What a task is called, and the chain that it serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskName {
    /// Tells it from an earlier task of the same name and chain.
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) chain: Option<ChainId>,
}

impl TaskName {
    fn key(self) -> (&'static str, Option<ChainId>) {
        (self.name, self.chain)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.chain.map_or(Ok(()), |chain| write!(f, " {chain}"))
    }
}

impl StatusBoard {
    /// All tasks that are there now, by name and chain.
    pub fn snapshot(&self) -> Vec<TaskStatus> {
        self.lock().values().map(|row| row.status.clone()).collect()
    }

    pub(super) fn put(&self, task: TaskName, status: TaskStatus) {
        self.lock().insert(task.key(), Row { task: task.id, status });
    }

    /// Changes a task's status; one that is parked, or was replaced by a later task, stays as it is.
    pub(super) fn update(&self, task: TaskName, change: impl FnOnce(&mut TaskStatus)) {
        let mut rows = self.lock();
        if let Some(row) = rows.get_mut(&task.key()).filter(|row| row.is_live(task.id)) {
            change(&mut row.status);
        }
    }

    /// Shows all of a chain's tasks as parked.
    pub(super) fn park(&self, chain: ChainId, reason: &'static str, detail: &str, now: UnixMillis) {
        for row in self.lock().values_mut().filter(|row| row.status.chain == Some(chain) && !row.is_parked()) {
            row.status.state = TaskState::Parked { reason, detail: detail.to_owned() };
            row.status.since = now;
        }
    }

    /// Takes a task off that ended; a parked one stays to be seen.
    pub(super) fn remove(&self, task: TaskName) {
        let mut rows = self.lock();
        if rows.get(&task.key()).is_some_and(|row| row.is_live(task.id)) {
            rows.remove(&task.key());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
