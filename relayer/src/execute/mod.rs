//! Executing: from proven messages to transactions at one destination.
//!
//! An idle destination delivers at once; while a transaction is under way, more messages gather for the next. Up to two are
//! in flight, a third only if it is full. The signed bytes are journaled before they are broadcast, by the owner of the
//! destination's partition alone. Outcomes are read item by item from the receipt.

mod call;
mod lane;
mod receipt;
#[cfg(test)]
mod tests;
mod verified;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    network::TxSignerSync,
    primitives::{Address, Bytes, TxHash, TxKind, U256},
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use async_trait::async_trait;
use lane::{Batch, LaneError, LaneQueue};
use metalayer_node::{
    bus::{self, BusError, Offset, Stored},
    chain::{ChainError, ChainWriter, Receipt},
    clock::{Clock, UnixMillis},
    epochs::EpochBook,
    task::{Severity, Stage, StageError, Step, Wake},
    telemetry::continue_from,
};
use metalayer_proto::{
    envelope::{DeliveredRange, Envelope, Outcome, ReadyRecord, TransactionRecord},
    events::abi::{Status, statusOfCall},
    ids::{GatewayId, LaneId},
    topics::{Partition, Topic},
};
use verified::Verified;

use crate::{assignment::Assignment, metrics::Metrics, record::Records};

/// How many transactions are under way at most; one more if it is full.
const IN_FLIGHT_MAX: usize = 2;

/// The most gas one transaction may use, whatever the chain allows (EIP-7825's bound).
const TRANSACTION_GAS_MAX: u64 = 1 << 24;

/// What is added to the estimated gas: the estimate is of the chain as it stands, and the transaction runs a block later.
const GAS_MARGIN: u64 = 40_000;

/// How long a transaction may be without a receipt before the same bytes are broadcast again.
const REBROADCAST_AFTER: Duration = Duration::from_secs(10);

/// How often it is looked whether the predecessors of skipped messages have settled by other means.
const AWAITED_EVERY: Duration = Duration::from_secs(10);

/// How long a lane waits whose root the gateway refuses (frozen, an epoch that does not hold, a conflict).
const HOLD: Duration = Duration::from_secs(5);

/// How many records one step takes at most.
const RECORDS_MAX: usize = 128;

/// Why a destination is not delivered to.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The node failed or refuses.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The bus failed, or the partition is another's now.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The transaction could not be signed.
    #[error("cannot sign: {0}")]
    Sign(#[from] alloy::signers::Error),
}

impl StageError for ExecuteError {
    fn severity(&self) -> Severity {
        match self {
            // A node that refuses now (no gas money, a full pool) may take it later; nothing was lost.
            Self::Chain(_) => Severity::Retryable,
            Self::Bus(BusError::NotOwner { .. }) => Severity::Chain,
            Self::Bus(_) | Self::Sign(_) => Severity::Process,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Bus(BusError::NotOwner { .. }) => "not_owner",
            Self::Bus(_) => "bus",
            Self::Sign(_) => "sign",
        }
    }
}

/// What an executing stage works with.
pub struct Parts {
    /// The destination's partition of `ready`.
    pub assignment: Assignment,
    /// The destination.
    pub destination: GatewayId,
    /// Sends transactions.
    pub writer: Arc<dyn ChainWriter>,
    /// Signs them.
    pub key: PrivateKeySigner,
    /// Whose proofs hold.
    pub epochs: Arc<EpochBook>,
    /// Where records come from and go to.
    pub records: Records,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How often receipts are looked for.
    pub poll: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A transaction that was broadcast.
struct Flight {
    nonce: u64,
    hash: TxHash,
    raw: Bytes,
    gas: u64,
    broadcast_at: UnixMillis,
    batch: Batch,
}

/// The stage of one destination.
pub struct Execute {
    parts: Parts,
    lanes: BTreeMap<LaneId, LaneQueue>,
    flights: VecDeque<Flight>,
    verified: Verified,
    next_record: Offset,
    /// The nonce of the next transaction; unknown until the first step.
    next_nonce: Option<u64>,
    awaited_at: UnixMillis,
}

impl Execute {
    /// The stage of an assigned destination.
    pub fn new(parts: Parts) -> Self {
        let next_record = parts.assignment.mark.as_ref().map_or(Offset::default(), |mark| mark.offset);
        let awaited_at = parts.clock.now();
        Self {
            parts,
            lanes: BTreeMap::new(),
            flights: VecDeque::new(),
            verified: Verified::default(),
            next_record,
            next_nonce: None,
            awaited_at,
        }
    }

    fn partition(&self) -> Partition {
        self.parts.assignment.ownership.partition
    }

    fn account(&self) -> Address {
        self.parts.key.address()
    }

    // ---- Records ----

    async fn take_records(&mut self) -> Result<bool, ExecuteError> {
        let batch = self.parts.assignment.take(RECORDS_MAX).await?;
        for stored in &batch {
            self.next_record = Offset(stored.offset.0 + 1);
            if let Some(envelope) = self.parts.records.open::<ReadyRecord>(self.partition(), stored).await? {
                self.take_record(stored, envelope).await?;
            }
        }
        Ok(!batch.is_empty())
    }

    async fn take_record(&mut self, stored: &Stored, envelope: Envelope<ReadyRecord>) -> Result<(), BusError> {
        let ReadyRecord::Deliver(deliver) = envelope.record;
        let place = (Topic::Ready, self.partition());
        if deliver.lane.destination != self.parts.destination {
            return self.parts.records.refuse(place, stored, "other_destination", &deliver.lane.destination).await;
        }
        let now = self.parts.clock.now();
        if let Err(error) = self.verified.check(&deliver, &self.parts.epochs, now) {
            return self.parts.records.refuse(place, stored, "unproven", &error).await;
        }
        let lane = deliver.lane_id();
        let queue = self.lanes.entry(lane).or_insert_with(|| LaneQueue::new(lane));
        if let Err(error) = queue.add(stored.offset, *deliver, envelope.trace.as_ref()) {
            return self.parts.records.refuse(place, stored, "gap", &error).await;
        }
        Ok(())
    }

    // ---- What is under way ----

    async fn look_for_receipts(&mut self) -> Result<bool, ExecuteError> {
        let mut advanced = false;
        while let Some(flight) = self.flights.front() {
            match self.parts.writer.receipt(flight.hash).await? {
                Some(receipt) => {
                    if let Some(flight) = self.flights.pop_front()
                        && let Err(error) = self.landed(&flight, &receipt).await
                    {
                        // The node did not answer in between: the same receipt is read again.
                        self.flights.push_front(flight);
                        return Err(error);
                    }
                    advanced = true;
                }
                None => {
                    self.rebroadcast().await?;
                    break;
                }
            }
        }
        Ok(advanced)
    }

    async fn rebroadcast(&mut self) -> Result<(), ExecuteError> {
        let now = self.parts.clock.now();
        for flight in &mut self.flights {
            if now.since(flight.broadcast_at) >= REBROADCAST_AFTER {
                tracing::warn!(chain = %self.parts.destination.chain, nonce = flight.nonce, hash = %flight.hash, "no receipt yet, broadcast again");
                self.parts.metrics.rebroadcast(self.parts.destination.chain);
                flight.broadcast_at = now;
                self.parts.writer.send_raw(flight.raw.clone()).await?;
            }
        }
        Ok(())
    }

    async fn landed(&mut self, flight: &Flight, receipt: &Receipt) -> Result<(), ExecuteError> {
        let Batch { lane, root, .. } = &flight.batch;
        let sequences: Vec<u64> = flight.batch.sequences().collect();
        self.parts.metrics.landed(*lane, receipt);
        let Some(queue) = self.lanes.get_mut(lane) else { return Ok(()) };
        if !receipt.success {
            tracing::warn!(%lane, hash = %flight.hash, messages = sequences.len(), "a delivering transaction reverted");
            if let Some(alone) = queue.reverted(&sequences) {
                self.park(*lane, alone).await?;
            }
            return Ok(());
        }
        queue.included(root.lane.count);
        let mut outcomes = receipt::outcomes(&receipt.logs, *lane);
        let mut silent = Vec::new();
        for sequence in sequences {
            match outcomes.remove(&sequence) {
                Some(Outcome::Failed) => queue.failed(sequence),
                Some(_) => queue.settled(sequence),
                None => silent.push(sequence),
            }
        }
        for sequence in silent {
            self.silent(*lane, sequence).await?;
        }
        Ok(())
    }

    /// A message of which the receipt says nothing: it was settled before, or waits for its predecessor.
    async fn silent(&mut self, lane: LaneId, sequence: u64) -> Result<(), ExecuteError> {
        let status = self.status(lane, sequence).await?;
        let Some(queue) = self.lanes.get_mut(&lane) else { return Ok(()) };
        match (status, queue.message(sequence).map(|message| message.after)) {
            (Status::Open, Some(after)) if after > 0 => queue.skip(sequence, after - 1),
            (Status::Failed, _) => queue.failed(sequence),
            _ => queue.settled(sequence),
        }
        Ok(())
    }

    async fn status(&self, lane: LaneId, sequence: u64) -> Result<Status, ExecuteError> {
        let LaneId { origin, destination } = lane;
        let call = statusOfCall { originChainId: origin.chain.get(), originGateway: origin.gateway, sequence };
        let answer = self.parts.writer.call(self.account(), destination.gateway, call.abi_encode().into()).await?;
        let status = statusOfCall::abi_decode_returns(&answer).map(|answer| answer.status);
        status.map_err(|error| {
            let problem = format!("statusOf answers what cannot be read: {error}");
            ChainError::Unverifiable { chain: destination.chain, problem }.into()
        })
    }

    /// Looks now and then whether what skipped messages wait for was settled by somebody else, by a retry for example.
    async fn look_after_awaited(&mut self) -> Result<(), ExecuteError> {
        let now = self.parts.clock.now();
        if now.since(self.awaited_at) < AWAITED_EVERY {
            return Ok(());
        }
        self.awaited_at = now;
        let awaited: Vec<_> =
            self.lanes.iter().flat_map(|(lane, queue)| queue.awaited().into_iter().map(|seq| (*lane, seq))).collect();
        for (lane, sequence) in awaited {
            if matches!(self.status(lane, sequence).await?, Status::Settled)
                && let Some(queue) = self.lanes.get_mut(&lane)
            {
                queue.settled(sequence);
            }
        }
        Ok(())
    }

    /// A message whose transaction reverts even alone: out of the queue, into the dead letters with all that it needs.
    async fn park(&mut self, lane: LaneId, sequence: u64) -> Result<(), BusError> {
        let Some(queue) = self.lanes.get_mut(&lane) else { return Ok(()) };
        let Some(offset) = queue.record_of(sequence) else { return Ok(()) };
        queue.failed(sequence);
        let records = self.parts.records.clone();
        let stored = records.bus.read(Topic::Ready, self.partition(), offset, 1, Duration::ZERO).await?;
        if let Some(stored) = stored.first() {
            let detail = format!("{lane}, sequence {sequence}: its transaction reverts");
            records.refuse((Topic::Ready, self.partition()), stored, "transaction_reverts", &detail).await?;
        }
        Ok(())
    }

    fn report_done(&self) {
        let needed = self.lanes.values().filter_map(LaneQueue::first_needed).min();
        self.parts.assignment.done_below(needed.unwrap_or(self.next_record));
        let queued = self.lanes.values().map(LaneQueue::len).sum();
        self.parts.metrics.queued(self.parts.destination.chain, queued, self.flights.len());
    }

    // ---- Sending ----

    /// Sends one transaction if there is something to send and room for it.
    async fn send(&mut self) -> Result<bool, ExecuteError> {
        if self.flights.len() > IN_FLIGHT_MAX {
            return Ok(false);
        }
        let Some(batch) = self.next_batch() else { return Ok(false) };
        if self.flights.len() == IN_FLIGHT_MAX && !self.third_may_go(&batch).await? {
            return Ok(false);
        }
        let data = call::multicall(&batch, self.is_accepted(&batch));
        let to = self.parts.destination.gateway;
        let gas = match self.parts.writer.estimate(self.account(), to, data.clone()).await {
            Ok(gas) => gas.saturating_add(gas / 20).saturating_add(GAS_MARGIN),
            Err(ChainError::Refused { problem, .. }) => return self.refused(&batch, &problem).await,
            Err(error) => return Err(error.into()),
        };
        if gas > TRANSACTION_GAS_MAX && batch.messages() > 1 {
            let problem = format!("{gas} gas is more than one transaction may use");
            return self.refused(&batch, &problem).await;
        }
        self.broadcast(batch, to, data, gas.min(TRANSACTION_GAS_MAX)).await?;
        Ok(true)
    }

    /// The oldest lane's batch.
    fn next_batch(&self) -> Option<Batch> {
        let now = self.parts.clock.now();
        let mut lanes: Vec<_> =
            self.lanes.iter().filter_map(|(lane, queue)| Some((queue.first_needed()?, *lane))).collect();
        lanes.sort_unstable();
        for (_, lane) in lanes {
            let Some(queue) = self.lanes.get(&lane) else { continue };
            match queue.next_batch(now) {
                Ok(Some(batch)) => return Some(batch),
                Ok(None) => {}
                Err(error @ (LaneError::Root(_) | LaneError::Gap { .. })) => {
                    tracing::error!(%lane, %error, "a lane cannot be proven");
                    self.parts.metrics.unprovable(lane);
                }
            }
        }
        None
    }

    fn is_accepted(&self, batch: &Batch) -> bool {
        self.lanes.get(&batch.lane).is_some_and(|queue| queue.is_accepted(batch.root.lane.count))
    }

    /// A third transaction must be full, and must not pile up gas that the chain needs more than two blocks for.
    async fn third_may_go(&self, batch: &Batch) -> Result<bool, ExecuteError> {
        if batch.messages() < lane::MESSAGES_MAX {
            return Ok(false);
        }
        let head = self.parts.writer.latest().await?;
        let under_way: u64 = self.flights.iter().map(|flight| flight.gas).sum();
        Ok(under_way < head.gas_limit.saturating_mul(2))
    }

    /// The node says that the transaction would revert: fewer messages next time, and one that reverts alone is parked,
    /// unless it is the root that the gateway refuses. Then the lane waits, and the others go on (I9).
    async fn refused(&mut self, batch: &Batch, problem: &str) -> Result<bool, ExecuteError> {
        let sequences: Vec<_> = batch.sequences().collect();
        tracing::warn!(lane = %batch.lane, messages = sequences.len(), problem, "a delivering transaction would revert");
        self.parts.metrics.would_revert(batch.lane);
        let alone = self.lanes.get_mut(&batch.lane).and_then(|queue| queue.reverted(&sequences));
        let Some(alone) = alone else { return Ok(true) };
        let accept =
            self.parts.writer.estimate(self.account(), self.parts.destination.gateway, call::accept(batch)).await;
        match accept {
            Ok(_) => self.park(batch.lane, alone).await?,
            Err(ChainError::Refused { problem, .. }) => {
                tracing::error!(lane = %batch.lane, problem, "the gateway refuses the lane's root; the lane waits");
                let until = self.parts.clock.now().after(HOLD);
                if let Some(queue) = self.lanes.get_mut(&batch.lane) {
                    queue.hold(until);
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    async fn broadcast(&mut self, batch: Batch, to: Address, data: Bytes, gas: u64) -> Result<(), ExecuteError> {
        let nonce = match self.next_nonce {
            Some(nonce) => nonce,
            None => *self.next_nonce.insert(self.parts.writer.nonce(self.account()).await?),
        };
        let fees = self.parts.writer.fees().await?;
        let mut transaction = TxEip1559 {
            chain_id: self.parts.destination.chain.get(),
            nonce,
            gas_limit: gas,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: data,
        };
        let signature = self.parts.key.sign_transaction_sync(&mut transaction)?;
        let signed = TxEnvelope::from(transaction.into_signed(signature));
        let raw = Bytes::from(signed.encoded_2718());
        self.journal(nonce, raw.clone(), &batch).await?;
        self.next_nonce = Some(nonce + 1);
        if let Some(queue) = self.lanes.get_mut(&batch.lane) {
            queue.sent(batch.sequences());
        }
        let hash = *signed.tx_hash();
        let span = tracing::info_span!("execute", destination = %self.parts.destination.chain, nonce, %hash);
        continue_from(batch.trace.as_ref(), &span);
        tracing::info!(parent: &span, lane = %batch.lane, first = batch.first, messages = batch.messages(), nonce, %hash, gas, "delivering");
        self.parts.metrics.sent(batch.lane, batch.messages());
        let broadcast_at = self.parts.clock.now();
        self.flights.push_back(Flight { nonce, hash, raw: raw.clone(), gas, broadcast_at, batch });
        // It is journaled and under way whatever the node answers now: the same bytes are broadcast again.
        self.parts.writer.send_raw(raw).await?;
        Ok(())
    }

    /// Puts the signed bytes on the bus before anybody else sees them; refused to one who has lost the partition.
    async fn journal(&self, nonce: u64, raw: Bytes, batch: &Batch) -> Result<(), BusError> {
        let length = u32::try_from(batch.items.len()).unwrap_or(u32::MAX);
        let record = TransactionRecord {
            chain: self.parts.destination.chain,
            nonce,
            raw,
            ranges: vec![DeliveredRange { lane: batch.lane, first: batch.first, length }],
        };
        let value = Envelope { trace: batch.trace.clone(), record }.encode();
        let record = bus::Record { topic: Topic::Transactions, partition: self.partition(), key: Vec::new(), value };
        self.parts.records.bus.append_owned(&self.parts.assignment.ownership, record).await?;
        Ok(())
    }
}

#[async_trait]
impl Stage for Execute {
    type Error = ExecuteError;

    async fn step(&mut self) -> Result<Step, ExecuteError> {
        let mut advanced = self.take_records().await?;
        advanced |= self.look_for_receipts().await?;
        advanced |= self.send().await?;
        if advanced {
            self.report_done();
            return Ok(Step::Advanced);
        }
        self.look_after_awaited().await?;
        let waits = !self.flights.is_empty() || self.lanes.values().any(LaneQueue::waits);
        let at = waits.then(|| self.parts.clock.now().after(self.parts.poll));
        Ok(Step::Idle(Wake { notice: Some(self.parts.assignment.arrived()), at }))
    }
}
