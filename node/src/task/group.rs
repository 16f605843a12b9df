//! Runs stages and services until the process is told to stop, with two scopes of failure.
//!
//! A chain's fatal error parks that chain's tasks; the others go on (I9). The process's first fatal error stops all,
//! and becomes the cause it exits with. A step is never dropped half-way: only the wait between two steps is.

use std::{
    any::Any,
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use metalayer_proto::ids::ChainId;
use tokio::sync::{Notify, mpsc};

use super::{
    Stage, StageError,
    runner::{Ending, Runner},
    signal::Stopper,
    status::{StatusBoard, TaskName, TaskState, TaskStatus},
};
use crate::clock::Clock;

pub use super::signal::Shutdown;

/// How long [`TaskGroup::run`] waits for tasks to finish what they are at, once they were told to stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(30);

/// What a service fails with.
pub type ServiceError = Box<dyn std::error::Error + Send + Sync>;

/// Why a process stopped without being asked to, or not cleanly.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A task met an error that the process cannot go on with.
    #[error("{task}: {source}")]
    Task {
        /// Which task.
        task: String,
        /// The error's stable word; `service` for a service's.
        reason: &'static str,
        /// The error.
        source: ServiceError,
    },
    /// A task ended although nobody asked it to.
    #[error("{task}: ended by itself")]
    Ended {
        /// Which task.
        task: String,
    },
    /// A stage went idle without saying what wakes it.
    #[error("{task}: waits for nothing")]
    NoWake {
        /// Which task.
        task: String,
    },
    /// A task panicked.
    #[error("{task}: panicked: {message}")]
    Panicked {
        /// Which task.
        task: String,
        /// What it said.
        message: String,
    },
    /// Tasks were still at work [`DRAIN_MAX`] after they were told to stop.
    #[error("not stopped within {} s: {}", DRAIN_MAX.as_secs(), tasks.join(", "))]
    NotDrained {
        /// Which tasks.
        tasks: Vec<String>,
    },
}

/// Runs tasks, and decides what their errors stop. Clones are handles on the same group, so that a stage that follows
/// a bus group's assignments can spawn and stop the stages of each partition.
#[derive(Clone)]
pub struct TaskGroup {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) board: StatusBoard,
    stop: Stopper,
    first_failure: Mutex<Option<Failure>>,
    failed: Notify,
    chains: Mutex<HashMap<ChainId, Chain>>,
    next_task: AtomicU64,
    /// A task holds a clone while it lives, so that `run` sees the last one go.
    alive: Mutex<Option<mpsc::Sender<()>>>,
    all_gone: Mutex<Option<mpsc::Receiver<()>>>,
}

struct Chain {
    stop: Stopper,
    /// Why the chain is parked, once it is.
    parked: Option<(&'static str, String)>,
}

/// A task that was spawned. Dropping this leaves it running.
#[derive(Debug)]
pub struct TaskHandle {
    stop: Stopper,
    done: mpsc::Receiver<()>,
}

impl TaskHandle {
    /// Stops the task and waits until the step it is at has ended. Nothing of it runs after that.
    pub async fn stop(mut self) {
        self.stop.stop();
        // Nothing is ever sent: it closes when the task is gone.
        self.done.recv().await;
    }
}

impl TaskGroup {
    /// A group without tasks.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (alive, all_gone) = mpsc::channel(1);
        let shared = Shared {
            clock,
            board: StatusBoard::default(),
            stop: Stopper::new(),
            first_failure: Mutex::default(),
            failed: Notify::new(),
            chains: Mutex::default(),
            next_task: AtomicU64::default(),
            alive: Mutex::new(Some(alive)),
            all_gone: Mutex::new(Some(all_gone)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What every task is doing.
    pub fn status(&self) -> StatusBoard {
        self.shared.board.clone()
    }

    /// Hears when the group stops.
    pub fn shutdown(&self) -> Shutdown {
        self.shared.stop.listen()
    }

    /// Runs a stage step by step until it is stopped, its chain is parked, or the group stops.
    ///
    /// `chain` is the chain it serves. On a chain that is parked already it does not start and shows as parked.
    pub fn spawn_stage<S: Stage>(&self, name: &'static str, chain: Option<ChainId>, stage: S) -> TaskHandle {
        let task = self.shared.announce(name, chain);
        let own_stop = Stopper::new();
        let chain_stop = chain.map(|chain| self.shared.chain_stop(chain));
        let stops = [Some(self.shutdown()), Some(own_stop.listen()), chain_stop].into_iter().flatten().collect();
        let runner = Runner::new(task, Arc::clone(&self.shared), stops);
        let shared = Arc::clone(&self.shared);
        let life = async move {
            match runner.run(stage).await {
                Ending::Stopped => {}
                Ending::ParkChain(chain, error) => shared.park(task, chain, &*error),
                Ending::Fail(failure) => shared.fail(failure),
            }
        };
        self.spawn(task, own_stop, life)
    }

    /// Runs a plain future, such as an HTTP server, that ends when it hears [`Shutdown`]. If it ends before, or with an
    /// error, the process stops.
    pub fn spawn_service<F>(&self, name: &'static str, service: impl FnOnce(Shutdown) -> F) -> TaskHandle
    where
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let task = self.shared.announce(name, None);
        let own_stop = Stopper::new();
        let (group, own) = (self.shutdown(), own_stop.listen());
        let either = Stopper::new();
        let running = service(either.listen());
        let shared = Arc::clone(&self.shared);
        let life = async move {
            tokio::pin!(running);
            let asked = async {
                tokio::select! { biased; () = group.requested() => {}, () = own.requested() => {} }
                either.stop();
            };
            let result = tokio::select! {
                biased;
                () = asked => running.await,
                result = &mut running => result.and(Err(Failure::Ended { task: task.to_string() }.into())),
            };
            match result {
                Ok(()) => {}
                Err(source) => match source.downcast::<Failure>() {
                    Ok(failure) => shared.fail(*failure),
                    Err(source) => shared.fail(Failure::Task { task: task.to_string(), reason: "service", source }),
                },
            }
        };
        self.spawn(task, own_stop, life)
    }

    /// Waits until `asked` resolves or a task fails the process, stops all tasks, lets them finish what they are at,
    /// and says why if it was not because it was asked.
    ///
    /// # Errors
    /// The first failure; [`Failure::NotDrained`] if there was none but tasks did not stop in time.
    pub async fn run(self, asked: impl Future<Output = ()>) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = asked => {}
            () = self.shared.failed.notified() => {}
        }
        self.shared.stop.stop();
        let drained = self.drain().await;
        let failure = lock(&self.shared.first_failure).take();
        failure.map_or(drained, Err)
    }

    async fn drain(&self) -> Result<(), Failure> {
        drop(lock(&self.shared.alive).take());
        let Some(mut all_gone) = lock(&self.shared.all_gone).take() else { return Ok(()) };
        let deadline = self.shared.clock.now().after(DRAIN_MAX);
        tokio::select! {
            biased;
            _ = all_gone.recv() => Ok(()),
            () = self.shared.clock.sleep_until(deadline) => Err(Failure::NotDrained { tasks: self.shared.at_work() }),
        }
    }

    fn spawn(&self, task: TaskName, stop: Stopper, life: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        let (running, done) = mpsc::channel(1);
        // None when the group is stopping: the task then hears so before its first step.
        let alive = lock(&self.shared.alive).clone();
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Err(panic) = AssertUnwindSafe(life).catch_unwind().await {
                shared.fail(Failure::Panicked { task: task.to_string(), message: message_of(&*panic) });
            }
            shared.board.remove(task);
            drop((running, alive));
        });
        TaskHandle { stop, done }
    }
}

impl Shared {
    fn announce(&self, name: &'static str, chain: Option<ChainId>) -> TaskName {
        let task = TaskName { id: self.next_task.fetch_add(1, Ordering::Relaxed), name, chain };
        let now = self.clock.now();
        let parked = chain.and_then(|chain| lock(&self.chains).get(&chain).and_then(|chain| chain.parked.clone()));
        let state = parked.map_or(TaskState::Running, |(reason, detail)| TaskState::Parked { reason, detail });
        let status =
            TaskStatus { name, chain, state, since: now, last_success: now, last_progress: now, cpu: Duration::ZERO };
        self.board.put(task, status);
        task
    }

    fn chain_stop(&self, chain: ChainId) -> Shutdown {
        let mut chains = lock(&self.chains);
        chains.entry(chain).or_insert_with(|| Chain { stop: Stopper::new(), parked: None }).stop.listen()
    }

    fn park(&self, task: TaskName, chain: ChainId, error: &dyn StageError) {
        let (reason, detail) = (error.reason(), format!("{task}: {error}"));
        tracing::error!(%chain, reason, "chain parked: {detail}");
        if let Some(scope) = lock(&self.chains).get_mut(&chain) {
            scope.parked.get_or_insert((reason, detail.clone()));
            scope.stop.stop();
        }
        self.board.park(chain, reason, &detail, self.clock.now());
    }

    fn fail(&self, failure: Failure) {
        tracing::error!("the process stops: {failure}");
        // Only the first is the cause; those that follow are often its consequence.
        lock(&self.first_failure).get_or_insert(failure);
        self.failed.notify_one();
    }

    /// The tasks on the board that are not parked.
    fn at_work(&self) -> Vec<String> {
        let is_parked = |status: &TaskStatus| matches!(status.state, TaskState::Parked { .. });
        let statuses = self.board.snapshot().into_iter().filter(|status| !is_parked(status));
        statuses.map(|TaskStatus { name, chain, .. }| TaskName { id: 0, name, chain }.to_string()).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
