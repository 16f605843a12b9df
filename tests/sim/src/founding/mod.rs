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
};
use metalayer_proto::{
    events::abi,
    facts::Route,
    ids::{ChainId, InvalidChainId},
    message::Kind,
    quorum::{InvalidStake, TableError},
    topics::Partition,
};
use relayer::deploy::{
    self, Account, Artifact, ChainPlan, DeployError, Deployed, Deployment, InboundCap, Plan, RegistryRoles, Roles,
    TransactionError,
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
/// What whoever has coin has of it on every chain, in wei.
const RICH_WEI: U256 = uint!(10_000_000_000_000_000_000_000_U256);
/// How much gas each of the others can pay for on every chain.
const GIVEN_GAS: u64 = 400_000_000;
/// The most $ERA that may arrive at a chain at once from another, in the smallest unit.
const INBOUND_MAX: U208 = uint!(6_000_000_000_000_000_000_000_000_U208);
/// The most $ERA that a message carries, in the smallest unit.
const VALUE_MAX: u128 = 5_000_000 * 10_u128.pow(18);

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
    /// A copy of the process's network, with chains of its own.
    ///
    /// # Errors
    /// Founding it failed, which happens once.
    pub fn copy() -> Result<Self, &'static FoundingError> {
        static ORIGINAL: OnceLock<Result<Founded, FoundingError>> = OnceLock::new();
        ORIGINAL.get_or_init(found_in_a_thread).as_ref().map(Self::fork)
    }

    /// This network with chains of its own.
    pub fn fork(&self) -> Self {
        let fork = |one: &FoundedChain| FoundedChain { chain: one.chain.fork(), ..one.clone() };
        Self { chains: self.chains.iter().map(fork).collect(), ..self.clone() }
    }
}

/// Deploying asks nodes over HTTP, in a runtime of its own: whoever wants the network may be in another.
fn found_in_a_thread() -> Result<Founded, FoundingError> {
    let founding = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(found())
    });
    founding.join().map_err(|_| FoundingError::Thread)?
}

async fn found() -> Result<Founded, FoundingError> {
    let [holder, team] = [keys::account("holder")?, keys::account("team")?];
    let [executor, stranger] = [keys::account("executor")?, keys::account("stranger")?];
    let attesters = keys::attesters()?;
    let plan = plan(&holder, &team, &attesters)?;
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
        chain.finalize_to(chain.latest().number);
        chains.push(FoundedChain { chain, deployment: deployment.clone(), willing, reverting_once });
    }
    let network = deployed.network_file(&plan, &keys::entries(&attesters));
    Ok(Founded { network, chains, attesters, holder, team, executor, stranger })
}

fn plan(holder: &PrivateKeySigner, team: &PrivateKeySigner, attesters: &[Attester]) -> Result<Plan, FoundingError> {
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
        activates_at: GENESIS_S - DAY_S,
        expires_at: GENESIS_S + 90 * DAY_S,
        epoch_overlap_s: DAY_S,
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

/// Opens the routes from a chain to all others, for messages without value and for $ERA.
async fn open_routes(
    url: &str,
    team: &PrivateKeySigner,
    deployed: &Deployed,
    from: &Deployment,
) -> Result<(), TransactionError> {
    let mut team = Account::connect(url, team.clone()).await?;
    for to in deployed.chains.iter().filter(|to| to.chain != from.chain) {
        let route = Route {
            gateway: to.addresses.gateway,
            kinds: (1 << Kind::Generic.byte()) | (1 << Kind::ValueFlow.byte()),
            bytes_max: 4_096,
            gas_max: 1_000_000,
            value_max: VALUE_MAX,
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
