//! `proto/golden/value.json`: what value modules, hub registry and gateways write, and what becomes of it in the facts.

use std::collections::BTreeSet;

use alloy::primitives::{B256, Bytes, U256};
use serde_json::{Value, json};

use super::{
    gateway::{chain, contract, gateway_on},
    world::{HUB, World, burn, delivered, deployment, derive::Reader, did, era, module, read},
};
use crate::{
    act::Act,
    control::Refusal,
    derivation::VerifiedLog,
    facts::{EpochEntry, Fact, ModuleRow, Namespace},
    ids::MessageId,
    message::{Kind, Message},
    tests::golden::{golden, text},
    value::{Transfer, era_asset},
};

fn log(log: &VerifiedLog) -> Value {
    json!({ "address": text(log.address), "topics": log.topics, "data": text(&log.data) })
}

fn transfer(amount: U256) -> Value {
    let (token, from, to) = (era(1), contract(0xa0), contract(0xb0));
    let payload = Transfer { token, from, amount, to }.encode();
    json!({
        "token": text(token), "from": text(from), "amount": format!("{amount:#x}"), "to": text(to), "payload": text(payload),
    })
}

fn refusal(sequence: u64, id: B256) -> Value {
    json!({ "sequence": sequence, "id": id, "payload": text(Refusal { sequence, id: MessageId(id) }.encode()) })
}

fn acts() -> Vec<(&'static str, Act)> {
    let row = |module, version| Act::SetModule {
        chain: chain(3),
        contract: contract(0x99),
        row: ModuleRow { module, kind: Kind::Mapping, version },
    };
    let entry = EpochEntry { table_hash: B256::repeat_byte(7), activates_at: 1_800_000_000, expires_at: 1_802_592_000 };
    vec![
        ("SetModule", row(9, 5)),
        ("SetModule", row(0, 6)),
        ("SetRulesVersion", Act::SetRulesVersion { version: 2, by: 1_900_000_000 }),
        ("AnnounceEpoch", Act::AnnounceEpoch { epoch: 4, entry }),
        ("CallModule", Act::CallModule { target: contract(0x98), data: Bytes::from_static(&[1, 2, 3, 4, 5]) }),
        ("RefuseUnproven", Act::RefuseUnproven { origin: gateway_on(3), sequence: 17 }),
        ("Overrule", Act::Overrule { destination: gateway_on(3), sequence: 18 }),
    ]
}

/// The act, the log that the gateway of chain 1 writes when it does it, and what its delivery leaves in the facts.
fn act(name: &str, act: &Act, reader: &Reader, message: &Message) -> Value {
    let logs: Vec<_> = match act {
        Act::AnnounceEpoch { .. } | Act::CallModule { .. } => vec![],
        _ => vec![log(&did(1, act))],
    };
    let mut value = json!({ "act": name, "number": act.number(), "payload": text(act.encode()), "logs": logs });
    // Of rules that are not known yet, and of what needs more than the act, there is no effect to show.
    if matches!(act, Act::SetModule { .. } | Act::AnnounceEpoch { .. } | Act::CallModule { .. }) {
        let before: BTreeSet<_> = reader.facts(1).iter().map(Fact::leaf).collect();
        let mut after = reader.clone();
        after.next(1, vec![vec![delivered(message)]]).unwrap();
        let is_new = |fact: &&Fact| fact.key().namespace() != Namespace::Credited && !before.contains(&fact.leaf());
        let fact = |fact: &Fact| {
            let key = fact.key();
            json!({ "namespace": key.namespace().as_str(), "key": text(key.to_bytes()), "value": text(fact.value()) })
        };
        value["facts"] = after.facts(1).iter().filter(is_new).map(fact).collect();
    }
    value
}

#[test]
fn golden_value() {
    let mut messages = Vec::new();
    let (_, reader) = read(|world| {
        for (_, act) in acts() {
            world.govern(1, &act);
            messages.push(world.last(HUB, 1));
        }
    });
    let acts: Vec<_> =
        acts().iter().zip(&messages).map(|((name, one), message)| act(name, one, &reader, message)).collect();
    let world = World::new();
    let sent = world.next(1, 3, Kind::ValueFlow, module(1), World::transfer_payload(1, 60));
    let file = json!({
        "network": deployment(1).network,
        "eraAsset": era_asset(deployment(1).network),
        "transfers": [transfer(U256::from(1)), transfer(U256::from(60)), transfer(U256::MAX)],
        "refusals": [refusal(0, B256::ZERO), refusal(u64::MAX, sent.id().0)],
        "burn": log(&burn(1, 60)),
        "burnSender": text(module(1)),
        "acts": acts,
    });
    golden("value.json", &file);
}
