//! A chain whose time can be moved: one of a development node.

use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use serde_json::Value;

use crate::node::Node;

/// The clock of one chain.
pub struct Clock {
    provider: DynProvider,
}

impl Clock {
    /// The node's clock; `None` if it does not move.
    pub async fn of(node: &Node) -> Option<Self> {
        let clock = Self { provider: node.provider().ok()? };
        clock.move_by(0).await.is_ok().then_some(clock)
    }

    /// Moves the next block's time.
    pub async fn advance(&self, by: Duration) -> Result<(), String> {
        self.move_by(by.as_secs()).await
    }

    async fn move_by(&self, seconds: u64) -> Result<(), String> {
        let moved = self.provider.raw_request::<_, Value>("evm_increaseTime".into(), (seconds,)).await;
        moved.map(drop).map_err(|error| relayer::deploy::without_url(&error))
    }
}
