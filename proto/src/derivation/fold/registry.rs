//! What the hub's registry logs, on the hub.

use super::Fold;
use crate::{
    derivation::Lie,
    events::abi,
    facts::{EpochEntry, Fact},
    value::era_asset,
};

impl Fold<'_> {
    /// $ERA begins: the hub holds the whole supply.
    pub(super) fn opened(&mut self, event: &abi::Opened) -> Result<(), Lie> {
        let is_open = self.state.facts.units(era_asset(self.deployment.network)).is_some();
        if is_open || event.era != self.deployment.era {
            return Err(Lie::Opened);
        }
        self.hold(event.supply);
        Ok(())
    }

    pub(super) fn epoch_announced(&mut self, event: &abi::EpochAnnounced) {
        let entry =
            EpochEntry { table_hash: event.tableHash, activates_at: event.activatesAt, expires_at: event.expiresAt };
        self.state.facts.insert(Fact::Epoch { epoch: event.epoch, entry });
    }
}
