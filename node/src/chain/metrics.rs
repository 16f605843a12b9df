//! What the chain reader counts: `metalayer_rpc_*`.

use std::time::Duration;

use metalayer_proto::ids::ChainId;
use prometheus::{Histogram, HistogramVec, IntCounterVec, IntGaugeVec};

use crate::telemetry::{Metrics, MetricsError};

/// The metrics of all chain readers of a process, declared once.
#[derive(Clone, Debug)]
pub struct RpcMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
    lies: IntCounterVec,
    benched: IntGaugeVec,
    silent: IntGaugeVec,
    final_block: IntGaugeVec,
}

impl RpcMetrics {
    /// Declares them.
    pub fn declare(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            requests: metrics.counter(
                "rpc_requests",
                "JSON-RPC requests by endpoint, method and outcome (answered, failed).",
                &["chain", "endpoint", "method", "outcome"],
            )?,
            duration: metrics.seconds(
                "rpc_request",
                "Time from a JSON-RPC request to its whole answer or its deadline.",
                &["chain"],
                &[0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            )?,
            lies: metrics.counter(
                "rpc_lies",
                "Answers that were shown to be false, by endpoint and by what was false (hash, header, receipts, log).",
                &["chain", "endpoint", "what"],
            )?,
            benched: metrics.gauge(
                "rpc_benched",
                "1 while the endpoint is not asked because it was caught lying.",
                &["chain", "endpoint"],
            )?,
            silent: metrics.gauge(
                "rpc_silent",
                "1 while the endpoint is asked last because it failed, or came too late, several times in a row.",
                &["chain", "endpoint"],
            )?,
            final_block: metrics.gauge(
                "rpc_final_block",
                "Number of the newest final block that enough endpoints agree on.",
                &["chain"],
            )?,
        })
    }

    /// The view of one chain's reader.
    pub fn of(&self, chain: ChainId) -> ReaderMetrics {
        let chain = chain.to_string();
        ReaderMetrics { duration: self.duration.with_label_values(&[&chain]), all: self.clone(), chain }
    }
}

/// What one chain's reader counts.
#[derive(Clone, Debug)]
pub struct ReaderMetrics {
    all: RpcMetrics,
    chain: String,
    duration: Histogram,
}

impl ReaderMetrics {
    /// Metrics that nobody scrapes, for tools and tests.
    pub fn unregistered(chain: ChainId) -> Result<Self, MetricsError> {
        Ok(RpcMetrics::declare(&Metrics::unregistered())?.of(chain))
    }

    pub(super) fn request_answered(&self, endpoint: &str, method: &str) {
        self.all.requests.with_label_values(&[&self.chain, endpoint, method, "answered"]).inc();
    }

    pub(super) fn request_failed(&self, endpoint: &str, method: &str) {
        self.all.requests.with_label_values(&[&self.chain, endpoint, method, "failed"]).inc();
    }

    pub(super) fn request_took(&self, time: Duration) {
        self.duration.observe(time.as_secs_f64());
    }

    pub(super) fn lied(&self, endpoint: &str, what: Lie) {
        self.all.lies.with_label_values(&[&self.chain, endpoint, what.word()]).inc();
    }

    pub(super) fn benched(&self, endpoint: &str, benched: bool) {
        self.all.benched.with_label_values(&[&self.chain, endpoint]).set(benched.into());
    }

    pub(super) fn silent(&self, endpoint: &str, silent: bool) {
        self.all.silent.with_label_values(&[&self.chain, endpoint]).set(silent.into());
    }

    pub(super) fn final_block(&self, number: u64) {
        self.all.final_block.with_label_values(&[&self.chain]).set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// Whether `endpoint` is asked last because it does not answer in time.
    pub fn is_silent(&self, endpoint: &str) -> bool {
        self.all.silent.with_label_values(&[&self.chain, endpoint]).get() == 1
    }

    /// How often `endpoint` was caught, by what was false.
    pub fn lies(&self, endpoint: &str, what: Lie) -> u64 {
        self.all.lies.with_label_values(&[&self.chain, endpoint, what.word()]).get()
    }
}

/// What an endpoint was caught lying about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// The hash of a final block.
    Hash,
    /// A header that does not hash to the agreed hash.
    Header,
    /// Receipts that do not have the header's root.
    Receipts,
    /// A log that the block's receipts do not hold.
    Log,
}

impl Lie {
    const fn word(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Header => "header",
            Self::Receipts => "receipts",
            Self::Log => "log",
        }
    }
}
