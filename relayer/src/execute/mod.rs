//! Executing: from proven messages to transactions at one destination.
//!
//! An idle destination delivers at once; while a transaction is under way, more messages gather for the next. Up to two are
//! in flight, a third only if it is full. Outcomes are read item by item from the receipt, and a message stays queued until they are
//! final: a reorg puts it back. What else is to be done there, such as a retry, goes the same way, in turn with deliveries. That a message
//! is delivered at most once is the gateway's doing (I3).

mod acting;
mod actions;
mod batch;
pub(crate) mod call;
mod error;
mod finality;
mod intake;
mod lane;
mod outcomes;
mod receipt;
mod sending;
#[cfg(test)]
mod tests;
mod transactions;
mod verified;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use actions::Actions;
use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use async_trait::async_trait;
use lane::LaneQueue;
use metalayer_node::{
    bus::Offset,
    chain::{ChainReader, ChainWriter},
    clock::{Clock, UnixMillis},
    epochs::EpochBook,
    task::{Stage, Step, Wake},
};
use metalayer_proto::{
    ids::{GatewayId, LaneId},
    topics::Partition,
};
use outcomes::{LOOK_BACK_EVERY, Seen};
use transactions::Transactions;
use verified::Verified;

pub use error::ExecuteError;

use crate::{archive::Archive, assignment::Assignment, metrics::Metrics, record::Records};

/// What an executing stage works with.
pub struct Parts {
    /// The destination's partition of `ready`.
    pub assignment: Assignment,
    /// The destination.
    pub destination: GatewayId,
    /// The AttesterSet there.
    pub attester_set: Address,
    /// Sends transactions.
    pub writer: Arc<dyn ChainWriter>,
    /// Tells which of its blocks are final.
    pub reader: Arc<dyn ChainReader>,
    /// Signs transactions.
    pub key: PrivateKeySigner,
    /// The most that a unit of gas may cost, in wei.
    pub max_fee_per_gas: u128,
    /// Whose proofs hold.
    pub epochs: Arc<EpochBook>,
    /// Knows what was settled here by the newest proof.
    pub archive: Arc<Archive>,
    /// Where records come from and go to.
    pub records: Records,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How often receipts are looked for.
    pub poll: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The stage of one destination.
pub struct Execute {
    parts: Parts,
    lanes: BTreeMap<LaneId, LaneQueue>,
    /// Lanes of which nothing was queued before, until the gateway was asked about them.
    fresh: BTreeSet<LaneId>,
    actions: Actions,
    /// Whether an action was sent last: deliveries and actions take turns, so that neither holds up the other (I9).
    acted_last: bool,
    transactions: Transactions,
    seen: Vec<Seen>,
    verified: Verified,
    /// The first record that was not read.
    next_record: Offset,
    has_begun: bool,
    /// Nothing is sent before this time.
    waits_until: UnixMillis,
    awaited_at: UnixMillis,
    looked_back_at: Option<UnixMillis>,
}

impl Execute {
    /// The stage of an assigned destination.
    pub fn new(parts: Parts) -> Self {
        let transactions = Transactions::new(transactions::Parts {
            chain: parts.destination.chain,
            key: parts.key.clone(),
            ceiling: parts.max_fee_per_gas,
            writer: parts.writer.clone(),
            reader: parts.reader.clone(),
            assignment: parts.assignment.clone(),
            records: parts.records.clone(),
            clock: parts.clock.clone(),
            metrics: parts.metrics.clone(),
        });
        let now = parts.clock.now();
        Self {
            parts,
            lanes: BTreeMap::new(),
            fresh: BTreeSet::new(),
            actions: Actions::default(),
            acted_last: false,
            transactions,
            seen: Vec::new(),
            verified: Verified::default(),
            next_record: Offset::default(),
            has_begun: false,
            waits_until: now,
            awaited_at: now,
            looked_back_at: None,
        }
    }

    fn partition(&self) -> Partition {
        self.parts.assignment.ownership.partition
    }

    fn queued(&self) -> usize {
        self.lanes.values().map(LaneQueue::len).sum::<usize>() + self.actions.len()
    }

    fn report_done(&self) {
        let needed = self.lanes.values().filter_map(LaneQueue::first_needed).chain(self.actions.first_needed()).min();
        self.parts.assignment.done_below(needed.unwrap_or(self.next_record));
        let (under_way, unfinal) = (self.transactions.under_way(), self.transactions.unfinal());
        self.parts.metrics.queued(self.parts.destination.chain, self.queued(), under_way, unfinal);
    }

    /// When to look again although no record comes.
    fn next_look(&self) -> Option<UnixMillis> {
        let now = self.parts.clock.now();
        if self.queued() > 0 || self.transactions.under_way() > 0 {
            return Some(now.after(self.parts.poll));
        }
        (self.transactions.unfinal() > 0 || !self.seen.is_empty()).then(|| now.after(LOOK_BACK_EVERY))
    }
}

#[async_trait]
impl Stage for Execute {
    type Error = ExecuteError;

    async fn step(&mut self) -> Result<Step, ExecuteError> {
        if !self.has_begun {
            self.begin().await?;
            self.has_begun = true;
        }
        let mut advanced = self.take_records().await?;
        self.look_at_fresh().await?;
        advanced |= self.look().await?;
        advanced |= self.send().await?;
        // Last: whoever does not tell what is final holds up no delivery.
        advanced |= self.look_back().await?;
        if advanced {
            self.report_done();
            return Ok(Step::Advanced);
        }
        self.look_after_awaited().await?;
        Ok(Step::Idle(Wake { notice: Some(self.parts.assignment.arrived()), at: self.next_look() }))
    }
}
