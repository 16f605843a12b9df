//! What is sent: the next leaf of its lane, judged by the facts just before it.

use alloy::primitives::U256;

use super::{Fold, Stop, transaction::Burn};
use crate::{
    derivation::{JudgedMessage, LaneChange, Lie, Verdict, VerifiedLog, VoidReason, rules},
    events::read_sent,
    message::{Kind, Message},
    value::Transfer,
};

impl Fold<'_> {
    pub(super) fn sent(&mut self, log: &VerifiedLog) -> Result<(), Stop> {
        let here = self.deployment.origin;
        let (chain, message, logged_id) = read_sent(log, here)?;
        let destination = message.destination;
        if chain != here.chain {
            return Err(Lie::SenderChain(chain).into());
        }
        if destination.chain == chain {
            return Err(Lie::SameChain.into());
        }
        let mut lane = self.state.lanes.get(&destination).cloned().unwrap_or_default();
        if message.sequence != lane.count() {
            return Err(Lie::Sequence { destination, expected: lane.count(), got: message.sequence }.into());
        }
        let id = message.id();
        if id != logged_id {
            return Err(Lie::Id { expected: id, got: logged_id }.into());
        }
        rules::check_route(&message, &self.state.facts)?;
        if message.kind == Kind::Control && message.sender == here.gateway {
            self.refusal_sent(&message)?;
        }

        let verdict = self.judge(&message);
        let judged = JudgedMessage { message, id, verdict, transaction_hash: log.transaction_hash };
        let leaf = judged.leaf();
        let change = || LaneChange { destination, before: lane.clone(), messages: Vec::new() };
        self.grown.entry(destination).or_insert_with(change).messages.push(judged);
        lane.append(leaf)?;
        self.state.lanes.insert(destination, lane);
        Ok(())
    }

    /// Judges a message; a valid transfer is debited.
    fn judge(&mut self, message: &Message) -> Verdict {
        let judged = rules::judge(message, &self.state.facts, self.deployment);
        match judged.and_then(|transfer| transfer.map_or(Ok(()), |transfer| self.export(message, &transfer))) {
            Ok(()) => Verdict::Valid,
            Err(reason) => Verdict::Void(reason),
        }
    }

    /// What leaves was burnt, once, and is the origin's to give.
    fn export(&mut self, message: &Message, transfer: &Transfer) -> Result<(), VoidReason> {
        let burn = Burn { from: transfer.from, amount: transfer.amount, sender: message.sender };
        if !self.transaction.take_burn(&burn) {
            return Err(VoidReason::NotBurnt);
        }
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::LedgerBelievesLogs) {
            return Ok(());
        }
        let left: U256 = self.held().checked_sub(transfer.amount).ok_or(VoidReason::AboveLedger)?;
        self.hold(left);
        Ok(())
    }
}
