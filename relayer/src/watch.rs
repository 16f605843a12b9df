//! Watching: one chain's final history, derived as attesters derive it, onto the bus.
//!
//! Each block that changed a lane becomes a record on `messages`, each delivery one on `deliveries`, and what came back one on `home`. The
//! cursor is saved only after the bus has acknowledged (I1), so records may repeat after a restart, and none is lost. The derivation is kept
//! only where the cursor has been, so that whatever the bus may lack is derived again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::B256;
use async_trait::async_trait;
use metalayer_node::{
    bus::{BusError, InstanceId},
    chain::{BlockRef, ChainError, ChainReader, READ_BLOCKS_MAX},
    clock::Clock,
    epochs::Announced,
    sent::{Applied, ApplyError, Sent, SentError},
    task::{Blocked, Severity, Stage, StageError, Step, Wake},
    telemetry::context_of,
};
use metalayer_proto::{
    derivation::{BlockOutcome, Deployment, Derivation, DerivationError, VerifiedBlock},
    envelope::{BlockRecord, Cursor, DeliveryRecord, HomeEvent, HomeRecord, MessageOutcome},
    ids::{ChainId, GatewayId, LaneId},
    topics::Partition,
};

use crate::{
    archive::{Archive, ArchiveError},
    home,
    metrics::Metrics,
    outcome,
    record::{self, Records},
};

/// Why a chain is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its history could not be derived.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// What it sent could not be kept, or what it needs not be found.
    #[error(transparent)]
    Sent(#[from] SentError),
    /// What it derived could not be archived.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
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
            Self::Sent(_) | Self::Archive(_) => Severity::Process,
            Self::Bus(error) => record::severity(error),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Derivation(error) => error.reason(),
            Self::Sent(_) => "sent_store",
            Self::Archive(_) => "archive",
            Self::Bus(error) => record::reason(error),
        }
    }
}

/// What a watching stage works with.
pub struct Parts {
    /// Reads the chain.
    pub reader: Arc<dyn ChainReader>,
    /// Where records go.
    pub records: Records,
    /// What all watched chains have sent.
    pub sent: Arc<Sent>,
    /// Where the hub's epochs go.
    pub announced: Arc<Announced>,
    /// What others may ask of all that was derived.
    pub archive: Arc<Archive>,
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
    /// Blocks that were read and not applied yet.
    blocks: VecDeque<VerifiedBlock>,
}

impl Watch {
    /// The stage of a chain, which goes on where its derivation was kept.
    pub fn new(parts: Parts, deployment: Deployment) -> Self {
        let derivation = parts.sent.kept(deployment.origin).unwrap_or_else(|| Derivation::new(deployment));
        Self { parts, derivation, unpublished: None, tip: None, blocks: VecDeque::new() }
    }

    /// What it has derived.
    #[cfg(test)]
    pub(crate) const fn derivation(&self) -> &Derivation {
        &self.derivation
    }

    fn chain(&self) -> ChainId {
        self.derivation.deployment().origin.chain
    }

    /// Reads how far records are on the bus. What is kept is never ahead of that, unless the bus was lost: then all is derived again.
    async fn begin(&mut self) -> Result<u64, WatchError> {
        let cursor = self.saved_cursor().await?;
        let deployment = *self.derivation.deployment();
        let begun = self.parts.archive.begun_at(deployment.origin)?.map_or(deployment.deployed_at, |height| height + 1);
        if self.derivation.next_block() > cursor.max(begun) {
            tracing::warn!(chain = %self.chain(), cursor, "the bus has less than was derived; the chain is derived anew");
            self.parts.archive.forget(deployment.origin).map_err(ArchiveError::from)?;
            self.parts.sent.forget(deployment.origin).map_err(SentError::from)?;
            self.derivation = Derivation::new(deployment);
        }
        self.note_epochs();
        Ok(cursor)
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

    /// On the hub, what its facts say of epochs.
    fn note_epochs(&self) {
        let deployment = self.derivation.deployment();
        if deployment.origin == deployment.hub {
            self.parts.announced.note(self.derivation.facts());
        }
    }

    /// Derives the block; what it lacks, if its arrivals were not shown yet.
    fn derive(&mut self, block: &VerifiedBlock) -> Result<Result<BlockOutcome, Blocked>, WatchError> {
        let (chain, metrics) = (self.chain(), &self.parts.metrics);
        match self.parts.sent.apply(&mut self.derivation, block) {
            Ok(Applied { outcome, dropped }) => {
                metrics.unproven(chain, 0);
                metrics.kept(chain, self.parts.sent.rows_of(chain), dropped);
                self.note_epochs();
                self.parts.archive.derived(&self.derivation, &outcome)?;
                Ok(Ok(outcome))
            }
            Err(ApplyError::Unproven { source, missing }) => {
                metrics.unproven(chain, missing.len());
                Ok(Err(Blocked { reason: source.reason(), detail: source.to_string(), wake: self.next_poll() }))
            }
            Err(ApplyError::Derivation(error)) => Err(error.into()),
            Err(ApplyError::Sent(error)) => Err(error.into()),
        }
    }

    fn next_poll(&self) -> Wake {
        Wake::at(self.parts.clock.now().after(self.parts.poll))
    }

    /// Publishes what a derived block brought. True if there was anything.
    async fn publish(
        &self,
        block: &VerifiedBlock,
        outcome: BlockOutcome,
        unpublished: u64,
    ) -> Result<bool, WatchError> {
        if block.number < unpublished {
            return Ok(false);
        }
        let gateway = self.derivation.deployment().origin;
        let (deliveries, home) = (deliveries(block, gateway), came_home(block, gateway));
        let changed = !outcome.lanes.is_empty() || !deliveries.is_empty() || !home.is_empty();
        let Parts { records, partition, .. } = &self.parts;
        if !outcome.lanes.is_empty() {
            self.publish_block(outcome).await?;
        }
        for delivery in deliveries {
            self.parts.metrics.outcomes(&delivery);
            records.publish(*partition, Vec::new(), None, delivery).await?;
        }
        for home in home {
            self.parts.metrics.came_home(&home);
            records.publish(*partition, Vec::new(), None, home).await?;
        }
        Ok(changed)
    }

    /// Derives and publishes the blocks that were read, up to one that lacks something, and saves the cursor behind them.
    async fn work_off(&mut self, unpublished: u64) -> Result<Option<Blocked>, WatchError> {
        let (mut changed, mut blocked) = (false, None);
        while let Some(block) = self.blocks.pop_front() {
            match self.derive(&block) {
                Ok(Ok(outcome)) => changed |= self.publish(&block, outcome, unpublished).await?,
                Ok(Err(lacks)) => {
                    // Read once: it waits here for what it lacks.
                    self.blocks.push_front(block);
                    blocked = Some(lacks);
                    break;
                }
                Err(error) => {
                    self.blocks.clear();
                    return Err(error);
                }
            }
        }
        // A quiet chain's cursor is saved now and then only: reading a few empty blocks again costs nothing.
        let next = self.derivation.next_block();
        if next > unpublished && (changed || next - unpublished > READ_BLOCKS_MAX) {
            self.save_cursor(next).await?;
            self.unpublished = Some(next);
        }
        if self.unpublished.is_some_and(|unpublished| next <= unpublished) {
            self.parts.sent.keep_when_due(&self.derivation).map_err(SentError::from)?;
        }
        Ok(blocked)
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
            None => {
                let cursor = self.begin().await?;
                *self.unpublished.insert(cursor)
            }
        };
        self.parts.archive.pair(self.derivation.deployment().origin)?;
        let tip = match self.tip {
            Some(tip) => tip,
            None => self.parts.reader.finalized().await?,
        };
        let from = self.derivation.next_block();
        self.parts.metrics.finalized(self.chain(), tip.number, from);
        if tip.number < from {
            return Ok(Step::Idle(self.next_poll()));
        }
        self.tip = Some(tip);
        if self.blocks.is_empty() {
            let last = tip.number.min(from.saturating_add(READ_BLOCKS_MAX - 1));
            let to = if last == tip.number { tip } else { self.parts.reader.block_at(last).await? };
            self.blocks = self.parts.reader.read(from, to).await?.into();
        }
        let blocked = self.work_off(unpublished).await?;
        if self.derivation.next_block() > tip.number {
            self.tip = None;
        }
        Ok(blocked.map_or(Step::Advanced, Step::Blocked))
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

/// What the block's transactions brought back to this gateway, a record a transaction.
fn came_home(block: &VerifiedBlock, gateway: GatewayId) -> Vec<HomeRecord> {
    let mut found: Vec<(B256, Vec<HomeEvent>)> = Vec::new();
    for log in block.logs.iter().filter(|log| log.address == gateway.gateway) {
        let Some(event) = home::read(&log.topics, &log.data) else { continue };
        match found.last_mut() {
            Some((transaction, events)) if *transaction == log.transaction_hash => events.push(event),
            _ => found.push((log.transaction_hash, vec![event])),
        }
    }
    let mut records = Vec::new();
    for (transaction, events) in found {
        records.extend(events.chunks(HomeRecord::EVENTS_MAX).map(|events| HomeRecord {
            origin: gateway,
            transaction,
            block_number: block.number,
            block_hash: block.hash,
            events: events.to_vec(),
        }));
    }
    records
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
