//! What the logs of one transaction have to do with each other.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};

use super::super::Lie;
use super::governed::Governed;
use crate::{control::Refusal, events::abi, ids::GatewayId};

/// What stands open in a transaction. Most transactions leave all of it empty.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Burns of $ERA that no message has been sent with yet.
    burns: Vec<Burn>,
    /// What was executed and no `RangeDelivered` has told yet, with the fee that each earns.
    executed: BTreeMap<(GatewayId, u64), u128>,
    /// Refusals that were sent home and not logged yet, each with the index of the log it was sent in.
    refusals: Vec<(u64, GatewayId, Refusal)>,
    /// What was done that only the hub can will, and no delivered act has said yet, each with the index of its log.
    governed: Vec<(u64, Governed)>,
}

/// A burn of $ERA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burn {
    pub(super) from: Address,
    pub(super) amount: U256,
    /// Who burnt it: the value module.
    pub(super) sender: Address,
}

impl Transaction {
    pub(super) fn burnt(&mut self, event: &abi::CrosschainBurn) {
        let abi::CrosschainBurn { from, amount, sender } = *event;
        self.burns.push(Burn { from, amount, sender });
    }

    /// Takes a burn, which then serves no other message. False if there is none.
    pub(super) fn take_burn(&mut self, burn: &Burn) -> bool {
        let at = self.burns.iter().position(|one| one == burn);
        at.map(|at| self.burns.remove(at)).is_some()
    }

    pub(super) fn executed(&mut self, origin: GatewayId, sequence: u64, fee: u128) {
        self.executed.insert((origin, sequence), fee);
    }

    /// Takes what executing a sequence earns; `None` if it was not executed here, or told before.
    pub(super) fn take_executed(&mut self, origin: GatewayId, sequence: u64) -> Option<u128> {
        self.executed.remove(&(origin, sequence))
    }

    pub(super) fn refusal_sent(&mut self, log: u64, home: GatewayId, refusal: Refusal) {
        self.refusals.push((log, home, refusal));
    }

    /// Takes a refusal that was sent home. False if there is none.
    pub(super) fn take_refusal(&mut self, home: GatewayId, refusal: Refusal) -> bool {
        let at = self.refusals.iter().position(|(_, to, one)| (*to, *one) == (home, refusal));
        at.map(|at| self.refusals.remove(at)).is_some()
    }

    pub(super) fn governed(&mut self, log: u64, governed: Governed) {
        self.governed.push((log, governed));
    }

    /// Takes what was done as the hub wills. False if it was not logged.
    pub(super) fn take_governed(&mut self, will: &Governed) -> bool {
        let at = self.governed.iter().position(|(_, done)| done == will);
        at.map(|at| self.governed.remove(at)).is_some()
    }

    /// What stands open at the end that a gateway always closes: the log it is about, and what it means.
    pub(super) fn left_open(&self) -> Option<(u64, Lie)> {
        let ungoverned = self.governed.first().map(|(log, _)| (*log, Lie::NotGoverned));
        let unpaired = |(log, origin, refusal): &(u64, GatewayId, Refusal)| {
            (*log, Lie::RefusalUnpaired { origin: *origin, sequence: refusal.sequence })
        };
        ungoverned.or_else(|| self.refusals.first().map(unpaired))
    }
}
