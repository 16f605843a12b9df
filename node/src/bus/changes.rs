//! Wakes who waits for a change.

use tokio::sync::watch;

use crate::clock::{Clock, UnixMillis};

/// Counts changes; a watcher that looks, finds nothing and then waits misses none that came between.
#[derive(Debug)]
pub(super) struct Changes(watch::Sender<u64>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Changes {
    pub(super) fn announce(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn watch(&self) -> Watcher {
        Watcher(self.0.subscribe())
    }
}

pub(super) struct Watcher(watch::Receiver<u64>);

impl Watcher {
    /// Waits for a change since the last call (at first since [`Changes::watch`]); false if the deadline came first.
    pub(super) async fn changed_before(&mut self, clock: &dyn Clock, deadline: UnixMillis) -> bool {
        tokio::select! {
            biased;
            // The sender is gone only when the bus is, and then nothing changes any more.
            change = self.0.changed() => change.is_ok(),
            () = clock.sleep_until(deadline) => false,
        }
    }
}
