//! Arrivals: believed once they are shown, taken once, their effect that of the message.

use alloy::primitives::U256;

use super::{
    gateway::gateway_on,
    world::{FEE, delivered, derive::Reader, executor, failed, module, range, read, sent, voided},
};
use crate::{
    derivation::{DerivationError, LeafId, Lie},
    message::{Kind, Message},
};

fn leaf(message: &Message) -> LeafId {
    LeafId { lane: message.lane(), sequence: message.sequence }
}

fn bit(index: u64) -> U256 {
    U256::from(1) << index
}

/// A transfer of 100, a message without effect and a void transfer, all on their way from chain 2 to chain 1.
fn three() -> ([Message; 3], Reader) {
    let mut messages = Vec::new();
    let (_, reader) = read(|world| {
        world.transfer(2, 1, 100, true);
        messages.push(world.last(2, 1));
        world.generic(2, 1);
        messages.push(world.last(2, 1));
        world.transfer(2, 1, 100, false);
        messages.push(world.last(2, 1));
    });
    (messages.try_into().unwrap(), reader)
}

#[test]
fn what_is_delivered_is_credited_and_its_fee_earned() {
    let ([value, generic, void], mut reader) = three();
    let first = value.sequence;
    let all = vec![delivered(&value), failed(&generic), voided(&void), range(1, 2, first, bit(0) | bit(1))];
    let outcome = reader.next(1, vec![all]).unwrap();
    assert_eq!(outcome.settled, [leaf(&value), leaf(&void)], "what failed may be asked for again");
    assert_eq!(reader.units(1), 100);
    let (facts, origin) = (reader.facts(1), gateway_on(2));
    assert_eq!(facts.fees(origin, executor()), U256::from(2 * FEE), "three rows of the module table earned nothing");
    assert_eq!(facts.failed(origin, generic.sequence), Some(generic.id()));
    assert!([&value, &generic, &void].iter().all(|one| facts.credited(origin).unwrap().contains(one.sequence)));
}

#[test]
fn what_was_not_shown_yet_is_waited_for() {
    let (mut world, mut reader) = read(|_| {});
    world.generic(3, 1);
    let message = world.last(3, 1);
    let block = || vec![vec![delivered(&message), range(1, 3, 0, bit(0))]];
    for _ in 0..2 {
        let error = reader.next(1, block()).unwrap_err();
        assert_eq!(error, DerivationError::ArrivalUnproven { leaf: leaf(&message), id: message.id() });
        assert_eq!(error.reason(), "arrival_unproven");
    }
    reader.next(3, vec![vec![sent(&message)]]).unwrap();
    reader.next(1, block()).unwrap();
}

#[test]
fn what_was_shown_to_be_another_is_a_lie() {
    let ([value, generic, void], reader) = three();
    let lie = |message: &Message, log| {
        let (leaf, id) = (leaf(message), message.id());
        assert_eq!(reader.lie(1, vec![vec![log]]), Err(Lie::Contradicted { leaf, id }));
    };
    let other = Message { payload: generic.payload.clone(), ..value.clone() };
    lie(&other, delivered(&other));
    lie(&other, failed(&other));
    let other_void = Message { payload: generic.payload, ..void.clone() };
    lie(&other_void, voided(&other_void));
    lie(&void, delivered(&void));
    lie(&void, failed(&void));
    lie(&value, voided(&value));
}

#[test]
fn each_sequence_is_taken_once() {
    let ([value, generic, void], reader) = three();
    let after = |first, second| reader.lie(1, vec![vec![first], vec![second]]);
    let (taken, not_failed) = (|message| Err(Lie::Taken(leaf(message))), |id| Err(Lie::NotFailed { id }));
    assert_eq!(after(delivered(&value), delivered(&value)), not_failed(value.id()));
    assert_eq!(after(delivered(&value), failed(&value)), taken(&value));
    assert_eq!(after(failed(&generic), failed(&generic)), taken(&generic));
    assert_eq!(after(voided(&void), voided(&void)), taken(&void));
    assert_eq!(after(voided(&void), delivered(&void)), not_failed(void.id()));
    let here = Message { origin: gateway_on(1), ..value };
    assert_eq!(reader.lie(1, vec![vec![delivered(&here)]]), Err(Lie::SameChain));
}

#[test]
fn what_failed_is_retried_once_and_earns_no_second_fee() {
    let ([value, ..], mut reader) = three();
    let first = value.sequence;
    reader.next(1, vec![vec![failed(&value), range(1, 2, first, bit(0))]]).unwrap();
    assert_eq!(reader.units(1), 0, "what failed credits nothing");
    let again = reader.lie(1, vec![vec![delivered(&value), range(1, 2, first, bit(0))]]);
    assert_eq!(again, Err(Lie::NotExecuted { origin: gateway_on(2), sequence: first }));
    let outcome = reader.next(1, vec![vec![delivered(&value)]]).unwrap();
    assert_eq!((reader.units(1), outcome.settled), (100, vec![leaf(&value)]));
    assert_eq!(reader.facts(1).failed(gateway_on(2), first), None);
    assert_eq!(reader.lie(1, vec![vec![delivered(&value)]]), Err(Lie::NotFailed { id: value.id() }));
}

#[test]
fn a_fee_is_earned_once_and_only_by_what_was_executed() {
    let ([value, generic, void], reader) = three();
    let (first, origin) = (value.sequence, gateway_on(2));
    let not_executed = |sequence| Err(Lie::NotExecuted { origin, sequence });
    let lie = |transactions| reader.lie(1, transactions);
    let one = range(1, 2, first, bit(0));
    assert_eq!(lie(vec![vec![delivered(&value)], vec![delivered(&generic), one.clone()]]), not_executed(first));
    assert_eq!(lie(vec![vec![one.clone(), delivered(&value)]]), not_executed(first));
    assert_eq!(lie(vec![vec![delivered(&value), one.clone(), one.clone()]]), not_executed(first));
    assert_eq!(lie(vec![vec![voided(&void), range(1, 2, first, bit(2))]]), not_executed(void.sequence));
    assert_eq!(lie(vec![vec![delivered(&value), range(1, 2, u64::MAX, bit(255))]]), not_executed(u64::MAX));
    let elsewhere = Err(Lie::NotExecuted { origin: gateway_on(3), sequence: first });
    assert_eq!(lie(vec![vec![delivered(&value), range(1, 3, first, bit(0))]]), elsewhere);
    let by_two = vec![delivered(&value), one, delivered(&generic), range(1, 2, first + 1, bit(0))];
    assert_eq!(lie(vec![by_two]), Ok(()));
}

/// SECURITY: the origin rollup itself lies: it logs arrivals nobody attested, then exports them.
#[test]
fn arrivals_nobody_attested_stop_that_origin_alone_and_credit_nothing() {
    let (mut world, mut reader) = read(|world| world.transfer(2, 1, 100, true));
    let forged = world.next(2, 3, Kind::ValueFlow, module(2), super::world::World::transfer_payload(2, 4_000));
    let mut honest = reader.clone();
    let error = reader.next(3, vec![vec![delivered(&forged)]]).unwrap_err();
    assert!(matches!(error, DerivationError::ArrivalUnproven { .. }));
    // Once another message stands there, it is known for a lie.
    world.generic(2, 3);
    reader.next(2, vec![vec![sent(&world.last(2, 3))]]).unwrap();
    let id = forged.id();
    assert_eq!(reader.lie(3, vec![vec![delivered(&forged)]]), Err(Lie::Contradicted { leaf: leaf(&forged), id }));
    assert_eq!(reader.units(3), 0);
    honest.next(2, vec![vec![sent(&world.last(2, 3))]]).unwrap();
    let transfer = world.last(2, 1);
    for reader in [&mut reader, &mut honest] {
        reader.next(1, vec![vec![delivered(&transfer)]]).unwrap();
        assert_eq!(reader.units(1), 100);
    }
    let roots = |reader: &Reader, id| reader.derivations[&id].commitment();
    assert!([1, 2].iter().all(|id| roots(&reader, *id) == roots(&honest, *id)));
}
