//! Choosing what goes into the next transaction, and sending it.

use std::time::Duration;

use alloy::primitives::{Bytes, TxHash};
use metalayer_node::{chain::ChainError, telemetry::continue_from};
use metalayer_proto::ids::LaneId;

use super::{
    Execute, ExecuteError,
    batch::{Batch, Cargo, Range},
    call, lane,
    transactions::Call,
};

/// How many transactions are under way at most; one more if it is full.
const IN_FLIGHT_MAX: usize = 2;

/// The most gas one transaction may use, whatever the chain allows (EIP-7825's bound).
const TRANSACTION_GAS_MAX: u64 = 1 << 24;

/// What is added to the estimated gas: the estimate is of the chain as it stands, and the transaction runs a block later.
const GAS_MARGIN: u64 = 40_000;

/// How long a lane waits whose root the gateway refuses (frozen, an epoch that does not hold, a conflict).
pub(super) const HOLD: Duration = Duration::from_secs(5);

/// How long nothing is sent when the price, the account or finality do not allow it.
pub(super) const WAIT: Duration = Duration::from_secs(5);

impl Execute {
    /// Sends one transaction if there is something to send and room for it.
    pub(super) async fn send(&mut self) -> Result<bool, ExecuteError> {
        let under_way = self.transactions.under_way();
        if self.next_range().is_none() {
            if under_way == 0 {
                self.transactions.waits_for(None);
            }
            return Ok(false);
        }
        let now = self.parts.clock.now();
        let is_full = under_way > IN_FLIGHT_MAX || (under_way == IN_FLIGHT_MAX && !self.third_may_go().await?);
        if is_full || now < self.waits_until {
            return Ok(false);
        }
        let Some(price) = self.transactions.price().await? else {
            self.waits_until = now.after(WAIT);
            return Ok(false);
        };
        let Some(batch) = self.next_batch() else { return Ok(false) };
        let data = call::delivery(&batch);
        let Some(gas) = self.gas(&batch, &data).await? else { return Ok(true) };
        let call = Call { to: self.parts.destination.gateway, data, gas };
        let Some(sent) = self.transactions.sign(&batch, call, price).await? else {
            self.waits_until = now.after(WAIT);
            return Ok(false);
        };
        self.sent(&batch, sent.nonce, sent.hash, gas);
        self.transactions.broadcast(sent.nonce, sent.raw).await?;
        Ok(true)
    }

    fn sent(&mut self, batch: &Batch, nonce: u64, hash: TxHash, gas: u64) {
        let messages = batch.messages();
        let span = tracing::info_span!("execute", destination = %self.parts.destination.chain, nonce, %hash);
        continue_from(batch.trace.as_ref(), &span);
        tracing::info!(parent: &span, lane = %batch.lane, first = batch.first, messages, nonce, %hash, gas, "delivering");
        self.parts.metrics.sent(batch.lane, messages);
        if let Some(queue) = self.lanes.get_mut(&batch.lane) {
            queue.sent(&batch.cargo().sequences, nonce);
        }
    }

    /// The lane whose oldest record has waited longest, of those that have something to send, and what that is.
    fn next_range(&self) -> Option<(LaneId, Range)> {
        let now = self.parts.clock.now();
        let sendable = self.lanes.iter().filter_map(|(lane, queue)| {
            let range = queue.next_range(now)?;
            Some((queue.oldest()?, *lane, range))
        });
        sendable.min_by_key(|(oldest, lane, _)| (*oldest, *lane)).map(|(_, lane, range)| (lane, range))
    }

    /// The next transaction's content; a lane that cannot be proven is held.
    fn next_batch(&mut self) -> Option<Batch> {
        loop {
            let (lane, range) = self.next_range()?;
            let queue = self.lanes.get_mut(&lane)?;
            match queue.batch(range) {
                Ok(batch) => return Some(batch),
                Err(error) => {
                    tracing::error!(%lane, %error, "a lane cannot be proven");
                    self.parts.metrics.unprovable(lane);
                    queue.hold(self.parts.clock.now().after(HOLD));
                }
            }
        }
    }

    /// A third transaction must be full, and must not pile up gas that the chain needs more than two blocks for.
    async fn third_may_go(&self) -> Result<bool, ExecuteError> {
        if self.next_range().is_none_or(|(_, range)| range.messages < lane::MESSAGES_MAX) {
            return Ok(false);
        }
        let head = self.parts.writer.latest().await?;
        Ok(self.transactions.gas_under_way() < head.gas_limit.saturating_mul(2))
    }

    /// The gas that a batch is given; `None` if it would revert or need too much.
    async fn gas(&mut self, batch: &Batch, data: &Bytes) -> Result<Option<u64>, ExecuteError> {
        let (from, to) = (self.transactions.account(), self.parts.destination.gateway);
        let gas = match self.parts.writer.estimate(from, to, data.clone()).await {
            Ok(gas) => gas.saturating_add(gas / 20).saturating_add(GAS_MARGIN),
            Err(ChainError::Refused { problem, .. }) => {
                self.refused(batch, &problem).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if gas > TRANSACTION_GAS_MAX && batch.messages() > 1 {
            self.refused(batch, &format!("{gas} gas is more than one transaction may use")).await?;
            return Ok(None);
        }
        Ok(Some(gas.min(TRANSACTION_GAS_MAX)))
    }

    /// The node says that the transaction would revert: fewer messages next time, and one that reverts alone is parked,
    /// unless it is the root that the gateway refuses. Then the lane waits, and the others go on (I9).
    async fn refused(&mut self, batch: &Batch, problem: &str) -> Result<(), ExecuteError> {
        let Cargo { lane, sequences, .. } = batch.cargo();
        tracing::warn!(%lane, messages = sequences.len(), problem, "a delivering transaction would revert");
        self.parts.metrics.would_revert(lane);
        if !batch.shows_root {
            // Nothing was wrong with the messages as long as the root was not shown with them.
            if let Some(queue) = self.lanes.get_mut(&lane) {
                queue.forget_root();
            }
            return Ok(());
        }
        let Some(alone) = self.lanes.get_mut(&lane).and_then(|queue| queue.too_many(&sequences)) else { return Ok(()) };
        let (from, to) = (self.transactions.account(), self.parts.destination.gateway);
        match self.parts.writer.estimate(from, to, call::accept(batch)).await {
            Ok(_) => self.park(lane, alone).await?,
            Err(ChainError::Refused { problem, .. }) => {
                tracing::error!(%lane, problem, "the gateway refuses the lane's root; the lane waits");
                let until = self.parts.clock.now().after(HOLD);
                if let Some(queue) = self.lanes.get_mut(&lane) {
                    queue.hold(until);
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
