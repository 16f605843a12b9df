//! Deploying a network: the same six contracts on every chain, the registry on the hub, and the epoch's table into each AttesterSet.
//!
//! Gateway, HubAgent and AttesterSet name each other in their constructors, and every gateway names the hub's. So all
//! addresses are predicted from the deploying accounts' nonces, and each receipt is held against the prediction. A chain that
//! cannot check a signature is refused before a transaction is sent to any chain.

mod abi;
mod account;
mod artifact;
mod contracts;
mod error;
mod plan;
mod registry;

use alloy::primitives::Address;
use futures::future::try_join_all;
use metalayer_proto::ids::{ChainId, GatewayId, NetworkId};

pub use account::{Account, Inclusion};
pub use artifact::Artifact;
pub use contracts::Addresses;
pub use error::{DeployError, TransactionError};
pub use plan::{InboundCap, Plan, Roles};

use contracts::Builder;
use plan::Network;

/// A network that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its id.
    pub network: NetworkId,
    /// The registry on the hub.
    pub hub_registry: Address,
    /// What stands on each chain, in the order of the accounts; a chain's place is its partition's number.
    pub chains: Vec<Deployment>,
}

/// What stands on one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The chain.
    pub chain: ChainId,
    /// Its contracts.
    pub addresses: Addresses,
    /// The block in which the gateway was created: where its history begins.
    pub deployment_block: u64,
    /// Gas used by each transaction that loaded a chunk of the epoch's table.
    pub activation_gas: Vec<u64>,
}

impl Deployment {
    /// The gateway with its chain.
    pub const fn gateway(&self) -> GatewayId {
        GatewayId { chain: self.chain, gateway: self.addresses.gateway }
    }
}

/// Deploys `plan` on the chain of every account, one of which must be the hub's; the epoch's proofs are usable when this resolves.
///
/// The hub's registry knows all of it then; what it tells the other chains is under way as messages. An account must send nothing else meanwhile: addresses follow from nonces.
/// After an error some contracts may stand; a second try deploys all anew.
pub async fn deploy(plan: &Plan, accounts: &mut [Account]) -> Result<Deployed, DeployError> {
    if let Some(index) =
        (1..accounts.len()).find(|index| accounts[..*index].iter().any(|one| one.chain() == accounts[*index].chain()))
    {
        return Err(DeployError::ChainTwice(accounts[index].chain()));
    }
    let hub = accounts.iter().position(|account| account.chain() == plan.hub_chain);
    let hub = hub.ok_or(DeployError::NoHub(plan.hub_chain))?;
    let network = Network::of(plan, &accounts[hub]);
    let builders: Vec<_> = accounts.iter().map(|account| Builder::new(plan, account, network)).collect();
    try_join_all(builders.iter().zip(accounts.iter()).map(|(builder, account)| builder.refuse_unfit(account))).await?;
    let deploying = builders.iter().zip(accounts.iter_mut()).map(|(builder, account)| builder.deploy(account));
    let chains = try_join_all(deploying).await?;
    registry::register(&mut accounts[hub], network.registry, &chains).await?;
    Ok(Deployed { network: network.id, hub_registry: network.registry, chains })
}
