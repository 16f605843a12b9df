//! What each stage costs for each message: the stages that the daemons run, over a bus, stores and chains in memory.
//!
//! The chains answer on threads of their own, so that what a node would do is nobody's CPU time here.

mod line;
mod parts;
mod world;

use std::time::{Duration, Instant};

use devnet::console::Console;

use crate::{
    error::BenchError,
    figures::{Figure, Figures},
};
use world::{Spent, World};

const SECTION: &str = "CPU of each stage, on chains in memory (hub -> rollup, 32 messages a block)";
/// Messages, how many of them a block has, and the bytes that each carries.
const BLOCKS: usize = 32;
const A_BLOCK: usize = 32;
const PAYLOAD: usize = 200;
/// How long nothing is sent, to know what idling costs.
const IDLE: Duration = Duration::from_secs(5);

/// Beside `verification`, what one signature alone costs to verify with blst in this run.
pub(crate) async fn measure(verification: f64, console: &Console, figures: &mut Figures) -> Result<(), BenchError> {
    console.say("founding a network on chains in memory");
    let mut world = World::start().await?;
    let before = world.spent();
    world.make_blocks_for(IDLE).await;
    let idle = &world.spent() - &before;

    console.say(&format!("sending {} messages there", BLOCKS * A_BLOCK));
    let (before, begun) = (world.spent(), Instant::now());
    for _ in 0..BLOCKS {
        world.send(A_BLOCK, PAYLOAD).await?;
    }
    world.settle(BLOCKS * A_BLOCK).await?;
    let took = begun.elapsed();
    let busy = &world.spent() - &before;

    let idling = took.as_secs_f64() / IDLE.as_secs_f64();
    let each = |spent: f64| spent * 1e6 / messages();
    let mut add = |what: String, micros: f64| {
        figures.add(Figure::new(SECTION, what, micros, "µs a message").beside("one blst verification", verification));
    };
    for (name, stages) in [("relayer", Spent::RELAYER), ("attester", Spent::ATTESTER)] {
        for stage in stages {
            let key = (name, *stage);
            add(format!("{name}, {stage}"), each(busy.seconds(key) - idle.seconds(key) * idling));
        }
        let all = stages.iter().map(|stage| (name, *stage)).map(|key| busy.seconds(key) - idle.seconds(key) * idling);
        add(format!("{name}, all of these"), each(all.sum()));
    }
    for (part, seconds) in parts::measure(&world).await? {
        add(format!("attester, of attest: {part}"), each(seconds));
    }
    Ok(())
}

/// How many messages there were.
#[allow(clippy::cast_precision_loss, reason = "a thousand or so")]
const fn messages() -> f64 {
    (BLOCKS * A_BLOCK) as f64
}
