//! What is given up: sent home and logged in one transaction; and what came home so.

use super::{Fold, Stop, governed::Governed};
use crate::{
    control::Refusal,
    derivation::{LeafId, Lie, arrivals::Effect},
    events::abi,
    ids::{GatewayId, LaneId, MessageId},
    lane::Frontier,
    message::Message,
};

impl Fold<'_> {
    /// The gateway itself sends a refusal home.
    pub(super) fn refusal_sent(&mut self, message: &Message) -> Result<(), Stop> {
        let refusal = Refusal::decode(message.payload.bytes())?;
        let leaf = self.arriving(message.destination, refusal.sequence);
        if refusal.is_unproven() {
            self.check_untaken(leaf)?;
        } else {
            // From here on nothing else can be sent home for this failure, nor retried.
            self.remove_failure(leaf, refusal.id)?;
        }
        self.transaction.refusal_sent(self.at, message.destination, refusal);
        Ok(())
    }

    pub(super) fn refused(&mut self, event: &abi::MessageRefused) -> Result<(), Stop> {
        let origin = self.other_end(event.originChainId, event.originGateway)?;
        let (sequence, id) = (event.sequence, MessageId(event.id));
        let refusal = Refusal { sequence, id };
        if !self.transaction.take_refusal(origin, refusal) {
            return Err(Lie::RefusalUnpaired { origin, sequence }.into());
        }
        if refusal.is_unproven() {
            self.check_untaken(self.arriving(origin, sequence))?;
            self.governed(Governed::Refused { origin, sequence })?;
        }
        Ok(())
    }

    /// A refusal came home from `from`. What was debited when it was sent is credited again.
    pub(super) fn came_home(&mut self, from: GatewayId, refusal: Refusal) -> Result<(), Stop> {
        let (sequence, here) = (refusal.sequence, self.deployment.origin);
        let count = self.state.lanes.get(&from).map_or(0, Frontier::count);
        if sequence >= count {
            return Err(Lie::RefusedUnsent { sequence, count }.into());
        }
        if refusal.is_unproven() {
            return Ok(());
        }
        let leaf = LeafId { lane: LaneId { origin: here, destination: from }, sequence };
        let own = self.shown(leaf, refusal.id)?;
        match own.valid() {
            Some((_, Effect::Credit(amount))) if own.id() == refusal.id => {
                let amount = *amount;
                self.credit(amount)?;
            }
            // No value left with it: nothing comes home.
            _ => {}
        }
        self.settled.push(leaf);
        Ok(())
    }
}
