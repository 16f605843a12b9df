//! `make bench`: what everything costs. Gas as receipts and Foundry tell it, CPU time of threads and processes, requests to nodes, and
//! how long a restart takes; whatever depends on the machine beside something that was measured in the same run.

mod aggregate;
mod cpu;
mod error;
mod figures;
mod gas;
mod network;
mod scrape;
mod stages;

use std::{io::Write, process::ExitCode};

use clap::Parser;
use devnet::{cli::INTERRUPTED, console::Console, processes::Processes, run_dir::RunDir, signals::interrupted};

use error::BenchError;
use figures::Figures;

/// Measure what everything costs
///
/// A table on standard output, progress on standard error. Exit code 0 says: every promised limit is met.
#[derive(Debug, Parser)]
struct Cli {
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (cli, console) = (Cli::parse(), Console::new());
    let measured = tokio::select! {
        measured = Box::pin(measure(&console)) => measured,
        () = interrupted() => Err(BenchError::Interrupted),
    };
    match measured.and_then(|figures| show(&figures, cli.json).map(|()| figures)) {
        Ok(figures) if figures.all_met() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            console.say(&error.to_string());
            if matches!(error, BenchError::Interrupted) { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

async fn measure(console: &Console) -> Result<Figures, BenchError> {
    let mut figures = Figures::default();
    let dir = RunDir::create(&RunDir::all_of(&devnet::run_dir::clone_root()), "bench")?;
    let mut processes = Processes::new(dir.clone());
    console.say("adding 350 signatures up, beside blst");
    let verification = aggregate::measure(&mut figures)?;
    stages::measure(verification, console, &mut figures).await?;
    let measured = async {
        network::measure(&dir, &mut processes, console, verification, &mut figures).await?;
        gas::measure(&mut processes, console, &mut figures).await
    };
    let measured = measured.await;
    processes.stop().await;
    match &measured {
        Ok(()) => dir.remove()?,
        Err(_) => console.say(&format!("the logs are kept in {}", dir.keep_logs()?.display())),
    }
    measured.map(|()| figures)
}

fn show(figures: &Figures, json: bool) -> Result<(), BenchError> {
    let text = if json { figures.json()? } else { figures.table() };
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
