//! The CPU time that a future takes, poll by poll: other tasks of the thread, and what it waits for, do not count.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// A future that answers, beside its output, what its polls cost.
#[derive(Debug)]
pub struct Metered<F> {
    future: F,
    spent: Duration,
}

/// Measures `future`.
pub const fn metered<F: Future + Unpin>(future: F) -> Metered<F> {
    Metered { future, spent: Duration::ZERO }
}

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = thread_cpu();
        let polled = Pin::new(&mut self.future).poll(context);
        self.spent += thread_cpu().saturating_sub(before);
        let output = ready!(polled);
        Poll::Ready((output, self.spent))
    }
}

/// CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Busy until the thread has used so much.
    fn work(time: Duration) {
        let end = thread_cpu() + time;
        while thread_cpu() < end {}
    }

    #[tokio::test]
    async fn what_a_future_does_counts_and_what_it_waits_for_does_not() {
        let worked = Duration::from_millis(20);
        let future = Box::pin(async {
            work(worked / 2);
            tokio::task::spawn_blocking(move || work(10 * worked)).await.ok();
            tokio::time::sleep(10 * worked).await;
            work(worked / 2);
            7
        });
        let (output, spent) = metered(future).await;
        assert_eq!(output, 7);
        assert!(spent >= worked && spent < 5 * worked, "{spent:?}");
    }
}
