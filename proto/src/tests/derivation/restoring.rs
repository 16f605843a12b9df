//! Beginning at a commitment with a snapshot from anyone.

use alloy::primitives::B256;

use super::gateway::{blocks, contract, event_log, gateway_on, message, module_set, nothing, on_hub, open_route, sent};
use crate::{
    commitment::Commitment,
    derivation::{Deployment, Derivation, RestoreError, Snapshot},
    facts::{Fact, FactsMap},
    ids::{GatewayId, NetworkId},
    lane::Frontier,
    message::Kind,
};

fn proven() -> (Commitment, Snapshot) {
    let mut derivation = Derivation::new(on_hub());
    let routes = [2, 3].map(|to| event_log(&open_route(to)));
    let row = module_set(3, contract(5), 7, Kind::Mapping, 1);
    let sent = [sent(&message(2, 0)), sent(&message(3, 0)), sent(&message(3, 1)), row];
    blocks([routes.to_vec(), sent.to_vec()])
        .iter()
        .for_each(|block| drop(derivation.apply(block, &nothing()).unwrap()));
    (derivation.commitment().unwrap(), derivation.snapshot())
}

fn restore(commitment: &Commitment, snapshot: Snapshot) -> RestoreError {
    Derivation::restore(on_hub(), commitment, snapshot).unwrap_err()
}

#[test]
fn what_was_restored_is_what_was_proven() {
    let (commitment, snapshot) = proven();
    let restored = Derivation::restore(on_hub(), &commitment, snapshot.clone()).unwrap();
    assert_eq!(restored.commitment(), Some(commitment));
    assert_eq!(restored.snapshot(), snapshot);
    assert_eq!(restored.next_block(), commitment.block_number + 1);
}

#[test]
fn a_forged_snapshot_is_refused() {
    let (commitment, snapshot) = proven();
    let mut rewritten = snapshot.clone();
    rewritten.lanes.insert(gateway_on(3), Frontier::from_hashes(2, &[B256::repeat_byte(1)]).unwrap());
    assert!(matches!(restore(&commitment, rewritten), RestoreError::LanesRoot { .. }));
    let mut fewer = snapshot.clone();
    fewer.lanes.remove(&gateway_on(2));
    assert!(matches!(restore(&commitment, fewer), RestoreError::LanesRoot { .. }));
    let mut empty_lane = snapshot.clone();
    empty_lane.lanes.insert(gateway_on(4), Frontier::default());
    assert!(matches!(restore(&commitment, empty_lane), RestoreError::Lanes(_)));
    for forget in 0..snapshot.facts.len() {
        let mut forgotten = snapshot.clone();
        forgotten.facts.remove(forget);
        assert!(matches!(restore(&commitment, forgotten), RestoreError::FactsRoot { .. }));
    }
    let mut unsorted = snapshot;
    unsorted.facts.reverse();
    assert!(matches!(restore(&commitment, unsorted), RestoreError::Facts(_)));
}

#[test]
fn a_foreign_commitment_is_refused() {
    let (commitment, snapshot) = proven();
    let network = NetworkId(B256::repeat_byte(9));
    let origin = GatewayId { gateway: contract(9), ..commitment.origin };
    for foreign in [Commitment { network, ..commitment }, Commitment { origin, ..commitment }] {
        assert_eq!(restore(&foreign, snapshot.clone()), RestoreError::Foreign(Box::new(foreign)));
    }
    let other = Deployment { network, ..on_hub() };
    assert!(Derivation::restore(other, &commitment, snapshot.clone()).is_err());
    let wrong_version = Commitment { version: 2, ..commitment };
    assert_eq!(restore(&wrong_version, snapshot), RestoreError::Version { expected: 2, got: 1 });
}

#[test]
fn rules_that_are_unknown_are_not_guessed() {
    let (commitment, mut snapshot) = proven();
    let mut facts = FactsMap::from_snapshot(&snapshot.facts).unwrap();
    facts.insert(Fact::Rules(2));
    snapshot.facts = facts.snapshot();
    let commitment = Commitment { version: 2, facts_root: facts.root(), ..commitment };
    assert_eq!(restore(&commitment, snapshot), RestoreError::RulesUnknown(2));
}
