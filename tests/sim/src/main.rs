//! `sim`: runs one seed, or many.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use clap::Parser;
use metalayer_sim::world::{
    Report, RunError,
    fittings::Plain,
    life::{CrashAt, Side},
    plan::Plan,
    process::Machine,
    run, scenario,
};

/// Runs the whole system in one process on one simulated time, and holds it to its invariants at every step.
#[derive(Debug, Parser)]
#[command(name = "sim")]
struct Arguments {
    /// The seed to run; the first one, if there are more.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to run, on all cores.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Instead of a seed: a short run in which a process ends at one of its durable writes, such as relayer:57:before or attester:3:after.
    #[arg(long, value_parser = crash_at, conflicts_with_all = ["seed", "seeds"])]
    crash: Option<(Machine, CrashAt)>,
}

fn crash_at(text: &str) -> Result<(Machine, CrashAt), String> {
    let wrong = || "write relayer or attester, the number of the write, and before or after".to_owned();
    let [who, write, side] = text.split(':').collect::<Vec<_>>()[..] else { return Err(wrong()) };
    let machine = match who {
        "relayer" => Machine::Relayer(0),
        "attester" => Machine::Attester(0),
        _ => return Err(wrong()),
    };
    let side = match side {
        "before" => Side::Before,
        "after" => Side::After,
        _ => return Err(wrong()),
    };
    Ok((machine, CrashAt { write: write.parse().map_err(|_| wrong())?, side }))
}

fn main() -> ExitCode {
    let Arguments { seed, seeds, crash } = Arguments::parse();
    if crash.is_some() {
        return match tell("crash", run(scenario::crash(crash), Arc::new(Plain))) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&error.to_string());
                ExitCode::FAILURE
            }
        };
    }
    if run_seeds(seed, seeds) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs seeds on all cores; how many failed.
fn run_seeds(first: u64, seeds: u64) -> u64 {
    let (next, failed) = (AtomicU64::new(first), AtomicU64::new(0));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(seeds) {
                        return;
                    }
                    if let Err(error) = tell(&format!("seed {seed}"), run(Plan::drawn(seed), Arc::new(Plain))) {
                        failed.fetch_add(1, Ordering::Relaxed);
                        say(&format!("{error}\nseed {seed} failed; replay it: tools/sim --seed {seed}"));
                    }
                }
            });
        }
    });
    failed.into_inner()
}

fn tell(what: &str, result: Result<Report, RunError>) -> Result<(), RunError> {
    let Report { hash, effects, sent, took, writes, met } = result?;
    let seconds = took.as_secs();
    say(&format!("{what}: {sent} messages settled in {seconds} s, {effects} effects {hash}, {writes:?}, {met:?}"));
    Ok(())
}

#[allow(clippy::print_stderr, reason = "progress")]
fn say(line: &str) {
    eprintln!("{line}");
}
