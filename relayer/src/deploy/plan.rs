//! What a network is built from.

use std::sync::Arc;

use alloy::primitives::Address;
use metalayer_proto::{
    ids::{ChainId, NetworkId},
    quorum::EpochTable,
};

/// What is the same on every chain.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The network's name.
    pub name: String,
    /// The chain of its registries.
    pub hub_chain: ChainId,
    /// The registry there, the only sender of `Governance`.
    pub hub_registry: Address,
    /// Who signs in the epoch in force.
    pub table: Arc<EpochTable>,
    /// From when its proofs hold, in Unix seconds.
    pub activates_at: u64,
    /// From when they hold no more, in Unix seconds; at least 30 days later.
    pub expires_at: u64,
    /// Who may do what.
    pub roles: Roles,
}

impl Plan {
    /// The network's id.
    pub fn network(&self) -> NetworkId {
        NetworkId::new(&self.name, self.hub_chain, self.hub_registry)
    }
}

/// The accounts behind each gateway's roles.
#[derive(Debug, Clone)]
pub struct Roles {
    /// Who gets the supply of $ERA on the hub.
    pub era_holder: Address,
    /// The rollup's team: sets routes.
    pub route_admin: Address,
    /// Freezes, at once.
    pub guardian: Address,
    /// Who may propose and execute in the council, a timelock of seven days.
    pub council: Vec<Address>,
    /// Seconds between proposing to unfreeze and doing it.
    pub unfreeze_delay_s: u64,
}
