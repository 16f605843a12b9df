//! What arrived: taken once, believed once it is shown, its effect taken from the message.

use alloy::{primitives::U256, sol_types::SolEvent};

use super::{Fold, Stop};
use crate::{
    derivation::{LeafId, Lie, VerifiedLog, arrivals::Effect},
    events::{abi, read},
    facts::{Credited, Fact, FactKey},
    ids::{ChainId, GatewayId, LaneId, MessageId},
};

/// The leaf that a log of the gateway `here` says arrived, if it says so.
pub(super) fn leaf_of(log: &VerifiedLog, here: GatewayId) -> Option<LeafId> {
    let (chain, gateway, sequence) = match *log.topics.first()? {
        abi::MessageDelivered::SIGNATURE_HASH => {
            let event: abi::MessageDelivered = read(log).ok()?;
            (event.originChainId, event.originGateway, event.sequence)
        }
        abi::MessageFailed::SIGNATURE_HASH => {
            let event: abi::MessageFailed = read(log).ok()?;
            (event.originChainId, event.originGateway, event.sequence)
        }
        abi::MessageVoided::SIGNATURE_HASH => {
            let event: abi::MessageVoided = read(log).ok()?;
            (event.originChainId, event.originGateway, event.sequence)
        }
        _ => return None,
    };
    let origin = GatewayId { chain: ChainId::new(chain).ok()?, gateway };
    Some(LeafId { lane: LaneId { origin, destination: here }, sequence })
}

impl Fold<'_> {
    pub(super) fn delivered(&mut self, event: &abi::MessageDelivered) -> Result<(), Stop> {
        let origin = self.other_end(event.originChainId, event.originGateway)?;
        let (leaf, id) = (self.arriving(origin, event.sequence), MessageId(event.id));
        if self.is_taken(leaf) {
            self.remove_failure(leaf, id)?;
            let (_, effect) = self.valid(leaf, id)?;
            return self.effect(leaf, &effect);
        }
        let (fee, effect) = self.valid(leaf, id)?;
        self.take(leaf)?;
        self.transaction.executed(origin, leaf.sequence, fee);
        self.effect(leaf, &effect)
    }

    pub(super) fn failed(&mut self, event: &abi::MessageFailed) -> Result<(), Stop> {
        let origin = self.other_end(event.originChainId, event.originGateway)?;
        let (leaf, id) = (self.arriving(origin, event.sequence), MessageId(event.id));
        self.check_untaken(leaf)?;
        let (fee, _) = self.valid(leaf, id)?;
        self.take(leaf)?;
        self.transaction.executed(origin, leaf.sequence, fee);
        self.state.facts.insert(Fact::Failed { origin, sequence: leaf.sequence, id });
        Ok(())
    }

    pub(super) fn voided(&mut self, event: &abi::MessageVoided) -> Result<(), Stop> {
        let origin = self.other_end(event.originChainId, event.originGateway)?;
        let (leaf, id) = (self.arriving(origin, event.sequence), MessageId(event.id));
        self.check_untaken(leaf)?;
        let arrival = self.shown(leaf, id)?;
        if arrival.id() != id || arrival.valid().is_some() {
            return Err(Lie::Contradicted { leaf, id }.into());
        }
        self.take(leaf)?;
        self.settled.push(leaf);
        Ok(())
    }

    pub(super) fn range_delivered(&mut self, event: &abi::RangeDelivered) -> Result<(), Stop> {
        let origin = self.other_end(event.originChainId, event.originGateway)?;
        let executor = event.executor;
        let bits = (0..256_u16).filter(|bit| event.bitmap.bit(usize::from(*bit)));
        let mut total = self.state.facts.fees(origin, executor);
        for bit in bits {
            let sequence = event.first.saturating_add(bit.into());
            let fee = self.transaction.take_executed(origin, sequence);
            let fee = fee.ok_or(Lie::NotExecuted { origin, sequence })?;
            total = total.checked_add(U256::from(fee)).ok_or(Lie::Overflow)?;
        }
        if !event.bitmap.is_zero() {
            self.state.facts.insert(Fact::Fees { origin, executor, total });
        }
        Ok(())
    }

    /// Fee and effect of the valid message that the leaf must be.
    fn valid(&self, leaf: LeafId, id: MessageId) -> Result<(u128, Effect), Stop> {
        let arrival = self.shown(leaf, id)?;
        match arrival.valid() {
            Some((fee, effect)) if arrival.id() == id => Ok((fee, effect.clone())),
            _ => Err(Lie::Contradicted { leaf, id }.into()),
        }
    }

    /// The effect of a message that was delivered, which nothing asks for any more.
    fn effect(&mut self, leaf: LeafId, effect: &Effect) -> Result<(), Stop> {
        match effect {
            Effect::None => {}
            Effect::Credit(amount) => self.credit(*amount)?,
            Effect::Act(act) => self.act(act)?,
            Effect::Refusal(refusal) => self.came_home(leaf.lane.origin, *refusal)?,
        }
        self.settled.push(leaf);
        Ok(())
    }

    pub(super) fn is_taken(&self, leaf: LeafId) -> bool {
        self.state.facts.credited(leaf.lane.origin).is_some_and(|taken| taken.contains(leaf.sequence))
    }

    pub(super) fn check_untaken(&self, leaf: LeafId) -> Result<(), Lie> {
        if self.is_taken(leaf) { Err(Lie::Taken(leaf)) } else { Ok(()) }
    }

    /// Adds the sequence to those that were taken here.
    pub(super) fn take(&mut self, leaf: LeafId) -> Result<(), Lie> {
        let origin = leaf.lane.origin;
        let mut credited: Credited = self.state.facts.credited(origin).cloned().unwrap_or_default();
        if !credited.insert(leaf.sequence) {
            return Err(Lie::Taken(leaf));
        }
        self.state.facts.insert(Fact::Credited { origin, credited });
        Ok(())
    }

    /// Removes the failure of `id`, which is retried or refused.
    pub(super) fn remove_failure(&mut self, leaf: LeafId, id: MessageId) -> Result<(), Lie> {
        let (origin, sequence) = (leaf.lane.origin, leaf.sequence);
        if self.state.facts.failed(origin, sequence) != Some(id) {
            return Err(Lie::NotFailed { id });
        }
        self.state.facts.remove(&FactKey::Failed { origin, sequence });
        Ok(())
    }
}
