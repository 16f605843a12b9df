//! What the attester counts, declared once. docs/metrics.md lists them.

use metalayer_node::telemetry::{self, MetricsError};
use metalayer_proto::{
    batch::Attestation,
    commitment::Commitment,
    derivation::{BlockOutcome, Verdict},
    ids::ChainId,
};
use prometheus::{IntCounterVec, IntGaugeVec};

/// The attester's metrics.
pub struct Metrics {
    final_height: IntGaugeVec,
    derived_height: IntGaugeVec,
    signed_height: IntGaugeVec,
    proven_height: IntGaugeVec,
    judged: IntCounterVec,
    signed: IntCounterVec,
    guard_refusals: IntCounterVec,
    unproven: IntGaugeVec,
    rules_overdue: IntGaugeVec,
    sent_rows: IntGaugeVec,
    sent_dropped: IntCounterVec,
    unrecorded: IntCounterVec,
    outbox_dropped: IntCounterVec,
    posted: IntCounterVec,
    bad_proofs: IntCounterVec,
    answers_refused: IntCounterVec,
}

impl Metrics {
    /// Declares them in `registry`.
    pub fn new(registry: &telemetry::Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            final_height: registry.gauge("final_height", "Newest final block that was seen.", &["origin"])?,
            derived_height: registry.gauge("derived_height", "Newest block that was derived.", &["origin"])?,
            signed_height: registry.gauge("signed_height", "Newest height that was signed.", &["origin"])?,
            proven_height: registry.gauge("proven_height", "Newest height known to be proven.", &["origin"])?,
            judged: registry.counter("messages_judged", "Messages judged, by verdict.", &["origin", "verdict"])?,
            signed: registry.counter("commitments_signed", "Commitments signed.", &["origin"])?,
            guard_refusals: registry.counter(
                "guard_refusals",
                "Commitments that the guard refused to have signed, by reason; each stops its origin.",
                &["origin", "reason"],
            )?,
            unrecorded: registry.counter(
                "guard_unrecorded_signatures",
                "Signatures of this key's that turned up without a record in the guard; each stops its origin.",
                &["origin"],
            )?,
            unproven: registry.gauge(
                "arrivals_unproven",
                "Arrivals in the next block that their origin's derivation has not shown yet.",
                &["origin"],
            )?,
            rules_overdue: registry.gauge(
                "rules_overdue",
                "1 while nothing is signed because a rules version is overdue.",
                &["origin"],
            )?,
            sent_rows: registry.gauge("sent_messages", "Messages kept until they are settled.", &["origin"])?,
            sent_dropped: registry.counter(
                "sent_dropped",
                "Messages not kept because their lane has too many; where they lead will wait for them.",
                &["origin"],
            )?,
            outbox_dropped: registry.counter(
                "outbox_dropped",
                "Attestations dropped because too many waited for a collector.",
                &["origin"],
            )?,
            posted: registry.counter("attestations_posted", "Attestations that a collector took.", &["collector"])?,
            bad_proofs: registry.counter(
                "collector_bad_proofs",
                "Proofs in a collector's answers that do not hold.",
                &["collector"],
            )?,
            answers_refused: registry.counter(
                "collector_answers_refused",
                "Snapshots and leaves served by a collector that were not believed, by reason.",
                &["collector", "reason"],
            )?,
        })
    }

    pub(crate) fn finalized(&self, origin: ChainId, height: u64) {
        set(&self.final_height, origin, height);
    }

    pub(crate) fn derived(&self, origin: ChainId, height: u64) {
        set(&self.derived_height, origin, height);
    }

    pub(crate) fn judged(&self, origin: ChainId, outcome: &BlockOutcome) {
        let origin = origin.to_string();
        for judged in outcome.lanes.iter().flat_map(|lane| &lane.messages) {
            let verdict = match judged.verdict {
                Verdict::Valid => "valid",
                Verdict::Void(reason) => {
                    tracing::warn!(id = %judged.id, origin, %reason, "message is void");
                    reason.as_str()
                }
            };
            self.judged.with_label_values(&[origin.as_str(), verdict]).inc();
        }
    }

    pub(crate) fn signed(&self, commitment: &Commitment) {
        set(&self.signed_height, commitment.origin.chain, commitment.block_number);
        self.signed.with_label_values(&[&commitment.origin.chain.to_string()]).inc();
    }

    pub(crate) fn refused(&self, origin: ChainId, reason: &str) {
        self.guard_refusals.with_label_values(&[origin.to_string().as_str(), reason]).inc();
    }

    pub(crate) fn unrecorded(&self, origin: ChainId) {
        self.unrecorded.with_label_values(&[&origin.to_string()]).inc();
    }

    pub(crate) fn unproven(&self, origin: ChainId, missing: usize) {
        set(&self.unproven, origin, missing as u64);
    }

    pub(crate) fn rules_overdue(&self, origin: ChainId, is_overdue: bool) {
        set(&self.rules_overdue, origin, is_overdue.into());
    }

    pub(crate) fn kept(&self, origin: ChainId, rows: u64, dropped: u64) {
        set(&self.sent_rows, origin, rows);
        self.sent_dropped.with_label_values(&[&origin.to_string()]).inc_by(dropped);
    }

    pub(crate) fn outbox_full(&self, origin: ChainId) {
        self.outbox_dropped.with_label_values(&[&origin.to_string()]).inc();
    }

    pub(crate) fn posted(&self, collector: &str, batch: &[Attestation]) {
        self.posted.with_label_values(&[collector]).inc_by(batch.len() as u64);
    }

    pub(crate) fn proven(&self, commitment: &Commitment) {
        set(&self.proven_height, commitment.origin.chain, commitment.block_number);
    }

    pub(crate) fn answer_refused(&self, collector: &str, reason: &str) {
        self.answers_refused.with_label_values(&[collector, reason]).inc();
    }

    pub(crate) fn bad_proof(&self, collector: &str) {
        self.bad_proofs.with_label_values(&[collector]).inc();
    }
}

fn set(gauge: &IntGaugeVec, origin: ChainId, height: u64) {
    gauge.with_label_values(&[&origin.to_string()]).set(i64::try_from(height).unwrap_or(i64::MAX));
}
