//! What the hub's registry is told of a new network: its chains, $ERA, and the bridge on each of them.
//!
//! What it tells the other chains are messages: they arrive once attesters sign and an executor runs.

use alloy::{
    primitives::{Address, Bytes, TxKind},
    sol_types::SolCall,
};
use metalayer_proto::message::Kind;

use super::{Account, DeployError, Deployment, abi, contracts::ERA_MODULE};

/// Registers `chains`, the hub's among them, each with its place as the number of its partition; opens $ERA's ledger; and sets
/// the bridge of every chain. `account` is the hub's.
pub(super) async fn register(
    account: &mut Account,
    registry: Address,
    chains: &[Deployment],
) -> Result<(), DeployError> {
    let is_hub = |(_, chain): &(u32, &Deployment)| chain.chain == account.chain();
    let (hub, others): (Vec<_>, Vec<_>) = (0..).zip(chains).partition(is_hub);
    let mut steps = Vec::new();
    for (partition, chain) in &hub {
        steps.push(vec![("registering the hub", register_chain(*partition, chain))]);
        steps.push(vec![("opening the ledger of $ERA", abi::openCall { era: chain.addresses.era }.abi_encode())]);
    }
    steps.push(others.iter().map(|(number, chain)| ("registering a chain", register_chain(*number, chain))).collect());
    steps.push(others.iter().map(|(_, chain)| ("registering a bridge", set_module(chain))).collect());
    // Each step wants the one before it to stand.
    for step in steps {
        let mut sent = Vec::new();
        for (what, call) in step {
            sent.push(account.send(what, TxKind::Call(registry), Bytes::from(call)).await?);
        }
        for inclusion in &sent {
            account.included(inclusion).await?;
        }
    }
    Ok(())
}

fn register_chain(partition: u32, chain: &Deployment) -> Vec<u8> {
    let at = chain.addresses;
    let registration = abi::ChainRegistration {
        chainId: chain.chain.get(),
        gateway: at.gateway,
        hubAgent: at.hub_agent,
        attesterSet: at.attester_set,
        era: at.era,
        deploymentBlock: chain.deployment_block,
        // `finalized`, and `bloom-receipts`: what every chain must have at least.
        finality: 0,
        finalityBlocks: 0,
        readMode: 0,
        partition,
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
