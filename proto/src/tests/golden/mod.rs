//! The golden files in `proto/golden`: written here, recomputed here and by the contracts' tests.
//!
//! `METALAYER_WRITE_GOLDEN=1 cargo test -p metalayer-proto golden` writes them anew; `tools/golden-random` draws a set of its own and
//! has the contracts recompute that.

mod files;
pub(super) mod samples;

use alloy::primitives::{B256, keccak256};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

pub(crate) use files::{drawn, golden, number, text};

use super::lane::{frontier, leaf, leaves};
use crate::{
    batch::{Attestation, TransportBatch, TransportKey},
    commitment::Commitment,
    facts::{Fact, FactsMap},
    item::Item,
    lane::{Frontier, LaneSlice, zero},
    lanes::{LaneState, LanesTree, no_lanes},
    message::Message,
};

fn message(message: &Message) -> Value {
    json!({
        "originChainId": message.origin.chain,
        "originGateway": text(message.origin.gateway),
        "destinationChainId": message.destination.chain,
        "destinationGateway": text(message.destination.gateway),
        "sequence": message.sequence,
        "kind": message.kind.byte(),
        "gasLimit": message.gas_limit,
        "sender": text(message.sender),
        "recipient": text(message.recipient),
        "payer": text(message.payer),
        "fee": format!("{:#x}", message.fee),
        "after": message.after,
        "payload": text(message.payload.bytes()),
        "canonical": text(message.encode()),
        "id": text(message.id().0),
        "voidLeaf": text(message.id().void_leaf()),
        "item": text(Item::encode_all(&[Item::Message(Box::new(message.clone()))])),
    })
}

#[test]
fn golden_messages() {
    let messages = samples::messages();
    let mut items: Vec<Item> = messages.iter().map(|message| Item::Message(Box::new(message.clone()))).collect();
    items[2] = Item::Void(messages[2].id());
    items[5] = Item::Leaf(messages[5].id().leaf());
    let delivery = json!({
        "first": messages[0].sequence,
        "items": text(Item::encode_all(&items)),
        "leaves": items.iter().map(|item| text(item.leaf())).collect::<Vec<_>>(),
    });
    let messages: Vec<_> = messages.iter().map(message).collect();
    golden("message.json", &json!({ "messages": messages, "delivery": delivery }));
}

fn lane(before: &Frontier, leaves: &[B256]) -> Value {
    let slice = LaneSlice::new(before, leaves).unwrap();
    let (first, count) = (before.count(), slice.count());
    let range = |(from, to): (u64, u64)| {
        let proof = slice.prove_range(from, to - from).unwrap();
        json!({ "first": from, "length": to - from, "proof": text(proof.to_bytes()) })
    };
    let growth = |from: u64| {
        let proof = slice.prove_consistency(from).unwrap();
        json!({ "from": from, "root": text(slice.frontier(from).unwrap().root()), "proof": text(proof.to_bytes()) })
    };
    let ranges = (first..count).flat_map(|from| (from + 1..=count).map(move |to| (from, to))).map(range);
    json!({
        "before": text(before.to_bytes()),
        "leaves": leaves.iter().map(text).collect::<Vec<_>>(),
        "count": count,
        "root": text(slice.root()),
        "frontier": text(slice.frontier(count).unwrap().to_bytes()),
        "ranges": ranges.collect::<Vec<_>>(),
        "growth": (first..=count).map(growth).collect::<Vec<_>>(),
    })
}

#[test]
fn golden_lane_trees() {
    let mut lanes: Vec<_> = [0, 1, 2, 3, 6, 8].map(|count| lane(&Frontier::default(), &leaves(count))).into();
    let all = leaves(23);
    lanes.push(lane(&frontier(&all[..18]), &all[18..]));
    // Far in a lane's life: a frontier that is not made of leaves one can list.
    let before: u64 = 0xfedc_ba98;
    let hashes: Vec<_> = (0..u64::from(before.count_ones())).map(leaf).collect();
    lanes.push(lane(&Frontier::from_hashes(before, &hashes).unwrap(), &leaves(10)));
    let zeros: Vec<_> = (0..=32).map(|height| text(zero(height))).collect();
    golden("lane.json", &json!({ "zeros": zeros, "lanes": lanes }));
}

#[test]
fn golden_lanes_roots() {
    let state = |lane: &LaneState| {
        json!({
            "destinationChainId": lane.destination.chain,
            "destinationGateway": text(lane.destination.gateway),
            "count": lane.count,
            "laneRoot": text(lane.root),
            "leaf": text(lane.leaf()),
        })
    };
    let set = |count: usize| {
        let tree = LanesTree::new(samples::lanes()[..count].to_vec()).unwrap();
        let proof = |lane: &LaneState| tree.prove(lane.destination).unwrap().1.siblings;
        json!({
            "lanes": tree.lanes().iter().map(state).collect::<Vec<_>>(),
            "root": text(tree.root()),
            "proofs": tree.lanes().iter().map(proof).collect::<Vec<_>>(),
        })
    };
    let sets: Vec<_> = [0, 1, 2, 3, 5, 7].map(set).into();
    golden("lanes.json", &json!({ "noLanes": text(no_lanes()), "sets": sets }));
}

#[test]
fn golden_facts() {
    let map = samples::facts_map();
    let fact = |fact: &Fact| {
        let key = fact.key();
        json!({
            "namespace": key.namespace().as_str(),
            "key": text(key.to_bytes()),
            "value": text(fact.value()),
            "keyHash": text(key.hash()),
            "valueHash": text(keccak256(fact.value())),
            "leaf": text(fact.leaf()),
            "proof": map.prove(&key).unwrap().1.siblings,
        })
    };
    let mut growing = FactsMap::default();
    let mut roots = vec![text(growing.root())];
    for fact in samples::facts() {
        growing.insert(fact);
        roots.push(text(growing.root()));
    }
    let facts: Vec<_> = map.iter().map(fact).collect();
    golden("facts.json", &json!({ "root": text(map.root()), "facts": facts, "rootsAsInserted": roots }));
}

fn commitment(commitment: &Commitment) -> Value {
    json!({
        "version": commitment.version,
        "network": text(commitment.network.0),
        "originChainId": commitment.origin.chain,
        "originGateway": text(commitment.origin.gateway),
        "blockNumber": commitment.block_number,
        "blockHash": text(commitment.block_hash),
        "lanesRoot": text(commitment.lanes_root),
        "factsRoot": text(commitment.facts_root),
        "packed": text(commitment.to_bytes()),
        "digest": text(commitment.digest()),
    })
}

#[test]
fn golden_commitment() {
    let network = json!({
        "name": "golden",
        "hubChainId": 901,
        "hubRegistry": text(samples::address("hub registry")),
        "id": text(samples::network().0),
    });
    golden("commitment.json", &json!({ "network": network, "commitment": commitment(&samples::commitment()) }));
}

#[test]
fn golden_batch() {
    let key = SigningKey::from_bytes(&drawn("transport key").0);
    let batch = samples::batch();
    let sealed = batch.seal(&key).unwrap();
    let sender = TransportKey::from(&key);
    assert_eq!(TransportBatch::open(&sealed, batch.network, |one| one == sender), Ok((sender, batch.clone())));
    let attestation =
        |one: &Attestation| json!({ "commitment": commitment(&one.commitment), "signature": text(one.signature) });
    let file = json!({
        "secretKey": text(key.to_bytes()),
        "transportKey": text(sender.0),
        "network": text(batch.network.0),
        "sentAtMs": batch.sent_at_ms,
        "attestations": batch.attestations.iter().map(attestation).collect::<Vec<_>>(),
        "sealed": text(sealed),
    });
    golden("batch.json", &file);
}
