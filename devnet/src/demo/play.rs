//! The acts of a demo, one after the other, and what they came to.

use std::{ops::Range, time::Instant};

use super::{DemoError, Played, findings, homecoming, refusal, stage::Stage, upheaval};
use crate::{
    audit::{Audit, Intents},
    cli::DemoArgs,
    console::Console,
    equation::Equation,
    network::{Ground, Network},
    observer::{self, Observer},
    preflight::Programs,
    processes::Processes,
    report::{Findings, Report},
    run_dir::RunDir,
    traffic::{Planned, Senders, Traffic},
};

/// Plays all of it.
pub(super) async fn all(
    args: &DemoArgs,
    dir: &RunDir,
    programs: &Programs,
    ground: &Ground,
    processes: &mut Processes,
    console: &Console,
) -> Result<Played, DemoError> {
    let seed = args.seed.unwrap_or_else(|| rand::random::<u32>().into());
    console.say(&format!("seed {seed}: the same messages again with --seed {seed}"));
    let mut network = Box::pin(Network::start(dir, programs, ground, processes, console)).await?;
    let senders = Senders::open(&network.chains, &mut network.treasurers).await?;
    let observer = Observer::start(&network.chains).await?;
    let (intents, patience) = (Intents::new(), ground.nodes.arrival_max());
    let mut stage = Stage { network, senders, observer, processes, console, intents, patience };

    let begun = Instant::now();
    let clock = refusal::clock(&stage.network).await;
    match &clock {
        Some(_) => refusal::send(&mut stage).await?,
        None => console.say("time cannot be moved on these nodes: no message is refused"),
    }
    let messages = usize::try_from(args.messages).unwrap_or(usize::MAX) - stage.intents.len();
    let Traffic { burst, steady } = Traffic::plan(seed, messages, stage.network.chains.len(), Senders::PER_CHAIN);
    let [before, meanwhile, after] = thirds(&steady);
    console.say(&format!("sending {} messages at once, then {} one by one", burst.len(), steady.len()));
    stage.send_at_once(&burst).await?;
    stage.send_steadily(before).await?;
    let down = upheaval::play(&mut stage, meanwhile).await?;
    stage.send_steadily(after).await?;
    if stage.all_heard_of().await? {
        homecoming::play(&mut stage).await?;
        if let Some(clock) = clock {
            refusal::play(&mut stage, &clock).await?;
        }
    }
    stage.all_final().await?;
    judge(stage, down, seed, begun).await
}

/// The steady flow before the upheaval, meanwhile, and after.
fn thirds(steady: &[Planned]) -> [&[Planned]; 3] {
    let (before, rest) = steady.split_at(steady.len() / 3);
    let (meanwhile, after) = rest.split_at(rest.len() / 2);
    [before, meanwhile, after]
}

/// What all that came to.
async fn judge(stage: Stage<'_>, down: Range<Instant>, seed: u64, begun: Instant) -> Result<Played, DemoError> {
    let took = begun.elapsed();
    let Stage { network, observer, intents, .. } = stage;
    let mut seen = observer.seen()?;
    // What the chains say now counts, not what was seen of them while they grew.
    seen.history = observer::read_again(&network.chains).await?;
    let audit = Audit::of(&seen.history, &intents);
    let era = Equation::of(findings::supplies(&network).await?, &seen.history);
    let findings = Findings {
        seen: &seen,
        intents: &intents,
        audit: &audit,
        era,
        deliveries: findings::deliveries(&network, &seen).await?,
        commitments_signed: findings::commitments_signed(&network).await?,
        down,
        seed,
        took,
    };
    let (complaints, report) = (findings.complaints(), Report::new(findings));
    let example = seen.history.sent.last().map(|sent| sent.id);
    Ok(Played { report, complaints, network, example })
}
