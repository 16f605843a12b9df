//! What the relayer counts, declared once. docs/metrics.md lists them.
//!
//! Lanes label counters and gauges only: at 62 rollups there are 3,782 of them.

use alloy::primitives::U256;
use metalayer_node::{
    chain::Receipt,
    telemetry::{self, MetricsError},
};
use metalayer_proto::{
    commitment::Commitment,
    derivation::{BlockOutcome, Verdict},
    envelope::{DeliveryRecord, HomeRecord},
    ids::{ChainId, LaneId},
    topics::Topic,
};
use prometheus::{GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec};

/// The relayer's metrics.
pub struct Metrics {
    final_height: IntGaugeVec,
    next_height: IntGaugeVec,
    unproven: IntGaugeVec,
    sent_rows: IntGaugeVec,
    sent_dropped: IntCounterVec,
    states_dropped: IntCounterVec,
    messages_sent: IntCounterVec,
    messages_void: IntCounterVec,
    outcomes: IntCounterVec,
    home: IntCounterVec,
    dead_letters: IntCounterVec,
    batches_refused: IntCounterVec,
    attestations: IntCounterVec,
    attestations_refused: IntCounterVec,
    bad_signatures: IntCounterVec,
    equivocations: IntCounterVec,
    proven_height: IntGaugeVec,
    backlog: IntGaugeVec,
    backlog_dropped: IntCounterVec,
    begun: IntCounterVec,
    answers_refused: IntCounterVec,
    unserved: IntCounterVec,
    epoch_in_force: IntGaugeVec,
    other_tables: IntCounterVec,
    queued: IntGaugeVec,
    in_flight: IntGaugeVec,
    transactions: IntCounterVec,
    would_revert: IntCounterVec,
    rebroadcasts: IntCounterVec,
    broadcasts_refused: IntCounterVec,
    replaced: IntCounterVec,
    undone: IntCounterVec,
    nonces_taken: IntCounterVec,
    nonces_filled: IntCounterVec,
    unfinal: IntGaugeVec,
    waits: IntGaugeVec,
    balance: GaugeVec,
    unprovable: IntCounterVec,
    batch_messages: HistogramVec,
    gas_used: IntCounterVec,
    actions: IntCounterVec,
}

const LANE: [&str; 2] = ["origin", "destination"];

impl Metrics {
    /// Declares them in `registry`.
    pub fn new(registry: &telemetry::Metrics) -> Result<Self, MetricsError> {
        let counter = |name, help, labels: &[&str]| registry.counter(name, help, labels);
        let gauge = |name, help, labels: &[&str]| registry.gauge(name, help, labels);
        Ok(Self {
            final_height: gauge("final_height", "Newest final block that was seen.", &["origin"])?,
            next_height: gauge("next_height", "The next block to read.", &["origin"])?,
            unproven: gauge(
                "arrivals_unproven",
                "Arrivals in the next block that their origin's derivation has not shown yet.",
                &["origin"],
            )?,
            sent_rows: gauge("sent_messages", "Messages kept until they are settled.", &["origin"])?,
            sent_dropped: counter(
                "sent_dropped",
                "Messages not kept because their lane has too many; where they lead will wait for them.",
                &["origin"],
            )?,
            states_dropped: counter(
                "archive_states_dropped",
                "States dropped because too many waited for a proof; a later one is served.",
                &["origin"],
            )?,
            messages_sent: counter("messages_sent", "Messages seen leaving their origin.", &LANE)?,
            messages_void: counter("messages_void", "Messages judged void, by reason.", &["origin", "reason"])?,
            outcomes: counter(
                "message_outcomes",
                "What became of messages in final blocks of their destination: delivered, failed, void or refused.",
                &["origin", "destination", "outcome"],
            )?,
            home: counter(
                "came_home",
                "What came back in final blocks of an origin: refused, reclaimed, fees_claimed or snapshot_taken.",
                &["origin", "event"],
            )?,
            dead_letters: counter("dead_letters", "Records refused, by topic and reason.", &["topic", "reason"])?,
            batches_refused: counter("collector_batches_refused", "Batches not taken, by reason.", &["reason"])?,
            attestations: counter("collector_attestations", "Attestations taken.", &["origin"])?,
            attestations_refused: counter(
                "collector_attestations_refused",
                "Attestations dropped although their batch was taken, by reason.",
                &["reason"],
            )?,
            bad_signatures: counter("bad_signatures", "Attestations whose own signature does not hold.", &["origin"])?,
            equivocations: counter(
                "equivocations",
                "Second digests signed at one height by one attester.",
                &["origin"],
            )?,
            proven_height: gauge("proven_height", "Newest height that a quorum has signed.", &["origin"])?,
            backlog: gauge("backlog_messages", "Messages that wait for a quorum.", &["origin"])?,
            backlog_dropped: counter(
                "backlog_dropped",
                "Messages dropped from the backlog, to be read again.",
                &["origin"],
            )?,
            epoch_in_force: gauge(
                "epoch_in_force",
                "Newest epoch whose proofs the chain takes; 0: none.",
                &["destination"],
            )?,
            other_tables: counter(
                "epoch_other_table",
                "Times the chain said that it has another table for an epoch.",
                &["destination"],
            )?,
            begun: counter(
                "origins_begun",
                "Origins by where they began when the relayer started: kept, proof or deployment.",
                &["at"],
            )?,
            answers_refused: counter(
                "collector_answers_refused",
                "What a peer's collector served and was not believed, by reason.",
                &["collector", "reason"],
            )?,
            unserved: counter(
                "lanes_unserved",
                "Proven lanes to a gateway that this relayer does not serve.",
                &["origin"],
            )?,
            queued: gauge(
                "queued_messages",
                "Proven messages, and actions such as retries, that no block of their destination has met yet.",
                &["destination"],
            )?,
            in_flight: gauge("transactions_in_flight", "Transactions in no block yet.", &["destination"])?,
            transactions: counter("transactions", "Delivering transactions by outcome.", &["destination", "outcome"])?,
            would_revert: counter("transactions_refused", "Transactions not sent because they would revert.", &LANE)?,
            rebroadcasts: counter(
                "transactions_rebroadcast",
                "Transactions broadcast again for want of a receipt.",
                &["destination"],
            )?,
            broadcasts_refused: counter(
                "broadcasts_refused",
                "Transactions that the node did not take; they are broadcast again.",
                &["destination"],
            )?,
            replaced: counter(
                "transactions_replaced",
                "Transactions replaced by dearer ones because blocks passed over them.",
                &["destination"],
            )?,
            undone: counter(
                "transactions_undone",
                "Transactions that a reorg took out of their block.",
                &["destination"],
            )?,
            nonces_taken: counter(
                "nonces_taken",
                "Nonces used by a transaction that is not ours: another process has the key.",
                &["destination"],
            )?,
            nonces_filled: counter("nonces_filled", "Unused nonces below ours that were filled.", &["destination"])?,
            unfinal: gauge("transactions_unfinal", "Transactions in blocks that are not final.", &["destination"])?,
            waits: gauge(
                "sending_waits",
                "1 while nothing is sent for this reason: price_ceiling, no_funds or finality.",
                &["destination", "reason"],
            )?,
            balance: registry.fraction(
                "executor_balance_ether",
                "What the executor's account has.",
                &["destination"],
            )?,
            unprovable: counter("lanes_unprovable", "Times a lane's leaves did not lead to its proven root.", &LANE)?,
            batch_messages: registry.histogram(
                "transaction_messages",
                "Messages in a delivering transaction.",
                &["destination"],
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
            )?,
            gas_used: counter("gas_used", "Gas that delivering transactions used.", &LANE)?,
            actions: counter(
                "actions",
                "What else than deliveries was asked for, by what came of it: succeeded, reverted or refused.",
                &["destination", "action", "outcome"],
            )?,
        })
    }

    pub(crate) fn finalized(&self, origin: ChainId, height: u64, next: u64) {
        let origin = origin.to_string();
        self.final_height.with_label_values(&[&origin]).set(signed(height));
        self.next_height.with_label_values(&[&origin]).set(signed(next));
    }

    pub(crate) fn unproven(&self, origin: ChainId, missing: usize) {
        self.unproven.with_label_values(&[&origin.to_string()]).set(signed(missing as u64));
    }

    pub(crate) fn states_dropped(&self, origin: ChainId, dropped: u64) {
        self.states_dropped.with_label_values(&[&origin.to_string()]).inc_by(dropped);
    }

    pub(crate) fn kept(&self, origin: ChainId, rows: u64, dropped: u64) {
        let origin = origin.to_string();
        self.sent_rows.with_label_values(&[&origin]).set(signed(rows));
        self.sent_dropped.with_label_values(&[&origin]).inc_by(dropped);
    }

    pub(crate) fn watched(&self, outcome: &BlockOutcome, origin: ChainId) {
        let from = origin.to_string();
        for lane in &outcome.lanes {
            let to = lane.destination.chain.to_string();
            self.messages_sent.with_label_values(&[&from, &to]).inc_by(lane.messages.len() as u64);
            for judged in &lane.messages {
                if let Verdict::Void(reason) = judged.verdict {
                    tracing::warn!(id = %judged.id, %origin, %reason, "message is void");
                    self.messages_void.with_label_values(&[from.as_str(), reason.as_str()]).inc();
                }
            }
        }
    }

    pub(crate) fn outcomes(&self, delivery: &DeliveryRecord) {
        let [from, to] = labels(delivery.lane);
        for message in &delivery.outcomes {
            self.outcomes.with_label_values(&[from.as_str(), to.as_str(), message.outcome.as_str()]).inc();
        }
    }

    pub(crate) fn came_home(&self, home: &HomeRecord) {
        let origin = home.origin.chain.to_string();
        for event in &home.events {
            self.home.with_label_values(&[origin.as_str(), event.as_str()]).inc();
        }
    }

    pub(crate) fn dead_lettered(&self, topic: Topic, reason: &str) {
        self.dead_letters.with_label_values(&[topic.name(), reason]).inc();
    }

    pub(crate) fn batch_refused(&self, reason: &str) {
        self.batches_refused.with_label_values(&[reason]).inc();
    }

    pub(crate) fn attestation_taken(&self, origin: ChainId) {
        self.attestations.with_label_values(&[&origin.to_string()]).inc();
    }

    pub(crate) fn attestation_refused(&self, reason: &str) {
        self.attestations_refused.with_label_values(&[reason]).inc();
    }

    pub(crate) fn bad_signature(&self, origin: ChainId) {
        self.bad_signatures.with_label_values(&[&origin.to_string()]).inc();
    }

    pub(crate) fn equivocation(&self, origin: ChainId) {
        self.equivocations.with_label_values(&[&origin.to_string()]).inc();
    }

    pub(crate) fn proven(&self, commitment: &Commitment) {
        self.proven_height
            .with_label_values(&[&commitment.origin.chain.to_string()])
            .set(signed(commitment.block_number));
    }

    pub(crate) fn backlog(&self, origin: ChainId, messages: usize, dropped: usize) {
        let origin = origin.to_string();
        self.backlog.with_label_values(&[&origin]).set(signed(messages as u64));
        self.backlog_dropped.with_label_values(&[&origin]).inc_by(dropped as u64);
    }

    pub(crate) fn epoch_in_force(&self, destination: ChainId, epoch: Option<u64>) {
        let epoch = i64::try_from(epoch.unwrap_or_default()).unwrap_or(i64::MAX);
        self.epoch_in_force.with_label_values(&[&destination.to_string()]).set(epoch);
    }

    pub(crate) fn other_table(&self, destination: ChainId) {
        self.other_tables.with_label_values(&[&destination.to_string()]).inc();
    }

    pub(crate) fn begun(&self, at: &str) {
        self.begun.with_label_values(&[at]).inc();
    }

    pub(crate) fn answer_refused(&self, collector: &str, reason: &str) {
        self.answers_refused.with_label_values(&[collector, reason]).inc();
    }

    pub(crate) fn unserved(&self, origin: ChainId) {
        self.unserved.with_label_values(&[&origin.to_string()]).inc();
    }

    pub(crate) fn queued(&self, destination: ChainId, messages: usize, in_flight: usize, unfinal: usize) {
        let destination = destination.to_string();
        self.queued.with_label_values(&[&destination]).set(signed(messages as u64));
        self.in_flight.with_label_values(&[&destination]).set(signed(in_flight as u64));
        self.unfinal.with_label_values(&[&destination]).set(signed(unfinal as u64));
    }

    pub(crate) fn sent(&self, lane: LaneId, messages: usize) {
        #[allow(clippy::cast_precision_loss, reason = "at most 256")]
        self.batch_messages.with_label_values(&[&lane.destination.chain.to_string()]).observe(messages as f64);
    }

    pub(crate) fn landed(&self, lane: LaneId, receipt: &Receipt) {
        let [from, to] = labels(lane);
        let outcome = if receipt.success { "succeeded" } else { "reverted" };
        self.transactions.with_label_values(&[to.as_str(), outcome]).inc();
        self.gas_used.with_label_values(&[&from, &to]).inc_by(receipt.gas_used);
    }

    pub(crate) fn acted(&self, destination: ChainId, action: &str, outcome: &str) {
        self.actions.with_label_values(&[destination.to_string().as_str(), action, outcome]).inc();
    }

    pub(crate) fn would_revert(&self, lane: LaneId) {
        self.would_revert.with_label_values(&labels(lane)).inc();
    }

    pub(crate) fn rebroadcast(&self, destination: ChainId) {
        self.rebroadcasts.with_label_values(&[&destination.to_string()]).inc();
    }

    pub(crate) fn broadcast_refused(&self, destination: ChainId) {
        self.broadcasts_refused.with_label_values(&[&destination.to_string()]).inc();
    }

    pub(crate) fn replaced(&self, destination: ChainId) {
        self.replaced.with_label_values(&[&destination.to_string()]).inc();
    }

    pub(crate) fn undone(&self, destination: ChainId) {
        self.undone.with_label_values(&[&destination.to_string()]).inc();
    }

    pub(crate) fn nonce_taken(&self, destination: ChainId) {
        self.nonces_taken.with_label_values(&[&destination.to_string()]).inc();
    }

    pub(crate) fn nonce_filled(&self, destination: ChainId) {
        self.nonces_filled.with_label_values(&[&destination.to_string()]).inc();
    }

    /// Shows which of `reasons` holds up sending.
    pub(crate) fn waits(&self, destination: ChainId, reasons: &[&str], reason: Option<&str>) {
        let destination = destination.to_string();
        for one in reasons {
            self.waits.with_label_values(&[destination.as_str(), one]).set(i64::from(reason == Some(one)));
        }
    }

    pub(crate) fn balance(&self, destination: ChainId, wei: U256) {
        const WEI_AN_ETHER: f64 = 1e18;
        self.balance.with_label_values(&[&destination.to_string()]).set(f64::from(wei) / WEI_AN_ETHER);
    }

    pub(crate) fn unprovable(&self, lane: LaneId) {
        self.unprovable.with_label_values(&labels(lane)).inc();
    }
}

fn labels(lane: LaneId) -> [String; 2] {
    [lane.origin.chain.to_string(), lane.destination.chain.to_string()]
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
