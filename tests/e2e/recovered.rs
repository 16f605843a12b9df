//! A chain whose newest epoch has expired takes no proof any more, not even that the next epoch was announced: its council recovers it.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Bytes, TxKind, U256},
    sol,
    sol_types::SolCall,
};
use devnet::{audit::Course, clock::Clock};
use metalayer_proto::events::abi::{Epoch, epochCall};
use relayer::deploy::Account;

use crate::network::World;

sol! {
    function recover(uint64 number, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt);
    /// OpenZeppelin's timelock.
    function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay);
    function execute(address target, uint256 value, bytes payload, bytes32 predecessor, bytes32 salt);
}

/// The chain that was down too long: the last.
const EXPIRED: usize = 2;
/// The council's timelock; the first epoch does not live as long any more.
const DELAY: Duration = Duration::from_secs(7 * 86_400);

async fn send(account: &mut Account, to: Address, call: Vec<u8>) {
    let sent = account.send("the council's transaction", TxKind::Call(to), call.into()).await.expect("it is sent");
    account.included(&sent).await.expect("it succeeds");
}

impl World {
    /// The next epoch as the hub has announced it to itself.
    async fn announced(&self) -> Epoch {
        let (hub, number) = (&self.network.chains[0].deployment.addresses, self.network.succession.epoch());
        let call = epochCall { number }.abi_encode().into();
        let answer = self.network.treasurers[0].call("reading the epoch", hub.attester_set, call).await;
        epochCall::abi_decode_returns(&answer.expect("it answers")).expect("an epoch")
    }

    /// Whether the chain that was down takes the next epoch's proofs.
    async fn is_recovered(&self) -> bool {
        let (chain, account) = (&self.network.chains[EXPIRED], &self.network.treasurers[EXPIRED]);
        self.network.succession.holds_on(chain, account).await.expect("it answers")
    }
}

#[tokio::test]
async fn a_chain_whose_epoch_has_expired_is_recovered_by_its_council_and_traffic_goes_on() {
    let mut world = World::start().await;
    let network = &mut world.network;
    let clock = Clock::of(&network.chains[EXPIRED].node).await.expect("its clock can be moved");
    clock.advance(DELAY).await.expect("time passes there");
    network.succession.hand_over(&mut network.treasurers[0]).await.expect("the hub announces the next epoch");

    let waiting = world.send_everywhere().await;
    let elsewhere = waiting.len() * 2 / 3;
    world.until("the others' messages arrive", |seen| (seen.progress(&waiting).1 == elsewhere).then_some(())).await;
    assert!(!world.is_recovered().await);

    let Epoch { tableHash, activatesAt, expiresAt, .. } = world.announced().await;
    let number = world.network.succession.epoch();
    let at = world.network.chains[EXPIRED].deployment.addresses;
    let payload: Bytes = recoverCall { number, tableHash, activatesAt, expiresAt }.abi_encode().into();
    let (target, value, predecessor, salt) = (at.attester_set, U256::ZERO, B256::ZERO, B256::ZERO);
    let (data, delay) = (payload.clone(), U256::from(DELAY.as_secs()));
    let council = &mut world.network.treasurers[EXPIRED];
    send(council, at.council, scheduleCall { target, value, data, predecessor, salt, delay }.abi_encode()).await;
    clock.advance(DELAY).await.expect("seven days in which everybody sees it");
    send(council, at.council, executeCall { target, value, payload, predecessor, salt }.abi_encode()).await;

    world.all_delivered(&waiting).await;
    assert!(world.is_recovered().await);
    let after = world.send_everywhere().await;
    world.all_delivered(&after).await;
    let history = world.observer.seen().expect("the chains are watched").history;
    assert!(Course::of_all(&history).values().all(|course| course.delivered.len() <= 1), "none is delivered twice");
    world.processes.stop().await;
}
