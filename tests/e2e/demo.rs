//! Messages over all lanes, delivered exactly once.

use std::{path::Path, process::Command, thread};

use serde_json::Value;

use crate::{
    binaries::{complaint, run},
    schema,
};

/// The fewest messages that a demo sends.
pub(crate) const MESSAGES: u64 = 60;

const CLONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A small demo; its one JSON document.
fn demo(seed: &str) -> Value {
    let output = run("devnet", &["demo", "--json", "--messages", &MESSAGES.to_string(), "--seed", seed]);
    assert!(output.status.success(), "seed {seed}, {}: {}", output.status, complaint(&output));
    serde_json::from_slice(&output.stdout).expect("standard output is one JSON document")
}

pub(crate) fn sum(lanes: &[Value], key: &str) -> u64 {
    lanes.iter().map(|lane| lane[key].as_u64().unwrap_or_else(|| panic!("{key} in {lane}"))).sum()
}

fn check(report: &Value, seed: u64) {
    schema::check(report);
    let lanes = report["lanes"].as_array().expect("lanes");
    assert_eq!(lanes.len(), 6, "three chains have six lanes");
    for broken in ["lost", "doubled", "units_off", "ordered_violations"] {
        assert_eq!(report[broken], 0, "{broken}");
    }
    assert_eq!(report["seed"], seed);
    assert_eq!(sum(lanes, "sent"), MESSAGES);
    assert_eq!(sum(lanes, "voided"), 6, "two of each kind that is void");
    assert_eq!(sum(lanes, "refused"), 1, "one fails for ever");
    assert_eq!(sum(lanes, "delivered"), MESSAGES - 7);
    assert_eq!(sum(lanes, "reclaimed"), 7, "what is not delivered comes back");
    assert_eq!(report["apart"]["failed_first"]["messages"], 20, "what reverts once is retried");
    for epoch in ["1", "2"] {
        assert!(report["transactions_by_epoch"][epoch].as_u64() > Some(0), "both epochs prove something: {report}");
    }
    let signed = report["commitments_signed"].as_u64().expect("commitments_signed");
    let blocks_at_most = report["duration_s"].as_f64().expect("duration_s") * 3.0 + 300.0;
    assert!(
        signed > 0 && (signed as f64) < blocks_at_most,
        "one commitment a rollup a height, not one a lane: {signed}"
    );
}

fn git_status() -> String {
    let output = Command::new("git").args(["status", "--porcelain"]).current_dir(CLONE).output().expect("git");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Processes of whatever was started below the clone's `.run`.
fn left_running() -> Vec<String> {
    let runs = Path::new(CLONE).canonicalize().expect("the clone").join(".run");
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let in_runs =
        |path: std::path::PathBuf| std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&runs));
    processes
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| in_runs(path.clone()))
        .map(|path| path.display().to_string())
        .collect()
}

#[test]
fn two_demos_at_once_deliver_every_message_exactly_once_and_leave_nothing() {
    let before = git_status();
    let other = thread::spawn(|| demo("11"));
    check(&demo("12"), 12);
    check(&other.join().expect("the other demo"), 11);
    assert_eq!(left_running(), Vec::<String>::new());
    assert_eq!(git_status(), before, "the working tree is as it was");
}
