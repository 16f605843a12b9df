//! CPU time of this thread: what else the machine does takes time, not this.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this thread so far.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// The CPU time of each of several works in microseconds, taken in turn `runs` times so that all meet the same machine: their medians.
pub(crate) fn medians<const N: usize>(runs: usize, mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut taken = [(); N].map(|()| Vec::with_capacity(runs));
    for _ in 0..runs {
        for (work, taken) in works.iter_mut().zip(&mut taken) {
            let before = now();
            work();
            taken.push(now().saturating_sub(before));
        }
    }
    taken.map(|mut all| {
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6
    })
}
