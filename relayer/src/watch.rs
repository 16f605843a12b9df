//! Watching: one chain's final history, derived as attesters derive it, onto the bus.
//!
//! Each block that changed a lane becomes a record on `messages`, and each delivery one on `deliveries`. The cursor is saved only after
//! the bus has acknowledged (I1), so records may repeat after a restart, and none is lost.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy::primitives::B256;
use async_trait::async_trait;
use metalayer_node::{
    bus::{BusError, InstanceId},
    chain::{BlockRef, ChainError, ChainReader, READ_BLOCKS_MAX},
    clock::Clock,
    task::{Severity, Stage, StageError, Step, Wake},
    telemetry::context_of,
};
use metalayer_proto::{
    derivation::{BlockOutcome, Derivation, DerivationError, VerifiedBlock},
    envelope::{BlockRecord, Cursor, DeliveryRecord, MessageOutcome},
    ids::{ChainId, GatewayId, LaneId},
    topics::Partition,
};

use crate::{metrics::Metrics, outcome, record::Records};

/// Why a chain is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its history could not be derived.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl StageError for WatchError {
    fn severity(&self) -> Severity {
        match self {
            Self::Chain(error) if error.is_retryable() => Severity::Retryable,
            Self::Chain(_) | Self::Derivation(_) => Severity::Chain,
            // Never skipped: the block was derived already, so only a new start publishes its records (I1).
            Self::Bus(_) => Severity::Process,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Derivation(error) => error.reason(),
            Self::Bus(_) => "bus",
        }
    }
}

/// What a watching stage works with.
pub struct Parts {
    /// Reads the chain.
    pub reader: Arc<dyn ChainReader>,
    /// Where records go.
    pub records: Records,
    /// The chain's partition.
    pub partition: Partition,
    /// Who saves the cursor.
    pub instance: InstanceId,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How often finality is looked at.
    pub poll: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The stage that watches one chain.
pub struct Watch {
    parts: Parts,
    derivation: Derivation,
    /// The first block whose records the bus may lack; unknown until the cursor was read.
    unpublished: Option<u64>,
    /// The block that is read up to.
    tip: Option<BlockRef>,
}

impl Watch {
    /// The stage of `derivation`'s chain, which begins where the derivation stands.
    pub fn new(parts: Parts, derivation: Derivation) -> Self {
        Self { parts, derivation, unpublished: None, tip: None }
    }

    fn chain(&self) -> ChainId {
        self.derivation.deployment().origin.chain
    }

    async fn saved_cursor(&self) -> Result<u64, BusError> {
        let (chain, mut next_block) = (self.chain(), 0);
        let take = |cursor: Cursor| {
            if cursor.chain == chain {
                next_block = cursor.next_block;
            }
        };
        self.parts.records.each(self.parts.partition, take).await?;
        Ok(next_block)
    }

    async fn save_cursor(&self, next_block: u64) -> Result<(), BusError> {
        let cursor = Cursor { chain: self.chain(), reader: self.parts.instance.0.clone(), next_block };
        self.parts.records.publish(self.parts.partition, cursor.key(), None, cursor).await?;
        Ok(())
    }

    /// Derives one block and publishes what it brought. True if there was anything.
    async fn publish(&mut self, block: &VerifiedBlock, unpublished: u64) -> Result<bool, WatchError> {
        let outcome = self.derivation.apply(block)?;
        if block.number < unpublished {
            return Ok(false);
        }
        let deliveries = deliveries(block, self.derivation.deployment().origin);
        let changed = !outcome.lanes.is_empty() || !deliveries.is_empty();
        if !outcome.lanes.is_empty() {
            self.publish_block(outcome).await?;
        }
        for delivery in deliveries {
            self.parts.metrics.outcomes(&delivery);
            let Parts { records, partition, .. } = &self.parts;
            records.publish(*partition, Vec::new(), None, delivery).await?;
        }
        Ok(changed)
    }

    async fn publish_block(&self, outcome: BlockOutcome) -> Result<(), WatchError> {
        let Some(commitment) = self.derivation.commitment() else { return Ok(()) };
        self.parts.metrics.watched(&outcome, self.chain());
        // Here every message's trace begins.
        let span = tracing::info_span!("watch", origin = %self.chain(), height = outcome.number);
        let record = BlockRecord {
            commitment,
            timestamp: outcome.timestamp,
            lanes: self.derivation.lanes(),
            changes: outcome.lanes,
        };
        self.parts.records.publish(self.parts.partition, Vec::new(), context_of(&span), record).await?;
        Ok(())
    }
}

#[async_trait]
impl Stage for Watch {
    type Error = WatchError;

    async fn step(&mut self) -> Result<Step, WatchError> {
        let unpublished = match self.unpublished {
            Some(unpublished) => unpublished,
            None => *self.unpublished.insert(self.saved_cursor().await?),
        };
        let tip = match self.tip {
            Some(tip) => tip,
            None => self.parts.reader.finalized().await?,
        };
        let from = self.derivation.next_block();
        self.parts.metrics.finalized(self.chain(), tip.number, from);
        if tip.number < from {
            let at = self.parts.clock.now().after(self.parts.poll);
            return Ok(Step::Idle(Wake { notice: None, at: Some(at) }));
        }
        self.tip = Some(tip);
        let last = tip.number.min(from.saturating_add(READ_BLOCKS_MAX - 1));
        let to = if last == tip.number { tip } else { self.parts.reader.block_at(last).await? };
        let mut changed = false;
        for block in self.parts.reader.read(from, to).await? {
            changed |= self.publish(&block, unpublished).await?;
        }
        // A quiet chain's cursor is saved now and then only: reading a few empty blocks again costs nothing.
        if last >= unpublished && (changed || last - unpublished >= READ_BLOCKS_MAX) {
            self.save_cursor(last + 1).await?;
            self.unpublished = Some(last + 1);
        }
        if last == tip.number {
            self.tip = None;
        }
        Ok(Step::Advanced)
    }
}

/// What the block's transactions did with messages at this gateway, a record a transaction and lane.
fn deliveries(block: &VerifiedBlock, gateway: GatewayId) -> Vec<DeliveryRecord> {
    let mut found: BTreeMap<(B256, GatewayId), BTreeMap<u64, MessageOutcome>> = BTreeMap::new();
    for log in block.logs.iter().filter(|log| log.address == gateway.gateway) {
        if let Some((origin, outcome)) = outcome::read(&log.topics, &log.data) {
            found.entry((log.transaction_hash, origin)).or_default().insert(outcome.sequence, outcome);
        }
    }
    let mut records = Vec::new();
    for ((transaction, origin), outcomes) in found {
        let outcomes: Vec<_> = outcomes.into_values().collect();
        records.extend(outcomes.chunks(DeliveryRecord::OUTCOMES_MAX).map(|outcomes| DeliveryRecord {
            lane: LaneId { origin, destination: gateway },
            transaction,
            block_number: block.number,
            block_hash: block.hash,
            outcomes: outcomes.to_vec(),
        }));
    }
    records
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
