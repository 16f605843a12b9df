//! Time that moves only when it is told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{Clock, UnixMillis};

/// A clock for simulation and tests. Clones share one time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    inner: Arc<Mutex<Inner>>,
}

/// Who sleeps until when; the number keeps those of one deadline in the order in which they lay down.
type SleeperKey = (UnixMillis, u64);

#[derive(Debug, Default)]
struct Inner {
    now: UnixMillis,
    sleepers: BTreeMap<SleeperKey, oneshot::Sender<()>>,
    slept: u64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: UnixMillis) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { now, ..Inner::default() })) }
    }

    /// Moves on by `span` and wakes, in the order of their deadlines, all whose deadline is reached.
    pub fn advance(&self, span: Duration) {
        self.advance_to(self.now().after(span));
    }

    /// Moves on to `target` and wakes, in the order of their deadlines, all whose deadline is reached. Never moves back.
    pub fn advance_to(&self, target: UnixMillis) {
        let mut inner = self.lock();
        inner.now = inner.now.max(target);
        let next = UnixMillis(inner.now.0.saturating_add(1));
        let asleep = inner.sleepers.split_off(&(next, 0));
        for (_, sleeper) in std::mem::replace(&mut inner.sleepers, asleep) {
            // A sleeper that was dropped meanwhile needs no waking.
            let _ = sleeper.send(());
        }
    }

    /// The nearest deadline anybody sleeps until: where a simulation moves on to when nobody can run.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        self.lock().sleepers.first_key_value().map(|((deadline, _), _)| *deadline)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a single assignment or map operation: a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lie_down(&self, deadline: UnixMillis) -> Option<(Sleeper<'_>, oneshot::Receiver<()>)> {
        let mut inner = self.lock();
        if inner.now >= deadline {
            return None;
        }
        let (wake, woken) = oneshot::channel();
        inner.slept += 1;
        let key = (deadline, inner.slept);
        inner.sleepers.insert(key, wake);
        Some((Sleeper { clock: self, key }, woken))
    }
}

/// Takes a sleeper off the list when it is woken, or dropped because its caller lost interest.
struct Sleeper<'a> {
    clock: &'a ManualClock,
    key: SleeperKey,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.key);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        self.lock().now
    }

    async fn sleep_until(&self, deadline: UnixMillis) {
        if let Some((_asleep, woken)) = self.lie_down(deadline) {
            // The sender lives in the list until it is used, so this cannot end early.
            let _ = woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_manual_clock_conforms() {
        let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
        let pass = |span| {
            clock.advance(span);
            std::future::ready(())
        };
        crate::clock::conformance::suite(Arc::new(clock.clone()), Duration::from_millis(5), pass).await;
    }

    #[tokio::test]
    async fn nobody_wakes_before_time_is_moved() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep_until(UnixMillis(10));
        assert!((&mut sleep).now_or_never().is_none());
        clock.advance(Duration::from_millis(9));
        assert!((&mut sleep).now_or_never().is_none());
        clock.advance(Duration::from_millis(1));
        assert!((&mut sleep).now_or_never().is_some());
    }

    #[test]
    fn time_never_moves_back() {
        let clock = ManualClock::at(UnixMillis(10));
        clock.advance_to(UnixMillis(3));
        assert_eq!(clock.now(), UnixMillis(10));
    }

    #[tokio::test]
    async fn the_next_deadline_is_the_nearest_and_forgets_who_left() {
        let clock = ManualClock::default();
        assert_eq!(clock.next_deadline(), None);
        let mut late = clock.sleep_until(UnixMillis(20));
        let mut soon = clock.sleep_until(UnixMillis(5));
        assert!((&mut late).now_or_never().is_none());
        assert!((&mut soon).now_or_never().is_none());
        assert_eq!(clock.next_deadline(), Some(UnixMillis(5)));
        drop(soon);
        assert_eq!(clock.next_deadline(), Some(UnixMillis(20)));
        clock.advance_to(UnixMillis(20));
        assert_eq!(clock.next_deadline(), None);
    }
}
