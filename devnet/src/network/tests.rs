//! Deploying on real nodes.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use alloy::{
    primitives::{B256, keccak256},
    providers::Provider,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use relayer::deploy::{self, ChainPlan, Plan};

use super::*;
use crate::{node::Blocks, preflight::anvil_program};

/// Two nodes, the second with `more` arguments, and an account with funds on each.
async fn two_chains(processes: &mut Processes, more: &[&str]) -> [Account; 2] {
    let clone = crate::run_dir::clone_root();
    let anvil = anvil_program(&clone, &std::env::var("PATH").unwrap()).unwrap();
    let mut accounts = Vec::new();
    for (name, id, more) in [("hub", 900, &[] as &[&str]), ("harbour", 901, more)] {
        let chain = ChainId::new(id).unwrap();
        let node = Node::start(processes, &anvil, name, chain, Blocks::AtOnce, more).await.unwrap();
        accounts.push(Account::connect(&node.url, Node::rich().unwrap()).await.unwrap());
    }
    accounts.try_into().unwrap()
}

/// Two chains, whose roles are somebody's who deploys nothing.
fn some_plan() -> Plan {
    let table = Arc::new(members::table(EPOCH, &members::draw()).unwrap());
    let chains = [("hub", ChainId::new(900).unwrap()), ("harbour", ChainId::new(901).unwrap())];
    plan(NAME, &chains, PrivateKeySigner::random().address(), table)
}

#[tokio::test]
async fn a_chain_without_eip_2537_is_refused_before_anything_is_sent_to_any_chain() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
    let mut accounts = two_chains(&mut processes, &["--hardfork", "cancun"]).await;

    let refused = deploy::deploy(&some_plan(), &mut accounts).await.unwrap_err();
    let DeployError::NoBls { chain, .. } = refused else { panic!("refused for another reason: {refused}") };
    assert_eq!(chain.get(), 901);
    for account in &accounts {
        let sent = account.provider().get_transaction_count(account.address()).await.unwrap();
        assert_eq!(sent, 0, "a transaction was sent to {}", account.chain());
    }
    processes.stop().await;
}

#[tokio::test]
async fn contracts_stand_where_they_were_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
    let mut accounts = two_chains(&mut processes, &[]).await;

    let deployments = deploy::deploy(&some_plan(), &mut accounts).await.unwrap();
    for (deployment, account) in deployments.chains.iter().zip(&accounts) {
        let at = deployment.addresses;
        for address in [at.attester_set, at.council, at.era, at.hub_agent, at.gateway, at.era_bridge] {
            assert!(!account.provider().get_code_at(address).await.unwrap().is_empty(), "no code at {address}");
        }
        assert!(deployment.deployment_block > 0);
        assert_eq!(deployment.activation_gas.len(), 1, "seven members are one chunk");
    }
    processes.stop().await;
}

alloy::sol! {
    function hasRole(bytes32 role, address account) view returns (bool);
}

#[tokio::test]
async fn the_deployer_keeps_no_role_that_is_another_s() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
    let mut accounts = two_chains(&mut processes, &[]).await;
    let plan = some_plan();
    let (deployer, holder) = (accounts[0].address(), plan.roles.registry.admin);

    let deployed = deploy::deploy(&plan, &mut accounts).await.unwrap();
    for role in [B256::ZERO, keccak256("REGISTRAR_ROLE"), keccak256("GOVERNOR_ROLE"), keccak256("STAKER_ROLE")] {
        for (account, has) in [(deployer, false), (holder, true)] {
            let call = hasRoleCall { role, account }.abi_encode().into();
            let answer = accounts[0].call("reading a role", deployed.hub_registry, call).await.unwrap();
            assert_eq!(hasRoleCall::abi_decode_returns(&answer).unwrap(), has, "{role} of {account}");
        }
    }
    processes.stop().await;
}

#[tokio::test]
async fn a_plan_that_the_accounts_do_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
    let accounts = two_chains(&mut processes, &[]).await;

    let mut more = some_plan();
    let third = ChainPlan { id: ChainId::new(902).unwrap(), ..more.chains[1].clone() };
    more.chains.push(third);
    let lacking = deploy::rehearse(&more, &accounts).await.unwrap_err();
    assert!(matches!(lacking, DeployError::NoAccount(chain) if chain.get() == 902), "{lacking}");
    let mut fewer = some_plan();
    fewer.chains.pop();
    let foreign = deploy::rehearse(&fewer, &accounts).await.unwrap_err();
    assert!(matches!(foreign, DeployError::NotPlanned(chain) if chain.get() == 901), "{foreign}");
    processes.stop().await;
}

#[tokio::test]
async fn a_network_without_its_hub_and_a_chain_twice_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
    let [hub, harbour] = two_chains(&mut processes, &[]).await;

    let plan = some_plan();
    let without = deploy::deploy(&plan, &mut [harbour]).await.unwrap_err();
    assert!(matches!(without, DeployError::NoHub(_)), "{without}");
    let twice = deploy::deploy(&plan, &mut [hub.clone(), hub]).await.unwrap_err();
    assert!(matches!(twice, DeployError::ChainTwice(_)), "{twice}");
    processes.stop().await;
}
