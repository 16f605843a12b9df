//! The transactions of one account on one chain, from their signing until their block is final.
//!
//! The signed bytes are journaled before they are broadcast, by the owner of the destination's partition alone; whoever takes over
//! broadcasts the same bytes again. A nonce gets other bytes only by a journaled replacement: the same call, dearer. What happens is
//! told as [`News`], one at a time, and changes nothing here until it is [`Transactions::note`]d, so that the stage may fail over it
//! and hear it again.

mod flight;
mod journal;
mod pricing;
mod resume;
mod signing;
mod tend;
mod waits;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, Bytes, TxHash, U256},
    signers::local::PrivateKeySigner,
};
use flight::{Attempt, Flight};
use journal::Journal;
use metalayer_node::{
    chain::{BlockRef, ChainError, ChainReader, ChainWriter, Fees, Receipt},
    clock::Clock,
};
use metalayer_proto::{
    envelope::{DeliveredRange, TraceContext},
    ids::ChainId,
};
use signing::Unsigned;

pub(super) use flight::{News, Report};
pub(super) use pricing::Price;
pub(super) use signing::Call;
#[cfg(test)]
pub(super) use tend::{REPLACE_AFTER, REPLACE_AFTER_BLOCKS};
pub(super) use waits::Waits;

use super::{
    ExecuteError,
    batch::Cargo,
    finality::{Finality, Verdict},
};
use crate::{assignment::Assignment, metrics::Metrics, record::Records};

/// How long a transaction may be without a receipt before its nonce is looked at and the same bytes are broadcast again.
pub(super) const REBROADCAST_AFTER: Duration = Duration::from_secs(10);

/// How many transactions may wait for their blocks to become final.
const UNFINAL_MAX: usize = 1_024;

/// What transactions are made with.
pub(super) struct Parts {
    pub(super) chain: ChainId,
    pub(super) key: PrivateKeySigner,
    /// The most a unit of gas may cost, in wei.
    pub(super) ceiling: u128,
    pub(super) writer: Arc<dyn ChainWriter>,
    pub(super) reader: Arc<dyn ChainReader>,
    pub(super) assignment: Assignment,
    pub(super) records: Records,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
}

/// Bytes that were journaled and are to be broadcast.
pub(super) struct Signed {
    pub(super) nonce: u64,
    pub(super) hash: TxHash,
    pub(super) raw: Bytes,
}

/// The account's transactions that are not final.
pub(super) struct Transactions {
    chain: ChainId,
    key: PrivateKeySigner,
    ceiling: u128,
    writer: Arc<dyn ChainWriter>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    journal: Journal,
    pub(super) finality: Finality,
    flights: BTreeMap<u64, Flight>,
    waits: Option<Waits>,
}

impl Transactions {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { chain, key, ceiling, writer, reader, assignment, records, clock, metrics } = parts;
        let journal = Journal { chain, account: key.address(), records, assignment };
        Self {
            chain,
            key,
            ceiling,
            writer,
            clock,
            metrics,
            journal,
            finality: Finality::new(reader),
            flights: BTreeMap::new(),
            waits: None,
        }
    }

    pub(super) fn account(&self) -> Address {
        self.key.address()
    }

    // ---- How it stands ----

    fn pending(&self) -> impl DoubleEndedIterator<Item = (u64, &Flight)> {
        self.flights.iter().filter(|(_, flight)| flight.included.is_none()).map(|(nonce, flight)| (*nonce, flight))
    }

    fn included(&self) -> impl DoubleEndedIterator<Item = (u64, TxHash, BlockRef)> {
        self.flights.iter().filter_map(|(nonce, flight)| flight.included.map(|(hash, block)| (*nonce, hash, block)))
    }

    /// How many are in no block yet.
    pub(super) fn under_way(&self) -> usize {
        self.pending().count()
    }

    /// The most gas that those use.
    pub(super) fn gas_under_way(&self) -> u64 {
        self.pending().fold(0, |sum, (_, flight)| sum.saturating_add(flight.gas))
    }

    /// How many are in blocks that are not final.
    pub(super) fn unfinal(&self) -> usize {
        self.included().count()
    }

    /// What all of them carry, by nonce.
    pub(super) fn cargo(&self) -> impl Iterator<Item = (u64, &Cargo)> {
        self.flights.iter().filter_map(|(nonce, flight)| Some((*nonce, flight.cargo.as_ref()?)))
    }

    // ---- Sending ----

    /// What a transaction costs now, or why none is sent: the price, or too many that are not final.
    pub(super) async fn price(&mut self) -> Result<Option<Price>, ExecuteError> {
        if self.unfinal() >= UNFINAL_MAX {
            self.waits_for(Some(Waits::Finality { unfinal: self.unfinal() }));
            return Ok(None);
        }
        let market = self.writer.fees().await?;
        let price = pricing::fresh(market, self.ceiling);
        if price.is_none() {
            self.waits_for(Some(self.too_dear(market)));
        }
        Ok(price)
    }

    fn too_dear(&self, market: Fees) -> Waits {
        let asked = market.base_fee_per_gas.saturating_add(market.max_priority_fee_per_gas);
        Waits::PriceCeiling { asked, ceiling: self.ceiling }
    }

    /// Signs and journals the call that carries `cargo`; it is under way from then on. `None` if the account cannot pay for it now.
    pub(super) async fn sign(
        &mut self,
        cargo: Cargo,
        trace: Option<TraceContext>,
        call: Call,
        price: Price,
    ) -> Result<Option<Signed>, ExecuteError> {
        let promised = self.pending().fold(0u128, |sum, (_, flight)| sum.saturating_add(flight.cost()));
        let needed = promised.saturating_add(price.max_fee.saturating_mul(u128::from(call.gas)));
        let balance = self.writer.balance(self.account()).await?;
        self.metrics.balance(self.chain, balance);
        if balance < U256::from(needed) {
            self.waits_for(Some(Waits::NoFunds { needed, balance }));
            return Ok(None);
        }
        self.waits_for(None);
        let latest = self.writer.nonce(self.account()).await?;
        let nonce = self.flights.keys().next_back().map_or(latest, |last| latest.max(last + 1));
        let gas = call.gas;
        let (attempt, raw) = self.journaled(&Unsigned { nonce, call, price }, cargo.ranges(), trace).await?;
        self.flights.insert(nonce, Flight::new(gas, Some(cargo), attempt, self.clock.now()));
        Ok(Some(Signed { nonce, hash: attempt.hash, raw }))
    }

    /// Signs bytes and journals them.
    async fn journaled(
        &self,
        unsigned: &Unsigned,
        ranges: Vec<DeliveredRange>,
        trace: Option<TraceContext>,
    ) -> Result<(Attempt, Bytes), ExecuteError> {
        let (hash, raw) = signing::sign(&self.key, self.chain, unsigned)?;
        let offset = self.journal.append(unsigned.nonce, raw.clone(), ranges, trace).await?;
        Ok((Attempt { hash, offset, price: unsigned.price }, raw))
    }

    /// Broadcasts what is journaled. It is under way whatever the node answers: the same bytes are broadcast again.
    pub(super) async fn broadcast(&mut self, nonce: u64, raw: Bytes) -> Result<(), ExecuteError> {
        let now = self.clock.now();
        if let Some(flight) = self.flights.get_mut(&nonce) {
            flight.broadcast_at = Some(now);
        }
        match self.writer.send_raw(raw).await {
            Ok(_) => Ok(()),
            Err(ChainError::Refused { problem, .. }) => {
                tracing::warn!(chain = %self.chain, nonce, problem, "the node refuses a transaction, it is broadcast again");
                self.metrics.broadcast_refused(self.chain);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    // ---- What happens ----

    /// What has happened to the oldest transaction in no block, if anything; looks after those that take long.
    pub(super) async fn look(&mut self) -> Result<Option<Report>, ExecuteError> {
        let Some((lowest, _)) = self.pending().next() else { return Ok(None) };
        if let Some(receipt) = self.receipt(lowest).await? {
            return Ok(Some(self.included_report(lowest, receipt)));
        }
        self.tend(lowest).await
    }

    /// What has happened to transactions in blocks, if anything, as far as finality was refreshed: a reorg takes the newest first,
    /// finality the oldest.
    pub(super) async fn look_back(&mut self) -> Result<Option<Report>, ExecuteError> {
        let Some((nonce, hash, block)) = self.included().next_back() else { return Ok(None) };
        if self.writer.receipt(hash).await?.is_none_or(|receipt| receipt.block != block) {
            return Ok(Some(self.report(nonce, News::Undone)));
        }
        let Some((nonce, _, block)) = self.included().next() else { return Ok(None) };
        let news = match self.finality.verdict(block).await? {
            Verdict::Final => News::Final,
            Verdict::Replaced => News::Undone,
            Verdict::Open => return Ok(None),
        };
        Ok(Some(self.report(nonce, news)))
    }

    /// The receipt of whichever of a nonce's attempts is in a block.
    async fn receipt(&self, nonce: u64) -> Result<Option<Receipt>, ExecuteError> {
        let attempts = self.flights.get(&nonce).map(|flight| flight.attempts.clone()).unwrap_or_default();
        for attempt in attempts.iter().rev() {
            if let Some(receipt) = self.writer.receipt(attempt.hash).await? {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    fn included_report(&self, nonce: u64, receipt: Receipt) -> Report {
        let is_first = self.flights.get(&nonce).is_some_and(|flight| !flight.is_counted);
        self.report(nonce, News::Included { receipt, is_first })
    }

    fn report(&self, nonce: u64, news: News) -> Report {
        Report { nonce, cargo: self.flights.get(&nonce).and_then(|flight| flight.cargo.clone()), news }
    }

    /// Takes note of news that the stage has acted on.
    pub(super) fn note(&mut self, report: &Report) {
        match &report.news {
            News::Final => drop(self.flights.remove(&report.nonce)),
            News::Taken => {
                tracing::error!(chain = %self.chain, nonce = report.nonce, "a nonce was used by another transaction: another process has this key");
                self.metrics.nonce_taken(self.chain);
                self.flights.remove(&report.nonce);
            }
            News::Included { receipt, .. } => {
                self.waits_for(None);
                if let Some(flight) = self.flights.get_mut(&report.nonce) {
                    flight.included = Some((receipt.hash, receipt.block));
                    flight.is_counted = true;
                }
            }
            News::Undone => {
                tracing::warn!(chain = %self.chain, nonce = report.nonce, "a reorg undid a transaction, its bytes are broadcast again");
                self.metrics.undone(self.chain);
                if let Some(flight) = self.flights.get_mut(&report.nonce) {
                    flight.included = None;
                    flight.broadcast_at = None;
                }
            }
        }
    }
}
