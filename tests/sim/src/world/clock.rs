//! Simulated time: tokio's own, which moves on by itself as soon as nobody can run.

use std::time::Duration;

use async_trait::async_trait;
use metalayer_node::clock::{Clock, UnixMillis};
use tokio::time::Instant;

/// Time since a beginning, on a paused runtime. Every wait of the real code, be it this clock's or tokio's, is on the same time.
#[derive(Clone, Copy, Debug)]
pub struct SimClock {
    epoch: UnixMillis,
    began: Instant,
}

impl SimClock {
    /// A clock that shows `epoch` now.
    pub fn at(epoch: UnixMillis) -> Self {
        Self { epoch, began: Instant::now() }
    }

    /// What it showed first.
    pub const fn began_at(&self) -> UnixMillis {
        self.epoch
    }

    /// Whole seconds since the Unix epoch: a block's timestamp.
    pub fn seconds(&self) -> u64 {
        self.now().0 / 1_000
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> UnixMillis {
        self.epoch.after(self.began.elapsed())
    }

    async fn sleep_until(&self, deadline: UnixMillis) {
        tokio::time::sleep_until(self.began + Duration::from_millis(deadline.0.saturating_sub(self.epoch.0))).await;
    }
}
