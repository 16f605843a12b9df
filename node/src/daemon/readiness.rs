//! `/readyz` and the metric of what does not go on, from the board of tasks.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, UnixMillis},
    task::status::{StatusBoard, TaskState, TaskStatus},
    telemetry::{
        Metrics, MetricsError,
        http::{Part, Readiness, Status},
    },
};

/// How long a stage may go without a successful step before it counts as stalled.
const STALLED_AFTER: Duration = Duration::from_secs(15);

/// Ready while at least one chain is served by all its stages: one stalled chain does not take the others down (I9).
pub struct BoardReadiness {
    board: StatusBoard,
    clock: Arc<dyn Clock>,
}

impl BoardReadiness {
    /// The readiness of the tasks on `board`.
    pub fn new(board: StatusBoard, clock: Arc<dyn Clock>) -> Self {
        Self { board, clock }
    }

    /// Declares what is told of stages: those that `/readyz?verbose` names as not going on, and what each costs.
    pub fn declare(self: &Arc<Self>, metrics: &Metrics) -> Result<(), MetricsError> {
        let board = self.board.clone();
        metrics.seconds_counted_as_read(
            "stage_cpu",
            "CPU time of each stage's steps.",
            &["chain", "stage"],
            move |cpu| {
                for task in board.snapshot() {
                    let chain = task.chain.map(|chain| chain.to_string()).unwrap_or_default();
                    cpu.with_label_values(&[chain.as_str(), task.name]).inc_by(task.cpu.as_secs_f64());
                }
            },
        )?;
        let (help, labels) =
            ("1 for each stage of a chain that does not go on, with why.", ["chain", "stage", "reason"]);
        let this = self.clone();
        metrics.gauge_as_read("stage_stopped", help, &labels, move |gauge| {
            let now = this.clock.now();
            for task in this.board.snapshot().iter().filter(|task| problem(task, now).is_some()) {
                let chain = task.chain.map(|chain| chain.to_string()).unwrap_or_default();
                gauge.with_label_values(&[chain.as_str(), task.name, reason(&task.state)]).set(1);
            }
        })
    }
}

impl Readiness for BoardReadiness {
    fn status(&self) -> Status {
        let now = self.clock.now();
        let tasks = self.board.snapshot();
        let mut chains = BTreeMap::new();
        for task in &tasks {
            if let Some(chain) = task.chain {
                *chains.entry(chain).or_insert(true) &= problem(task, now).is_none();
            }
        }
        let parts = tasks.iter().map(|task| part(task, now)).collect();
        Status { ready: chains.values().any(|ok| *ok), parts }
    }
}

fn part(task: &TaskStatus, now: UnixMillis) -> Part {
    let name = task.chain.map_or_else(|| task.name.to_owned(), |chain| format!("{chain} {}", task.name));
    let problem = problem(task, now);
    let ok = problem.is_none();
    let detail = match (problem, &task.state) {
        (Some(problem), _) => problem,
        (None, TaskState::Blocked { reason, detail, .. }) => format!("waiting, {reason}: {detail}"),
        (None, _) => "ok".to_owned(),
    };
    Part { name, ok, detail }
}

/// The stable word for what keeps a task.
const fn reason(state: &TaskState) -> &'static str {
    match state {
        TaskState::Blocked { reason, .. } | TaskState::BackingOff { reason, .. } | TaskState::Parked { reason, .. } => {
            reason
        }
        TaskState::Running | TaskState::Waiting => "stalled",
    }
}

fn problem(task: &TaskStatus, now: UnixMillis) -> Option<String> {
    match &task.state {
        TaskState::Waiting => None,
        TaskState::Running if task.chain.is_none() => None,
        TaskState::Running => {
            let silent = now.since(task.last_success);
            (silent > STALLED_AFTER).then(|| format!("stalled: no step has ended for {} s", silent.as_secs()))
        }
        TaskState::Blocked { reason, detail, since } => {
            let waited = now.since(*since);
            (waited > STALLED_AFTER).then(|| format!("stalled for {} s, {reason}: {detail}", waited.as_secs()))
        }
        TaskState::BackingOff { reason, detail, failures, .. } => {
            Some(format!("{reason}: {detail} ({failures} failures in a row)"))
        }
        TaskState::Parked { reason, detail } => Some(format!("parked, {reason}: {detail}")),
    }
}
