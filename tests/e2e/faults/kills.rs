//! Daemons that are killed again and again while messages are sent.

use std::{env, time::Duration};

use devnet::{
    network::Daemon,
    processes::Processes,
    traffic::{Cargo, Planned, Senders},
};
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    faults::{secrets::Secrets, signed::nobody_signed_a_lie},
    network::{World, eventually, told},
};

/// How often some daemon is killed.
const KILLS: usize = 40;
/// Of how many kills one is the relayer's.
const RELAYERS_PART: u32 = 3;
/// How long it is until the next.
const UNTIL_NEXT: std::ops::Range<Duration> = Duration::ZERO..Duration::from_millis(1_200);
/// How many messages are sent meanwhile.
const MESSAGES: usize = 300;
/// Set to the number that was printed, it kills the same daemons after the same times.
const SEED: &str = "METALAYER_FAULTS_SEED";

fn seed() -> u64 {
    env::var(SEED).ok().map_or_else(|| rand::random::<u32>().into(), |seed| seed.parse().expect("a number"))
}

/// Every third carries $ERA, every seventh of the others waits for its sender's one before.
fn messages(random: &mut ChaCha8Rng) -> Vec<Planned> {
    let message = |number: usize| {
        let origin = random.random_range(0..3);
        let destination = (origin + random.random_range(1..3)) % 3;
        let sender = random.random_range(0..Senders::PER_CHAIN);
        let is_era = number.is_multiple_of(3);
        let cargo = if is_era { Cargo::Era(random.random_range(1..1_000)) } else { Cargo::Payload(vec![7; 60]) };
        Planned { origin, destination, sender, ordered: !is_era && number.is_multiple_of(7), cargo }
    };
    (0..MESSAGES).map(message).collect()
}

/// Kills and starts again, every daemon at least once, at whatever it is doing: starting too.
async fn kill(daemons: &[Daemon], processes: &mut Processes, random: &mut ChaCha8Rng) {
    let (relayers, attesters): (Vec<_>, Vec<_>) = daemons.iter().partition(|daemon| !daemon.is_attester);
    let mut victims: Vec<&Daemon> = daemons.iter().collect();
    while victims.len() < KILLS {
        let among = if random.random_ratio(1, RELAYERS_PART) { &relayers } else { &attesters };
        victims.push(among[random.random_range(0..among.len())]);
    }
    victims.shuffle(random);
    for victim in victims {
        tokio::time::sleep(random.random_range(UNTIL_NEXT)).await;
        processes.check().expect("nobody ends by itself");
        processes.kill(&victim.name).await.expect("it is killed");
        victim.start(processes).expect("it is started again");
    }
}

/// What an attester counts when it refuses to sign, or should have.
async fn refuses(attester: &Daemon) -> bool {
    let refusals = ["metalayer_guard_refusals_total{", "metalayer_guard_unrecorded_signatures_total{"];
    let metrics = told(attester, "metrics").await;
    metrics.lines().any(|line| refusals.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0"))
}

#[tokio::test]
async fn forty_kills_lose_double_and_contradict_nothing_and_tell_no_secret() {
    let seed = seed();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::start().await;
    world.console.say(&format!("killing as {SEED}={seed} says"));
    let secrets = Secrets::plant(&world);
    let chatty = world.network.daemons.iter_mut().find(|daemon| daemon.is_attester).expect("an attester");
    chatty.environment.insert("RUST_LOG".to_owned(), "debug".to_owned());
    let planned = messages(&mut random);
    let World { network, senders, processes, console, .. } = &mut world;
    let sending = senders.steady(&network.chains, &planned, console);
    let (sent, ()) = tokio::join!(sending, kill(&network.daemons, processes, &mut random));
    let mut intents = sent.expect("they are sent");

    // Nobody is killed any more: everybody has to sign again.
    let last = world.send_everywhere().await;
    intents.extend(last);
    world.all_delivered(&intents).await;
    world.all_is_well(&intents).await;
    world.processes.check().expect("nobody ended by itself");
    for daemon in &world.network.daemons {
        eventually(&format!("{} goes on", daemon.name), async || {
            let verbose = told(daemon, "readyz?verbose").await;
            if verbose.contains("[-]") { Err(verbose) } else { Ok(()) }
        })
        .await;
        assert!(!refuses(daemon).await, "{} refuses to sign", daemon.name);
    }
    secrets.are_told_to_nobody(&world).await;
    assert!(nobody_signed_a_lie(&mut world).await > 0);
    world.processes.stop().await;
}
