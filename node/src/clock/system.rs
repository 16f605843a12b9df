//! The machine's own time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{Clock, UnixMillis};

/// The longest single sleep. The wall clock may be set, and the machine may be suspended, while a timer that counts
/// monotonic time runs; looking again this often bounds how late a sleeper notices.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        // A machine whose clock stands before 1970 is at the epoch.
        let span = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis::default().after(span)
    }

    async fn sleep_until(&self, deadline: UnixMillis) {
        loop {
            let left = deadline.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_system_clock_conforms() {
        let pass = |span| tokio::time::sleep(span);
        crate::clock::conformance::suite(Arc::new(SystemClock), Duration::from_millis(5), pass).await;
    }
}
