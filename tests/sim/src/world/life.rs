//! The life of one process: what it does to the world, how long each call takes, and when it ends.
//!
//! A process that has ended has no effect any more, and none of its calls returns: what is left of its tasks waits for ever. So it may end
//! between any two instructions that the outside could tell apart.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use metalayer_node::clock::{Clock, UnixMillis};
use tokio::sync::watch;

use super::{clock::SimClock, dice::Dice, trace::Trace};

/// How long calls take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many calls in a thousand wait a little: up to [`Self::little`].
    pub often: u64,
    /// So many in a thousand wait long: up to [`Self::long`].
    pub seldom: u64,
    /// A little.
    pub little: Duration,
    /// Long.
    pub long: Duration,
}

impl Pace {
    /// Calls take no time but the turn of everybody else who can run.
    pub const AT_ONCE: Self = Self { often: 0, seldom: 0, little: Duration::ZERO, long: Duration::ZERO };
}

/// On which side of a durable write a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The write was not done.
    Before,
    /// It was done, and the process did not hear so.
    After,
}

/// That a process ends at its n-th durable write, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    /// Which write.
    pub write: u64,
    /// On which side of it.
    pub side: Side,
}

/// A process, as long as it lives. Clones are the same life.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its name in the trace.
    pub name: Arc<str>,
    /// Where its effects are noted.
    pub trace: Trace,
    pace: Pace,
    dice: Dice,
    clock: SimClock,
    crash: Option<CrashAt>,
    writes: Arc<AtomicU64>,
    ended: watch::Sender<bool>,
}

/// The process has ended; whatever it was at was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl Life {
    /// A life that begins.
    pub fn begin(name: String, pace: Pace, dice: Dice, trace: Trace, clock: SimClock, crash: Option<CrashAt>) -> Self {
        let (writes, ended) = (Arc::default(), watch::Sender::new(false));
        Self { name: name.into(), trace, pace, dice, clock, crash, writes, ended }
    }

    /// Ends it: kill -9.
    pub fn end(&self) {
        self.trace.note(&self.name, "ends");
        self.ended.send_replace(true);
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Resolves when it has ended.
    pub async fn ended(&self) {
        // The sender is in `self`, so that the wait ends with the life.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// How many durable writes it has made.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Returns if the process lives, else never.
    pub async fn alive(&self) {
        if self.has_ended() {
            std::future::pending::<()>().await;
        }
    }

    /// What a call takes, on either way: others run meanwhile, and the process may end.
    pub async fn passing(&self) {
        match self.delay() {
            Duration::ZERO => tokio::task::yield_now().await,
            delay => tokio::time::sleep(delay).await,
        }
        self.alive().await;
    }

    /// A durable write, which is done whole or not at all.
    ///
    /// # Errors
    /// The process ended; whether it was done, nobody is left to hear.
    pub fn write<T>(&self, what: impl std::fmt::Display, effect: impl FnOnce() -> T) -> Result<T, Ended> {
        if self.has_ended() {
            return Err(Ended);
        }
        let write = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        let crash = self.crash.filter(|crash| crash.write == write).map(|crash| crash.side);
        if crash == Some(Side::Before) {
            self.end();
            return Err(Ended);
        }
        let done = effect();
        self.trace.note(&self.name, what);
        if crash == Some(Side::After) {
            self.end();
            return Err(Ended);
        }
        Ok(done)
    }

    fn delay(&self) -> Duration {
        let Pace { often, seldom, little, long } = self.pace;
        let up_to = match self.dice.below(1_000) {
            drawn if drawn < seldom => long,
            drawn if drawn < seldom + often => little,
            _ => return Duration::ZERO,
        };
        Duration::from_millis(self.dice.below(u64::try_from(up_to.as_millis()).unwrap_or(u64::MAX) + 1))
    }
}

/// A process's clock is the world's, until it ends.
#[async_trait]
impl Clock for Life {
    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: UnixMillis) {
        self.clock.sleep_until(deadline).await;
        self.alive().await;
    }
}
