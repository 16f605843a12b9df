#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use metalayer_proto::ids::ChainId;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    Blocked, Severity, Stage, StageError, Step, Wake,
    group::{DRAIN_MAX, Failure, TaskGroup},
    status::{TaskState, TaskStatus},
};
use crate::{
    clock::{Clock, UnixMillis, manual::ManualClock},
    daemon::BoardReadiness,
    telemetry::{Metrics, http::Readiness},
};

#[derive(Debug, thiserror::Error)]
#[error("planned")]
struct Planned(Severity);

impl StageError for Planned {
    fn severity(&self) -> Severity {
        self.0
    }

    fn reason(&self) -> &'static str {
        "planned"
    }
}

/// A stage that does what it is told, step by step, and tells of every step; idle once nothing is planned.
struct Script {
    plan: VecDeque<Result<Step, Planned>>,
    stepped: mpsc::UnboundedSender<&'static str>,
    name: &'static str,
    notice: Arc<Notify>,
}

#[async_trait]
impl Stage for Script {
    type Error = Planned;

    async fn step(&mut self) -> Result<Step, Planned> {
        let _ = self.stepped.send(self.name);
        self.plan.pop_front().unwrap_or_else(|| Ok(Step::Idle(Wake::on(&self.notice))))
    }
}

struct Rig {
    clock: ManualClock,
    group: TaskGroup,
    stepped: mpsc::UnboundedReceiver<&'static str>,
    tell: mpsc::UnboundedSender<&'static str>,
}

impl Rig {
    fn new() -> Self {
        let clock = ManualClock::default();
        let (tell, stepped) = mpsc::unbounded_channel();
        Self { group: TaskGroup::new(Arc::new(clock.clone())), clock, stepped, tell }
    }

    fn script(&self, name: &'static str, plan: impl IntoIterator<Item = Result<Step, Planned>>) -> Script {
        let plan = plan.into_iter().collect();
        Script { plan, stepped: self.tell.clone(), name, notice: Arc::default() }
    }

    /// The next steps that were taken; waits for them.
    async fn steps<const N: usize>(&mut self) -> [&'static str; N] {
        let mut steps = [""; N];
        for step in &mut steps {
            *step = self.stepped.recv().await.unwrap();
        }
        steps
    }

    /// Waits until a task's status is as wanted.
    async fn status(&self, name: &str, is_wanted: impl Fn(&TaskStatus) -> bool) -> TaskStatus {
        loop {
            let found = self.group.status().snapshot().into_iter().find(|task| task.name == name && is_wanted(task));
            match found {
                Some(status) => return status,
                None => tokio::task::yield_now().await,
            }
        }
    }
}

fn chain(id: u64) -> Option<ChainId> {
    Some(ChainId::new(id).unwrap())
}

fn is_parked(status: &TaskStatus) -> bool {
    matches!(status.state, TaskState::Parked { .. })
}

fn is_waiting(status: &TaskStatus) -> bool {
    status.state == TaskState::Waiting
}

fn never() -> std::future::Pending<()> {
    std::future::pending()
}

#[tokio::test]
async fn a_stage_steps_until_idle_and_again_when_noticed() {
    let mut rig = Rig::new();
    let script = rig.script("a", [Ok(Step::Advanced), Ok(Step::Advanced)]);
    let notice = Arc::clone(&script.notice);
    rig.group.spawn_stage("a", None, script);
    assert_eq!(rig.steps().await, ["a"; 3]);
    rig.status("a", is_waiting).await;
    notice.notify_one();
    assert_eq!(rig.steps().await, ["a"]);
}

#[tokio::test]
async fn a_notice_that_comes_before_the_wait_is_not_lost() {
    let mut rig = Rig::new();
    let script = rig.script("a", []);
    script.notice.notify_one();
    rig.group.spawn_stage("a", None, script);
    assert_eq!(rig.steps().await, ["a"; 2]);
}

#[tokio::test]
async fn a_stage_is_woken_at_its_time() {
    let mut rig = Rig::new();
    let script = rig.script("a", [Ok(Step::Idle(Wake::at(UnixMillis(70))))]);
    rig.group.spawn_stage("a", None, script);
    assert_eq!(rig.steps().await, ["a"]);
    rig.status("a", is_waiting).await;
    rig.clock.advance(Duration::from_millis(69));
    tokio::task::yield_now().await;
    assert!(rig.stepped.is_empty());
    rig.clock.advance(Duration::from_millis(1));
    assert_eq!(rig.steps().await, ["a"]);
}

#[tokio::test]
async fn a_retryable_error_is_tried_again_after_growing_pauses() {
    let mut rig = Rig::new();
    let fail = || Err(Planned(Severity::Retryable));
    let script = rig.script("a", [fail(), fail(), Ok(Step::Advanced), fail()]);
    rig.group.spawn_stage("a", chain(1), script);
    for (failures, pause, steps) in [(1, 100, 1), (2, 200, 1), (1, 100, 2)] {
        for _ in 0..steps {
            rig.steps::<1>().await;
        }
        let now = rig.clock.now();
        let status = rig.status("a", |task| matches!(task.state, TaskState::BackingOff { .. })).await;
        let until = now.after(Duration::from_millis(pause));
        let detail = "planned".to_owned();
        assert_eq!(status.state, TaskState::BackingOff { reason: "planned", detail, failures, until });
        rig.clock.advance_to(until);
    }
    assert_eq!(rig.steps().await, ["a"]);
}

#[tokio::test]
async fn the_board_tells_success_from_progress() {
    let mut rig = Rig::new();
    let script = rig.script("a", [Ok(Step::Advanced), Ok(Step::Idle(Wake::at(UnixMillis(5))))]);
    rig.group.spawn_stage("a", chain(1), script);
    rig.status("a", is_waiting).await;
    rig.clock.advance(Duration::from_millis(5));
    rig.steps::<3>().await;
    let status = rig.status("a", is_waiting).await;
    assert_eq!((status.last_progress, status.last_success), (UnixMillis(0), UnixMillis(5)));
}

fn blocked(at: u64) -> Result<Step, Planned> {
    let wake = Wake::at(UnixMillis(at));
    Ok(Step::Blocked(Blocked { reason: "missing", detail: "a leaf".into(), wake }))
}

#[tokio::test]
async fn what_a_stage_waits_for_is_named_and_counts_as_stalled_when_it_lasts() {
    let mut rig = Rig::new();
    let script = rig.script("a", [Ok(Step::Advanced), blocked(5), blocked(16_000), Ok(Step::Advanced)]);
    rig.group.spawn_stage("a", chain(1), script);
    let readiness = Arc::new(BoardReadiness::new(rig.group.status(), Arc::new(rig.clock.clone())));
    let metrics = Metrics::unregistered();
    readiness.declare(&metrics).unwrap();
    let stopped = "metalayer_stage_stopped{chain=\"eip155:1\",reason=\"missing\",stage=\"a\"} 1\n";
    let is_blocked = |task: &TaskStatus| matches!(task.state, TaskState::Blocked { .. });
    rig.steps::<2>().await;
    rig.status("a", is_blocked).await;
    assert_eq!(readiness.status().to_string(), "[+] eip155:1 a: waiting, missing: a leaf\nready\n");
    let told = metrics.render().unwrap();
    assert!(told.contains("metalayer_stage_cpu_seconds_total{chain=\"eip155:1\",stage=\"a\"} 0.0"), "{told}");
    assert!(!told.contains("metalayer_stage_stopped{"), "{told}");
    rig.clock.advance(Duration::from_millis(15_500));
    rig.steps::<1>().await;
    rig.status("a", is_blocked).await;
    let stalled = "[-] eip155:1 a: stalled for 15 s, missing: a leaf\nnot ready\n";
    assert_eq!(readiness.status().to_string(), stalled, "looking again is no progress");
    assert!(metrics.render().unwrap().ends_with(stopped), "{}", metrics.render().unwrap());
    rig.clock.advance(Duration::from_millis(500));
    rig.steps::<2>().await;
    rig.status("a", is_waiting).await;
    assert_eq!(readiness.status().to_string(), "[+] eip155:1 a: ok\nready\n");
    assert!(!metrics.render().unwrap().contains("metalayer_stage_stopped{"));
}

#[tokio::test]
async fn an_instance_that_lost_what_it_served_ends_alone_and_another_may_start() {
    let mut rig = Rig::new();
    let neighbour = rig.script("neighbour", []);
    let notice = Arc::clone(&neighbour.notice);
    rig.group.spawn_stage("neighbour", chain(1), neighbour);
    rig.steps::<1>().await;
    let lost = rig.group.spawn_stage("a", chain(1), rig.script("a", [Err(Planned(Severity::Stage))]));
    assert_eq!(rig.steps().await, ["a"]);
    lost.stop().await;
    assert!(rig.group.status().snapshot().iter().all(|task| task.name != "a"), "it is gone, not parked");
    notice.notify_one();
    assert_eq!(rig.steps().await, ["neighbour"]);
    rig.group.spawn_stage("a", chain(1), rig.script("a", []));
    assert_eq!(rig.steps().await, ["a"]);
}

#[tokio::test]
async fn a_chains_fatal_error_parks_that_chain_alone() {
    let mut rig = Rig::new();
    let neighbour = rig.script("neighbour", []);
    let neighbours_notice = Arc::clone(&neighbour.notice);
    rig.group.spawn_stage("neighbour", chain(1), neighbour);
    let other = rig.script("other", []);
    let notice = Arc::clone(&other.notice);
    rig.group.spawn_stage("other", chain(2), other);
    rig.steps::<2>().await;
    rig.group.spawn_stage("bad", chain(1), rig.script("bad", [Err(Planned(Severity::Chain))]));
    assert_eq!(rig.steps().await, ["bad"]);

    for name in ["bad", "neighbour"] {
        let TaskState::Parked { reason, detail } = rig.status(name, is_parked).await.state else { panic!() };
        assert_eq!((reason, detail.as_str()), ("planned", "bad eip155:1: planned"));
    }
    rig.status("other", is_waiting).await;
    neighbours_notice.notify_one();
    notice.notify_one();
    assert_eq!(rig.steps().await, ["other"], "another chain goes on, this one does not");

    rig.group.spawn_stage("late", chain(1), rig.script("late", []));
    rig.status("late", is_parked).await;
    let (done, asked) = oneshot::channel();
    done.send(()).unwrap();
    rig.group.clone().run(async { asked.await.unwrap() }).await.unwrap();
    assert!(rig.stepped.is_empty(), "a parked chain's stage never steps");
}

#[tokio::test]
async fn the_process_stops_with_the_first_cause_and_all_tasks_are_drained() {
    let mut rig = Rig::new();
    rig.group.spawn_stage("idle", chain(1), rig.script("idle", []));
    rig.steps::<1>().await;
    rig.group.spawn_stage("bad", chain(2), rig.script("bad", [Err(Planned(Severity::Process))]));
    let failure = rig.group.clone().run(never()).await.unwrap_err();
    assert_eq!(failure.to_string(), "bad eip155:2: planned");
    assert!(matches!(failure, Failure::Task { reason: "planned", source, .. } if source.is::<Planned>()));
    assert_eq!(rig.group.status().snapshot(), []);
}

#[tokio::test]
async fn a_chain_error_of_a_stage_without_a_chain_stops_the_process() {
    let rig = Rig::new();
    rig.group.spawn_stage("bad", None, rig.script("bad", [Err(Planned(Severity::Chain))]));
    assert!(matches!(rig.group.run(never()).await, Err(Failure::Task { .. })));
}

#[tokio::test]
async fn a_stage_that_waits_for_nothing_is_a_fault() {
    let rig = Rig::new();
    rig.group.spawn_stage("bad", None, rig.script("bad", [Ok(Step::Idle(Wake::default()))]));
    assert!(matches!(rig.group.run(never()).await, Err(Failure::NoWake { .. })));
}

/// A stage whose step takes until the gate opens, and counts how many were begun and ended.
struct Slow {
    gate: Arc<Notify>,
    begun: Arc<Notify>,
    ended: Arc<AtomicUsize>,
}

#[async_trait]
impl Stage for Slow {
    type Error = Planned;

    async fn step(&mut self) -> Result<Step, Planned> {
        self.begun.notify_one();
        self.gate.notified().await;
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(Step::Advanced)
    }
}

fn slow() -> (Slow, Arc<Notify>, Arc<Notify>, Arc<AtomicUsize>) {
    let (gate, begun, ended) = (Arc::<Notify>::default(), Arc::<Notify>::default(), Arc::<AtomicUsize>::default());
    (Slow { gate: gate.clone(), begun: begun.clone(), ended: ended.clone() }, gate, begun, ended)
}

#[tokio::test]
async fn a_step_is_never_dropped_half_way() {
    let rig = Rig::new();
    let (stage, gate, begun, ended) = slow();
    rig.group.spawn_stage("slow", None, stage);
    begun.notified().await;
    let run = tokio::spawn(rig.group.run(std::future::ready(())));
    tokio::task::yield_now().await;
    assert!(!run.is_finished());
    gate.notify_one();
    run.await.unwrap().unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn stopping_one_task_waits_for_its_step_and_leaves_the_others() {
    let mut rig = Rig::new();
    let (stage, gate, begun, ended) = slow();
    let handle = rig.group.spawn_stage("slow", chain(1), stage);
    let other = rig.script("other", []);
    let notice = Arc::clone(&other.notice);
    rig.group.spawn_stage("other", chain(1), other);
    rig.steps::<1>().await;
    begun.notified().await;
    let stop = tokio::spawn(handle.stop());
    tokio::task::yield_now().await;
    assert!(!stop.is_finished());
    gate.notify_one();
    stop.await.unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    assert!(rig.group.status().snapshot().iter().all(|task| task.name != "slow"));
    notice.notify_one();
    assert_eq!(rig.steps().await, ["other"]);
}

#[tokio::test]
async fn a_stage_that_never_ends_its_step_does_not_hold_the_process_for_ever() {
    let rig = Rig::new();
    let (stage, _gate, begun, _) = slow();
    rig.group.spawn_stage("stuck", chain(7), stage);
    begun.notified().await;
    let run = tokio::spawn(rig.group.run(std::future::ready(())));
    while rig.clock.next_deadline().is_none() {
        tokio::task::yield_now().await;
    }
    rig.clock.advance(DRAIN_MAX);
    let Err(Failure::NotDrained { tasks }) = run.await.unwrap() else { panic!("not named") };
    assert_eq!(tasks, ["stuck eip155:7"]);
}

#[tokio::test]
async fn a_panic_is_a_cause() {
    let rig = Rig::new();
    rig.group.spawn_service("server", |_| async { panic!("boom {}", 1) });
    let failure = rig.group.run(never()).await.unwrap_err();
    assert!(matches!(failure, Failure::Panicked { message, .. } if message == "boom 1"));
}

#[tokio::test]
async fn a_service_is_asked_to_stop_and_waited_for() {
    let rig = Rig::new();
    let (last_words, heard) = oneshot::channel();
    rig.group.spawn_service("server", |shutdown| async {
        shutdown.requested().await;
        tokio::task::yield_now().await;
        last_words.send("bye").unwrap();
        Ok(())
    });
    rig.group.run(std::future::ready(())).await.unwrap();
    assert_eq!(heard.await, Ok("bye"));
}

#[tokio::test]
async fn one_service_can_be_stopped_alone() {
    let rig = Rig::new();
    let handle = rig.group.spawn_service("server", |shutdown| async {
        shutdown.requested().await;
        Ok(())
    });
    handle.stop().await;
    assert!(!rig.group.shutdown().is_requested());
    rig.group.run(std::future::ready(())).await.unwrap();
}

#[tokio::test]
async fn a_service_that_ends_or_fails_stops_the_process() {
    let rig = Rig::new();
    rig.group.spawn_service("server", |_| async { Ok(()) });
    assert!(matches!(rig.group.run(never()).await, Err(Failure::Ended { .. })));
    let rig = Rig::new();
    rig.group.spawn_service("server", |_| async { Err("no port".into()) });
    assert_eq!(rig.group.run(never()).await.unwrap_err().to_string(), "server: no port");
}
