//! A founded network: its contracts deployed by the code that deploys every network, once a process, and copied for every run.

mod keys;
mod serve;

use std::sync::{Arc, OnceLock};

use alloy::{
    primitives::{
        Address, TxKind, U256,
        aliases::{U80, U96, U208},
        uint,
    },
    signers::{k256::ecdsa, local::PrivateKeySigner},
    sol_types::SolCall,
};
use futures::future::try_join_all;
use metalayer_node::{
    chain::{Finality, ReadingMode},
    config::NetworkFile,
    signer::AttesterSigner,
};
use metalayer_proto::{
    bls::PossessionProof,
    events::abi,
    facts::Route,
    ids::{ChainId, InvalidChainId},
    message::Kind,
    quorum::{InvalidStake, TableError},
    topics::Partition,
};
use relayer::deploy::{
    self, Account, Artifact, ChainPlan, DeployError, Deployed, Deployment, InboundCap, Plan, Registration,
    RegistryRoles, Roles, Times, TransactionError,
};

use crate::chain::SimChain;
pub use keys::Attester;
use serve::Served;

/// The chains; the first is the hub.
const CHAINS: [(&str, u64); 2] = [("hub", 900), ("harbour", 901)];
/// Which of them has the bridge that also sends what no honest one would.
const FAULTY: usize = 1;
const EPOCH: u64 = 1;
/// The contracts' clock at the first block, in seconds.
const GENESIS_S: u64 = 1_800_000_000;
const DAY_S: u64 = 86_400;
/// In a network that hands over: when the second epoch begins and when the first ends, in seconds after the first block.
const SECOND_BEGINS_S: u64 = 400;
const FIRST_ENDS_S: u64 = 700;
/// How long before it begins an epoch is announced there.
const OVERLAP_S: u64 = 60;
/// What an operator may spend at the hub.
const OPERATOR_GAS: u64 = 2_000_000;
/// What whoever has coin has of it on every chain, in wei.
const RICH_WEI: U256 = uint!(10_000_000_000_000_000_000_000_U256);
/// How much gas each of the others can pay for on every chain, as it costs then: far more than a run uses, should gas become dear.
const GIVEN_GAS: u64 = 100_000_000_000;
/// The most $ERA that may arrive at a chain at once from another, in the smallest unit.
const INBOUND_MAX: U208 = uint!(6_000_000_000_000_000_000_000_000_U208);
/// The most $ERA that a message from the hub carries, where all of it is at first.
const HUB_VALUE_MAX_ERA: u64 = 5_000_000;
/// The most $ERA that a message from another chain carries.
pub const VALUE_MAX_ERA: u64 = 1_000;

/// A network that no daemon serves yet.
#[derive(Clone, Debug)]
pub struct Founded {
    /// Its file.
    pub network: NetworkFile,
    /// Its chains, the hub first; all that was done to found it is final.
    pub chains: Vec<FoundedChain>,
    /// Who signs.
    pub attesters: Vec<Attester>,
    /// Has coin on every chain, all $ERA, and every role but the routes' and the executor's.
    pub holder: PrivateKeySigner,
    /// Sets routes.
    pub team: PrivateKeySigner,
    /// The relayer's account on every chain; has coin.
    pub executor: PrivateKeySigner,
    /// Has coin on every chain, and no role.
    pub stranger: PrivateKeySigner,
}

/// One chain of a network.
#[derive(Clone, Debug)]
pub struct FoundedChain {
    /// The chain.
    pub chain: SimChain,
    /// Its contracts.
    pub deployment: Deployment,
    /// A contract that takes every message.
    pub willing: Address,
    /// A contract that takes none until it is told to.
    pub reverting_once: Address,
}

/// The epochs of a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Epochs {
    /// One, which outlasts every run.
    One,
    /// Two: the second is announced on the hub, and takes over soon.
    HandingOver,
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// The contracts could not be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A transaction came to nothing.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A key is none.
    #[error(transparent)]
    Key(#[from] ecdsa::Error),
    /// A chain cannot exist.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// A stake is none.
    #[error(transparent)]
    Stake(#[from] InvalidStake),
    /// The attesters are no epoch's.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The chains cannot be served while the network is deployed.
    #[error("cannot serve the chains: {0}")]
    Serve(#[from] std::io::Error),
    /// The thread in which it is founded ended.
    #[error("the founding thread ended")]
    Thread,
}

impl Founded {
    /// A copy of one of the process's networks, with chains of its own.
    ///
    /// # Errors
    /// Founding it failed, which happens once.
    pub fn copy(epochs: Epochs) -> Result<Self, &'static FoundingError> {
        static ORIGINALS: [OnceLock<Result<Founded, FoundingError>>; 2] = [OnceLock::new(), OnceLock::new()];
        ORIGINALS[epochs as usize].get_or_init(|| found_in_a_thread(epochs)).as_ref().map(Self::fork)
    }

    /// This network with chains of its own.
    pub fn fork(&self) -> Self {
        let fork = |one: &FoundedChain| FoundedChain { chain: one.chain.fork(), ..one.clone() };
        Self { chains: self.chains.iter().map(fork).collect(), ..self.clone() }
    }
}

/// Deploying asks nodes over HTTP, in a runtime of its own: whoever wants the network may be in another.
fn found_in_a_thread(epochs: Epochs) -> Result<Founded, FoundingError> {
    let founding = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(found(epochs))
    });
    founding.join().map_err(|_| FoundingError::Thread)?
}

async fn found(epochs: Epochs) -> Result<Founded, FoundingError> {
    let [holder, team] = [keys::account("holder")?, keys::account("team")?];
    let [executor, stranger] = [keys::account("executor")?, keys::account("stranger")?];
    let attesters = keys::attesters()?;
    let plan = plan(&holder, &team, &attesters, epochs)?;
    let mut served = Vec::new();
    for chain in &plan.chains {
        served.push(Served::start(SimChain::new(chain.id, GENESIS_S, &[(holder.address(), RICH_WEI)])).await?);
    }
    let mut accounts = try_join_all(served.iter().map(|one| Account::connect(one.url(), holder.clone()))).await?;
    let deployed = deploy::deploy(&plan, &mut accounts).await?;
    let mut chains = Vec::new();
    for ((one, account), deployment) in served.iter().zip(&mut accounts).zip(&deployed.chains) {
        for spender in [&team, &executor, &stranger] {
            let given = account.pay_for_gas(spender.address(), GIVEN_GAS).await?;
            account.included(&given).await?;
        }
        open_routes(one.url(), &team, &deployed, deployment).await?;
        let [willing, reverting_once] = recipients(account).await?;
        let chain = one.chain.clone();
        chains.push(FoundedChain { chain, deployment: deployment.clone(), willing, reverting_once });
    }
    if let (Epochs::HandingOver, Some(hub), Some(account)) = (epochs, served.first(), accounts.first_mut()) {
        announce_second_epoch(hub.url(), account, &deployed, &attesters).await?;
    }
    for FoundedChain { chain, .. } in &chains {
        chain.finalize_to(chain.latest().number);
    }
    let network = deployed.network_file(&plan, &keys::entries(&attesters));
    Ok(Founded { network, chains, attesters, holder, team, executor, stranger })
}

fn plan(
    holder: &PrivateKeySigner,
    team: &PrivateKeySigner,
    attesters: &[Attester],
    epochs: Epochs,
) -> Result<Plan, FoundingError> {
    let (expires_at, epoch_overlap_s) = match epochs {
        Epochs::One => (GENESIS_S + 90 * DAY_S, DAY_S),
        Epochs::HandingOver => (GENESIS_S + FIRST_ENDS_S, OVERLAP_S),
    };
    let chain = |(partition, (name, id)): (u32, (&str, u64))| {
        Ok::<_, InvalidChainId>(ChainPlan {
            name: name.to_owned(),
            id: ChainId::new(id)?,
            partition: Partition(partition),
            finality: Finality::Finalized,
            reading: ReadingMode::BloomReceipts,
        })
    };
    let chains: Vec<_> = (0..).zip(CHAINS).map(chain).collect::<Result<_, _>>()?;
    let admin = holder.address();
    Ok(Plan {
        name: "simulation".to_owned(),
        hub_chain: chains[0].id,
        faulty: chains.get(FAULTY).map(|chain| chain.id),
        chains,
        table: Arc::new(keys::table(EPOCH, attesters)?),
        activates_at: expires_at - 91 * DAY_S,
        expires_at,
        epoch_overlap_s,
        inbound: InboundCap { capacity: INBOUND_MAX, window_s: 3_600 },
        roles: Roles {
            era_holder: admin,
            route_admin: team.address(),
            guardian: admin,
            council: vec![admin],
            unfreeze_delay_s: DAY_S,
            registry: RegistryRoles::all(admin),
        },
    })
}

/// Registers the attesters at the hub with the stakes of the second epoch, and announces it.
async fn announce_second_epoch(
    url: &str,
    staker: &mut Account,
    deployed: &Deployed,
    attesters: &[Attester],
) -> Result<(), FoundingError> {
    let registry = deployed.hub_registry;
    for attester in attesters {
        let given = staker.pay_for_gas(attester.operator.address(), OPERATOR_GAS).await?;
        staker.included(&given).await?;
        let mut operator = Account::connect(url, attester.operator.clone()).await?;
        let signer = attester.signer();
        let registration = Registration {
            key: signer.public_key(),
            possession: PossessionProof::new(signer.secret_key(), deployed.network, operator.address()),
            transport_key: signer.transport_key(),
        };
        deploy::register(&mut operator, registry, &registration).await?;
    }
    let next = keys::next_stakes(attesters);
    let stakes: Vec<_> = next.iter().map(|one| (one.operator.address(), Some(one.stake))).collect();
    deploy::set_stakes(staker, registry, &stakes).await?;
    let activates_at = GENESIS_S + SECOND_BEGINS_S;
    let times = Times { activates_at, expires_at: activates_at + 90 * DAY_S };
    Ok(deploy::hand_over(staker, registry, &keys::table(EPOCH + 1, &next)?, times).await?)
}

/// Opens the routes from a chain to all others, for messages without value and for $ERA.
async fn open_routes(
    url: &str,
    team: &PrivateKeySigner,
    deployed: &Deployed,
    from: &Deployment,
) -> Result<(), TransactionError> {
    let mut team = Account::connect(url, team.clone()).await?;
    let is_hub = deployed.chains.first().is_some_and(|hub| hub.chain == from.chain);
    let value_max_era = if is_hub { HUB_VALUE_MAX_ERA } else { VALUE_MAX_ERA };
    for to in deployed.chains.iter().filter(|to| to.chain != from.chain) {
        let route = Route {
            gateway: to.addresses.gateway,
            kinds: (1 << Kind::Generic.byte()) | (1 << Kind::ValueFlow.byte()),
            bytes_max: 4_096,
            gas_max: 1_000_000,
            value_max: u128::from(value_max_era) * 10_u128.pow(18),
            fee_base: U96::from(10_u64.pow(16)),
            fee_per_byte: U80::from(10_u64.pow(12)),
            fee_per_gas: U80::from(10_u64.pow(10)),
        };
        let call = abi::setRouteCall { destinationChainId: to.chain.get(), route: route.into() }.abi_encode();
        let sent = team.send("opening a route", TxKind::Call(from.addresses.gateway), call.into()).await?;
        team.included(&sent).await?;
    }
    Ok(())
}

async fn recipients(account: &mut Account) -> Result<[Address; 2], FoundingError> {
    let created = [account.creates(0), account.creates(1)];
    for artifact in [Artifact::RECIPIENT, Artifact::REVERTING_ONCE_RECIPIENT] {
        let sent = account.send("creating a recipient", TxKind::Create, artifact.creation(&[])?).await?;
        account.included(&sent).await?;
    }
    Ok(created)
}

#[cfg(test)]
mod tests;
