//! What only the hub can will: elsewhere believed beside the act that says so, on the hub as it is logged.
#![allow(non_snake_case, reason = "Solidity's names of fields")]

use alloy::primitives::{B256, Bytes, U256};

use super::{
    gateway::{chain, contract, gateway_on},
    world::{
        HUB, SUPPLY, World, chained, delivered, deployment, derive::Reader, did, era, log_of, logged, module_row, read,
        route,
    },
};
use crate::{
    act::Act,
    derivation::{Arrivals, Derivation, DerivationError, LeafId, Lie},
    events::abi,
    facts::{EpochEntry, Fact, FactKey, ModuleRow},
    ids::LaneId,
    message::{Kind, Message},
};

/// The acts on their way to chain 1.
fn willed(acts: &[Act]) -> (Reader, Vec<Message>) {
    let mut messages = Vec::new();
    let (_, reader) = read(|world| {
        for act in acts {
            world.govern(1, act);
            messages.push(world.last(HUB, 1));
        }
    });
    (reader, messages)
}

fn row(version: u64, module: u32) -> Act {
    let row = ModuleRow { module, kind: Kind::Mapping, version };
    Act::SetModule { chain: chain(3), contract: contract(0x99), row }
}

/// SECURITY: a rollup logs a governance act the hub never sent.
#[test]
fn a_row_is_believed_beside_the_act_that_says_so() {
    let (mut reader, messages) = willed(&[row(5, 9), row(6, 9)]);
    let lie = |logs| reader.lie(1, vec![logs]);
    let (five, six) = (did(1, &row(5, 9)), did(1, &row(6, 9)));
    assert_eq!(lie(vec![five.clone()]), Err(Lie::NotGoverned), "never sent, or never delivered");
    let late = Err(Lie::ModuleVersion { old: 5, new: 5 });
    assert_eq!(lie(vec![delivered(&messages[0]), five.clone()]), late, "the act follows, never goes before");
    assert_eq!(lie(vec![did(1, &row(5, 8)), delivered(&messages[0])]), Err(Lie::NotGoverned), "another module");
    assert_eq!(lie(vec![six.clone(), delivered(&messages[0])]), Err(Lie::NotGoverned), "another version");
    assert_eq!(lie(vec![five.clone(), five.clone(), delivered(&messages[0])]), Err(Lie::NotGoverned), "one log an act");
    assert_eq!(reader.lie(1, vec![vec![five.clone()], vec![delivered(&messages[0])]]), Err(Lie::NotGoverned));
    reader.next(1, vec![vec![five, delivered(&messages[0]), six, delivered(&messages[1])]]).unwrap();
    assert_eq!(reader.facts(1).module(chain(3), contract(0x99)).unwrap().version, 6);
}

#[test]
fn older_acts_change_nothing_also_after_a_removal() {
    let (mut reader, messages) = willed(&[row(5, 9), row(6, 0)]);
    reader.next(1, vec![vec![did(1, &row(6, 0)), delivered(&messages[1])]]).unwrap();
    reader.next(1, vec![vec![delivered(&messages[0])]]).unwrap();
    let facts = reader.facts(1);
    assert_eq!((facts.module(chain(3), contract(0x99)), facts.module_version(chain(3), contract(0x99))), (None, 6));
    let again = vec![did(1, &row(5, 9)), delivered(&messages[0])];
    assert_eq!(reader.lie(1, vec![again]), Err(Lie::ModuleVersion { old: 6, new: 5 }));
}

#[test]
fn epochs_and_calls_are_taken_from_the_act_alone() {
    let entry = EpochEntry { table_hash: B256::repeat_byte(1), activates_at: 5, expires_at: 9 };
    let announced = |entry| Act::AnnounceEpoch { epoch: 3, entry };
    let later = EpochEntry { expires_at: 10, ..entry };
    let call = Act::CallModule { target: contract(1), data: Bytes::from_static(&[1]) };
    let (mut reader, messages) = willed(&[announced(entry), announced(later), call]);
    let before = reader.facts(1).len();
    reader.next(1, messages.iter().map(|message| vec![delivered(message)]).collect()).unwrap();
    assert_eq!(reader.facts(1).get(&FactKey::Epoch(3)), Some(&Fact::Epoch { epoch: 3, entry }));
    assert_eq!(reader.facts(1).len(), before + 1);
}

#[test]
fn rules_change_by_the_act_and_unknown_ones_park_the_origin() {
    let [one, two] = [1, 2].map(|version| Act::SetRulesVersion { version, by: 0 });
    let (mut reader, messages) = willed(&[one, two.clone()]);
    reader.next(1, vec![vec![delivered(&messages[0])]]).unwrap();
    assert_eq!(reader.facts(1).rules_version(), 1);
    assert_eq!(reader.lie(1, vec![vec![did(1, &two)]]), Err(Lie::NotGoverned));
    let unknown = reader.next(1, vec![vec![did(1, &two), delivered(&messages[1])]]);
    assert_eq!(unknown, Err(DerivationError::RulesUnknown(2)));
}

#[test]
fn an_unproven_arrival_is_refused_and_a_sequence_overruled_only_as_the_hub_wills() {
    let refuse = Act::RefuseUnproven { origin: gateway_on(3), sequence: 4 };
    let overrule = Act::Overrule { destination: gateway_on(3), sequence: 0 };
    let mut messages = Vec::new();
    let (world, mut reader) = read(|world| {
        world.generic(1, 3);
        for act in [&refuse, &overrule] {
            world.govern(1, act);
            messages.push(world.last(HUB, 1));
        }
    });
    let control = unproven(&world, 4);
    let honest = vec![control.clone(), did(1, &refuse), delivered(&messages[0])];
    assert_eq!(reader.lie(1, vec![honest[..2].to_vec()]), Err(Lie::NotGoverned));
    let unpaired = Err(Lie::RefusalUnpaired { origin: gateway_on(3), sequence: 4 });
    assert_eq!(reader.lie(1, vec![honest[1..].to_vec()]), unpaired);
    let outcome = reader.next(1, vec![honest]).unwrap();
    let leaf = LeafId { lane: LaneId { origin: gateway_on(3), destination: gateway_on(1) }, sequence: 4 };
    assert!(outcome.settled.contains(&leaf) && reader.facts(1).credited(gateway_on(3)).unwrap().contains(4));
    assert_eq!(reader.lie(1, vec![vec![did(1, &overrule)]]), Err(Lie::NotGoverned));
    let own = LeafId { lane: LaneId { origin: gateway_on(1), destination: gateway_on(3) }, sequence: 0 };
    let overruled = reader.next(1, vec![vec![did(1, &overrule), delivered(&messages[1])]]);
    assert_eq!(overruled, Err(DerivationError::Overruled(own)));
}

/// The log of chain 1's gateway that sends home to chain 3 that `sequence` was never proven.
fn unproven(world: &World, sequence: u64) -> crate::derivation::VerifiedLog {
    let refusal = crate::control::Refusal { sequence, id: crate::ids::MessageId(B256::ZERO) };
    let message = Message { origin: gateway_on(3), destination: gateway_on(1), sequence, ..world.last(1, 3) };
    let payload = crate::message::Payload::new(refusal.encode()).unwrap();
    super::world::sent(&Message { payload, ..world.refusal(1, &message) })
}

fn hub(transactions: Vec<Vec<crate::derivation::VerifiedLog>>) -> Result<Derivation, DerivationError> {
    let mut derivation = Derivation::new(deployment(HUB));
    derivation.apply(&chained(vec![transactions])[0], &Arrivals::default())?;
    Ok(derivation)
}

fn hub_lie(transactions: Vec<Vec<crate::derivation::VerifiedLog>>) -> Lie {
    match hub(transactions) {
        Err(DerivationError::OriginLies { lie, .. }) => *lie,
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn the_hub_opens_once_and_announces_epochs_where_its_gateway_writes() {
    let registry = |event: abi::Opened| log_of(deployment(HUB).hub_registry, &event);
    let opened = registry(abi::Opened { era: era(HUB), supply: U256::from(SUPPLY) });
    let beside = logged(HUB, &route(1));
    let asset = crate::value::era_asset(deployment(HUB).network);
    let open = hub(vec![vec![opened.clone(), beside.clone()]]).unwrap();
    assert_eq!(open.facts().units(asset), Some(U256::from(SUPPLY)));
    let alone = hub(vec![vec![opened.clone()], vec![beside.clone()]]).unwrap();
    assert_eq!(alone.facts().units(asset), None, "a transaction without a log of the gateway is not read");
    assert_eq!(hub_lie(vec![vec![opened.clone(), opened.clone(), beside.clone()]]), Lie::Opened);
    let other = registry(abi::Opened { era: era(1), supply: U256::from(SUPPLY) });
    assert_eq!(hub_lie(vec![vec![other, beside.clone()]]), Lie::Opened);
    let stranger = log_of(contract(0x12), &abi::Opened { era: era(HUB), supply: U256::from(SUPPLY) });
    assert_eq!(hub(vec![vec![stranger, beside.clone()]]).unwrap().facts().units(asset), None);

    let (tableHash, activatesAt, expiresAt) = (B256::repeat_byte(4), 7, 8);
    let epoch = abi::EpochAnnounced { epoch: 2, tableHash, activatesAt, expiresAt };
    let announced = hub(vec![vec![log_of(deployment(HUB).hub_registry, &epoch), beside]]).unwrap();
    let entry = EpochEntry { table_hash: tableHash, activates_at: activatesAt, expires_at: expiresAt };
    assert_eq!(announced.facts().get(&FactKey::Epoch(2)), Some(&Fact::Epoch { epoch: 2, entry }));
}

#[test]
fn elsewhere_a_registry_is_a_stranger() {
    let (mut reader, _) = willed(&[]);
    let registry = deployment(1).hub_registry;
    let opened = log_of(registry, &abi::Opened { era: era(1), supply: U256::from(SUPPLY) });
    reader.next(1, vec![vec![opened, logged(1, &route(2))]]).unwrap();
    assert_eq!(reader.units(1), 0);
}

#[test]
fn on_the_hub_rows_are_believed() {
    let derivation = hub(vec![vec![did(HUB, &module_row(3, 4))]]).unwrap();
    assert!(derivation.facts().module(chain(3), super::world::module(3)).is_some());
}
