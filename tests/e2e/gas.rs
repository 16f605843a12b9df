//! What delivering costs on a real node.

use serde_json::Value;

use crate::{binaries::complaint, elsewhere::Elsewhere};

#[test]
fn every_gas_limit_is_met() {
    let elsewhere = Elsewhere::new();
    let output = elsewhere.devnet(&["gas", "--json"]).output().expect("devnet starts");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON document ({error}): {}", complaint(&output)));
    let figures = report["figures"].as_array().expect("figures");
    let limits: Vec<u64> = figures.iter().filter_map(|figure| figure["limit"].as_u64()).collect();
    // Activation, a quorum proof three times, a message alone, in 32 and in 128.
    assert_eq!(limits, [16_777_215, 130_000, 130_000, 130_000, 210_000, 16_000, 11_500]);
    let missed: Vec<&Value> = figures.iter().filter(|figure| figure["met"] != true).collect();
    assert!(missed.is_empty(), "above their limits: {missed:#?}");
    assert!(output.status.success(), "{}: {}", output.status, complaint(&output));
}
