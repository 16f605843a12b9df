//! How long a relayer that was killed takes until it delivers again, however much waits for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use relayer::deploy::TransactionError;

use crate::{
    audit::Intents,
    console::Console,
    network::{Network, NetworkError, restart},
    observer::{Observer, ObserverError, Seen},
    processes::{ProcessError, Processes},
    traffic::{Cargo, Planned, Senders},
};

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether it has happened.
const LOOK: Duration = Duration::from_millis(20);
/// What each message carries, in bytes.
const PAYLOAD: usize = 100;

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// The relayer could not be killed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It does not start again.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// What was to wait could not be sent.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The chains could not be watched.
    #[error(transparent)]
    Observer(#[from] Arc<ObserverError>),
    /// Something was delivered although nobody was there to.
    #[error("somebody delivers while the relayer is down")]
    Delivered,
    /// Something did not happen.
    #[error("{what}: not within {} s", PATIENCE.as_secs())]
    Late {
        /// What.
        what: &'static str,
    },
}

/// A network at work.
pub struct Scene<'a> {
    /// The network.
    pub network: &'a Network,
    /// Who sends in it.
    pub senders: &'a mut Senders,
    /// Who watches its chains.
    pub observer: &'a Observer,
    /// Its processes.
    pub processes: &'a mut Processes,
    /// Where progress goes.
    pub console: &'a Console,
}

/// What passed after a start, each from there.
#[derive(Debug, Clone, Copy)]
pub struct Restarted {
    /// Until `/readyz` said so.
    pub ready: Duration,
    /// Until the first message was delivered.
    pub first: Duration,
    /// Until all were.
    pub all: Duration,
}

/// Kills the relayer, has `pending` messages sent and final, and starts it again.
pub async fn measure(scene: &mut Scene<'_>, pending: usize) -> Result<Restarted, RestartError> {
    let Scene { network, senders, observer, processes, console } = scene;
    let Some(relayer) = network.daemons.iter().find(|daemon| !daemon.is_attester) else {
        return Err(RestartError::Late { what: "there is a relayer" });
    };
    processes.kill(&relayer.name).await?;
    let intents = senders.burst(&network.chains, &messages(pending)).await?;
    let all_wait = |seen: &Seen| {
        let (there, outcomes) = seen.finals();
        seen.progress(&intents).0 == pending && there == outcomes
    };
    until(observer, "all are sent and final", all_wait).await?;
    if heard(observer, &intents)? > 0 {
        return Err(RestartError::Delivered);
    }

    let started = Instant::now();
    restart(&[relayer], processes, console).await?;
    let ready = started.elapsed();
    until(observer, "a message is delivered", |seen| seen.progress(&intents).1 >= pending.min(1)).await?;
    let first = started.elapsed();
    until(observer, "all are delivered", |seen| seen.progress(&intents).1 == pending).await?;
    Ok(Restarted { ready, first, all: started.elapsed() })
}

/// From the hub to the others, by all its senders.
fn messages(pending: usize) -> Vec<Planned> {
    let message = |number: usize| Planned {
        origin: 0,
        destination: 1 + number % 2,
        sender: number % Senders::PER_CHAIN,
        ordered: false,
        cargo: Cargo::Payload(vec![7; PAYLOAD]),
    };
    (0..pending).map(message).collect()
}

fn heard(observer: &Observer, intents: &Intents) -> Result<usize, Arc<ObserverError>> {
    Ok(observer.seen()?.progress(intents).1)
}

async fn until(observer: &Observer, what: &'static str, is_so: impl Fn(&Seen) -> bool) -> Result<(), RestartError> {
    let begun = Instant::now();
    while !is_so(&observer.seen()?) {
        if begun.elapsed() >= PATIENCE {
            return Err(RestartError::Late { what });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
