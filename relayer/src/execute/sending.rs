//! Choosing what goes into the next transaction, and sending it.

use std::time::Duration;

use alloy::primitives::Bytes;
use metalayer_node::{chain::ChainError, telemetry::continue_from};
use metalayer_proto::{envelope::TraceContext, ids::LaneId};

use super::{
    Execute, ExecuteError,
    batch::{Batch, Cargo, Carried, Range},
    call, lane,
    transactions::{Call, Price, Signed},
};

/// How many transactions are under way at most; one more if it is full.
const IN_FLIGHT_MAX: usize = 2;

/// The most gas one transaction may use, whatever the chain allows (EIP-7825's bound).
pub(super) const TRANSACTION_GAS_MAX: u64 = 1 << 24;

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
        let has_range = self.next_range().is_some();
        // A third transaction must be full, which no action is.
        let action = self.actions.next(self.parts.clock.now()).filter(|_| under_way < IN_FLIGHT_MAX);
        if action.is_none() && !has_range {
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
        match action.filter(|_| !has_range || !self.acted_last) {
            Some(action) => {
                self.acted_last = true;
                self.send_action(action, price).await
            }
            None => {
                self.acted_last = false;
                self.send_messages(price).await
            }
        }
    }

    async fn send_messages(&mut self, price: Price) -> Result<bool, ExecuteError> {
        let Some(batch) = self.next_batch() else { return Ok(false) };
        let data = call::delivery(&batch);
        let Some(gas) = self.gas(&batch, &data).await? else { return Ok(true) };
        let carried = batch.carried();
        let call = Call { to: self.parts.destination.gateway, data, gas };
        let cargo = Cargo::Messages(carried.clone());
        let Some(sent) = self.sign(cargo, batch.trace.clone(), call, price).await? else { return Ok(false) };
        let (lane, messages, nonce) = (batch.lane, batch.messages(), sent.nonce);
        let span =
            tracing::info_span!("execute", destination = %self.parts.destination.chain, nonce, hash = %sent.hash);
        continue_from(batch.trace.as_ref(), &span);
        tracing::info!(parent: &span, %lane, first = batch.first, messages, nonce, hash = %sent.hash, gas, "delivering");
        self.parts.metrics.sent(lane, messages);
        if let Some(queue) = self.lanes.get_mut(&lane) {
            queue.sent(&carried.sequences, nonce);
        }
        self.transactions.broadcast(nonce, sent.raw).await?;
        Ok(true)
    }

    /// Signs a call; `None`, and nothing is sent for a while, if the account cannot pay for it.
    pub(super) async fn sign(
        &mut self,
        cargo: Cargo,
        trace: Option<TraceContext>,
        call: Call,
        price: Price,
    ) -> Result<Option<Signed>, ExecuteError> {
        let signed = self.transactions.sign(cargo, trace, call, price).await?;
        if signed.is_none() {
            self.waits_until = self.parts.clock.now().after(WAIT);
        }
        Ok(signed)
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
            Ok(gas) => with_margin(gas),
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
        let Carried { lane, sequences, .. } = batch.carried();
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

/// What a transaction is given of which the node estimates that it uses `gas`.
pub(super) const fn with_margin(gas: u64) -> u64 {
    gas.saturating_add(gas / 20).saturating_add(GAS_MARGIN)
}
