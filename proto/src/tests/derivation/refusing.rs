//! Refusals: one a failure, sent home and logged together; and what they credit at home.

use alloy::primitives::B256;

use super::{
    gateway::gateway_on,
    world::{World, delivered, derive::Reader, failed, read, refused, sent},
};
use crate::{
    control::Refusal,
    derivation::{DerivationError, LeafId, Lie},
    message::{Message, Payload},
};

/// Chain 1 holds 1,000, of which 100 failed at chain 3, as did a message without effect.
fn failures() -> (World, Reader, [Message; 2]) {
    let mut messages = Vec::new();
    let (world, reader) = read(|world| {
        world.transfer(2, 1, 1_000, true);
        world.next_round();
        world.deliver(1, 2, 1, 0);
        world.transfer(1, 3, 100, true);
        messages.push(world.last(1, 3));
        world.generic(1, 3);
        messages.push(world.last(1, 3));
        world.next_round();
        world.deliver(3, 1, 2, 0b11);
    });
    assert_eq!((reader.units(1), reader.units(3)), (900, 0));
    (world, reader, messages.try_into().unwrap())
}

fn control(world: &World, message: &Message) -> Message {
    world.refusal(3, message)
}

#[test]
fn a_refused_transfer_is_credited_at_home() {
    let (mut world, mut reader, messages) = failures();
    for (message, units) in messages.iter().zip([1_000, 1_000]) {
        let control = control(&world, message);
        world.send(control.clone(), true);
        let outcome = reader.next(3, vec![vec![sent(&control), refused(message)]]).unwrap();
        assert_eq!(outcome.settled, [], "home still asks for it");
        let outcome = reader.next(1, vec![vec![delivered(&control)]]).unwrap();
        let places = [message, &control].map(|one| LeafId { lane: one.lane(), sequence: one.sequence });
        assert_eq!((outcome.settled, reader.units(1)), (places.to_vec(), units));
    }
    assert_eq!(reader.units(3), 0);
}

#[test]
fn a_refusal_needs_its_failure_and_leaves_once() {
    let (mut world, mut reader, [message, other]) = failures();
    let control = control(&world, &message);
    let lie = |reader: &Reader, logs| reader.lie(3, vec![logs]);
    let (origin, sequence) = (gateway_on(1), message.sequence);
    let unpaired = Err(Lie::RefusalUnpaired { origin, sequence });
    assert_eq!(lie(&reader, vec![refused(&message)]), unpaired);
    assert_eq!(lie(&reader, vec![sent(&control)]), unpaired);
    assert_eq!(reader.lie(3, vec![vec![sent(&control)], vec![refused(&message)]]), unpaired, "not in one transaction");
    assert_eq!(
        lie(&reader, vec![sent(&control), refused(&other)]),
        Err(Lie::RefusalUnpaired { origin, sequence: other.sequence })
    );
    let stranger = Message { sequence: 7, ..message.clone() };
    let not_failed = |id| Err(Lie::NotFailed { id });
    assert_eq!(lie(&reader, vec![sent(&world.refusal(3, &stranger)), refused(&stranger)]), not_failed(stranger.id()));
    let unreadable = Message { payload: Payload::new(vec![0; 63]).unwrap(), ..control.clone() };
    assert!(matches!(lie(&reader, vec![sent(&unreadable)]), Err(Lie::Refusal(_))));

    world.send(control.clone(), true);
    let twice = world.refusal(3, &message);
    let both = vec![sent(&control), refused(&message), sent(&twice), refused(&message)];
    assert_eq!(lie(&reader, both), not_failed(message.id()));
    reader.next(3, vec![vec![sent(&control), refused(&message)]]).unwrap();
    assert_eq!(lie(&reader, vec![sent(&twice), refused(&message)]), not_failed(message.id()));
    assert_eq!(lie(&reader, vec![delivered(&message)]), not_failed(message.id()), "refused and retried");
    assert_eq!(lie(&reader, vec![failed(&message)]), Err(Lie::Taken(LeafId { lane: message.lane(), sequence })));
}

#[test]
fn what_comes_home_is_shown_by_the_own_lane() {
    let (mut world, mut reader, [message, _]) = failures();
    let control = control(&world, &message);
    world.send(control.clone(), true);
    reader.next(3, vec![vec![sent(&control), refused(&message)]]).unwrap();
    let own = LeafId { lane: message.lane(), sequence: message.sequence };
    let known = reader.arrivals.get(own).unwrap().clone();
    reader.arrivals.forget(own);
    let error = reader.next(1, vec![vec![delivered(&control)]]).unwrap_err();
    assert_eq!(error, DerivationError::ArrivalUnproven { leaf: own, id: message.id() });
    reader.arrivals.keep(known).unwrap();
    reader.next(1, vec![vec![delivered(&control)]]).unwrap();
    assert_eq!(reader.units(1), 1_000);
}

#[test]
fn a_refusal_of_what_was_never_proven_credits_nothing_and_must_have_been_sent() {
    let mut sent_home = Vec::new();
    let (_, reader) = read(|world| {
        world.generic(1, 3);
        for sequence in [0, 99] {
            let act = crate::act::Act::RefuseUnproven { origin: gateway_on(1), sequence };
            world.govern(3, &act);
            let act_message = world.last(2, 3);
            let message = Message { sequence, ..world.last(1, 3) };
            let payload = Refusal { sequence, id: crate::ids::MessageId(B256::ZERO) }.encode();
            let control = Message { payload: Payload::new(payload).unwrap(), ..world.refusal(3, &message) };
            sent_home.push(control.clone());
            world.next_round();
            let logs = vec![world.send(control, true), super::world::did(3, &act), delivered(&act_message)];
            world.transaction(3, logs);
        }
    });
    assert!([0, 99].iter().all(|sequence| reader.facts(3).credited(gateway_on(1)).unwrap().contains(*sequence)));
    assert_eq!(reader.lie(1, vec![vec![delivered(&sent_home[0])]]), Ok(()));
    let unsent = reader.lie(1, vec![vec![delivered(&sent_home[1])]]);
    assert_eq!(unsent, Err(Lie::RefusedUnsent { sequence: 99, count: 1 }));
}
