//! Deploying a network: the same six contracts on every chain, the registry on the hub, and the epoch's table into each AttesterSet.
//!
//! Gateway, HubAgent and AttesterSet name each other in their constructors, and every gateway names the hub's. So all
//! addresses are predicted from the deploying accounts' nonces, and each receipt is held against the prediction. A chain that
//! cannot check a signature is refused before a transaction is sent to any chain.

mod abi;
mod account;
mod artifact;
mod contracts;
mod epochs;
mod error;
mod network_file;
mod plan;
mod registry;

use alloy::primitives::Address;
use futures::future::try_join_all;
use metalayer_proto::ids::{ChainId, GatewayId, NetworkId};

pub(crate) use abi::configCall as GatewayConfig;
pub use account::{Account, Inclusion, without_url};
pub use artifact::Artifact;
pub use contracts::Addresses;
pub use epochs::{Registration, Times, hand_over, register, set_stakes};
pub use error::{DeployError, TransactionError};
pub use plan::{ChainPlan, InboundCap, Plan, RegistryRoles, Roles};

use contracts::Builder;
use plan::Network;
use registry::Registry;

/// A network that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its id.
    pub network: NetworkId,
    /// The registry on the hub.
    pub hub_registry: Address,
    /// What stands on each chain, in the order of the accounts.
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

/// Where a network would stand, and that every chain can be part of it; sends nothing.
///
/// # Errors
/// As [`deploy`].
pub async fn rehearse(
    plan: &Plan,
    accounts: &[Account],
) -> Result<(NetworkId, Vec<(ChainId, Addresses)>), DeployError> {
    let hub = require_planned(plan, accounts)?;
    let network = Network::of(plan, &accounts[hub]);
    let builders: Vec<_> = accounts.iter().map(|account| Builder::new(plan, account, network)).collect();
    try_join_all(builders.iter().zip(accounts).map(|(builder, account)| builder.refuse_unfit(account))).await?;
    Ok((network.id, accounts.iter().map(|account| (account.chain(), Addresses::predict(account))).collect()))
}

/// Deploys `plan` with one account on each of its chains; the epoch's proofs are usable when this resolves.
///
/// The hub's registry knows all of it then; what it tells the other chains is under way as messages. An account must send nothing else meanwhile: addresses follow from nonces.
/// After an error some contracts may stand; a second try deploys all anew.
pub async fn deploy(plan: &Plan, accounts: &mut [Account]) -> Result<Deployed, DeployError> {
    let hub = require_planned(plan, accounts)?;
    let network = Network::of(plan, &accounts[hub]);
    let builders: Vec<_> = accounts.iter().map(|account| Builder::new(plan, account, network)).collect();
    try_join_all(builders.iter().zip(accounts.iter()).map(|(builder, account)| builder.refuse_unfit(account))).await?;
    let deploying = builders.iter().zip(accounts.iter_mut()).map(|(builder, account)| builder.deploy(account));
    let chains = try_join_all(deploying).await?;
    let mut registry = Registry { at: network.registry, account: &mut accounts[hub] };
    let registered: Vec<_> = chains.iter().filter_map(|chain| Some((plan.chain(chain.chain)?, chain))).collect();
    registry.register(&registered).await?;
    registry.hand_over(plan.roles.registry).await?;
    Ok(Deployed { network: network.id, hub_registry: network.registry, chains })
}

/// That there is one account on each planned chain; the place of the hub's.
fn require_planned(plan: &Plan, accounts: &[Account]) -> Result<usize, DeployError> {
    let hub = accounts.iter().position(|account| account.chain() == plan.hub_chain);
    let hub = hub.ok_or(DeployError::NoHub(plan.hub_chain))?;
    for (index, account) in accounts.iter().enumerate() {
        let chain = account.chain();
        if accounts[..index].iter().any(|one| one.chain() == chain) {
            return Err(DeployError::ChainTwice(chain));
        }
        plan.chain(chain).ok_or(DeployError::NotPlanned(chain))?;
    }
    let lacks = plan.chains.iter().find(|chain| accounts.iter().all(|account| account.chain() != chain.id));
    lacks.map_or(Ok(hub), |chain| Err(DeployError::NoAccount(chain.id)))
}
