//! Attesters at the hub's registry, and the next epoch, on a real node.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use alloy::{
    primitives::{Address, B256},
    sol_types::SolCall,
};
use metalayer_proto::events::abi::epochCall;
use relayer::deploy::{self, Times};

use super::{plan::now_s, *};
use crate::{node::Blocks, preflight::anvil_program};

async fn hub(processes: &mut Processes) -> (Node, Account) {
    let anvil = anvil_program(&crate::run_dir::clone_root(), &std::env::var("PATH").unwrap()).unwrap();
    let chain = ChainId::new(CHAINS[0].1).unwrap();
    let node = Node::start(processes, &anvil, "hub", chain, Blocks::AtOnce, &[]).await.unwrap();
    let account = Account::connect(&node.url, Node::rich().unwrap()).await.unwrap();
    (node, account)
}

/// The table's hash of an epoch as the hub's AttesterSet has it.
async fn announced(hub: &Account, attester_set: Address, number: u64) -> B256 {
    let answer = hub.call("reading the epoch", attester_set, epochCall { number }.abi_encode().into()).await.unwrap();
    epochCall::abi_decode_returns(&answer).unwrap().tableHash
}

#[tokio::test]
async fn the_attesters_with_a_stake_and_nobody_else_are_the_next_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
    let (node, account) = hub(&mut processes).await;
    let attesters = members::draw();
    let table = Arc::new(members::table(EPOCH, &attesters).unwrap());
    let mut plan = plan(NAME, &[("hub", node.chain)], account.address(), table);
    plan.epoch_overlap_s = succession::OVERLAP_S;
    let mut accounts = [account];
    let deployed = deploy::deploy(&plan, &mut accounts).await.unwrap();
    let [hub] = &mut accounts;
    let (registry, attester_set) = (deployed.hub_registry, deployed.chains[0].addresses.attester_set);
    let succession = Succession::register(hub, &node.url, deployed.network, registry, &attesters).await.unwrap();

    let times = Times { activates_at: now_s() + DAY_S, expires_at: now_s() + 40 * DAY_S };
    let others = members::table(succession.epoch(), &members::draw()).unwrap();
    deploy::hand_over(hub, registry, &others, times).await.unwrap_err();
    assert_eq!(announced(hub, attester_set, succession.epoch()).await, B256::ZERO);

    succession.hand_over(hub).await.unwrap();
    assert_eq!(announced(hub, attester_set, succession.epoch()).await, succession.table.hash());
    processes.stop().await;
}
