//! What becomes of messages at their destination, until it is final.

use std::time::Duration;

use alloy::sol_types::SolCall;
use futures::future::try_join_all;
use metalayer_node::{
    bus::BusError,
    chain::{BlockRef, ChainError, Receipt},
};
use metalayer_proto::{
    envelope::Outcome,
    events::abi::{Status, statusOfCall},
    ids::LaneId,
    topics::Topic,
};

use super::{
    Execute, ExecuteError,
    batch::{Cargo, Carried},
    finality::Verdict,
    lane::LaneQueue,
    receipt,
    transactions::{News, Report},
};

/// How often it is looked whether what is in blocks is still there, and whether these are final.
pub(super) const LOOK_BACK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether the predecessors of skipped messages have settled by other means.
pub(super) const AWAITED_EVERY: Duration = Duration::from_secs(10);

/// About how many messages the gateway is asked at the same time.
const ASKED_AT_ONCE: usize = 32;

/// Messages that somebody else settled, by the word of a block that is not final.
pub(super) struct Seen {
    block: BlockRef,
    lane: LaneId,
    sequences: Vec<u64>,
}

impl Execute {
    /// Acts on what has happened to transactions that are in no block yet.
    pub(super) async fn look(&mut self) -> Result<bool, ExecuteError> {
        let mut advanced = false;
        while let Some(report) = self.transactions.look().await? {
            self.meet(&report).await?;
            advanced = true;
        }
        Ok(advanced)
    }

    /// Acts on what reorgs and finality did to what is in blocks.
    pub(super) async fn look_back(&mut self) -> Result<bool, ExecuteError> {
        let now = self.parts.clock.now();
        let is_early = self.looked_back_at.is_some_and(|last| now.since(last) < LOOK_BACK_EVERY);
        if is_early || (self.transactions.unfinal() == 0 && self.seen.is_empty()) {
            return Ok(false);
        }
        self.transactions.finality.refresh().await?;
        let mut advanced = false;
        while let Some(report) = self.transactions.look_back().await? {
            self.meet(&report).await?;
            advanced = true;
        }
        advanced |= self.look_at_seen().await?;
        self.looked_back_at = Some(now);
        Ok(advanced)
    }

    /// Acts on one piece of news. Whatever may fail comes before anything changes, so that it may be told again.
    async fn meet(&mut self, report: &Report) -> Result<(), ExecuteError> {
        match &report.cargo {
            Some(Cargo::Messages(carried)) => self.meet_messages(report, carried).await?,
            Some(Cargo::Action(id)) => self.meet_action(report, *id).await?,
            None => {}
        }
        self.transactions.note(report);
        self.restore_bodies().await
    }

    async fn meet_messages(&mut self, report: &Report, carried: &Carried) -> Result<(), ExecuteError> {
        let nonce = report.nonce;
        match &report.news {
            News::Included { receipt, is_first } => self.landed(nonce, carried, receipt, *is_first).await?,
            News::Final => self.change(carried, |queue| queue.done(&carried.sequences, Some(nonce))),
            News::Undone => self.change(carried, |queue| queue.undone(&carried.sequences, Some(nonce))),
            News::Taken => self.change(carried, |queue| queue.returned(&carried.sequences, nonce)),
        }
        Ok(())
    }

    fn change(&mut self, carried: &Carried, change: impl FnOnce(&mut LaneQueue)) {
        if let Some(queue) = self.lanes.get_mut(&carried.lane) {
            change(queue);
        }
    }

    /// Takes note of what a receipt says.
    async fn landed(
        &mut self,
        nonce: u64,
        carried: &Carried,
        receipt: &Receipt,
        is_first: bool,
    ) -> Result<(), ExecuteError> {
        let Carried { lane, count, sequences, shows_root } = carried;
        let told = receipt::outcomes(&receipt.logs, *lane);
        let silent: Vec<_> = sequences.iter().copied().filter(|sequence| !told.contains_key(sequence)).collect();
        let statuses = if receipt.success { self.statuses(*lane, &silent).await? } else { Vec::new() };
        let seen_at = self.seen_at(&statuses).await?;
        if is_first {
            self.parts.metrics.landed(*lane, receipt);
        }
        let Some(queue) = self.lanes.get_mut(lane) else { return Ok(()) };
        if !receipt.success {
            tracing::warn!(%lane, hash = %receipt.hash, messages = sequences.len(), "a delivering transaction reverted");
            if !shows_root {
                queue.returned(sequences, nonce);
            } else if let Some(alone) = queue.reverted(sequences, nonce) {
                self.park(*lane, alone).await?;
            }
            return Ok(());
        }
        queue.included(*count);
        for (sequence, outcome) in told {
            match outcome {
                Outcome::Delivered | Outcome::Voided | Outcome::Refused => queue.settled(sequence, Some(nonce)),
                Outcome::Failed => queue.failed(sequence, Some(nonce)),
                Outcome::Skipped => queue.skip(sequence, nonce),
            }
        }
        for (sequence, _) in statuses.iter().filter(|(_, status)| matches!(status, Status::Open)) {
            queue.skip(*sequence, nonce);
        }
        self.seen(*lane, &statuses, seen_at);
        Ok(())
    }

    // ---- What others did ----

    /// What the gateway says about each of `sequences`, by the latest block.
    async fn statuses(&self, lane: LaneId, sequences: &[u64]) -> Result<Vec<(u64, Status)>, ExecuteError> {
        let mut statuses = Vec::new();
        for chunk in sequences.chunks(ASKED_AT_ONCE) {
            statuses.extend(try_join_all(chunk.iter().map(|sequence| self.status(lane, *sequence))).await?);
        }
        Ok(statuses)
    }

    async fn status(&self, lane: LaneId, sequence: u64) -> Result<(u64, Status), ExecuteError> {
        let LaneId { origin, destination } = lane;
        let call = statusOfCall { originChainId: origin.chain.get(), originGateway: origin.gateway, sequence };
        let (account, data) = (self.transactions.account(), call.abi_encode().into());
        let answer = self.parts.writer.call(account, destination.gateway, data).await?;
        let status = statusOfCall::abi_decode_returns(&answer).map(|answer| (sequence, answer.status));
        status.map_err(|error| {
            let problem = format!("statusOf answers what cannot be read: {error}");
            ChainError::Unverifiable { chain: destination.chain, problem }.into()
        })
    }

    /// The block that statuses which were just asked for rest on at the latest.
    async fn seen_at(&self, statuses: &[(u64, Status)]) -> Result<Option<BlockRef>, ExecuteError> {
        if statuses.iter().all(|(_, status)| matches!(status, Status::Open)) {
            return Ok(None);
        }
        Ok(Some(self.parts.writer.latest().await?.block))
    }

    /// Takes note of messages that the gateway says are settled or failed, which nothing of ours has done.
    fn seen(&mut self, lane: LaneId, statuses: &[(u64, Status)], block: Option<BlockRef>) {
        let (Some(queue), Some(block)) = (self.lanes.get_mut(&lane), block) else { return };
        let mut sequences = Vec::new();
        for (sequence, status) in statuses {
            match status {
                Status::Settled => queue.settled(*sequence, None),
                Status::Failed => queue.failed(*sequence, None),
                _ => continue,
            }
            sequences.push(*sequence);
        }
        self.seen.push(Seen { block, lane, sequences });
    }

    /// Asks the gateway about messages that are to be sent, before anything is sent for what is settled.
    pub(super) async fn ask_about(&mut self, lane: LaneId, sequences: &[u64]) -> Result<(), ExecuteError> {
        let statuses = self.statuses(lane, sequences).await?;
        let block = self.seen_at(&statuses).await?;
        self.seen(lane, &statuses, block);
        Ok(())
    }

    /// Lets go of what others did once that is final, and sends what a reorg undid.
    async fn look_at_seen(&mut self) -> Result<bool, ExecuteError> {
        let mut advanced = false;
        let mut at = 0;
        while let Some(block) = self.seen.get(at).map(|seen| seen.block) {
            let verdict = self.transactions.finality.verdict(block).await?;
            if verdict == Verdict::Open {
                at += 1;
                continue;
            }
            let Seen { lane, sequences, .. } = self.seen.swap_remove(at);
            if let Some(queue) = self.lanes.get_mut(&lane) {
                match verdict {
                    Verdict::Final => queue.done(&sequences, None),
                    _ => queue.undone(&sequences, None),
                }
            }
            advanced = true;
        }
        self.restore_bodies().await?;
        Ok(advanced)
    }

    /// Looks now and then whether what skipped messages wait for was settled by somebody else, by a retry for example.
    pub(super) async fn look_after_awaited(&mut self) -> Result<(), ExecuteError> {
        let now = self.parts.clock.now();
        if now.since(self.awaited_at) < AWAITED_EVERY {
            return Ok(());
        }
        self.awaited_at = now;
        let awaited: Vec<_> = self.lanes.iter().map(|(lane, queue)| (*lane, queue.awaited())).collect();
        for (lane, sequences) in awaited {
            self.ask_about(lane, &sequences).await?;
        }
        Ok(())
    }

    /// A message whose transaction reverts even alone: out of the queue, into the dead letters with all that it needs.
    pub(super) async fn park(&mut self, lane: LaneId, sequence: u64) -> Result<(), BusError> {
        let Some(queue) = self.lanes.get_mut(&lane) else { return Ok(()) };
        let Some(offset) = queue.record_of(sequence) else { return Ok(()) };
        queue.parked(sequence);
        if let Some(stored) = self.read_ready(offset, 1).await?.first() {
            let detail = format!("{lane}, sequence {sequence}: its transaction reverts");
            let place = (Topic::Ready, self.partition());
            self.parts.records.refuse(place, stored, "transaction_reverts", &detail).await?;
        }
        Ok(())
    }
}
