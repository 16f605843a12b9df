//! How many units of $ERA the origin rightfully holds.

use alloy::primitives::U256;

use super::Fold;
use crate::{derivation::Lie, facts::Fact, value::era_asset};

impl Fold<'_> {
    pub(super) fn held(&self) -> U256 {
        self.state.facts.units(era_asset(self.deployment.network)).unwrap_or_default()
    }

    pub(super) fn credit(&mut self, amount: U256) -> Result<(), Lie> {
        let units = self.held().checked_add(amount).ok_or(Lie::Overflow)?;
        self.hold(units);
        Ok(())
    }

    pub(super) fn hold(&mut self, units: U256) {
        self.state.facts.insert(Fact::Ledger { asset: era_asset(self.deployment.network), units });
    }
}
