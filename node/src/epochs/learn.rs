//! Learning the epochs that the hub announces: one stage a daemon.

use std::sync::Arc;

use alloy::primitives::{Address, Log};
use async_trait::async_trait;
use metalayer_proto::facts::EpochEntry;
use prometheus::IntGaugeVec;

use super::{Announced, EpochBook, registry};
use crate::{
    chain::{ChainError, ChainReader, LogCheck, LogSource},
    clock::Clock,
    task::{Severity, Stage, StageError, Step, Wake},
    telemetry::{self, MetricsError},
};

/// Why an announced epoch is not known yet. All of them may pass.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The hub could not be read, or too few of its endpoints tell the table that was announced.
    #[error("the epochs that the hub has announced: {0}")]
    Chain(#[from] ChainError),
    /// What as many endpoints tell as must agree is no epoch.
    #[error("epoch {epoch}: {problem}")]
    Table {
        /// The epoch that was announced.
        epoch: u64,
        /// Why.
        problem: String,
    },
}

impl StageError for LearnError {
    fn severity(&self) -> Severity {
        Severity::Retryable
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Table { .. } => "epoch_table",
        }
    }
}

/// What is told of epochs.
#[derive(Clone, Debug)]
pub struct EpochMetrics {
    newest: IntGaugeVec,
    expires_at: IntGaugeVec,
    announced: IntGaugeVec,
}

impl EpochMetrics {
    /// Declares them in `registry`.
    pub fn declare(registry: &telemetry::Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            newest: registry.gauge("epoch_newest", "Newest epoch whose table is known.", &[])?,
            expires_at: registry.gauge(
                "epoch_expires_at_seconds",
                "When the newest epoch that is known expires, in Unix seconds.",
                &[],
            )?,
            announced: registry.gauge(
                "epoch_announced",
                "Newest epoch that the hub has announced, in its final history.",
                &[],
            )?,
        })
    }

    fn show(gauge: &IntGaugeVec, value: u64) {
        gauge.with_label_values::<&str>(&[]).set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

/// What the stage works with.
pub struct Parts {
    /// What the hub's own history says.
    pub announced: Arc<Announced>,
    /// Where epochs go.
    pub epochs: Arc<EpochBook>,
    /// Tells what of the hub is final.
    pub reader: Arc<dyn ChainReader>,
    /// Tells what the registry logged.
    pub logs: Arc<dyn LogSource>,
    /// The registry.
    pub registry: Address,
    /// The block before which the registry was not there.
    pub since: u64,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is shown.
    pub metrics: EpochMetrics,
}

/// Adds to the book what the hub announces.
pub struct Learn {
    parts: Parts,
}

impl Learn {
    /// The stage of one daemon.
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Learns what was announced before this process began, by the word of as many endpoints as must agree: records that it left behind
    /// are proven in those epochs, and the hub's derivation comes to them only later.
    pub async fn begin(&self) -> Result<(), LearnError> {
        let told = self.told(&|_| Ok(())).await?;
        for (number, announced) in registry::announced(&told) {
            if self.is_unknown(number, &announced) {
                self.add(&told, number, &announced)?;
            }
        }
        Ok(())
    }

    fn is_unknown(&self, number: u64, announced: &EpochEntry) -> bool {
        let now_s = self.parts.clock.now().0 / 1_000;
        announced.expires_at > now_s && self.parts.epochs.get(number).is_none()
    }

    async fn learn(&self, number: u64, announced: &EpochEntry) -> Result<(), LearnError> {
        let is_it =
            |logs: &[_]| registry::rebuild(logs, number, announced).map(drop).map_err(|error| error.to_string());
        let told = self.told(&is_it).await?;
        self.add(&told, number, announced)
    }

    /// The registry's logs up to what is final.
    async fn told(&self, check: LogCheck<'_>) -> Result<Vec<Log>, LearnError> {
        let Parts { reader, logs, registry, since, .. } = &self.parts;
        let to = reader.finalized().await?.number;
        Ok(logs.told(*registry, *since..=to, check).await?)
    }

    fn add(&self, told: &[Log], number: u64, announced: &EpochEntry) -> Result<(), LearnError> {
        let epoch = registry::rebuild(told, number, announced)
            .map_err(|error| LearnError::Table { epoch: number, problem: error.to_string() })?;
        let (members, activates_at) = (epoch.table.len(), epoch.activates_at);
        tracing::info!(epoch = number, members, activates_at, "the hub announced an epoch");
        self.parts.epochs.learn(epoch);
        Ok(())
    }

    fn show(&self) {
        let Parts { metrics, epochs, announced, .. } = &self.parts;
        if let Some(newest) = epochs.newest() {
            EpochMetrics::show(&metrics.newest, newest.number());
            EpochMetrics::show(&metrics.expires_at, newest.expires_at);
        }
        if let Some((number, _)) = announced.epochs().last() {
            EpochMetrics::show(&metrics.announced, *number);
        }
    }
}

#[async_trait]
impl Stage for Learn {
    type Error = LearnError;

    async fn step(&mut self) -> Result<Step, LearnError> {
        self.show();
        let announced = self.parts.announced.epochs();
        let Some((number, announced)) = announced.into_iter().find(|(number, entry)| self.is_unknown(*number, entry))
        else {
            return Ok(Step::Idle(Wake::on(&self.parts.announced.noted())));
        };
        self.learn(number, &announced).await?;
        Ok(Step::Advanced)
    }
}
