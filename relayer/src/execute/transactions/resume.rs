//! Going on where the last owner of the partition stopped: the journal is read from its end back to what is final.

use std::collections::btree_map::Entry;

use metalayer_node::{bus::Offset, chain::ChainError};
use metalayer_proto::ids::GatewayId;

use super::{Attempt, ExecuteError, Flight, Transactions, journal::Journaled};
use crate::execute::call;

/// How many records are read at most; more than the transactions that may be without finality ever leave.
const READ_MAX: u64 = 8_192;

impl Transactions {
    /// Takes over every journaled transaction that is not final. Those without a receipt are broadcast again, the same bytes, by the
    /// next [`Self::look`].
    pub(in crate::execute) async fn resume(&mut self) -> Result<(), ExecuteError> {
        self.flights.clear();
        let next = self.writer.nonce(self.account()).await?;
        self.finality.refresh().await?;
        let (low, mut end) = self.journal.range().await?;
        let mut last_final = None;
        let oldest = Offset(end.0.saturating_sub(READ_MAX).max(low.0));
        'back: while oldest < end {
            let (from, chunk) = self.journal.before(oldest, end).await?;
            for one in chunk.into_iter().rev() {
                let nonce = one.unsigned.nonce;
                if last_final.is_some_and(|last_final| nonce < last_final) {
                    // Nonces were first used in order: everything further back is final too.
                    break 'back;
                }
                if nonce < next && self.is_final(&one).await? {
                    last_final = last_final.max(Some(nonce));
                } else {
                    self.adopt(one);
                }
            }
            end = from;
        }
        // A replacement that came to nothing stands behind the one that is final.
        self.flights.retain(|nonce, _| last_final.is_none_or(|last_final| *nonce > last_final));
        if !self.flights.is_empty() {
            tracing::info!(chain = %self.chain, transactions = self.flights.len(), "going on with what was journaled");
        }
        Ok(())
    }

    async fn is_final(&mut self, one: &Journaled) -> Result<bool, ChainError> {
        let Some(receipt) = self.writer.receipt(one.hash).await? else { return Ok(false) };
        Ok(self.finality.verdict(receipt.block).await? == super::Verdict::Final)
    }

    /// Older bytes of a nonce come after newer ones here.
    fn adopt(&mut self, one: Journaled) {
        let Journaled { offset, hash, unsigned } = one;
        let attempt = Attempt { hash, offset, price: unsigned.price };
        match self.flights.entry(unsigned.nonce) {
            Entry::Occupied(mut newer) => newer.get_mut().attempts.insert(0, attempt),
            Entry::Vacant(none) => {
                let cargo =
                    call::cargo(&unsigned.call.data, GatewayId { chain: self.chain, gateway: unsigned.call.to });
                none.insert(Flight::new(unsigned.call.gas, cargo, attempt, self.clock.now()));
            }
        }
    }
}
