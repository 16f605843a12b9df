//! A relayer that was killed delivers again within seconds, however much waits for it.

use std::time::{Duration, Instant};

use devnet::{
    network::restart,
    traffic::{Cargo, Planned},
};

use crate::network::World;

/// What waits.
const PENDING: usize = 1_000;
/// How long a relayer may take from its start to its first delivery.
const RESTART_MAX: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_relayer_delivers_again_within_five_seconds_with_a_thousand_messages_pending() {
    let mut world = World::start().await;
    let relayer = world.relayer().clone();
    world.processes.kill(&relayer.name).await.expect("it is killed");
    let message = |number: usize| Planned {
        origin: 0,
        destination: 1 + number % 2,
        sender: number % 4,
        ordered: false,
        cargo: Cargo::Payload(vec![7; 100]),
    };
    let messages: Vec<_> = (0..PENDING).map(message).collect();
    let intents = world.senders.burst(&world.network.chains, &messages).await.expect("they are sent");
    world
        .until("all are sent and final", |seen| {
            let (sent, heard) = seen.progress(&intents);
            assert_eq!(heard, 0, "nobody delivers");
            let (there, all) = seen.finals();
            (sent == PENDING && there == all).then_some(())
        })
        .await;

    let started = Instant::now();
    restart(&[&relayer], &mut world.processes, &world.console).await.expect("it starts again");
    world.until("a message is delivered", |seen| (seen.progress(&intents).1 > 0).then_some(())).await;
    let took = started.elapsed();
    assert!(took < RESTART_MAX, "the first delivery came {} ms after the start", took.as_millis());
    world.until("all are delivered", |seen| (seen.progress(&intents).1 == PENDING).then_some(())).await;
    let all = started.elapsed().as_millis();
    world.console.say(&format!("first delivery {} ms after the start, all after {all} ms", took.as_millis()));
    world.processes.stop().await;
}
