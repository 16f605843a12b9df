//! What only the hub can will: believed on the hub, elsewhere beside the delivery of the act that says the same.

use alloy::primitives::Address;

use super::{Fold, Stop};
use crate::{
    act::Act,
    derivation::{DerivationError, KNOWN_RULES_VERSIONS, LeafId, Lie},
    events::{LogError, abi},
    facts::{Fact, FactKey, ModuleRow},
    ids::{ChainId, GatewayId, LaneId},
    lane::Frontier,
    message::Kind,
};

/// What a gateway logs that did the hub's will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Governed {
    Module { chain: ChainId, contract: Address, row: ModuleRow },
    Rules(u32),
    Refused { origin: GatewayId, sequence: u64 },
    Overruled { destination: GatewayId, sequence: u64 },
}

impl Governed {
    /// A row as facts have it: whatever kind stands beside a removal means nothing.
    fn module(chain: ChainId, contract: Address, row: ModuleRow) -> Self {
        let kind = if row.is_removed() { Kind::Generic } else { row.kind };
        Self::Module { chain, contract, row: ModuleRow { kind, ..row } }
    }

    /// What is logged when `act` is done and changes something, if that is anything.
    fn of(act: &Act) -> Option<Self> {
        match *act {
            Act::SetModule { chain, contract, row } => Some(Self::module(chain, contract, row)),
            Act::SetRulesVersion { version, .. } => Some(Self::Rules(version)),
            Act::RefuseUnproven { origin, sequence } => Some(Self::Refused { origin, sequence }),
            Act::Overrule { destination, sequence } => Some(Self::Overruled { destination, sequence }),
            Act::AnnounceEpoch { .. } | Act::CallModule { .. } => None,
        }
    }
}

impl Fold<'_> {
    pub(super) fn module_set(&mut self, event: &abi::ModuleSet) -> Result<(), Stop> {
        let chain = ChainId::new(event.chainId).map_err(LogError::from)?;
        let kind = if event.moduleId == 0 { Ok(Kind::Generic) } else { event.kind.try_into() };
        let row = ModuleRow { module: event.moduleId, kind: kind.map_err(LogError::from)?, version: event.version };
        let old = self.state.facts.module_version(chain, event.module);
        if old >= row.version {
            return Err(Lie::ModuleVersion { old, new: row.version }.into());
        }
        self.governed(Governed::module(chain, event.module, row))
    }

    pub(super) fn rules_version_set(&mut self, event: &abi::RulesVersionSet) -> Result<(), Stop> {
        let (old, new) = (self.state.facts.rules_version(), event.version);
        if new < old {
            return Err(Lie::RulesVersion { old, new }.into());
        }
        self.governed(Governed::Rules(new))
    }

    pub(super) fn overruled(&mut self, event: &abi::Overruled) -> Result<(), Stop> {
        let destination = self.other_end(event.destinationChainId, event.destinationGateway)?;
        let sequence = event.sequence;
        let count = self.state.lanes.get(&destination).map_or(0, Frontier::count);
        if sequence >= count {
            return Err(Lie::OverruledUnsent { sequence, count }.into());
        }
        self.governed(Governed::Overruled { destination, sequence })
    }

    /// What was logged takes effect now on the hub; elsewhere with the act that says so, which must follow.
    pub(super) fn governed(&mut self, governed: Governed) -> Result<(), Stop> {
        if self.on_hub() {
            return self.enact(governed);
        }
        self.transaction.governed(self.at, governed);
        Ok(())
    }

    /// An act of the hub was delivered.
    pub(super) fn act(&mut self, act: &Act) -> Result<(), Stop> {
        let logged = Governed::of(act).filter(|will| self.transaction.take_governed(will));
        match (act, logged) {
            (Act::SetModule { chain, contract, row }, _) => self.enact(Governed::module(*chain, *contract, *row)),
            (Act::SetRulesVersion { version, .. }, _) => self.enact(Governed::Rules(*version)),
            (Act::AnnounceEpoch { epoch, entry }, _) => {
                if self.state.facts.get(&FactKey::Epoch(*epoch)).is_none() {
                    self.state.facts.insert(Fact::Epoch { epoch: *epoch, entry: *entry });
                }
                Ok(())
            }
            // These change nothing but by what the gateway did.
            (_, Some(done)) => self.enact(done),
            (_, None) => Ok(()),
        }
    }

    fn enact(&mut self, governed: Governed) -> Result<(), Stop> {
        match governed {
            Governed::Module { chain, contract, row } => self.set_module(chain, contract, row),
            Governed::Rules(version) => self.set_rules(version)?,
            Governed::Refused { origin, sequence } => {
                let leaf = self.arriving(origin, sequence);
                self.take(leaf)?;
                self.settled.push(leaf);
            }
            Governed::Overruled { destination, sequence } => {
                let lane = LaneId { origin: self.deployment.origin, destination };
                return Err(Stop::Beyond(DerivationError::Overruled(LeafId { lane, sequence })));
            }
        }
        Ok(())
    }

    fn set_module(&mut self, chain: ChainId, contract: Address, row: ModuleRow) {
        if self.state.facts.module_version(chain, contract) < row.version {
            self.state.facts.insert(Fact::Module { chain, contract, row });
        }
    }

    fn set_rules(&mut self, version: u32) -> Result<(), Stop> {
        if version <= self.state.facts.rules_version() {
            return Ok(());
        }
        if !KNOWN_RULES_VERSIONS.contains(&version) {
            return Err(Stop::Beyond(DerivationError::RulesUnknown(version)));
        }
        self.state.facts.insert(Fact::Rules(version));
        Ok(())
    }
}
