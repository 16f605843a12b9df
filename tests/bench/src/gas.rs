//! Gas: as the receipts of a real node tell it, and as Foundry measured it of the contracts' paths.

use std::{collections::BTreeMap, fs};

use devnet::{console::Console, gas, preflight, processes::Processes, run_dir::clone_root};

use crate::{
    error::BenchError,
    figures::{Figure, Figures},
};

const RECEIPTS: &str = "gas, by the receipts of a node (350 attesters, 200-byte payloads)";
const FOUNDRY: &str = "gas of the contracts' paths, by Foundry (contracts/gas-report.md)";

pub(crate) async fn measure(
    processes: &mut Processes,
    console: &Console,
    figures: &mut Figures,
) -> Result<(), BenchError> {
    let anvil = preflight::anvil_program(&clone_root(), &std::env::var("PATH").unwrap_or_default())?;
    for gas::Figure { name, gas, limit, .. } in gas::measure(&anvil, processes, console).await?.all() {
        let figure = Figure::new(RECEIPTS, name, gas_of(*gas), "gas");
        figures.add(limit.map_or(figure.clone(), |limit| figure.at_most(gas_of(limit))));
    }
    snapshots(figures)
}

/// What is committed, and checked by whoever runs `contracts/tools/gas --check`.
fn snapshots(figures: &mut Figures) -> Result<(), BenchError> {
    let folder = fs::read_dir(clone_root().join("contracts/snapshots"))?;
    let mut files = folder.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    for file in files {
        let group = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let measured: BTreeMap<String, String> = serde_json::from_slice(&fs::read(&file)?)?;
        for (what, gas) in measured {
            let gas = gas.parse().map_err(|_| BenchError::Wrong("a snapshot of gas is no number"))?;
            figures.add(Figure::new(FOUNDRY, format!("{group}: {what}"), gas_of(gas), "gas"));
        }
    }
    Ok(())
}

/// Far below where a float leaves out whole numbers.
#[allow(clippy::cast_precision_loss, reason = "gas is far below 2^52")]
const fn gas_of(gas: u64) -> f64 {
    gas as f64
}
