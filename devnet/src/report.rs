//! What a demo shows at its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::Duration,
};

use metalayer_proto::ids::{LaneId, MessageId};
use serde::Serialize;

use crate::{
    audit::{Audit, Fate, Outcome, Sent},
    equation::Equation,
    observer::Seen,
};

/// How late the 95th percentile may be on a quiet machine: one second and a block of the destination, in milliseconds.
const LATENCY_TARGET_MS: u64 = 2_000;

/// The results of a demo; `--json` prints it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every lane, in the order of its chains.
    pub lanes: Vec<LaneReport>,
    /// Distinct (origin, height) of which the collector holds a checked attestation.
    pub commitments_signed: u64,
    /// Messages sent and neither delivered nor failed.
    pub lost: usize,
    /// Messages delivered or failed more than once.
    pub doubled: usize,
    /// Where all $ERA is.
    pub era: Equation,
    /// By how many units the equation of $ERA is off.
    pub units_off: u64,
    /// Ordered messages that overtook.
    pub ordered_violations: usize,
    /// From which all messages follow.
    pub seed: u64,
    /// From the first message sent to the last delivered, in seconds.
    pub duration_s: u64,
}

/// The results of one lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneReport {
    /// EIP-155 id of the chain that sends.
    pub origin: u64,
    /// EIP-155 id of the chain that receives.
    pub destination: u64,
    /// Messages sent.
    pub sent: usize,
    /// Of these, delivered.
    pub delivered: usize,
    /// Of these, failed.
    pub failed: usize,
    /// Median of the time from seeing a message final to seeing it delivered, in milliseconds.
    pub latency_ms_p50: Option<u64>,
    /// 95th percentile of the same.
    pub latency_ms_p95: Option<u64>,
    /// Gas used by the transactions that delivered, over the messages that they delivered.
    pub gas_per_message: Option<u64>,
}

impl Report {
    /// The results of what was seen. `gas` is what the transactions of each lane used.
    pub fn new(
        seen: &Seen,
        audit: &Audit,
        era: Equation,
        gas: &BTreeMap<LaneId, u64>,
        commitments_signed: u64,
        seed: u64,
        took: Duration,
    ) -> Self {
        let lanes: BTreeSet<LaneId> = seen.sent.iter().map(|one| one.lane).collect();
        Self {
            lanes: lanes.into_iter().map(|lane| LaneReport::new(lane, seen, gas)).collect(),
            commitments_signed,
            lost: audit.lost.len(),
            doubled: audit.doubled.len(),
            units_off: era.off().saturating_to(),
            era,
            ordered_violations: audit.out_of_order.len(),
            seed,
            duration_s: took.as_secs(),
        }
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = String::from("lane               sent  delivered  failed   p50 ms   p95 ms  gas a message\n");
        for lane in &self.lanes {
            let name = format!("{} -> {}", lane.origin, lane.destination);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:<17} {:>5} {:>10} {:>7} {:>8} {:>8} {:>14}",
                lane.sent,
                lane.delivered,
                lane.failed,
                figure(lane.latency_ms_p50),
                figure(lane.latency_ms_p95),
                figure(lane.gas_per_message),
            );
        }
        let slowest = self.lanes.iter().filter_map(|lane| lane.latency_ms_p95).max();
        let _ = writeln!(
            text,
            "\nlatency is beyond finality; the slowest lane's p95 is {} ms ({LATENCY_TARGET_MS} ms are aimed at on a quiet machine)",
            figure(slowest)
        );
        let _ = writeln!(text, "{}", self.era);
        let _ = write!(
            text,
            "lost {}, doubled {}, out of order {}; {} commitments signed; seed {}; {} s",
            self.lost, self.doubled, self.ordered_violations, self.commitments_signed, self.seed, self.duration_s
        );
        text
    }
}

impl LaneReport {
    fn new(lane: LaneId, seen: &Seen, gas: &BTreeMap<LaneId, u64>) -> Self {
        let sent: BTreeMap<MessageId, &Sent> =
            seen.sent.iter().filter(|one| one.lane == lane && seen.is_traffic(one)).map(|one| (one.id, one)).collect();
        let outcomes: Vec<(&Sent, &Outcome)> =
            seen.outcomes.iter().filter_map(|outcome| Some((*sent.get(&outcome.id)?, outcome))).collect();
        let ended = |fate| {
            let ids = outcomes.iter().filter(|(_, outcome)| outcome.fate == fate).map(|(sent, _)| sent.id);
            ids.collect::<BTreeSet<_>>().len()
        };
        let (delivered, failed) = (ended(Fate::Delivered), ended(Fate::Failed));
        let mut latencies: Vec<u64> = outcomes
            .iter()
            .filter_map(|(sent, outcome)| u64::try_from(seen.latency(sent, outcome)?.as_millis()).ok())
            .collect();
        latencies.sort_unstable();
        let messages = u64::try_from(delivered + failed).unwrap_or(u64::MAX);
        Self {
            origin: lane.origin.chain.get(),
            destination: lane.destination.chain.get(),
            sent: sent.len(),
            delivered,
            failed,
            latency_ms_p50: percentile(&latencies, 50),
            latency_ms_p95: percentile(&latencies, 95),
            gas_per_message: gas.get(&lane).and_then(|gas| gas.checked_div(messages)),
        }
    }
}

/// The smallest of `sorted` that `percent` of them do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn figure(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(50));
        assert_eq!(percentile(&hundred, 95), Some(95));
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[1, 9], 50), Some(1));
        assert_eq!(percentile(&[], 95), None);
    }
}
