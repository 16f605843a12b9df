//! What every act of a demo plays on, and how it waits for what should happen.

use std::time::{Duration, Instant};

use metalayer_proto::ids::MessageId;

use super::DemoError;
use crate::{
    audit::{Course, Intent, Intents},
    console::Console,
    network::Network,
    observer::{Observer, Seen},
    processes::Processes,
    traffic::{Planned, Senders},
};

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(100);

/// Everything that an act needs.
pub(super) struct Stage<'a> {
    pub(super) network: Network,
    pub(super) senders: Senders,
    pub(super) observer: Observer,
    pub(super) processes: &'a mut Processes,
    pub(super) console: &'a Console,
    /// What was sent so far.
    pub(super) intents: Intents,
    /// How long nothing may happen before what is missing is given up.
    pub(super) patience: Duration,
}

impl Stage<'_> {
    /// Sends all of `messages` at once.
    pub(super) async fn send_at_once(&mut self, messages: &[Planned]) -> Result<(), DemoError> {
        self.intents.extend(self.senders.burst(&self.network.chains, messages).await?);
        Ok(())
    }

    /// Sends `messages` one after the other.
    pub(super) async fn send_steadily(&mut self, messages: &[Planned]) -> Result<(), DemoError> {
        self.intents.extend(self.senders.steady(&self.network.chains, messages, self.console).await?);
        Ok(())
    }

    /// The messages that were sent for `wanted`.
    pub(super) fn sent_for(&self, wanted: Intent) -> Result<Vec<MessageId>, DemoError> {
        let seen = self.observer.seen()?;
        let sent = seen.history.sent.iter().filter(|one| self.intents.get(&one.transaction) == Some(&wanted));
        Ok(sent.map(|one| one.id).collect())
    }

    /// Waits until something was heard of each message; false if that was given up.
    pub(super) async fn all_heard_of(&mut self) -> Result<bool, DemoError> {
        let intents = self.intents.clone();
        self.until("delivered, failed or void", |seen| (seen.progress(&intents).1, intents.len())).await
    }

    /// Waits until everything that was heard stands in a final block.
    pub(super) async fn all_final(&mut self) -> Result<bool, DemoError> {
        self.until("final", Seen::finals).await
    }

    /// Waits until `holds` of the course of each of `messages`; false if that was given up.
    pub(super) async fn until_each(
        &mut self,
        what: &str,
        messages: &[MessageId],
        holds: impl Fn(&Course) -> bool,
    ) -> Result<bool, DemoError> {
        self.until(what, |seen| {
            let courses = Course::of_all(&seen.history);
            let those = messages.iter().filter(|id| courses.get(*id).is_some_and(&holds));
            (those.count(), messages.len())
        })
        .await
    }

    /// Waits until all that `count` tells the number of are there; gives up, and says so, when no more come.
    async fn until(&mut self, what: &str, count: impl Fn(&Seen) -> (usize, usize)) -> Result<bool, DemoError> {
        let (mut best, mut since) = (0, Instant::now());
        loop {
            self.processes.check()?;
            let (there, all) = count(&self.observer.seen()?);
            self.console.progress(&format!("{there} of {all} messages {what}"));
            if there >= all {
                return Ok(true);
            }
            if there > best {
                (best, since) = (there, Instant::now());
            }
            if since.elapsed() >= self.patience {
                let waited = self.patience.as_secs();
                self.console.say(&format!("giving up: {there} of {all} messages {what}, and no more for {waited} s"));
                return Ok(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
