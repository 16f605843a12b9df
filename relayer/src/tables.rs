//! The epochs' tables on one chain: brought to its AttesterSet, chunk by chunk, once an epoch was announced there.
//!
//! What the chain says of itself is one node's word. It decides only which proofs are sent there, and when a chunk is: the AttesterSet
//! checks either.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy::{
    primitives::{Address, B256},
    sol_types::SolCall,
};
use async_trait::async_trait;
use metalayer_node::{
    bus::BusError,
    chain::{ChainError, ChainWriter},
    clock::{Clock, UnixMillis},
    epochs::{Epoch, EpochBook},
    task::{Severity, Stage, StageError, Step, Wake},
};
use metalayer_proto::{
    envelope::{Action, LoadChunk, ReadyRecord},
    events::abi::{self, epochCall},
    ids::GatewayId,
    topics::Partition,
};

use crate::{
    metrics::Metrics,
    record::{self, Records},
};

/// How often a chain is asked which epochs it knows.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a chunk may take before it is asked for again.
const CHUNK_PATIENCE: Duration = Duration::from_secs(120);

/// Why it is not known which epochs a chain knows.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The chain could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl StageError for TablesError {
    fn severity(&self) -> Severity {
        match self {
            // One node's word parks no chain.
            Self::Chain(_) => Severity::Retryable,
            Self::Bus(error) => record::severity(error),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Bus(error) => record::reason(error),
        }
    }
}

/// The epochs whose proofs each destination takes now: announced, loaded, and in force by its own block time.
#[derive(Debug, Default)]
pub struct InForce(Mutex<BTreeMap<GatewayId, Vec<u64>>>);

impl InForce {
    /// Those of `destination`, ascending; `None` before it was asked.
    pub fn at(&self, destination: GatewayId) -> Option<Vec<u64>> {
        self.lock().get(&destination).cloned()
    }

    /// Takes note of what a destination says.
    pub fn set(&self, destination: GatewayId, epochs: Vec<u64>) {
        self.lock().insert(destination, epochs);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GatewayId, Vec<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the stage works with.
pub struct Parts {
    /// The chain.
    pub destination: GatewayId,
    /// Its AttesterSet.
    pub attester_set: Address,
    /// The partition of its executor.
    pub partition: Partition,
    /// Asks it.
    pub writer: Arc<dyn ChainWriter>,
    /// The epochs that are known here.
    pub epochs: Arc<EpochBook>,
    /// Where what it knows goes.
    pub in_force: Arc<InForce>,
    /// Where chunks go.
    pub records: Records,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The stage of one chain.
pub struct Tables {
    parts: Parts,
    /// The chunks that were asked for, by epoch and index, and when.
    asked: BTreeMap<(u64, u16), UnixMillis>,
}

impl Tables {
    /// The stage of one chain.
    pub const fn new(parts: Parts) -> Self {
        Self { parts, asked: BTreeMap::new() }
    }

    async fn epoch_there(&self, number: u64) -> Result<abi::Epoch, ChainError> {
        let Parts { writer, attester_set, destination, .. } = &self.parts;
        let answer = writer.call(Address::ZERO, *attester_set, epochCall { number }.abi_encode().into()).await?;
        epochCall::abi_decode_returns(&answer).map_err(|error| {
            let problem = format!("epoch({number}) answers what cannot be read: {error}");
            ChainError::Unverifiable { chain: destination.chain, problem }
        })
    }

    /// Whether the chain takes the epoch's proofs; if only its table is missing, the next chunk is on its way.
    async fn look_at(&mut self, epoch: &Epoch, now_there: u64) -> Result<bool, TablesError> {
        let there = self.epoch_there(epoch.number()).await?;
        if there.tableHash == B256::ZERO {
            return Ok(false);
        }
        if there.tableHash != epoch.table.hash() {
            let (chain, number) = (self.parts.destination.chain, epoch.number());
            tracing::error!(%chain, epoch = number, there = %there.tableHash, "the chain has another table for this epoch");
            self.parts.metrics.other_table(chain);
            return Ok(false);
        }
        if there.members == 0 {
            self.bring(epoch, there.chunks).await?;
            return Ok(false);
        }
        Ok((there.activatesAt..there.expiresAt).contains(&now_there))
    }

    async fn bring(&mut self, epoch: &Epoch, index: u16) -> Result<(), TablesError> {
        let (number, now) = (epoch.number(), self.parts.clock.now());
        let is_asked = |at: &UnixMillis| now.since(*at) < CHUNK_PATIENCE;
        if self.asked.get(&(number, index)).is_some_and(is_asked) {
            return Ok(());
        }
        let Some(chunk) = epoch.table.chunks().nth(index.into()) else { return Ok(()) };
        let destination = self.parts.destination;
        let load = LoadChunk { destination, header: epoch.table.header().into(), index, chunk: chunk.into() };
        let record = ReadyRecord::Act(Box::new(Action::LoadChunk(load)));
        self.parts.records.publish(self.parts.partition, Vec::new(), None, record).await?;
        tracing::info!(chain = %destination.chain, epoch = number, index, "bringing a chunk of the epoch's table");
        self.asked.insert((number, index), now);
        Ok(())
    }
}

#[async_trait]
impl Stage for Tables {
    type Error = TablesError;

    async fn step(&mut self) -> Result<Step, TablesError> {
        let now = self.parts.clock.now();
        let now_there = self.parts.writer.latest().await?.timestamp;
        let mut in_force = Vec::new();
        let unexpired = self.parts.epochs.unexpired(now);
        self.asked.retain(|(number, _), _| unexpired.iter().any(|epoch| epoch.number() == *number));
        for epoch in unexpired {
            if self.look_at(&epoch, now_there).await? {
                in_force.push(epoch.number());
            }
        }
        self.parts.metrics.epoch_in_force(self.parts.destination.chain, in_force.last().copied());
        self.parts.in_force.set(self.parts.destination, in_force);
        Ok(Step::Idle(Wake::at(now.after(LOOK_EVERY))))
    }
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
