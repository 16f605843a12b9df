//! A whole network for tests that do to it what a demo does not.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use alloy::primitives::U256;
use devnet::{
    audit::{Audit, Course, Intents},
    console::Console,
    equation::Equation,
    era,
    network::{Daemon, Ground, Network, Nodes},
    node::Node,
    observer::{self, Observer, Seen},
    preflight,
    processes::Processes,
    run_dir::RunDir,
    traffic::{Cargo, Planned, Senders},
};
use tempfile::TempDir;

use crate::{binaries::program, elsewhere::anvil};

/// How long something that must happen may take on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(100);

/// A running network, who sends in it, and who watches its chains.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) senders: Senders,
    pub(crate) observer: Observer,
    pub(crate) processes: Processes,
    pub(crate) console: Console,
    _folder: TempDir,
}

impl World {
    /// Starts it on nodes of its own.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = RunDir::create(folder.path(), "test").expect("a folder for the run");
        let beside = program("devnet");
        let programs = preflight::programs(beside.parent().expect("a folder")).expect("the binaries are built");
        let ground = Ground { nodes: Nodes::Started(anvil()), rich: Node::rich().expect("a key") };
        let (mut processes, console) = (Processes::new(dir.clone()), Console::new());
        let started = Network::start(&dir, &programs, &ground, &mut processes, &console).await;
        let mut network = started.expect("a network");
        let senders = Senders::open(&network.chains, &mut network.treasurers).await.expect("senders");
        let observer = Observer::start(&network.chains).await.expect("the chains are watched");
        Self { network, senders, observer, processes, console, _folder: folder }
    }

    /// The relayer.
    pub(crate) fn relayer(&self) -> &Daemon {
        self.network.daemons.iter().find(|daemon| !daemon.is_attester).expect("there is a relayer")
    }

    /// The attesters.
    pub(crate) fn attesters(&self) -> impl Iterator<Item = &Daemon> {
        self.network.daemons.iter().filter(|daemon| daemon.is_attester)
    }

    /// Sends to every chain from every other.
    pub(crate) async fn send_everywhere(&mut self) -> Intents {
        self.send_over(&[(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]).await
    }

    /// Sends 30 messages over these lanes in turn.
    pub(crate) async fn send_over(&mut self, lanes: &[(usize, usize)]) -> Intents {
        let message = |(number, (origin, destination)): (usize, (usize, usize))| Planned {
            origin,
            destination,
            sender: number % 4,
            ordered: false,
            cargo: Cargo::Payload(vec![7; 50]),
        };
        let messages: Vec<_> = lanes.iter().copied().cycle().take(30).enumerate().map(message).collect();
        self.senders.burst(&self.network.chains, &messages).await.expect("they are sent")
    }

    /// Waits until each of them is delivered.
    pub(crate) async fn all_delivered(&self, intents: &Intents) {
        self.until("all are delivered", |seen| {
            let courses = Course::of_all(&seen.history);
            let sent = seen.history.sent.iter().filter(|one| intents.contains_key(&one.transaction));
            let there = sent.filter(|one| courses.get(&one.id).is_some_and(|course| !course.delivered.is_empty()));
            (there.count() == intents.len()).then_some(())
        })
        .await;
    }

    /// Waits until `found` finds something in what was seen of the chains.
    pub(crate) async fn until<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> T {
        eventually(what, async || {
            let seen = self.observer.seen().expect("the chains are watched");
            found(&seen).ok_or_else(|| "not seen on the chains".to_owned())
        })
        .await
    }

    /// Nothing that was ever sent is lost, delivered twice or out of order, and no unit is missing.
    pub(crate) async fn all_is_well(&self, intents: &Intents) {
        let history = observer::read_again(&self.network.chains).await.expect("the chains are read");
        assert_eq!(Audit::of(&history, intents).complaints(), Vec::<String>::new());
        let mut supplies = BTreeMap::new();
        for (chain, account) in self.network.chains.iter().zip(&self.network.treasurers) {
            let supply = era::supply(account, chain.deployment.addresses.era).await.expect("a supply");
            supplies.insert(chain.node.chain, supply);
        }
        assert_eq!(Equation::of(supplies, &history).off(), U256::ZERO, "no unit is missing, none too many");
    }
}

/// Looks until there is what is waited for; each time there is not, `look` says what there is instead.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(instead) => {
                assert!(began.elapsed() < PATIENCE, "{what}: not after {} s: {instead}", PATIENCE.as_secs())
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a daemon answers for `path` of its telemetry.
pub(crate) async fn told(daemon: &Daemon, path: &str) -> String {
    let answer = reqwest::get(format!("http://{}/{path}", daemon.telemetry)).await.expect("the daemon answers");
    answer.text().await.expect("it answers text")
}

/// What a daemon has logged since it was first started.
pub(crate) fn log_of(daemon: &Daemon) -> String {
    let run = daemon.config.parent().and_then(Path::parent).expect("the run's folder");
    fs::read_to_string(run.join(format!("logs/{}.log", daemon.name))).expect("its log")
}
