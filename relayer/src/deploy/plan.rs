//! What a network is built from.

use std::sync::Arc;

use alloy::primitives::{Address, aliases::U208};
use metalayer_node::chain::{Finality, ReadingMode};
use metalayer_proto::{
    ids::{ChainId, NetworkId},
    quorum::EpochTable,
    topics::Partition,
};

use super::{Account, Addresses};

/// What is to be built.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The network's name.
    pub name: String,
    /// The chain of its registries.
    pub hub_chain: ChainId,
    /// All its chains, the hub among them.
    pub chains: Vec<ChainPlan>,
    /// Who signs in the epoch in force.
    pub table: Arc<EpochTable>,
    /// From when its proofs hold, in Unix seconds.
    pub activates_at: u64,
    /// From when they hold no more, in Unix seconds; at least 30 days later.
    pub expires_at: u64,
    /// How long before it begins an epoch is announced at least, in seconds.
    pub epoch_overlap_s: u64,
    /// How much $ERA may arrive from one chain.
    pub inbound: InboundCap,
    /// A chain whose bridge is `FaultyModule`, if the network is to be thrown away.
    pub faulty: Option<ChainId>,
    /// Who may do what.
    pub roles: Roles,
}

impl Plan {
    /// A chain by its id.
    pub fn chain(&self, id: ChainId) -> Option<&ChainPlan> {
        self.chains.iter().find(|chain| chain.id == id)
    }
}

/// What the hub's registry is to know of a chain beside its contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPlan {
    /// What people call it.
    pub name: String,
    /// Which chain it is.
    pub id: ChainId,
    /// Its number on the bus, never given to another chain.
    pub partition: Partition,
    /// When a block counts.
    pub finality: Finality,
    /// How it is read.
    pub reading: ReadingMode,
}

/// A bucket: so much at once, and as much again within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboundCap {
    /// What fits in, in the smallest unit of $ERA.
    pub capacity: U208,
    /// In how many seconds it fills again.
    pub window_s: u32,
}

/// What every chain's contracts name: it follows from the hub's deploying account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) id: NetworkId,
    pub(super) gateway: Address,
    pub(super) registry: Address,
}

impl Network {
    /// The network that `plan` makes where `hub` deploys next.
    pub(super) fn of(plan: &Plan, hub: &Account) -> Self {
        let registry = Addresses::registry(hub);
        let id = NetworkId::new(&plan.name, plan.hub_chain, registry);
        Self { id, gateway: Addresses::predict(hub).gateway, registry }
    }
}

/// The accounts behind each role.
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
    /// Who may do what at the hub's registry, once the deployer has registered what it deployed.
    pub registry: RegistryRoles,
}

/// The accounts behind the roles of the hub's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryRoles {
    /// Gives and takes the others.
    pub admin: Address,
    /// Registers chains.
    pub registrar: Address,
    /// Sets modules and rules, and acts through every chain's HubAgent.
    pub governor: Address,
    /// Sets stakes and announces epochs.
    pub staker: Address,
}

impl RegistryRoles {
    /// One account for all of them.
    pub const fn all(account: Address) -> Self {
        Self { admin: account, registrar: account, governor: account, staker: account }
    }
}
