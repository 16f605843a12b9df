//! What is judged void, and by what.

use alloy::primitives::Address;

use super::gateway::{
    blocks, chain, contract, deployment, event_log, gateway_on, message, module_set, nothing, on_hub, open_route, sent,
};
use crate::{
    act::Act,
    derivation::{Deployment, Derivation, DerivationError, JudgedMessage, LeafId, Verdict, VerifiedLog, VoidReason},
    events::abi,
    ids::LaneId,
    message::{Kind, Message, Payload},
};

/// The messages of one block of `logs` after routes to chains 2 and 3 were opened.
fn judged_by(deployment: Deployment, logs: Vec<VerifiedLog>) -> Vec<JudgedMessage> {
    let routes = [2, 3].map(|to| event_log(&open_route(to)));
    let mut derivation = Derivation::new(deployment);
    let outcomes = blocks([routes.to_vec(), logs])
        .iter()
        .map(|block| derivation.apply(block, &nothing()).unwrap())
        .collect::<Vec<_>>();
    outcomes.into_iter().flat_map(|outcome| outcome.lanes).flat_map(|lane| lane.messages).collect()
}

/// On the hub, whose module table is what it logs.
fn verdicts(logs: Vec<VerifiedLog>) -> Vec<Verdict> {
    judged_by(on_hub(), logs).into_iter().map(|judged| judged.verdict).collect()
}

fn void(reason: VoidReason) -> Verdict {
    Verdict::Void(reason)
}

#[test]
fn a_valid_message_has_its_id_as_leaf_and_a_void_one_its_void_leaf() {
    let valid = message(3, 0);
    let voided = Message { kind: Kind::ValueFlow, ..message(3, 1) };
    let judged = judged_by(deployment(), vec![sent(&valid), sent(&voided)]);
    assert_eq!(judged[0].leaf(), valid.id().0);
    assert_eq!(judged[1].verdict, void(VoidReason::ModuleMissing));
    assert_eq!(judged[1].leaf(), voided.id().void_leaf());
    assert_eq!(judged[1].message, voided);
}

#[test]
fn both_ends_must_be_the_same_module_of_the_message_s_kind() {
    let (sender, recipient) = (message(3, 0).sender, message(3, 0).recipient);
    let after = |rows: &[(u64, Address, u32, Kind)], kind| {
        let rows = (1..).zip(rows).map(|(version, (on, at, id, kind))| module_set(*on, *at, *id, *kind, version));
        verdicts(rows.chain([sent(&Message { kind, ..message(3, 0) })]).collect())[0]
    };
    let value = Kind::ValueFlow;
    let kind_of_7 = VoidReason::ModuleKind { module: 7, expected: value };
    assert_eq!(after(&[], Kind::Generic), Verdict::Valid);
    assert_eq!(after(&[(1, sender, 7, value)], Kind::Generic), void(kind_of_7));
    assert_eq!(after(&[(3, recipient, 7, value)], Kind::Generic), void(kind_of_7));
    assert_eq!(after(&[(1, sender, 7, value)], value), void(VoidReason::DifferentModules));
    assert_eq!(after(&[(3, recipient, 7, value)], value), void(VoidReason::DifferentModules));
    assert_eq!(after(&[(1, sender, 7, value), (3, recipient, 8, value)], value), void(VoidReason::DifferentModules));
    assert_eq!(
        after(&[(1, sender, 7, value), (3, recipient, 7, value)], value),
        void(VoidReason::Undecodable),
        "between the right modules, but it says nothing"
    );
    assert_eq!(after(&[], value), void(VoidReason::ModuleMissing));
    assert_eq!(after(&[], Kind::Mapping), void(VoidReason::ModuleMissing));
    assert_eq!(
        after(&[(1, sender, 8, Kind::Mapping), (3, recipient, 8, Kind::Mapping)], Kind::Mapping),
        void(VoidReason::NoRules(Kind::Mapping))
    );
    assert_eq!(after(&[(2, recipient, 7, value)], Kind::Generic), Verdict::Valid, "a row of another chain");
    assert_eq!(
        after(&[(1, sender, 7, value), (1, sender, 0, value)], Kind::Generic),
        Verdict::Valid,
        "a row that was removed"
    );
}

/// SECURITY: a log order trick: send and revoke in one block.
#[test]
fn a_message_is_judged_by_the_facts_just_before_its_own_log() {
    let module = message(3, 0).sender;
    let verdicts = verdicts(vec![
        sent(&message(3, 0)),
        module_set(1, module, 7, Kind::ValueFlow, 1),
        sent(&message(3, 1)),
        module_set(1, module, 0, Kind::ValueFlow, 2),
        sent(&message(3, 2)),
    ]);
    let expected = void(VoidReason::ModuleKind { module: 7, expected: Kind::ValueFlow });
    assert_eq!(verdicts, [Verdict::Valid, expected, Verdict::Valid]);
}

fn governance(sequence: u64, sender: Address, payload: Vec<u8>) -> Message {
    let payload = Payload::new(payload).unwrap();
    Message { kind: Kind::Governance, sender, payer: sender, payload, ..message(4, sequence) }
}

/// SECURITY: kind confusion: Governance from a rollup.
#[test]
fn governance_comes_from_the_hub_s_registry_alone() {
    let registry = deployment().hub_registry;
    let act = Act::SetRulesVersion { version: 1, by: 0 }.encode();
    let honest = governance(0, registry, act.clone());
    assert_eq!(judged_by(deployment(), vec![sent(&honest)])[0].verdict, void(VoidReason::NotTheHub(chain(1))));

    let stranger = governance(1, contract(1), act.clone());
    let no_act = governance(2, registry, [&act[..], &[0]].concat());
    let expected = [Verdict::Valid, void(VoidReason::NotTheRegistry), void(VoidReason::Undecodable)];
    assert_eq!(verdicts([honest.clone(), stranger, no_act].iter().map(sent).collect()), expected);

    let old_hub = Deployment { hub: gateway_on(1), ..deployment() };
    let redeployed = Deployment { hub: crate::ids::GatewayId { gateway: contract(9), ..old_hub.hub }, ..old_hub };
    assert_eq!(judged_by(redeployed, vec![sent(&honest)])[0].verdict, void(VoidReason::NotTheHub(chain(1))));
}

#[test]
fn control_comes_from_the_gateway_itself() {
    let stranger = Message { kind: Kind::Control, ..message(4, 0) };
    assert_eq!(verdicts(vec![sent(&stranger)]), [void(VoidReason::NotTheGateway)]);
}

#[test]
fn routes_are_followed_and_remembered() {
    let mut derivation = Derivation::new(deployment());
    let closed = abi::RouteSet { route: abi::Route { gateway: Address::ZERO, ..open_route(3).route }, ..open_route(3) };
    let history = blocks([vec![event_log(&open_route(3))], vec![sent(&message(3, 0))], vec![event_log(&closed)]]);
    derivation.apply(&history[0], &nothing()).unwrap();
    assert_eq!(derivation.facts().route(chain(3)).unwrap().gateway, gateway_on(3).gateway);
    let outcome = derivation.apply(&history[1], &nothing()).unwrap();
    assert_eq!((outcome.number, outcome.timestamp, outcome.lanes.len()), (11, 1_011, 1));
    derivation.apply(&history[2], &nothing()).unwrap();
    assert!(derivation.facts().is_empty());
    assert_eq!(derivation.lanes()[0].count, 1);
}

#[test]
fn rules_that_are_unknown_park_the_origin_and_change_nothing() {
    let mut derivation = Derivation::new(on_hub());
    let known = event_log(&abi::RulesVersionSet { version: 1 });
    let unknown = event_log(&abi::RulesVersionSet { version: 2 });
    let history = blocks([vec![event_log(&open_route(3)), known], vec![sent(&message(3, 0)), unknown]]);
    derivation.apply(&history[0], &nothing()).unwrap();
    let before = derivation.commitment();
    for _ in 0..2 {
        assert_eq!(derivation.apply(&history[1], &nothing()), Err(DerivationError::RulesUnknown(2)));
        assert_eq!(derivation.commitment(), before);
        assert_eq!(derivation.next_block(), 11);
    }
    assert_eq!(before.unwrap().version, 1);
}

#[test]
fn an_overruled_sequence_stops_the_origin() {
    let mut derivation = Derivation::new(on_hub());
    let destination = gateway_on(3);
    let leaf = LeafId { lane: LaneId { origin: deployment().origin, destination }, sequence: 0 };
    let overruled = abi::Overruled { destinationChainId: 3, destinationGateway: destination.gateway, sequence: 0 };
    let history = blocks([vec![event_log(&open_route(3)), sent(&message(3, 0))], vec![event_log(&overruled)]]);
    derivation.apply(&history[0], &nothing()).unwrap();
    assert_eq!(derivation.apply(&history[1], &nothing()), Err(DerivationError::Overruled(leaf)));
}

#[test]
fn blocks_must_follow_each_other() {
    let history = blocks([vec![], vec![], vec![]]);
    let mut derivation = Derivation::new(deployment());
    assert_eq!(derivation.commitment(), None);
    assert_eq!(derivation.apply(&history[1], &nothing()), Err(DerivationError::NotNext { expected: 10, got: 11 }));
    derivation.apply(&history[0], &nothing()).unwrap();
    assert_eq!(derivation.apply(&history[0], &nothing()), Err(DerivationError::NotNext { expected: 11, got: 10 }));
    let mut foreign = history[1].clone();
    foreign.parent_hash = history[1].hash;
    assert!(matches!(derivation.apply(&foreign, &nothing()), Err(DerivationError::Parent { number: 11, .. })));
    let mut unordered = history[1].clone();
    unordered.logs = vec![VerifiedLog::default(), VerifiedLog::default()];
    assert_eq!(derivation.apply(&unordered, &nothing()), Err(DerivationError::LogOrder(11)));
    let log = |index, transaction| VerifiedLog { index, transaction, ..VerifiedLog::default() };
    unordered.logs = vec![log(0, 1), log(1, 0)];
    assert_eq!(derivation.apply(&unordered, &nothing()), Err(DerivationError::LogOrder(11)));
    derivation.apply(&history[1], &nothing()).unwrap();
    let commitment = derivation.commitment().unwrap();
    assert_eq!((commitment.block_number, commitment.block_hash), (11, history[1].hash));
}
