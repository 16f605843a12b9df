use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{
    B256, U256,
    aliases::{U80, U96},
    keccak256,
};
use proptest::{collection::vec, prelude::*};

use super::strategies;
use crate::{
    facts::{
        Credited, EpochEntry, Fact, FactError, FactKey, FactProof, FactProofError, FactsMap, ModuleRow, Namespace,
        Route, SnapshotEntry, SnapshotError,
    },
    ids::MessageId,
    lane::LEAVES_MAX,
    message::Kind,
};

/// The root as the protocol defines it, from all facts at once.
fn naive_root(facts: &[(B256, B256)], level: usize) -> B256 {
    match facts {
        [] => B256::ZERO,
        [(key, value)] => {
            keccak256([keccak256("metalayer/fact").as_slice(), &[1], key.as_slice(), value.as_slice()].concat())
        }
        _ => {
            let right = |key: &B256| key.bit_vec()[level];
            let (left, right): (Vec<_>, Vec<_>) = facts.iter().copied().partition(|(key, _)| !right(key));
            keccak256([naive_root(&left, level + 1), naive_root(&right, level + 1)].concat())
        }
    }
}

trait Bits {
    fn bit_vec(&self) -> Vec<bool>;
}

impl Bits for B256 {
    fn bit_vec(&self) -> Vec<bool> {
        self.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
    }
}

fn namespace_hash(fact: &Fact) -> (B256, B256) {
    let key = fact.key();
    let tag = keccak256(format!("metalayer/facts/{}", key.namespace()));
    (keccak256([tag.as_slice(), &[1], &key.to_bytes()].concat()), keccak256(fact.value()))
}

fn route() -> impl Strategy<Value = Route> {
    (strategies::address(), any::<(u16, u16, u32, u128)>(), any::<[u8; 12]>(), any::<[u8; 10]>(), any::<[u8; 10]>())
        .prop_map(|(gateway, (kinds, bytes_max, gas_max, value_max), base, per_byte, per_gas)| Route {
            gateway,
            kinds,
            bytes_max,
            gas_max,
            value_max,
            fee_base: U96::from_be_bytes(base),
            fee_per_byte: U80::from_be_bytes(per_byte),
            fee_per_gas: U80::from_be_bytes(per_gas),
        })
}

fn credited() -> impl Strategy<Value = Credited> {
    (any::<u64>(), vec(any::<u8>(), 0..6)).prop_map(|(watermark, mut bitmap)| {
        bitmap.push(128);
        bitmap[0] &= !1;
        Credited::new(watermark, bitmap).unwrap()
    })
}

pub(super) fn fact() -> impl Strategy<Value = Fact> {
    let units = || any::<[u8; 32]>().prop_map(U256::from_be_bytes);
    prop_oneof![
        ((1..20_u64), route()).prop_map(|(chain, route)| Fact::Route { destination: chain.try_into().unwrap(), route }),
        (strategies::chain(), strategies::address(), 1..=u32::MAX, strategies::kind(), any::<(u64, bool)>()).prop_map(
            |(chain, contract, module, kind, (version, is_removed))| {
                let (module, kind) = if is_removed { (0, Kind::Generic) } else { (module, kind) };
                Fact::Module { chain, contract, row: ModuleRow { module, kind, version } }
            }
        ),
        any::<u32>().prop_map(Fact::Rules),
        (0..20_u64, strategies::b256(), any::<(u64, u64)>()).prop_map(
            |(epoch, table_hash, (activates_at, expires_at))| Fact::Epoch {
                epoch,
                entry: EpochEntry { table_hash, activates_at, expires_at }
            }
        ),
        (strategies::b256(), units()).prop_map(|(asset, units)| Fact::Ledger { asset, units }),
        (strategies::gateway(), credited()).prop_map(|(origin, credited)| Fact::Credited { origin, credited }),
        (strategies::gateway(), any::<u64>(), strategies::b256()).prop_map(|(origin, sequence, id)| Fact::Failed {
            origin,
            sequence,
            id: MessageId(id)
        }),
        (strategies::gateway(), strategies::address(), units()).prop_map(|(origin, executor, total)| Fact::Fees {
            origin,
            executor,
            total
        }),
    ]
}

/// What is done to a map: remember, or forget one of the facts remembered so far.
#[derive(Debug, Clone)]
enum Change {
    Insert(Fact),
    Remove(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![3 => fact().prop_map(Change::Insert), 1 => any::<prop::sample::Index>().prop_map(Change::Remove)]
}

proptest! {
    #[test]
    fn the_map_is_the_naive_one_after_every_change(changes in vec(change(), 1..60)) {
        let mut map = FactsMap::default();
        let mut model: BTreeMap<FactKey, Fact> = BTreeMap::new();
        for change in changes {
            match change {
                Change::Insert(fact) => {
                    model.insert(fact.key(), fact.clone());
                    map.insert(fact);
                }
                Change::Remove(at) if !model.is_empty() => {
                    let key = *model.keys().nth(at.index(model.len())).unwrap();
                    model.remove(&key);
                    prop_assert!(map.remove(&key));
                    prop_assert!(!map.remove(&key));
                }
                Change::Remove(_) => prop_assert!(map.is_empty()),
            }
            let hashed: Vec<_> = model.values().map(namespace_hash).collect();
            prop_assert_eq!(map.root(), naive_root(&hashed, 0));
            prop_assert_eq!(map.len(), model.len());
        }
        for (key, fact) in &model {
            prop_assert_eq!(map.get(key), Some(fact));
        }
        let keys: Vec<_> = map.iter().map(|fact| fact.key().hash()).collect();
        prop_assert!(keys.is_sorted());
        prop_assert_eq!(keys.len(), model.len());
    }

    #[test]
    fn each_fact_is_proven_and_nothing_else(facts in vec(fact(), 1..40), other in fact(), at in any::<prop::sample::Index>()) {
        let mut map = FactsMap::default();
        facts.iter().for_each(|fact| map.insert(fact.clone()));
        let key = facts[at.index(facts.len())].key();
        let (fact, proof) = map.prove(&key).unwrap();
        prop_assert_eq!(fact.key(), key);
        prop_assert_eq!(proof.verify(fact, map.root()), Ok(()));
        prop_assert_eq!(proof.verify(fact, B256::ZERO), Err(FactProofError::ZeroRoot));
        if other != *fact {
            prop_assert!(proof.verify(&other, map.root()).is_err());
        }
        for sibling in 0..proof.siblings.len() {
            let mut broken = proof.clone();
            broken.siblings[sibling] = keccak256(broken.siblings[sibling]);
            prop_assert!(broken.verify(fact, map.root()).is_err());
        }
        let mut longer = proof.clone();
        longer.siblings.push(B256::ZERO);
        prop_assert!(longer.verify(fact, map.root()).is_err());
        prop_assert_eq!(map.prove(&other.key()).is_some(), map.get(&other.key()).is_some());
    }

    #[test]
    fn a_snapshot_is_the_map(facts in vec(fact(), 0..40)) {
        let mut map = FactsMap::default();
        facts.iter().for_each(|fact| map.insert(fact.clone()));
        let entries = map.snapshot();
        prop_assert_eq!(FactsMap::from_snapshot(&entries).unwrap().root(), map.root());
        if entries.len() > 1 {
            let mut swapped = entries.clone();
            swapped.swap(0, 1);
            prop_assert_eq!(FactsMap::from_snapshot(&swapped).unwrap_err(), SnapshotError::Order(1));
            let twice = [entries[0].clone(), entries[0].clone()];
            prop_assert_eq!(FactsMap::from_snapshot(&twice).unwrap_err(), SnapshotError::Order(1));
        }
    }

    #[test]
    fn a_clone_does_not_change_with_the_original(facts in vec(fact(), 1..20), more in fact()) {
        let mut map = FactsMap::default();
        facts.iter().for_each(|fact| map.insert(fact.clone()));
        let (clone, root) = (map.clone(), map.root());
        map.insert(more);
        map.remove(&facts[0].key());
        prop_assert_eq!(clone.root(), root);
        prop_assert_eq!(FactsMap::from_snapshot(&clone.snapshot()).unwrap().root(), root);
    }

    #[test]
    fn facts_have_one_form(fact in fact(), cut in any::<prop::sample::Index>()) {
        let (namespace, key, value) = (fact.key().namespace(), fact.key().to_bytes(), fact.value());
        prop_assert_eq!(Fact::decode(namespace, &key, &value), Ok(fact.clone()));
        prop_assert_eq!(namespace.as_str().parse(), Ok(namespace));
        let with_more = |bytes: &[u8]| [bytes, &[7]].concat();
        prop_assert!(Fact::decode(namespace, &with_more(&key), &value).is_err());
        if !matches!(fact, Fact::Credited { .. }) {
            prop_assert!(Fact::decode(namespace, &key, &with_more(&value)).is_err());
        }
        let cut = cut.index(value.len()).min(7);
        prop_assert!(Fact::decode(namespace, &key, &value[..cut]).is_err());
    }

    #[test]
    fn a_credited_set_has_its_members(watermark in 0..1000_u64, members in prop::collection::btree_set(1..100_u64, 1..20)) {
        let mut bitmap = vec![0_u8; 13];
        members.iter().for_each(|offset| bitmap[*offset as usize / 8] |= 1 << (offset % 8));
        while bitmap.last() == Some(&0) {
            bitmap.pop();
        }
        let credited = Credited::new(watermark, bitmap).unwrap();
        for sequence in 0..watermark + 130 {
            let expected = sequence < watermark || members.contains(&(sequence - watermark));
            prop_assert_eq!(credited.contains(sequence), expected);
        }
        prop_assert!(!credited.contains(u64::MAX));
    }

    #[test]
    fn a_credited_set_takes_each_sequence_once_in_whatever_order(sequences in vec(0..90_u64, 1..200)) {
        let mut credited = Credited::default();
        let mut model = BTreeSet::new();
        for sequence in sequences {
            prop_assert_eq!(credited.insert(sequence), model.insert(sequence));
            let watermark = (0..).find(|sequence| !model.contains(sequence)).unwrap();
            let mut bitmap = vec![0_u8; 12];
            for offset in model.iter().filter_map(|sequence| sequence.checked_sub(watermark)) {
                bitmap[offset as usize / 8] |= 1 << (offset % 8);
            }
            while bitmap.last() == Some(&0) {
                bitmap.pop();
            }
            prop_assert_eq!(&credited, &Credited::new(watermark, bitmap).unwrap());
        }
    }
}

/// SECURITY: the origin rollup itself lies: a sequence that no lane can have costs nobody memory.
#[test]
fn no_set_holds_a_sequence_that_no_lane_has() {
    let mut credited = Credited::default();
    assert!(!credited.insert(u64::MAX));
    assert!(!credited.insert(LEAVES_MAX));
    assert_eq!(credited, Credited::default());
}

#[test]
fn removed_entries_and_other_forms_are_refused() {
    let chain = 5_u64.to_be_bytes();
    assert_eq!(Fact::decode(Namespace::Route, &chain, &[0; 76]), Err(FactError::Removed));
    let contract = [&chain[..], &[1; 20]].concat();
    let removed = [&[0; 4][..], &[1], &[0; 8]].concat();
    assert_eq!(Fact::decode(Namespace::Module, &contract, &removed), Err(FactError::RemovedKind));
    assert_eq!(Credited::new(0, vec![2, 0]), Err(FactError::Bitmap));
    assert_eq!(Credited::new(0, vec![1]), Err(FactError::Bitmap));
    assert!(matches!(Fact::decode(Namespace::Route, &[0; 8], &[1; 76]), Err(FactError::Chain(_))));
    let entry = SnapshotEntry { namespace: Namespace::Rules, key: vec![], value: vec![] };
    assert!(matches!(FactsMap::from_snapshot(&[entry]), Err(SnapshotError::Entry { index: 0, .. })));
    assert!("assets".parse::<Namespace>().is_err());
}

#[test]
fn a_removed_module_is_none_and_keeps_its_version() {
    let (chain, contract) = (7_u64.try_into().unwrap(), Default::default());
    let mut map = FactsMap::default();
    assert_eq!((map.module(chain, contract), map.module_version(chain, contract)), (None, 0));
    let row = ModuleRow { module: 0, kind: Kind::Generic, version: 9 };
    map.insert(Fact::Module { chain, contract, row });
    assert_eq!((map.module(chain, contract), map.module_version(chain, contract)), (None, 9));
}

#[test]
fn the_empty_map_has_a_zero_root_that_proves_nothing() {
    let map = FactsMap::default();
    assert_eq!(map.root(), B256::ZERO);
    assert_eq!(map.rules_version(), 1);
    assert_eq!(FactProof::default().verify(&Fact::Rules(1), B256::ZERO), Err(FactProofError::ZeroRoot));
    let long = FactProof { siblings: vec![B256::ZERO; 257] };
    assert_eq!(long.verify(&Fact::Rules(1), B256::repeat_byte(1)), Err(FactProofError::TooLong(257)));
}
