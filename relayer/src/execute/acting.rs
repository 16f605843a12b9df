//! Sending what is to be done beside deliveries, and what becomes of it.

use metalayer_node::{
    chain::{ChainError, Receipt},
    telemetry::continue_from,
};

use super::{
    Execute, ExecuteError,
    actions::{ActionId, Queued},
    batch::Cargo,
    sending::{HOLD, TRANSACTION_GAS_MAX, with_margin},
    transactions::{Call, News, Price, Report},
};
use crate::revert::Revert;

impl Execute {
    /// Sends an action, or gives it up if the node says that it would revert. One of which the node tells nothing waits, and holds
    /// nobody else up (I9).
    pub(super) async fn send_action(&mut self, id: ActionId, price: Price) -> Result<bool, ExecuteError> {
        let Some(queued) = self.actions.get(id).cloned() else { return Ok(false) };
        let Queued { word, to, data, trace, .. } = queued;
        let gas = match self.parts.writer.estimate(self.transactions.account(), to, data.clone()).await {
            Ok(gas) => gas,
            Err(ChainError::Refused { problem, revert, .. }) => {
                self.give_up(id, "refused", &Revert::read(&revert, &problem)).await?;
                return Ok(true);
            }
            Err(error) => {
                tracing::warn!(action = word, %error, "an action waits, the node does not say what it needs");
                self.actions.hold(id, self.parts.clock.now().after(HOLD));
                return Ok(true);
            }
        };
        if gas > TRANSACTION_GAS_MAX {
            self.give_up(id, "refused", &Revert::too_much_gas(gas)).await?;
            return Ok(true);
        }
        let (call, cargo) = (Call { to, data, gas: with_margin(gas).min(TRANSACTION_GAS_MAX) }, Cargo::Action(id));
        let Some(sent) = self.sign(cargo, trace.clone(), call, price).await? else { return Ok(false) };
        let nonce = sent.nonce;
        let span =
            tracing::info_span!("execute", destination = %self.parts.destination.chain, nonce, hash = %sent.hash);
        continue_from(trace.as_ref(), &span);
        tracing::info!(parent: &span, action = word, nonce, hash = %sent.hash, gas, "acting");
        self.actions.sent(id, nonce);
        self.transactions.broadcast(nonce, sent.raw).await?;
        Ok(true)
    }

    /// Acts on one piece of news of an action's transaction.
    pub(super) async fn meet_action(&mut self, report: &Report, id: ActionId) -> Result<(), ExecuteError> {
        let nonce = report.nonce;
        match &report.news {
            News::Included { receipt, is_first } => self.acted(nonce, id, receipt, *is_first).await?,
            News::Final => self.actions.is_final(id, nonce),
            News::Undone => self.actions.undone(id, nonce),
            News::Taken => self.actions.returned(id, nonce),
        }
        Ok(())
    }

    /// Takes note of the receipt of an action's transaction.
    async fn acted(&mut self, nonce: u64, id: ActionId, receipt: &Receipt, is_first: bool) -> Result<(), ExecuteError> {
        let Some(Queued { word, to, data, .. }) = self.actions.get(id).cloned() else { return Ok(()) };
        if receipt.success {
            if is_first {
                self.parts.metrics.acted(self.parts.destination.chain, word, "succeeded");
            }
            self.actions.done(id, nonce);
            return Ok(());
        }
        tracing::warn!(action = word, hash = %receipt.hash, "an action's transaction reverted");
        let revert = match self.parts.writer.estimate(self.transactions.account(), to, data).await {
            Err(ChainError::Refused { problem, revert, .. }) => Revert::read(&revert, &problem),
            // It is given up all the same: the gas is spent, and nobody else waits for the answer (I9).
            Ok(_) | Err(_) => Revert::untold(),
        };
        self.give_up(id, "reverted", &revert).await
    }

    /// An action that cannot be done: out of the queue, into the dead letters with the reason. Whoever wants it asks again.
    async fn give_up(&mut self, id: ActionId, outcome: &'static str, revert: &Revert) -> Result<(), ExecuteError> {
        let Some(queued) = self.actions.get(id).cloned() else { return Ok(()) };
        if let Some(stored) = self.read_ready(queued.from, 1).await?.first() {
            self.refuse_ready(stored, revert.reason, &format!("{}: {revert}", queued.word)).await?;
        }
        self.parts.metrics.acted(self.parts.destination.chain, queued.word, outcome);
        self.actions.remove(id);
        Ok(())
    }
}
