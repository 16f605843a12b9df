//! Rollups whose gateways log what cannot be: each is stopped and named, and the lanes between the others go on.

use alloy::{
    primitives::{Address, B256, Bytes, LogData, TxKind},
    providers::Provider,
    sol_types::SolEvent,
};
use devnet::{
    audit::Course,
    network::{Chain, Network},
    traffic::{Cargo, Planned},
};
use metalayer_proto::{events::abi, ids::MessageId};
use relayer::deploy::Account;
use serde_json::Value;

use crate::{
    binaries::complaint,
    network::{World, eventually, told},
};

const HUB: usize = 0;
const HARBOUR: usize = 1;
const MARKET: usize = 2;

/// A gateway that logs what it is called with: `topics` words, then the data.
fn parrot(topics: usize) -> Bytes {
    let topics = u8::try_from(topics).expect("at most four topics");
    let head = 32 * topics;
    // Length of the data, copied to memory; the topics, last one first; LOGn.
    let mut code = vec![0x60, head, 0x36, 0x03, 0x80, 0x60, head, 0x60, 0x00, 0x37];
    (0..topics).rev().for_each(|topic| code.extend([0x60, 32 * topic, 0x35]));
    code.extend([0x80 + topics, 0x60, 0x00, 0xa0 + topics, 0x00]);
    code.into()
}

/// Whoever has the rollup in his hand has its gateway log this.
async fn logs(chain: &Chain, account: &mut Account, log: &LogData) {
    let gateway = chain.deployment.addresses.gateway;
    let provider = chain.node.provider().expect("a URL");
    let code = (gateway, parrot(log.topics().len()));
    let () = provider.raw_request("anvil_setCode".into(), code).await.expect("anvil exchanges the code");
    let data = [log.topics().iter().flat_map(|topic| topic.0).collect::<Vec<_>>(), log.data.to_vec()].concat();
    let sent = account.send_with_gas("lying", TxKind::Call(gateway), data.into(), 200_000).await.expect("it is sent");
    account.included(&sent).await.expect("it is in a block");
}

/// A message from one chain to another, once it is delivered.
async fn delivered(world: &mut World, from: usize, to: usize) -> MessageId {
    let cargo = Cargo::Payload(vec![7; 20]);
    let planned = Planned { origin: from, destination: to, sender: 0, ordered: false, cargo };
    let intents = world.senders.burst(&world.network.chains, &[planned]).await.expect("it is sent");
    world
        .until("a message is delivered", |seen| {
            let sent = seen.history.sent.iter().find(|one| intents.contains_key(&one.transaction))?;
            let courses = Course::of_all(&seen.history);
            courses.get(&sent.id).filter(|course| !course.delivered.is_empty()).map(|_| sent.id)
        })
        .await
}

/// Every daemon names the chain as stopped because it lies: to people and to whoever scrapes.
async fn is_stopped_everywhere(network: &Network, chain: usize) {
    let id = network.chains[chain].node.chain;
    for daemon in &network.daemons {
        let stage = if daemon.is_attester { "attest" } else { "watch" };
        let metric = format!("metalayer_stage_stopped{{chain=\"{id}\",reason=\"origin_lies\",stage=\"{stage}\"}} 1\n");
        eventually(&format!("{} stops {id}", daemon.name), async || {
            let told = told(daemon, "metrics").await;
            if told.contains(&metric) { Ok(()) } else { Err("it goes on".to_owned()) }
        })
        .await;
        let told = told(daemon, "readyz?verbose").await;
        assert!(told.contains(&format!("[-] {id} {stage}: parked, origin_lies")), "{told}");
    }
}

/// The chains that `relayer trace` of a message names as stopped because they lie, once for each stage.
async fn lying(world: &World, id: MessageId) -> Vec<u64> {
    let relayer = world.relayer();
    let mut command = std::process::Command::new(&relayer.program);
    command.args(["trace", &id.to_string(), "--json", "--config"]).arg(&relayer.config);
    // It is known once its block is final.
    let output = eventually("the message is known", async || {
        let output = command.output().expect("the relayer's command runs");
        if output.status.success() { Ok(output) } else { Err(complaint(&output)) }
    })
    .await;
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let stopped = told["stopped"].as_array().expect("what does not go on").iter();
    let lying = stopped.filter(|stage| stage["reason"] == "origin_lies");
    lying.map(|stage| stage["chain"].as_u64().expect("a chain")).collect()
}

#[tokio::test]
async fn a_rollup_that_lies_is_stopped_and_named_and_the_others_go_on() {
    let mut world = World::start().await;
    let of_market = delivered(&mut world, MARKET, HUB).await;

    // The market logs another message in the place of one that the hub has sent.
    let mut accounts = std::mem::take(&mut world.network.treasurers);
    let hub = world.network.chains[HUB].deployment.gateway();
    let (chain, origin, id) = (hub.chain.get(), hub.gateway, B256::repeat_byte(7));
    let arrival = abi::MessageDelivered { id, originChainId: chain, originGateway: origin, sequence: 0 };
    logs(&world.network.chains[MARKET], &mut accounts[MARKET], &arrival.encode_log_data()).await;
    is_stopped_everywhere(&world.network, MARKET).await;
    let liars = lying(&world, of_market).await;
    assert!(!liars.is_empty() && liars.iter().all(|chain| *chain == 902), "{liars:?}");

    for (from, to) in [(HUB, HARBOUR), (HARBOUR, HUB)] {
        let other = delivered(&mut world, from, to).await;
        assert_eq!(lying(&world, other).await, [0; 0]);
    }

    // The harbour logs an act of governance that the hub has never sent.
    let module = abi::ModuleSet { chainId: 901, module: Address::repeat_byte(9), moduleId: 9, kind: 1, version: 9 };
    logs(&world.network.chains[HARBOUR], &mut accounts[HARBOUR], &module.encode_log_data()).await;
    is_stopped_everywhere(&world.network, HARBOUR).await;
    world.processes.stop().await;
}
