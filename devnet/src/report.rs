//! What a demo shows at its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    ops::Range,
    time::{Duration, Instant},
};

use metalayer_proto::ids::LaneId;
use serde::Serialize;

use crate::{
    audit::{Audit, Course, Intents, Sent, State},
    equation::Equation,
    observer::Seen,
};

/// How late the 95th percentile may be on a quiet machine: one second and a block of the destination, in milliseconds.
const LATENCY_TARGET_MS: u64 = 2_000;

/// What a report is made of.
#[derive(Debug)]
pub struct Findings<'a> {
    /// What was seen.
    pub seen: &'a Seen,
    /// What was sent, and for what.
    pub intents: &'a Intents,
    /// Whether it came so.
    pub audit: &'a Audit,
    /// Where all $ERA is.
    pub era: Equation,
    /// The transactions that delivered.
    pub deliveries: Deliveries,
    /// What the collector holds.
    pub commitments_signed: u64,
    /// When the relayer was down.
    pub down: Range<Instant>,
    /// From which all messages follow.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
}

impl Findings<'_> {
    /// Each broken promise in words; none if all is well.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.audit.complaints();
        if !self.era.off().is_zero() {
            complaints.push(format!("the books do not balance:\n{}", self.era));
        }
        let (logged, _) = self.seen.progress(self.intents);
        if logged < self.intents.len() {
            complaints.push(format!("{} messages were sent, the gateways logged {logged}", self.intents.len()));
        }
        complaints
    }
}

/// The transactions that delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// Their gas, by lane.
    pub gas: BTreeMap<LaneId, u64>,
    /// How many brought a proof of each epoch.
    pub by_epoch: BTreeMap<u64, usize>,
}

/// The results of a demo; `--json` prints it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every lane, in the order of its chains.
    pub lanes: Vec<LaneReport>,
    /// Distinct (origin, height) of which the collector holds a checked attestation.
    pub commitments_signed: u64,
    /// How many transactions delivered by a proof of each epoch.
    pub transactions_by_epoch: BTreeMap<u64, usize>,
    /// Messages sent, not void, and neither delivered nor refused.
    pub lost: usize,
    /// Messages delivered more than once.
    pub doubled: usize,
    /// Where all $ERA is.
    pub era: Equation,
    /// By how many units the equation of $ERA is off.
    pub units_off: u64,
    /// Ordered messages that overtook.
    pub ordered_violations: usize,
    /// Delivered messages that the lanes' percentiles leave out.
    pub apart: Apart,
    /// From which all messages follow.
    pub seed: u64,
    /// From the first message sent to the last settled, in seconds.
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
    /// Of these, delivered, at once or by a retry.
    pub delivered: usize,
    /// Of these, judged void.
    pub voided: usize,
    /// Of these, given up and sent home.
    pub refused: usize,
    /// Of those void or refused, given back to their senders.
    pub reclaimed: usize,
    /// Median of the time from seeing a message final to seeing it delivered, in milliseconds.
    pub latency_ms_p50: Option<u64>,
    /// 95th percentile of the same.
    pub latency_ms_p95: Option<u64>,
    /// Gas used by the transactions that delivered, over the messages that they ran.
    pub gas_per_message: Option<u64>,
}

/// Delivered messages whose latency says something else than how fast messages are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// Sent, or final, while the relayer was down.
    pub while_down: Group,
    /// Failed first, and delivered by a retry.
    pub failed_first: Group,
}

/// Some messages, and how late they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many.
    pub messages: usize,
    /// The 95th percentile of their latency, in milliseconds.
    pub latency_ms_p95: Option<u64>,
}

/// Which percentiles a message counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    WhileDown,
    FailedFirst,
}

/// A message of the demo, all that became of it, and how late it was delivered.
struct Told<'a> {
    sent: &'a Sent,
    course: Course,
    class: Class,
    latency_ms: Option<u64>,
}

impl Report {
    /// The report of what was found.
    pub fn new(findings: Findings<'_>) -> Self {
        let told = tell(&findings);
        let Findings { audit, era, deliveries, commitments_signed, seed, took, .. } = findings;
        let lanes: BTreeSet<LaneId> = told.iter().map(|one| one.sent.lane).collect();
        let apart = |class| {
            let latencies = latencies(told.iter().filter(|one| one.class == class));
            Group { messages: latencies.len(), latency_ms_p95: percentile(&latencies, 95) }
        };
        Self {
            lanes: lanes.into_iter().map(|lane| LaneReport::new(lane, &told, &deliveries.gas)).collect(),
            commitments_signed,
            transactions_by_epoch: deliveries.by_epoch,
            lost: audit.lost.len(),
            doubled: audit.doubled.len(),
            units_off: era.off().saturating_to(),
            era,
            ordered_violations: audit.out_of_order.len(),
            apart: Apart { while_down: apart(Class::WhileDown), failed_first: apart(Class::FailedFirst) },
            seed,
            duration_s: took.as_secs(),
        }
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "lane               sent  delivered  voided  refused  reclaimed   p50 ms   p95 ms  gas a message\n",
        );
        for lane in &self.lanes {
            let name = format!("{} -> {}", lane.origin, lane.destination);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:<17} {:>5} {:>10} {:>7} {:>8} {:>10} {:>8} {:>8} {:>14}",
                lane.sent,
                lane.delivered,
                lane.voided,
                lane.refused,
                lane.reclaimed,
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
        for (why, group) in [
            ("sent, or final, while the relayer was down", &self.apart.while_down),
            ("failed first", &self.apart.failed_first),
        ] {
            let _ = writeln!(
                text,
                "left out of the percentiles: {} {why}, their p95 is {} ms",
                group.messages,
                figure(group.latency_ms_p95)
            );
        }
        let by_epoch = self.transactions_by_epoch.iter();
        let by_epoch: Vec<_> = by_epoch.map(|(epoch, number)| format!("{number} by epoch {epoch}")).collect();
        let _ = writeln!(text, "transactions proven {}", by_epoch.join(", "));
        let _ = writeln!(text, "\n{}\n", self.era);
        let _ = write!(
            text,
            "lost {}, doubled {}, out of order {}; {} commitments signed; seed {}; {} s",
            self.lost, self.doubled, self.ordered_violations, self.commitments_signed, self.seed, self.duration_s
        );
        text
    }
}

impl LaneReport {
    fn new(lane: LaneId, told: &[Told<'_>], gas: &BTreeMap<LaneId, u64>) -> Self {
        let own = || told.iter().filter(|one| one.sent.lane == lane);
        let ended = |state| own().filter(|one| one.course.state() == state).count();
        let latencies = latencies(own().filter(|one| one.class == Class::Plain));
        let run = own().filter(|one| one.course.first_run().is_some()).count();
        Self {
            origin: lane.origin.chain.get(),
            destination: lane.destination.chain.get(),
            sent: own().count(),
            delivered: ended(State::Delivered),
            voided: ended(State::Voided),
            refused: ended(State::Refused),
            reclaimed: own().filter(|one| one.course.is_reclaimed()).count(),
            latency_ms_p50: percentile(&latencies, 50),
            latency_ms_p95: percentile(&latencies, 95),
            gas_per_message: gas.get(&lane).and_then(|gas| gas.checked_div(u64::try_from(run).ok()?)),
        }
    }
}

/// Everything about each message of the demo.
fn tell<'a>(findings: &Findings<'a>) -> Vec<Told<'a>> {
    let seen = findings.seen;
    let mut courses = Course::of_all(&seen.history);
    let ours = seen.history.sent.iter().filter(|one| findings.intents.contains_key(&one.transaction));
    ours.map(|sent| {
        let course = courses.remove(&sent.id).unwrap_or_default();
        let class = if course.failed.is_some() {
            Class::FailedFirst
        } else if seen.is_within(sent, &findings.down) {
            Class::WhileDown
        } else {
            Class::Plain
        };
        let latency = course.delivered.first().and_then(|place| seen.latency(sent, *place));
        let latency_ms = latency.and_then(|latency| u64::try_from(latency.as_millis()).ok());
        Told { sent, course, class, latency_ms }
    })
    .collect()
}

/// The latencies of those that were delivered, ascending.
fn latencies<'a>(told: impl Iterator<Item = &'a Told<'a>>) -> Vec<u64> {
    let mut latencies: Vec<u64> = told.filter_map(|one| one.latency_ms).collect();
    latencies.sort_unstable();
    latencies
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
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::{Address, B256, U256};
    use metalayer_proto::ids::{ChainId, GatewayId, MessageId};

    use super::*;
    use crate::{
        audit::{Fate, Homecoming, Intent, Outcome, Place, Return},
        era::SUPPLY,
    };

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(50));
        assert_eq!(percentile(&hundred, 95), Some(95));
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[1, 9], 50), Some(1));
        assert_eq!(percentile(&[], 95), None);
    }

    fn gateway(chain: u64) -> GatewayId {
        GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::repeat_byte(9) }
    }

    fn lane() -> LaneId {
        LaneId { origin: gateway(901), destination: gateway(902) }
    }

    /// The message sent in this block.
    fn id(block: u8) -> MessageId {
        MessageId(B256::with_last_byte(block))
    }

    fn sent(block: u8) -> Sent {
        Sent {
            id: id(block),
            lane: lane(),
            sequence: block.into(),
            waits_for: None,
            block: block.into(),
            transaction: B256::repeat_byte(block),
            burnt: U256::ZERO,
        }
    }

    fn outcome(message: u8, fate: Fate, block: u64) -> Outcome {
        let place = Place { block, log_index: 0 };
        Outcome { id: id(message), origin: lane().origin, destination: lane().destination.chain, fate, place }
    }

    /// Block n of either chain is seen latest n seconds after `begun`, and final a second later. Five messages: one plain, one final
    /// while the relayer was down, one that failed first, one void, one refused; and one that the demo did not send.
    fn seen(begun: Instant) -> Seen {
        let mut seen = Seen::default();
        for block in 0..50 {
            let at = begun + Duration::from_secs(block);
            for chain in [lane().origin.chain, lane().destination.chain] {
                seen.note(chain, block, at, at + Duration::from_secs(1));
            }
        }
        seen.history.sent = (1..=6).map(sent).collect();
        seen.history.outcomes = vec![
            outcome(1, Fate::Delivered, 4),
            outcome(2, Fate::Delivered, 12),
            outcome(3, Fate::Failed, 6),
            outcome(3, Fate::Delivered, 34),
            outcome(4, Fate::Voided, 6),
            outcome(5, Fate::Failed, 7),
            outcome(5, Fate::Refused, 40),
            outcome(6, Fate::Delivered, 8),
        ];
        let reclaim = Homecoming::Reclaim { value: true, fee: true };
        seen.history.returns = vec![Return { id: id(4), origin: lane().origin.chain, homecoming: reclaim }];
        seen
    }

    fn intents() -> Intents {
        (1..=5).map(|block| (B256::repeat_byte(block), Intent::Arrive)).collect()
    }

    fn findings<'a>(seen: &'a Seen, intents: &'a Intents, audit: &'a Audit, begun: Instant) -> Findings<'a> {
        let on_chains = BTreeMap::from([(lane().origin.chain, SUPPLY)]);
        Findings {
            seen,
            intents,
            audit,
            era: Equation::of(on_chains, &seen.history),
            deliveries: Deliveries { gas: BTreeMap::from([(lane(), 4_000)]), by_epoch: BTreeMap::new() },
            commitments_signed: 7,
            down: begun + Duration::from_millis(2_500)..begun + Duration::from_millis(3_500),
            seed: 1,
            took: Duration::from_secs(60),
        }
    }

    #[test]
    fn a_lane_counts_each_end_and_its_percentiles_leave_out_what_was_held_up() {
        let begun = Instant::now();
        let report = Report::new(findings(&seen(begun), &intents(), &Audit::default(), begun));
        let expected = LaneReport {
            origin: 901,
            destination: 902,
            sent: 5,
            delivered: 3,
            voided: 1,
            refused: 1,
            reclaimed: 1,
            latency_ms_p50: Some(2_000),
            latency_ms_p95: Some(2_000),
            gas_per_message: Some(1_000),
        };
        assert_eq!(report.lanes, [expected]);
        let group = |latency_ms| Group { messages: 1, latency_ms_p95: Some(latency_ms) };
        assert_eq!(report.apart, Apart { while_down: group(9_000), failed_first: group(30_000) });
    }

    #[test]
    fn one_message_lost_one_doubled_or_one_unit_off_is_complained_of() {
        let begun = Instant::now();
        let (seen, intents) = (seen(begun), intents());
        let complaints = |audit: &Audit, on_hub: U256| {
            let mut findings = findings(&seen, &intents, audit, begun);
            findings.era = Equation::of(BTreeMap::from([(lane().origin.chain, on_hub)]), &seen.history);
            findings.complaints().len()
        };
        let lost = Audit { lost: vec![id(1)], ..Audit::default() };
        let doubled = Audit { doubled: vec![id(1)], ..Audit::default() };
        assert_eq!(complaints(&Audit::default(), SUPPLY), 0);
        assert_eq!([complaints(&lost, SUPPLY), complaints(&doubled, SUPPLY)], [1, 1]);
        assert_eq!(complaints(&Audit::default(), SUPPLY - U256::from(1)), 1);
    }

    #[test]
    fn a_message_that_no_gateway_logged_is_complained_of() {
        let begun = Instant::now();
        let (seen, mut intents) = (seen(begun), intents());
        intents.insert(B256::repeat_byte(99), Intent::Arrive);
        assert_eq!(findings(&seen, &intents, &Audit::default(), begun).complaints().len(), 1);
    }
}
