//! A network of real processes on real nodes: what they ask of nodes, what CPU they use, and how long a restart takes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use devnet::{
    console::Console,
    network::{Daemon, Ground, Network, Nodes},
    node::Node,
    observer::Observer,
    preflight,
    processes::Processes,
    restart::{self, Scene},
    run_dir::{RunDir, clone_root},
    traffic::{Cargo, Planned, Senders},
};

use crate::{
    error::BenchError,
    figures::{Figure, Figures},
    scrape::Samples,
};

const REQUESTS: &str = "requests to nodes (three chains, each polled every 100 ms)";
const CPU: &str = "CPU of each stage in real processes, on real nodes";
const MEMORY: &str = "memory of real processes";
const RESTART: &str = "restart of the relayer (wall time)";

/// Messages of one burst, over all six lanes, and the bytes that each carries.
const MESSAGES: u32 = 1_000;
const PAYLOAD: usize = 200;
/// How long the network is looked at while nothing is sent.
const IDLE: Duration = Duration::from_secs(10);
/// How long a burst may take on a slow machine, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(200);
/// How many messages wait for a restart, and how long the first may take after it, in milliseconds.
const PENDING: usize = 1_000;
const RESTART_MAX_MS: f64 = 5_000.0;
/// The most requests that a relayer may make for each message that it delivers.
const REQUESTS_MAX: f64 = 1.0;

/// What some daemons did in some time.
struct Spent {
    samples: Samples,
    time: Duration,
}

impl Spent {
    fn a_second(&self, metric: &str, label: &str) -> f64 {
        self.samples.sum(metric, label) / self.time.as_secs_f64()
    }
}

/// One kind of daemon, idle and at work.
struct Kind {
    name: &'static str,
    count: f64,
    idle: Spent,
    busy: Spent,
}

pub(crate) async fn measure(
    dir: &RunDir,
    processes: &mut Processes,
    console: &Console,
    verification: f64,
    figures: &mut Figures,
) -> Result<(), BenchError> {
    let beside = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    let programs = preflight::programs(&beside)?;
    let anvil = preflight::anvil_program(&clone_root(), &std::env::var("PATH").unwrap_or_default())?;
    let rich = Node::rich().map_err(|_| BenchError::Wrong("anvil's first key is no key"))?;
    let ground = Ground { nodes: Nodes::Started(anvil), rich };
    let mut network = Network::start(dir, &programs, &ground, processes, console).await?;
    let mut senders = Senders::open(&network.chains, &mut network.treasurers).await?;

    let (relayer, attesters): (Vec<_>, Vec<_>) = network.daemons.iter().cloned().partition(|one| !one.is_attester);
    let kinds = [("relayer", &relayer), ("attester", &attesters)];
    console.say("watching the network do nothing");
    let before = scrape(&kinds).await?;
    let begun = Instant::now();
    tokio::time::sleep(IDLE).await;
    let idle = since(&before, scrape(&kinds).await?, begun.elapsed());

    console.say(&format!("sending {MESSAGES} messages at once"));
    let before = scrape(&kinds).await?;
    let begun = Instant::now();
    senders.burst(&network.chains, &burst()).await?;
    delivered(&relayer, before[0].sum(OUTCOMES, DELIVERED) + f64::from(MESSAGES)).await?;
    let after = scrape(&kinds).await?;
    let busy = since(&before, after.clone(), begun.elapsed());
    let kinds: Vec<_> = kinds
        .into_iter()
        .zip(idle.into_iter().zip(busy))
        .map(|((name, daemons), (idle, busy))| Kind { name, count: daemons.len() as f64, idle, busy })
        .collect();
    kinds.iter().for_each(|kind| kind.requests(figures));
    kinds.iter().for_each(|kind| kind.cpu(verification, figures));
    kinds.iter().zip(&after).for_each(|(kind, now)| kind.memory(now, figures));

    console.say(&format!("restarting the relayer with {PENDING} messages pending"));
    let observer = Observer::start(&network.chains).await?;
    let mut scene = Scene { network: &network, senders: &mut senders, observer: &observer, processes, console };
    let nothing = restart::measure(&mut scene, 0).await?;
    let pending = restart::measure(&mut scene, PENDING).await?;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    figures.add(Figure::new(RESTART, "until it is ready, nothing pending", millis(nothing.ready), "ms"));
    let first =
        Figure::new(RESTART, format!("until the first delivery, {PENDING} pending"), millis(pending.first), "ms");
    figures.add(first.beside("ready, nothing pending", millis(nothing.ready)).at_most(RESTART_MAX_MS));
    figures.add(Figure::new(RESTART, "until all are delivered", millis(pending.all), "ms"));
    Ok(())
}

const OUTCOMES: &str = "metalayer_message_outcomes_total";
const DELIVERED: &str = "outcome=\"delivered\"";
const RPC: &str = "metalayer_rpc_requests_total";
const STAGE: &str = "metalayer_stage_cpu_seconds_total";
/// In the order of data's flow.
const STAGES: [&str; 6] = ["watch", "aggregate", "execute", "index", "attest", "publish"];

impl Kind {
    /// Per daemon.
    fn requests(&self, figures: &mut Figures) {
        let Self { name, count, idle, busy } = self;
        let idle_a_second = idle.a_second(RPC, "") / count;
        let all = busy.samples.sum(RPC, "") / count / f64::from(MESSAGES);
        let idling = idle_a_second * busy.time.as_secs_f64() / f64::from(MESSAGES);
        figures.add(Figure::new(REQUESTS, format!("{name}, while nothing is sent"), idle_a_second, "a second"));
        figures.add(Figure::new(REQUESTS, format!("{name}, all of them in a burst of {MESSAGES}"), all, "a message"));
        let more = format!("{name}, of these what polling alone does not explain");
        figures.add(Figure::new(REQUESTS, more, (all - idling).max(0.0), "a message").at_most(REQUESTS_MAX));
        let batches = busy.samples.sum("metalayer_transaction_messages_count", "");
        if batches > 0.0 {
            let mean = busy.samples.sum("metalayer_transaction_messages_sum", "") / batches;
            figures.add(Figure::new(REQUESTS, "messages in a delivering transaction, on average", mean, "messages"));
        }
    }

    /// Per daemon: each stage's share that idling does not explain.
    fn cpu(&self, verification: f64, figures: &mut Figures) {
        let Self { name, count, idle, busy } = self;
        let a_message = |label: &str| {
            let idling = idle.a_second(STAGE, label) * busy.time.as_secs_f64();
            (busy.samples.sum(STAGE, label) - idling) / count / f64::from(MESSAGES) * 1e6
        };
        let mut add = |what: &str, micros: f64| {
            let figure = Figure::new(CPU, format!("{name}, {what}"), micros, "µs a message");
            figures.add(figure.beside("one blst verification", verification));
        };
        for stage in STAGES {
            let micros = a_message(&format!("stage=\"{stage}\""));
            if micros > 0.0 {
                add(stage, micros);
            }
        }
        add("all stages", a_message(""));
        let idle = idle.a_second(STAGE, "") / count * 1e3;
        figures.add(Figure::new(CPU, format!("{name}, while nothing is sent"), idle, "ms a second"));
    }

    fn memory(&self, now: &Samples, figures: &mut Figures) {
        let resident = now.sum("process_resident_memory_bytes", "") / self.count / 1e6;
        figures.add(Figure::new(MEMORY, format!("{}, resident", self.name), resident, "MB"));
    }
}

async fn scrape(kinds: &[(&'static str, &Vec<Daemon>); 2]) -> Result<Vec<Samples>, BenchError> {
    let mut all = Vec::new();
    for (_, daemons) in kinds {
        all.push(Samples::of(daemons).await?);
    }
    Ok(all)
}

fn since(before: &[Samples], after: Vec<Samples>, time: Duration) -> Vec<Spent> {
    before.iter().zip(after).map(|(before, after)| Spent { samples: &after - before, time }).collect()
}

/// Waits until the relayer has counted so many messages delivered in final blocks.
async fn delivered(relayer: &[Daemon], messages: f64) -> Result<(), BenchError> {
    let begun = Instant::now();
    while Samples::of(relayer).await?.sum(OUTCOMES, DELIVERED) < messages {
        if begun.elapsed() >= PATIENCE {
            return Err(BenchError::Late { what: "all messages are delivered", waited: PATIENCE });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn burst() -> Vec<Planned> {
    let lanes = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];
    let message = |(number, (origin, destination)): (usize, (usize, usize))| Planned {
        origin,
        destination,
        sender: number / lanes.len() % Senders::PER_CHAIN,
        ordered: false,
        cargo: Cargo::Payload(vec![7; PAYLOAD]),
    };
    lanes.into_iter().cycle().take(MESSAGES as usize).enumerate().map(message).collect()
}
