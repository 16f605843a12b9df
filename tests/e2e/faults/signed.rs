//! What attesters have signed, all of it: every attestation is on the relayer's bus.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy::{eips::BlockNumberOrTag, primitives::B256, providers::Provider};
use devnet::network::Network;
use metalayer_node::{
    bus::{
        Bus, Offset,
        rocks::{RocksBus, RocksBusConfig},
    },
    clock::system::SystemClock,
    config::NetworkFile,
};
use metalayer_proto::{
    commitment::Commitment,
    envelope::{AttestationRecord, Envelope},
    ids::ChainId,
    topics::Topic,
};

use crate::network::World;

/// How many records are read at once.
const READ_MAX: usize = 10_000;

/// Ends the relayer, and checks all that it was ever sent: at each height of each chain all attesters have signed the same, about the
/// block that the chain's node has there. Returns how many heights that are.
pub(crate) async fn nobody_signed_a_lie(world: &mut World) -> usize {
    let relayer = world.relayer().clone();
    world.processes.kill(&relayer.name).await.expect("it is killed");
    let run = relayer.config.parent().expect("the relayer's folder");
    let network = NetworkFile::load(&run.join("../network.toml")).expect("the network's file");
    let chains: Vec<_> = network.chains.iter().map(|chain| chain.partition).collect();
    let config = RocksBusConfig::new(network.id(), chains.clone());
    let bus = RocksBus::open(&run.join("data/bus"), config, Arc::new(SystemClock)).expect("the relayer's bus");
    let mut signed = BTreeMap::<(ChainId, u64), Commitment>::new();
    for chain in chains {
        let mut from = bus.range(Topic::Attestations, chain).await.expect("the topic").0;
        loop {
            let read = bus.read(Topic::Attestations, chain, from, READ_MAX, Duration::ZERO).await.expect("records");
            let Some(last) = read.last() else { break };
            from = Offset(last.offset.0 + 1);
            for stored in &read {
                let record = Envelope::<AttestationRecord>::decode(&stored.value).expect("a record").record;
                let commitment = record.commitment;
                let at = (commitment.origin.chain, commitment.block_number);
                let known = signed.entry(at).or_insert(commitment);
                assert_eq!(*known, commitment, "{} has signed something else than others", record.attester);
            }
        }
    }
    for commitment in signed.values() {
        let hash = block_at(&world.network, commitment.origin.chain, commitment.block_number).await;
        assert_eq!(hash, commitment.block_hash, "a block that does not exist was signed");
    }
    signed.len()
}

async fn block_at(network: &Network, chain: ChainId, number: u64) -> B256 {
    let provider = network.chain(chain).expect("a chain").node.provider().expect("a URL");
    let block = provider.get_block_by_number(BlockNumberOrTag::Number(number)).await.expect("the node answers");
    block.expect("it has the block").header.hash
}
