//! Looking after transactions that take long: nonces that were taken or never used, bytes that were dropped, prices that were overtaken.

use std::time::Duration;

use alloy::primitives::Bytes;
use metalayer_node::bus::Offset;
use metalayer_proto::envelope::{Envelope, TransactionRecord};

use super::{
    Attempt, Call, ExecuteError, Flight, News, REBROADCAST_AFTER, Report, Transactions, TxHash, Unsigned, pricing,
    signing,
};

/// How long the newest bytes of a nonce may wait before they are replaced, and for how many blocks: a chain that stands still is no
/// reason to pay more.
pub(in crate::execute) const REPLACE_AFTER: Duration = Duration::from_secs(60);
pub(in crate::execute) const REPLACE_AFTER_BLOCKS: u64 = 3;

/// The most unused nonces below ours that are filled at once; if there are more the node is not to be believed.
const GAP_MAX: usize = 16;

impl Transactions {
    /// Looks after the pending transactions whose bytes were broadcast long ago; `lowest` is the first of them. Something is told only
    /// if its nonce has been used.
    pub(super) async fn tend(&mut self, lowest: u64) -> Result<Option<Report>, ExecuteError> {
        let due = self.due();
        if due.is_empty() {
            return Ok(None);
        }
        let next = self.writer.nonce(self.account()).await?;
        if next > lowest {
            // Asked again, since it may have been included between the two answers.
            let report = match self.receipt(lowest).await? {
                Some(receipt) => self.included_report(lowest, receipt),
                None => self.report(lowest, News::Taken),
            };
            return Ok(Some(report));
        }
        self.fill(next, lowest).await?;
        for nonce in due {
            if nonce != lowest || !self.replace(lowest).await? {
                self.rebroadcast(nonce).await?;
            }
        }
        Ok(None)
    }

    fn due(&self) -> Vec<u64> {
        let now = self.clock.now();
        let is_due = |flight: &Flight| flight.broadcast_at.is_none_or(|last| now.since(last) >= REBROADCAST_AFTER);
        let due = self.pending().filter(|(_, flight)| is_due(flight));
        due.map(|(nonce, _)| nonce).collect()
    }

    async fn rebroadcast(&mut self, nonce: u64) -> Result<(), ExecuteError> {
        let Some(Attempt { hash, offset, .. }) = self.newest(nonce) else { return Ok(()) };
        let raw = self.record_of(offset, hash).await?.record.raw;
        tracing::warn!(chain = %self.chain, nonce, %hash, "no receipt yet, broadcast again");
        self.metrics.rebroadcast(self.chain);
        self.broadcast(nonce, raw).await
    }

    /// Uses the nonces from `next` to below `lowest` that nothing of ours uses, for example after a reorg that undid another process's
    /// transaction: without them no later one is ever included.
    async fn fill(&mut self, next: u64, lowest: u64) -> Result<(), ExecuteError> {
        let gaps: Vec<u64> =
            (next..lowest).take(GAP_MAX + 1).filter(|nonce| !self.flights.contains_key(nonce)).collect();
        if gaps.is_empty() || gaps.len() > GAP_MAX {
            return Ok(());
        }
        let Some(price) = self.price().await? else { return Ok(()) };
        let to = self.account();
        let gas = self.writer.estimate(to, to, Bytes::new()).await?;
        for nonce in gaps {
            tracing::warn!(chain = %self.chain, nonce, "a nonce was left unused, it is filled");
            let unsigned = Unsigned { nonce, call: Call { to, data: Bytes::new(), gas }, price };
            let (attempt, raw) = self.journaled(&unsigned, Vec::new(), None).await?;
            self.flights.insert(nonce, Flight::new(gas, None, attempt, self.clock.now()));
            self.metrics.nonce_filled(self.chain);
            self.broadcast(nonce, raw).await?;
        }
        Ok(())
    }

    /// Replaces bytes that blocks pass over by dearer ones. False if that is not due, or the ceiling leaves no room.
    async fn replace(&mut self, nonce: u64) -> Result<bool, ExecuteError> {
        let now = self.clock.now();
        let Some(Attempt { hash, offset, price }) = self.newest(nonce) else { return Ok(false) };
        let head = self.writer.latest().await?.block.number;
        let Some(flight) = self.flights.get_mut(&nonce) else { return Ok(false) };
        let since = *flight.waits_since.get_or_insert(head);
        let number = u32::try_from(flight.attempts.len()).unwrap_or(u32::MAX).saturating_sub(1);
        if now.since(flight.priced_at) < REPLACE_AFTER || head < since.saturating_add(REPLACE_AFTER_BLOCKS) {
            return Ok(false);
        }
        let market = self.writer.fees().await?;
        let Some(price) = pricing::raised(price, number, market, self.ceiling) else {
            self.waits_for(Some(self.too_dear(market)));
            return Ok(false);
        };
        let Envelope { trace, record } = self.record_of(offset, hash).await?;
        let (_, old) =
            signing::read(&record.raw, self.chain, self.account()).map_err(|_| ExecuteError::Journal(hash))?;
        let (attempt, raw) = self.journaled(&Unsigned { price, ..old }, record.ranges, trace).await?;
        if let Some(flight) = self.flights.get_mut(&nonce) {
            flight.replace(attempt, now);
        }
        tracing::warn!(chain = %self.chain, nonce, replaced = %hash, max_fee = price.max_fee, tip = price.tip, "replaced by dearer bytes");
        self.metrics.replaced(self.chain);
        self.broadcast(nonce, raw).await?;
        Ok(true)
    }

    fn newest(&self, nonce: u64) -> Option<Attempt> {
        self.flights.get(&nonce)?.attempts.last().copied()
    }

    async fn record_of(&self, offset: Offset, hash: TxHash) -> Result<Envelope<TransactionRecord>, ExecuteError> {
        self.journal.read(offset, hash).await?.ok_or(ExecuteError::Journal(hash))
    }
}
