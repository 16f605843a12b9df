//! A message's way tells which of its chains does not go on.

use async_trait::async_trait;
use metalayer_node::task::{Severity, Stage, StageError, Step, status::TaskState};

use super::*;
use crate::testing::{judged, message};

/// A chain that lies.
struct Lying;

#[derive(Debug, thiserror::Error)]
#[error("an arrival that nobody sent")]
struct Lie;

impl StageError for Lie {
    fn severity(&self) -> Severity {
        Severity::Chain
    }

    fn reason(&self) -> &'static str {
        "origin_lies"
    }
}

#[async_trait]
impl Stage for Lying {
    type Error = Lie;

    async fn step(&mut self) -> Result<Step, Lie> {
        Err(Lie)
    }
}

#[tokio::test]
async fn a_message_s_way_names_the_chain_that_is_stopped_and_why() {
    let bench = Bench::new().await;
    let token = bench.token("right", 0o600);
    let message = message(0, 0);
    bench.send(vec![judged(message.clone())]).await;
    let path = format!("/v1/messages/{}", message.id());
    let traced: Traced = ask(bench.address, &token, &path).await.unwrap();
    assert!(traced.stopped.is_empty());

    let [origin, stranger] = [901, 903].map(|chain| gateway(chain).chain);
    bench.tasks.spawn_stage("watch", Some(origin), Lying);
    bench.tasks.spawn_stage("watch", Some(stranger), Lying);
    let is_parked = |state: &TaskState| matches!(state, TaskState::Parked { .. });
    while !bench.tasks.status().snapshot().iter().all(|task| is_parked(&task.state)) {
        tokio::task::yield_now().await;
    }
    let traced: Traced = ask(bench.address, &token, &path).await.unwrap();
    assert_eq!(traced.entry.id, message.id());
    let [stopped] = traced.stopped.as_slice() else { panic!("one of its chains is stopped: {traced}") };
    assert_eq!((stopped.chain, stopped.stage.as_str(), stopped.reason.as_str()), (origin, "watch", "origin_lies"));
    assert!(traced.to_string().contains("stopped   eip155:901 watch, origin_lies: "), "{traced}");
}
