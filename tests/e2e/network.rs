//! A whole network for tests that do to it what a demo does not.

use std::time::{Duration, Instant};

use devnet::{
    audit::{Course, Intents},
    console::Console,
    network::{Daemon, Ground, Network, Nodes},
    node::Node,
    observer::{Observer, Seen},
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
const LOOK: Duration = Duration::from_millis(50);

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

    /// Sends to every chain from every other.
    pub(crate) async fn send_everywhere(&mut self) -> Intents {
        let lanes = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];
        let message = |(number, (origin, destination)): (usize, (usize, usize))| Planned {
            origin,
            destination,
            sender: number % 4,
            ordered: false,
            cargo: Cargo::Payload(vec![7; 50]),
        };
        let messages: Vec<_> = lanes.into_iter().cycle().take(30).enumerate().map(message).collect();
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
        let began = Instant::now();
        loop {
            if let Some(found) = found(&self.observer.seen().expect("the chains are watched")) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: not after {} s", PATIENCE.as_secs());
            tokio::time::sleep(LOOK).await;
        }
    }
}
