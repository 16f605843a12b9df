//! What every clock does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join;

use super::{Clock, UnixMillis};

/// Runs the suite. `tick` is a span the clock can tell apart; `pass` lets time pass on it.
pub async fn suite<F: Future<Output = ()>>(clock: Arc<dyn Clock>, tick: Duration, pass: impl Fn(Duration) -> F) {
    a_deadline_in_the_past_is_no_wait(&*clock).await;
    a_sleeper_wakes_at_or_after_its_deadline(&*clock, tick, &pass).await;
    sleepers_wake_in_the_order_of_their_deadlines(&*clock, tick, &pass).await;
}

async fn a_deadline_in_the_past_is_no_wait(clock: &dyn Clock) {
    clock.sleep_until(UnixMillis(0)).await;
    clock.sleep_until(clock.now()).await;
}

async fn a_sleeper_wakes_at_or_after_its_deadline<F: Future<Output = ()>>(
    clock: &dyn Clock,
    tick: Duration,
    pass: impl Fn(Duration) -> F,
) {
    let deadline = clock.now().after(tick);
    join(clock.sleep_until(deadline), async { pass(tick).await }).await;
    assert!(clock.now() >= deadline);
}

async fn sleepers_wake_in_the_order_of_their_deadlines<F: Future<Output = ()>>(
    clock: &dyn Clock,
    tick: Duration,
    pass: impl Fn(Duration) -> F,
) {
    let (soon, late) = (clock.now().after(tick), clock.now().after(tick * 3));
    let woken = Mutex::new(Vec::new());
    let sleeper = |name, deadline| {
        let woken = &woken;
        async move {
            clock.sleep_until(deadline).await;
            woken.lock().unwrap().push(name);
        }
    };
    let time = async {
        pass(tick).await;
        tokio::task::yield_now().await;
        pass(tick * 2).await;
    };
    join(join(sleeper("late", late), sleeper("soon", soon)), time).await;
    assert_eq!(*woken.lock().unwrap(), ["soon", "late"]);
}
