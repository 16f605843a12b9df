//! Drives one stage.

use std::{future::pending, sync::Arc, time::Duration};

use futures::{FutureExt, future::select_all};
use metalayer_proto::ids::ChainId;

use super::{
    Blocked, Severity, Stage, StageError, Step, Wake,
    group::{Failure, Shared},
    meter::metered,
    signal::Shutdown,
    status::{TaskName, TaskState},
};
use crate::clock::UnixMillis;

/// The pause after the first failed step; each further one in a row doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// How a stage's run came to its end.
pub(super) enum Ending {
    Stopped,
    ParkChain(ChainId, Box<dyn StageError>),
    Fail(Failure),
}

pub(super) struct Runner {
    task: TaskName,
    shared: Arc<Shared>,
    stops: Vec<Shutdown>,
    /// Steps that failed in a row.
    failures: u32,
    /// Since when steps have only found that something is missing.
    blocked_since: Option<UnixMillis>,
}

impl Runner {
    pub(super) fn new(task: TaskName, shared: Arc<Shared>, stops: Vec<Shutdown>) -> Self {
        Self { task, shared, stops, failures: 0, blocked_since: None }
    }

    /// Steps until told to stop or until an error says so.
    pub(super) async fn run<S: Stage>(mut self, mut stage: S) -> Ending {
        while !self.stops.iter().any(Shutdown::is_requested) {
            self.show(TaskState::Running);
            let (stepped, spent) = metered(stage.step()).await;
            self.shared.board.update(self.task, |status| status.cpu += spent);
            match stepped {
                Ok(Step::Advanced) => {
                    self.succeeded(true);
                    // A stage that always has more to do must not keep a thread from the others.
                    tokio::task::yield_now().await;
                }
                Ok(
                    Step::Idle(Wake { notice: None, at: None })
                    | Step::Blocked(Blocked { wake: Wake { notice: None, at: None }, .. }),
                ) => {
                    return Ending::Fail(Failure::NoWake { task: self.task.to_string() });
                }
                Ok(Step::Idle(wake)) => {
                    self.succeeded(false);
                    self.show(TaskState::Waiting);
                    self.wait(wake).await;
                }
                Ok(Step::Blocked(blocked)) => self.block(blocked).await,
                Err(error) => match (error.severity(), self.task.chain) {
                    (Severity::Retryable, _) => self.back_off(&error).await,
                    (Severity::Stage, _) => {
                        tracing::warn!(task = %self.task, reason = error.reason(), "this instance ends: {error}");
                        return Ending::Stopped;
                    }
                    (Severity::Chain, Some(chain)) => return Ending::ParkChain(chain, Box::new(error)),
                    // Without a chain to park there is nothing smaller to stop.
                    (Severity::Chain, None) | (Severity::Process, _) => return Ending::Fail(self.failure(error)),
                },
            }
        }
        Ending::Stopped
    }

    async fn block(&mut self, Blocked { reason, detail, wake }: Blocked) {
        let since = self.blocked_since.unwrap_or_else(|| self.shared.clock.now());
        self.succeeded(false);
        self.blocked_since = Some(since);
        self.show(TaskState::Blocked { reason, detail, since });
        self.wait(wake).await;
    }

    async fn back_off(&mut self, error: &impl StageError) {
        self.failures = self.failures.saturating_add(1);
        let until = self.shared.clock.now().after(pause_after(self.failures));
        let (reason, detail) = (error.reason(), error.to_string());
        tracing::warn!(task = %self.task, reason, failures = self.failures, "step failed: {detail}");
        self.show(TaskState::BackingOff { reason, detail, failures: self.failures, until });
        self.wait(Wake::at(until)).await;
    }

    /// Waits for the wake or for the word to stop. Between two steps, so that nothing is dropped half-way.
    async fn wait(&self, wake: Wake) {
        let noticed = async {
            match &wake.notice {
                Some(notice) => notice.notified().await,
                None => pending().await,
            }
        };
        let due = async {
            match wake.at {
                Some(at) => self.shared.clock.sleep_until(at).await,
                None => pending().await,
            }
        };
        let stopped = select_all(self.stops.iter().map(|stop| stop.clone().requested().boxed()));
        tokio::select! { biased; _ = stopped => {}, () = noticed => {}, () = due => {} }
    }

    fn succeeded(&mut self, is_progress: bool) {
        self.failures = 0;
        self.blocked_since = None;
        let now = self.shared.clock.now();
        self.shared.board.update(self.task, |status| {
            status.last_success = now;
            if is_progress {
                status.last_progress = now;
            }
        });
    }

    fn show(&self, state: TaskState) {
        let now = self.shared.clock.now();
        self.shared.board.update(self.task, |status| {
            status.state = state;
            status.since = now;
        });
    }

    fn failure(&self, error: impl StageError) -> Failure {
        Failure::Task { task: self.task.to_string(), reason: error.reason(), source: Box::new(error) }
    }
}

fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_their_bound() {
        let pauses = [1, 2, 3, 8, 9, u32::MAX].map(|failures| pause_after(failures).as_millis());
        assert_eq!(pauses, [100, 200, 400, 12_800, 15_000, 15_000]);
    }
}
