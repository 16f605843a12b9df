//! Deploying on real nodes.

#![allow(clippy::unwrap_used, clippy::panic)]

use alloy::providers::Provider;

use super::*;
use crate::preflight::anvil_program;

/// Two nodes, the second with `more` arguments, and an account with funds on each.
async fn two_chains(processes: &mut Processes, more: &[&str]) -> [Account; 2] {
    let clone = crate::run_dir::clone_root();
    let anvil = anvil_program(&clone, &std::env::var("PATH").unwrap()).unwrap();
    let signer = PrivateKeySigner::random();
    let mut accounts = Vec::new();
    for (name, id, more) in [("hub", 900, &[] as &[&str]), ("harbour", 901, more)] {
        let chain = ChainId::new(id).unwrap();
        let node = Node::start(processes, &anvil, name, chain, Blocks::AtOnce, more).await.unwrap();
        node.fund(&[signer.address()]).await.unwrap();
        accounts.push(Account::connect(&node.url, signer.clone()).await.unwrap());
    }
    accounts.try_into().unwrap()
}

fn some_plan() -> Plan {
    let attesters = members::draw();
    let hub = ChainId::new(CHAINS[0].1).unwrap();
    plan(NAME, hub, PrivateKeySigner::random().address(), Arc::new(members::table(EPOCH, &attesters).unwrap()))
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
        assert_eq!(deployment.activation_gas.len(), 1, "four members are one chunk");
    }
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
