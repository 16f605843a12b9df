//! Stages and what drives them.
//!
//! A stage is one bounded unit of work, never dropped half-way, every await with a deadline. A test drives it step by
//! step; a [`group::TaskGroup`] runs it until cancelled.

pub mod group;
mod meter;
mod runner;
mod signal;
pub mod status;
#[cfg(test)]
mod tests;

pub use meter::{Metered, metered};

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::clock::UnixMillis;

/// What a step came to.
#[derive(Debug)]
pub enum Step {
    /// Work was done and there may be more at once.
    Advanced,
    /// Nothing to do until the wake.
    Idle(Wake),
    /// There is something to do, but not before others have brought what it needs.
    Blocked(Blocked),
}

/// What a stage waits for that is not an error: it is named in `/readyz?verbose`, and counts as stalled when it lasts.
#[derive(Debug)]
pub struct Blocked {
    /// A short, stable word.
    pub reason: &'static str,
    /// What is missing.
    pub detail: String,
    /// When it is looked for again.
    pub wake: Wake,
}

/// What ends an idle stage's wait: whichever of the two comes first. At least one is set.
///
/// Who has something calls `notice.notify_one()`, which a stage that is not waiting yet finds when it does. A notice
/// therefore belongs to one stage.
#[derive(Debug, Clone, Default)]
pub struct Wake {
    /// Somebody has something for the stage.
    pub notice: Option<Arc<Notify>>,
    /// A time at which to look again.
    pub at: Option<UnixMillis>,
}

impl Wake {
    /// Woken by whoever has something.
    pub fn on(notice: &Arc<Notify>) -> Self {
        Self { notice: Some(Arc::clone(notice)), at: None }
    }

    /// Woken at a time.
    pub fn at(time: UnixMillis) -> Self {
        Self { notice: None, at: Some(time) }
    }

    /// Woken at a time as well, if nothing else comes before.
    pub fn or_at(self, time: UnixMillis) -> Self {
        Self { at: Some(self.at.map_or(time, |at| at.min(time))), ..self }
    }
}

/// How a stage's error is met: back off and step again, end this instance, stop its chain, or stop the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// It may pass: step again after a growing pause.
    Retryable,
    /// This instance ends, and nothing else: it has lost what it served, and whoever has that now starts another.
    Stage,
    /// This chain is parked with a typed reason; the others go on (I9).
    Chain,
    /// Store, bus, guard or configuration: the process drains and exits with a cause.
    Process,
}

/// An error that knows how it is to be met.
pub trait StageError: std::error::Error + Send + Sync + 'static {
    /// How to meet it.
    fn severity(&self) -> Severity;

    /// A short, stable word for metrics and `/readyz?verbose`.
    fn reason(&self) -> &'static str;
}

/// One bounded unit of work at a time, for one chain (or for the process).
#[async_trait]
pub trait Stage: Send + 'static {
    /// Why a step fails.
    type Error: StageError;

    /// Does one bounded unit of work.
    async fn step(&mut self) -> Result<Step, Self::Error>;
}
