//! A relayer that was killed delivers again within seconds, however much waits for it.

use std::time::Duration;

use devnet::restart::{self, Restarted, Scene};

use crate::network::World;

/// What waits.
const PENDING: usize = 1_000;
/// How long a relayer may take from its start to its first delivery.
const RESTART_MAX: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_relayer_delivers_again_within_five_seconds_with_a_thousand_messages_pending() {
    let mut world = World::start().await;
    let mut scene = Scene {
        network: &world.network,
        senders: &mut world.senders,
        observer: &world.observer,
        processes: &mut world.processes,
        console: &world.console,
    };
    let Restarted { ready, first, all } = restart::measure(&mut scene, PENDING).await.expect("it delivers again");
    let [ready, millis, all] = [ready, first, all].map(|time| time.as_millis());
    world
        .console
        .say(&format!("ready {ready} ms after the start, first delivery after {millis} ms, all after {all} ms"));
    assert!(first < RESTART_MAX, "the first delivery came {millis} ms after the start");
    world.processes.stop().await;
}
