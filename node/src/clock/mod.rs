//! The clock: the only source of time, so that simulation can drive it.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod manual;
pub mod system;

use std::time::Duration;

use async_trait::async_trait;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This time and `span` more; saturates at the end of time.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long from `earlier` to this; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Time, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> UnixMillis;

    /// Resolves when `now() >= deadline`.
    async fn sleep_until(&self, deadline: UnixMillis);
}
