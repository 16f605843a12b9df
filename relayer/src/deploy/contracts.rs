//! One chain's contracts, in the order in which they can be created.

use alloy::{
    primitives::{Address, Bytes, TxKind, aliases::U48},
    sol_types::{SolCall, SolConstructor, SolError},
};
use metalayer_proto::{
    events::abi::{epochCall, loadChunkCall},
    ids::ChainId,
    quorum::EpochTable,
};

use super::{
    Account, Artifact, DeployError, Deployment, Inclusion, Plan, TransactionError,
    abi::{self, AttesterSet, Council, EraBridge, EraToken, Gateway, Hub, HubAgent},
    plan::Network,
};

/// Where the contracts of a chain are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Epochs, and the check of what was signed.
    pub attester_set: Address,
    /// The timelock of seven days.
    pub council: Address,
    /// $ERA.
    pub era: Address,
    /// The hub's hand on this chain.
    pub hub_agent: Address,
    /// What sends and delivers.
    pub gateway: Address,
    /// $ERA's way to other chains.
    pub era_bridge: Address,
}

/// $ERA's bridge in the hub's module table.
pub(super) const ERA_MODULE: u32 = 1;

impl Addresses {
    /// Where they will be if `account` creates them next, in this order.
    pub(super) fn predict(account: &Account) -> Self {
        let [attester_set, council, era, hub_agent, gateway, era_bridge] =
            [0, 1, 2, 3, 4, 5].map(|ahead| account.creates(ahead));
        Self { attester_set, council, era, hub_agent, gateway, era_bridge }
    }

    /// Where the registry will be if `account`, the hub's, creates it next after all these.
    pub(super) fn registry(account: &Account) -> Address {
        account.creates(6)
    }
}

/// Builds one chain.
pub(super) struct Builder<'a> {
    plan: &'a Plan,
    addresses: Addresses,
    network: Network,
    /// Who holds every role of the registry at first: it registers what it deploys.
    deployer: Address,
}

impl<'a> Builder<'a> {
    pub(super) fn new(plan: &'a Plan, account: &Account, network: Network) -> Self {
        Self { plan, addresses: Addresses::predict(account), network, deployer: account.address() }
    }

    /// AttesterSet's constructor tries every precompile it needs: asking what its creation would cost sends nothing.
    pub(super) async fn refuse_unfit(&self, account: &Account) -> Result<(), DeployError> {
        let estimate = account.estimate("creating AttesterSet", TxKind::Create, self.attester_set()?).await;
        match estimate {
            Err(TransactionError::WouldRevert { chain, revert, .. }) if missing_precompile(&revert).is_some() => {
                let precompile = missing_precompile(&revert).unwrap_or_default();
                Err(DeployError::NoBls { chain, precompile })
            }
            other => other.map(|_| ()).map_err(DeployError::from),
        }
    }

    pub(super) async fn deploy(&self, account: &mut Account) -> Result<Deployment, DeployError> {
        let at = self.addresses;
        // Each needs only addresses; the gateway wants the token to stand already.
        let first = [
            (Artifact::ATTESTER_SET, self.attester_set()?, at.attester_set),
            (Artifact::COUNCIL, self.council()?, at.council),
            (Artifact::ERA_TOKEN, self.era_token()?, at.era),
            (Artifact::HUB_AGENT, self.hub_agent()?, at.hub_agent),
        ];
        let mut sent = Vec::new();
        for (artifact, creation, expected) in first {
            sent.push((artifact, create(account, artifact, creation).await?, expected));
        }
        for (artifact, inclusion, expected) in &sent {
            created(account, *artifact, inclusion, *expected).await?;
        }
        let gateway = create(account, Artifact::GATEWAY, self.gateway()?).await?;
        let deployment_block = created(account, Artifact::GATEWAY, &gateway, at.gateway).await?;
        let artifact = self.bridge(account.chain());
        let bridge = create(account, artifact, self.era_bridge(artifact)?).await?;
        created(account, artifact, &bridge, at.era_bridge).await?;
        if account.chain() == self.plan.hub_chain {
            let registry = create(account, Artifact::HUB, self.hub()?).await?;
            created(account, Artifact::HUB, &registry, self.network.registry).await?;
        }
        let activation_gas = load_table(account, at.attester_set, &self.plan.table).await?;
        self.require_usable(account).await?;
        Ok(Deployment { chain: account.chain(), addresses: at, deployment_block, activation_gas })
    }

    async fn require_usable(&self, account: &Account) -> Result<(), DeployError> {
        let table = &self.plan.table;
        let data = epochCall { number: table.epoch() }.abi_encode().into();
        let answer = account.call("reading the epoch", self.addresses.attester_set, data).await?;
        let usable = epochCall::abi_decode_returns(&answer).is_ok_and(|epoch| {
            epoch.tableHash == table.hash() && epoch.members == table.len() && epoch.totalStake == table.total()
        });
        if usable { Ok(()) } else { Err(DeployError::EpochUnusable { chain: account.chain(), epoch: table.epoch() }) }
    }

    fn attester_set(&self) -> Result<Bytes, DeployError> {
        let (plan, at) = (self.plan, &self.addresses);
        let first = abi::FirstEpoch {
            number: plan.table.epoch(),
            tableHash: plan.table.hash(),
            activatesAt: plan.activates_at,
            expiresAt: plan.expires_at,
        };
        let arguments = AttesterSet::constructorCall {
            network: self.network.id.0,
            hubChainId: plan.hub_chain.get(),
            hubGateway: self.network.gateway,
            hubAgent: at.hub_agent,
            council: at.council,
            first,
        };
        Artifact::ATTESTER_SET.creation(&arguments.abi_encode())
    }

    fn council(&self) -> Result<Bytes, DeployError> {
        let arguments = Council::constructorCall { members: self.plan.roles.council.clone() };
        Artifact::COUNCIL.creation(&arguments.abi_encode())
    }

    fn era_token(&self) -> Result<Bytes, DeployError> {
        let arguments = EraToken::constructorCall {
            hubChainId: self.plan.hub_chain.get(),
            holder: self.plan.roles.era_holder,
            bridge: self.addresses.era_bridge,
        };
        Artifact::ERA_TOKEN.creation(&arguments.abi_encode())
    }

    fn hub_agent(&self) -> Result<Bytes, DeployError> {
        let arguments = HubAgent::constructorCall {
            gateway: self.addresses.gateway,
            attesterSet: self.addresses.attester_set,
            hubChainId: self.plan.hub_chain.get(),
            hubRegistry: self.network.registry,
        };
        Artifact::HUB_AGENT.creation(&arguments.abi_encode())
    }

    fn gateway(&self) -> Result<Bytes, DeployError> {
        let (plan, at) = (self.plan, &self.addresses);
        let config = abi::Config {
            network: self.network.id.0,
            hubChainId: plan.hub_chain.get(),
            hubGateway: self.network.gateway,
            hubRegistry: self.network.registry,
            hubAgent: at.hub_agent,
            attesterSet: at.attester_set,
            era: at.era,
            routeAdmin: plan.roles.route_admin,
            guardian: plan.roles.guardian,
            council: at.council,
            unfreezeDelay: plan.roles.unfreeze_delay_s,
        };
        Artifact::GATEWAY.creation(&Gateway::constructorCall { config }.abi_encode())
    }

    fn bridge(&self, chain: ChainId) -> Artifact {
        if self.plan.faulty == Some(chain) { Artifact::FAULTY_MODULE } else { Artifact::ERA_BRIDGE }
    }

    /// Both bridges take the same arguments.
    fn era_bridge(&self, artifact: Artifact) -> Result<Bytes, DeployError> {
        let arguments = EraBridge::constructorCall {
            gateway: self.addresses.gateway,
            moduleId: ERA_MODULE,
            capacity: self.plan.inbound.capacity,
            window: U48::from(self.plan.inbound.window_s),
        };
        artifact.creation(&arguments.abi_encode())
    }

    fn hub(&self) -> Result<Bytes, DeployError> {
        let [admin, registrar, governor, staker] = [self.deployer; 4];
        let arguments = Hub::constructorCall {
            name: self.plan.name.clone(),
            gateway: self.addresses.gateway,
            epochOverlap: self.plan.epoch_overlap_s,
            roles: abi::HubRoles { admin, registrar, governor, staker },
        };
        Artifact::HUB.creation(&arguments.abi_encode())
    }
}

async fn create(account: &mut Account, artifact: Artifact, creation: Bytes) -> Result<Inclusion, DeployError> {
    Ok(account.send(&format!("creating {}", artifact.name()), TxKind::Create, creation).await?)
}

/// The block in which the contract was created, at the expected address.
async fn created(
    account: &Account,
    artifact: Artifact,
    sent: &Inclusion,
    expected: Address,
) -> Result<u64, DeployError> {
    let receipt = account.included(sent).await?;
    tracing::info!(chain = %account.chain(), contract = artifact.name(), address = %expected, "created");
    match receipt.contract_address.filter(|got| *got != expected) {
        Some(got) => Err(DeployError::Address { chain: account.chain(), contract: artifact.name(), expected, got }),
        None => Ok(receipt.block_number.unwrap_or_default()),
    }
}

/// Loads every chunk of the table, each after the one before it, and says how much gas each took.
async fn load_table(account: &mut Account, to: Address, table: &EpochTable) -> Result<Vec<u64>, DeployError> {
    let header: Bytes = table.header().into();
    let mut gas = Vec::new();
    for (index, chunk) in table.chunks().enumerate() {
        let call =
            loadChunkCall { header: header.clone(), index: alloy::primitives::U256::from(index), chunk: chunk.into() };
        let sent = account.send("loading the epoch's table", TxKind::Call(to), call.abi_encode().into()).await?;
        gas.push(account.included(&sent).await?.gas_used);
        tracing::info!(chain = %account.chain(), epoch = table.epoch(), chunk = index, "loaded a chunk of the epoch's table");
    }
    Ok(gas)
}

fn missing_precompile(revert: &[u8]) -> Option<Address> {
    abi::PrecompileFailed::abi_decode(revert)
        .map(|error| error.precompile)
        .or_else(|_| abi::PrecompileWrong::abi_decode(revert).map(|error| error.precompile))
        .ok()
}
