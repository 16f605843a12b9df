//! What the hub's registry is told of a new network: its chains, $ERA, and the bridge on each of them; then who may tell it more.
//!
//! What it tells the other chains are messages: they arrive once attesters sign and an executor runs.

use alloy::{
    primitives::{Address, B256, Bytes, TxKind, keccak256},
    sol_types::SolCall,
};
use metalayer_node::chain::{Finality, ReadingMode};
use metalayer_proto::message::Kind;

use super::{Account, ChainPlan, DeployError, Deployment, RegistryRoles, abi, contracts::ERA_MODULE};

/// A call of the registry, and what it does.
type Call = (&'static str, Vec<u8>);

/// The hub's registry, and the account that has every role there at first.
pub(super) struct Registry<'a> {
    pub(super) at: Address,
    pub(super) account: &'a mut Account,
}

impl Registry<'_> {
    /// Registers `chains`, the hub's among them; opens $ERA's ledger; and sets the bridge of every chain.
    pub(super) async fn register(&mut self, chains: &[(&ChainPlan, &Deployment)]) -> Result<(), DeployError> {
        let here = self.account.chain();
        let (hub, others): (Vec<_>, Vec<_>) = chains.iter().partition(|(plan, _)| plan.id == here);
        for (plan, chain) in hub {
            self.call(vec![("registering the hub", register_chain(plan, chain))]).await?;
            let open = abi::openCall { era: chain.addresses.era }.abi_encode();
            self.call(vec![("opening the ledger of $ERA", open)]).await?;
        }
        let registrations = others.iter().map(|(plan, chain)| ("registering a chain", register_chain(plan, chain)));
        self.call(registrations.collect()).await?;
        let bridges = others.iter().map(|(_, chain)| ("registering a bridge", set_module(chain)));
        self.call(bridges.collect()).await
    }

    /// Gives `roles` to whom they belong; the account keeps those that are its own alone.
    pub(super) async fn hand_over(&mut self, roles: RegistryRoles) -> Result<(), DeployError> {
        let own = self.account.address();
        let [registrar, governor, staker] = ["REGISTRAR_ROLE", "GOVERNOR_ROLE", "STAKER_ROLE"].map(keccak256);
        // The role that gives the others goes last.
        let all = [
            (registrar, roles.registrar),
            (governor, roles.governor),
            (staker, roles.staker),
            (B256::ZERO, roles.admin),
        ];
        for (role, holder) in all.into_iter().filter(|(_, holder)| *holder != own) {
            let grant = abi::grantRoleCall { role, account: holder }.abi_encode();
            self.call(vec![("giving a role to its holder", grant)]).await?;
            let renounce = abi::renounceRoleCall { role, callerConfirmation: own }.abi_encode();
            self.call(vec![("giving up a role", renounce)]).await?;
        }
        Ok(())
    }

    /// Calls that do not need each other, and waits for all of them.
    async fn call(&mut self, calls: Vec<Call>) -> Result<(), DeployError> {
        let mut sent = Vec::new();
        for (what, call) in calls {
            tracing::info!(registry = %self.at, "{what}");
            sent.push(self.account.send(what, TxKind::Call(self.at), Bytes::from(call)).await?);
        }
        for inclusion in &sent {
            self.account.included(inclusion).await?;
        }
        Ok(())
    }
}

fn register_chain(plan: &ChainPlan, chain: &Deployment) -> Vec<u8> {
    let at = chain.addresses;
    let (finality, finality_blocks) = match plan.finality {
        Finality::Finalized => (0, 0),
        Finality::Safe => (1, 0),
        Finality::Blocks(blocks) => (2, u32::try_from(blocks).unwrap_or(u32::MAX)),
    };
    let read_mode = match plan.reading {
        ReadingMode::BloomReceipts => 0,
    };
    let registration = abi::ChainRegistration {
        chainId: chain.chain.get(),
        gateway: at.gateway,
        hubAgent: at.hub_agent,
        attesterSet: at.attester_set,
        era: at.era,
        deploymentBlock: chain.deployment_block,
        finality,
        finalityBlocks: finality_blocks,
        readMode: read_mode,
        partition: plan.partition.0,
    };
    abi::registerChainCall { registration }.abi_encode()
}

fn set_module(chain: &Deployment) -> Vec<u8> {
    abi::setModuleCall {
        moduleId: ERA_MODULE,
        kind: Kind::ValueFlow.byte(),
        chainId: chain.chain.get(),
        module: chain.addresses.era_bridge,
    }
    .abi_encode()
}
