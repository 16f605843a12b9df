//! What no correct gateway logs: the origin is stopped.

use alloy::{
    primitives::{
        B256, Bytes, U256,
        aliases::{U80, U96},
    },
    sol_types::SolCall,
};
use proptest::prelude::*;

use super::gateway::{
    blocks, chain, contract, deployment, event_log, gateway_on, message, module_set, nothing, on_hub, open_route, sent,
    sent_attribute, sent_event,
};
use crate::{
    derivation::{Deployment, Derivation, DerivationError, Lie, VerifiedLog},
    events::{LogError, abi},
    interop,
    message::{Kind, Message, MessageError, Payload},
    tests::strategies,
};

/// What is said about `log` after a route to chain 3 was opened and one message sent.
fn derive(log: VerifiedLog) -> Result<(), Lie> {
    derive_at(deployment(), log)
}

fn derive_at(deployment: Deployment, log: VerifiedLog) -> Result<(), Lie> {
    let mut derivation = Derivation::new(deployment);
    let history = blocks([vec![event_log(&open_route(3)), sent(&message(3, 0))], vec![log]]);
    derivation.apply(&history[0], &nothing()).unwrap();
    let before = derivation.commitment();
    match derivation.apply(&history[1], &nothing()) {
        Ok(_) => Ok(()),
        Err(DerivationError::OriginLies { origin, block, log, lie }) => {
            assert_eq!((origin, block, log), (deployment.origin, 11, 0));
            assert_eq!(derivation.commitment(), before, "a lie changes nothing");
            Err(*lie)
        }
        Err(other) => panic!("{other}"),
    }
}

fn lie_of(error: DerivationError) -> Lie {
    match error {
        DerivationError::OriginLies { lie, .. } => *lie,
        other => panic!("{other}"),
    }
}

fn derive_message(change: impl FnOnce(&mut Message)) -> Result<(), Lie> {
    let mut message = message(3, 1);
    change(&mut message);
    derive(sent(&message))
}

fn derive_event(change: impl FnOnce(&mut abi::MessageSent)) -> Result<(), Lie> {
    let mut event = sent_event(&message(3, 1));
    change(&mut event);
    derive(event_log(&event))
}

#[test]
fn the_honest_message_is_no_lie() {
    assert_eq!(derive_message(|_| {}), Ok(()));
}

#[test]
fn a_message_that_breaks_what_the_gateway_enforces() {
    let destination = gateway_on(3);
    for sequence in [0, 2, u64::MAX] {
        let lie = Lie::Sequence { destination, expected: 1, got: sequence };
        assert_eq!(derive_message(|message| message.sequence = sequence), Err(lie));
    }
    let elsewhere = gateway_on(4);
    assert_eq!(
        derive_message(|message| (message.destination, message.sequence) = (elsewhere, 0)),
        Err(Lie::NoRoute(elsewhere))
    );
    let redeployed = crate::ids::GatewayId { gateway: contract(9), ..destination };
    assert_eq!(
        derive_message(|message| (message.destination, message.sequence) = (redeployed, 0)),
        Err(Lie::NoRoute(redeployed))
    );
    assert_eq!(
        derive_message(|message| message.payload = Payload::new(vec![0; 101]).unwrap()),
        Err(Lie::RouteBytes { max: 100, got: 101 })
    );
    assert_eq!(
        derive_message(|message| message.gas_limit = 500_001),
        Err(Lie::RouteGas { max: 500_000, got: 500_001 })
    );
    assert_eq!(
        derive_message(|message| (message.destination, message.sequence) = (deployment().origin, 0)),
        Err(Lie::SameChain)
    );
}

#[test]
fn a_fee_that_the_route_does_not_charge() {
    assert_eq!(derive_message(|message| message.fee = 5), Err(Lie::Fee { expected: 0, got: 5 }));
    let free = |message: &mut Message| (message.kind, message.fee) = (Kind::Control, 5);
    assert_eq!(derive_message(free), Err(Lie::Fee { expected: 0, got: 5 }));

    let mut dear = open_route(3);
    dear.route.feeBase = U96::MAX;
    dear.route.feePerByte = U80::MAX;
    dear.route.feePerGas = U80::MAX;
    let max = |bits: u32| (1_u128 << bits) - 1;
    let fee = max(96) + 3 * max(80) + 200_000 * max(80);
    let mut derivation = Derivation::new(deployment());
    let history = blocks([vec![event_log(&dear), sent(&Message { fee, ..message(3, 0) })]]);
    assert_eq!(derivation.apply(&history[0], &nothing()).unwrap().lanes.len(), 1);
}

#[test]
fn a_kind_that_the_route_does_not_carry() {
    let mut derivation = Derivation::new(deployment());
    let narrow = abi::RouteSet { route: abi::Route { kinds: 0b001, ..open_route(3).route }, ..open_route(3) };
    let value = Message { kind: Kind::ValueFlow, ..message(3, 0) };
    let history = blocks([vec![event_log(&narrow)], vec![sent(&value)]]);
    derivation.apply(&history[0], &nothing()).unwrap();
    let error = derivation.apply(&history[1], &nothing()).unwrap_err();
    assert_eq!(lie_of(error), Lie::RouteKind(Kind::ValueFlow));
}

#[test]
fn an_id_that_is_not_the_message_s() {
    let (honest, other) = (message(3, 1), message(3, 2));
    let lie = derive_event(|event| {
        let mut call = abi::sentCall::abi_decode(&sent_attribute(&honest)).unwrap();
        call.id = other.id().0;
        event.attributes = vec![call.abi_encode().into()];
    });
    assert_eq!(lie, Err(Lie::Id { expected: honest.id(), got: other.id() }));
    let lie = derive_event(|event| event.payload = Bytes::from_static(&[9]));
    assert!(matches!(lie, Err(Lie::Id { .. })));
}

#[test]
fn a_message_event_in_another_form() {
    let log = |lie| Err(Lie::Log(lie));
    assert_eq!(derive_event(|event| event.sendId = B256::repeat_byte(1)), log(LogError::NotZero("sendId")));
    assert_eq!(derive_event(|event| event.value = U256::from(1)), log(LogError::NotZero("value")));
    assert_eq!(derive_event(|event| event.attributes.clear()), log(LogError::NoSent));
    let ordered = || Bytes::from(abi::orderedCall {}.abi_encode());
    assert_eq!(derive_event(|event| event.attributes.push(ordered())), log(LogError::NoSent));
    let insert = |attribute: Bytes| derive_event(|event| event.attributes.insert(0, attribute));
    assert_eq!(insert(ordered()), Ok(()), "the first ordered message of a sender waits for nothing");
    assert_eq!(insert(Bytes::from_static(&[1, 2, 3, 4])), log(LogError::Attribute(0)));
    assert_eq!(insert([&ordered()[..], &[0]].concat().into()), log(LogError::Attribute(0)));
    assert_eq!(
        derive_event(|event| event.attributes.splice(0..0, [ordered(), ordered()]).for_each(drop)),
        log(LogError::Attribute(1))
    );
    assert_eq!(insert(sent_attribute(&message(3, 1))), log(LogError::Attribute(0)));
    for (name, attribute) in [
        ("kind", abi::kindCall { kind: 1 }.abi_encode()),
        ("gasLimit", abi::gasLimitCall { gasLimit: U256::MAX }.abi_encode()),
        ("payer", abi::payerCall { payer: contract(1) }.abi_encode()),
        ("gateway", abi::gatewayCall { gateway: gateway_on(3).gateway }.abi_encode()),
    ] {
        assert_eq!(insert(attribute.into()), log(LogError::Contradiction(name)));
    }
    let not_asked = Message { after: 1, ..message(3, 1) };
    assert_eq!(
        derive_event(|event| event.attributes = vec![sent_attribute(&not_asked)]),
        log(LogError::Contradiction("ordered"))
    );
    assert_eq!(
        derive_message(|message| message.after = 2),
        log(LogError::Message(MessageError::After { sequence: 1, after: 2 }))
    );
    let foreign = interop::format(chain(4), message(3, 1).sender);
    assert_eq!(derive_event(|event| event.sender = foreign), Err(Lie::SenderChain(chain(4))));
    assert!(matches!(derive_event(|event| event.recipient = Bytes::new()), Err(Lie::Log(LogError::Interop(_)))));
    let long = Bytes::from(vec![0; 32_769]);
    assert!(matches!(derive_event(|event| event.payload = long), Err(Lie::Log(LogError::Payload(_)))));
}

proptest! {
    #[test]
    fn bytes_that_are_not_the_one_encoding(at in any::<prop::sample::Index>(), flip in 1..=255_u8, more in 1..40_usize) {
        let honest = sent(&message(3, 1));
        let with = |data: Vec<u8>| derive(VerifiedLog { data: data.into(), ..honest.clone() });
        let mut changed = honest.data.to_vec();
        let at = at.index(changed.len());
        changed[at] ^= flip;
        prop_assert!(with(changed).is_err());
        prop_assert!(with([&honest.data[..], &vec![0; more]].concat()).is_err());
        prop_assert!(with(honest.data[..honest.data.len() - more].to_vec()).is_err());
    }

    #[test]
    fn topics_that_are_not_the_one_encoding(dirty in strategies::b256()) {
        prop_assume!(!dirty[..24].iter().all(|byte| *byte == 0));
        for event in [event_log(&open_route(3)), module_set(3, contract(1), 1, Kind::Mapping, 1)] {
            let mut log = event;
            log.topics[1] = dirty;
            prop_assert!(matches!(derive(log), Err(Lie::Log(LogError::Encoding(_)))));
        }
    }
}

#[test]
fn topics_are_counted() {
    for count in [1, 3] {
        let mut log = sent(&message(3, 1));
        log.topics.resize(count, B256::ZERO);
        assert!(matches!(derive(log), Err(Lie::Log(LogError::Encoding(_)))));
    }
    assert_eq!(
        derive(VerifiedLog { topics: vec![], ..sent(&message(3, 9)) }),
        Ok(()),
        "an anonymous log is none of ours"
    );
}

#[test]
fn other_origin_events_that_cannot_be() {
    let mut derivation = Derivation::new(on_hub());
    let row = |module, version| module_set(3, contract(5), module, Kind::Mapping, version);
    let history = blocks([vec![row(7, 4)], vec![row(8, 4)]]);
    derivation.apply(&history[0], &nothing()).unwrap();
    let error = derivation.apply(&history[1], &nothing()).unwrap_err();
    assert_eq!(lie_of(error), Lie::ModuleVersion { old: 4, new: 4 });

    let version = |version| derive_at(on_hub(), event_log(&abi::RulesVersionSet { version }));
    assert_eq!(version(0), Err(Lie::RulesVersion { old: 1, new: 0 }));
    assert_eq!(version(1), Ok(()));
    let overruled = |sequence| {
        let destination = gateway_on(3);
        derive_at(
            on_hub(),
            event_log(&abi::Overruled { destinationChainId: 3, destinationGateway: destination.gateway, sequence }),
        )
    };
    assert_eq!(overruled(1), Err(Lie::OverruledUnsent { sequence: 1, count: 1 }));
    let no_kind = abi::ModuleSet { chainId: 3, module: contract(1), moduleId: 1, kind: 9, version: 1 };
    assert!(matches!(derive_at(on_hub(), event_log(&no_kind)), Err(Lie::Log(LogError::Kind(_)))));
    let removed = abi::ModuleSet { moduleId: 0, ..no_kind };
    assert_eq!(derive_at(on_hub(), event_log(&removed)), Ok(()), "a removal's kind means nothing");
    let no_chain = abi::RouteSet { destinationChainId: 0, ..open_route(3) };
    assert!(matches!(derive_at(on_hub(), event_log(&no_chain)), Err(Lie::Log(LogError::Chain(_)))));
    let mut dirty = event_log(&open_route(3));
    let fee_word = dirty.data.len() - 32;
    let mut data = dirty.data.to_vec();
    data[fee_word..fee_word + 32]
        .copy_from_slice(&U256::from(U80::MAX).saturating_add(U256::from(1)).to_be_bytes::<32>());
    dirty.data = data.into();
    assert!(matches!(derive(dirty), Err(Lie::Log(LogError::Encoding(_)))));
}
