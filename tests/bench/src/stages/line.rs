//! The way to a chain in memory, and its time.

use std::time::Instant;

use async_trait::async_trait;
use metalayer_node::{
    chain::{CallError, Transport},
    clock::{Clock, UnixMillis},
};
use metalayer_sim::chain::SimChain;
use serde_json::Value;

/// A chain that answers on a thread of its own.
pub(super) struct Line(pub(super) SimChain);

#[async_trait]
impl Transport for Line {
    async fn exchange(&self, request: &Value) -> Result<Value, CallError> {
        let (chain, request) = (self.0.clone(), request.clone());
        let answer = tokio::task::spawn_blocking(move || chain.answer(&request)).await;
        answer.map_err(|error| CallError::Transport(error.to_string()))
    }
}

/// Time that began when the network was founded and passes as anybody's does.
#[derive(Clone, Copy)]
pub(super) struct Since {
    start: UnixMillis,
    begun: Instant,
}

impl Since {
    /// A clock that begins at `start_s`.
    pub(super) fn start(start_s: u64) -> Self {
        Self { start: UnixMillis(start_s * 1_000), begun: Instant::now() }
    }
}

#[async_trait]
impl Clock for Since {
    fn now(&self) -> UnixMillis {
        self.start.after(self.begun.elapsed())
    }

    async fn sleep_until(&self, deadline: UnixMillis) {
        tokio::time::sleep(deadline.since(self.now())).await;
    }
}
