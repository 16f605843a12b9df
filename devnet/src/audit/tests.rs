//! The auditor, with one promise broken at a time.

#![allow(clippy::unwrap_used)]

use alloy::primitives::{Address, B256, U256};
use metalayer_proto::ids::{ChainId, GatewayId};

use super::*;

fn lane() -> LaneId {
    let gateway = |chain| GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::repeat_byte(9) };
    LaneId { origin: gateway(901), destination: gateway(902) }
}

fn id(sequence: u64) -> MessageId {
    MessageId(B256::with_last_byte(u8::try_from(sequence).unwrap() + 1))
}

fn transaction(sequence: u64) -> TxHash {
    B256::repeat_byte(u8::try_from(sequence).unwrap() + 1)
}

fn sent(sequence: u64) -> Sent {
    Sent {
        id: id(sequence),
        lane: lane(),
        sequence,
        waits_for: None,
        block: 1,
        transaction: transaction(sequence),
        burnt: U256::ZERO,
    }
}

fn outcome(sequence: u64, fate: Fate, block: u64) -> Outcome {
    let (origin, destination) = (lane().origin, lane().destination.chain);
    Outcome { id: id(sequence), destination, origin, fate, place: Place { block, log_index: 0 } }
}

fn back(sequence: u64, homecoming: Homecoming) -> Return {
    Return { id: id(sequence), origin: lane().origin.chain, homecoming }
}

const BOTH: Homecoming = Homecoming::Reclaim { value: true, fee: true };

/// Six messages: 0 delivered, 1 and 2 delivered in order, 3 failed and retried, 4 void and reclaimed, 5 refused and reclaimed.
fn good() -> (History, Intents) {
    let history = History {
        sent: vec![sent(0), sent(1), Sent { waits_for: Some(1), ..sent(2) }, sent(3), sent(4), sent(5)],
        outcomes: vec![
            outcome(0, Fate::Delivered, 5),
            outcome(1, Fate::Delivered, 5),
            outcome(2, Fate::Delivered, 6),
            outcome(3, Fate::Failed, 6),
            outcome(3, Fate::Delivered, 8),
            outcome(4, Fate::Voided, 6),
            outcome(5, Fate::Failed, 6),
            outcome(5, Fate::Refused, 9),
        ],
        returns: vec![
            back(4, BOTH),
            back(5, Homecoming::Refusal),
            back(5, Homecoming::Reclaim { value: true, fee: false }),
        ],
    };
    let intents = [(3, Intent::FailFirst), (4, Intent::BeVoid), (5, Intent::FailForEver)];
    (history, intents.map(|(sequence, intent)| (transaction(sequence), intent)).into())
}

fn audit(history: &History) -> Audit {
    Audit::of(history, &good().1)
}

fn without(mut history: History, sequence: u64, fate: Fate) -> History {
    history.outcomes.retain(|one| (one.id, one.fate) != (id(sequence), fate));
    history
}

#[test]
fn all_is_well() {
    let (history, intents) = good();
    assert_eq!(Audit::of(&history, &intents), Audit::default());
    assert!(Audit::of(&history, &intents).complaints().is_empty());
}

#[test]
fn a_message_that_is_withheld_is_lost() {
    let history = without(good().0, 0, Fate::Delivered);
    assert_eq!(audit(&history), Audit { lost: vec![id(0)], ..Audit::default() });
    assert_eq!(audit(&history).complaints().len(), 1);
}

#[test]
fn a_message_that_failed_and_was_not_retried_is_lost() {
    let history = without(good().0, 3, Fate::Delivered);
    assert_eq!(audit(&history), Audit { lost: vec![id(3)], ..Audit::default() });
}

#[test]
fn a_message_that_arrives_twice_is_doubled() {
    let mut history = good().0;
    history.outcomes.push(outcome(0, Fate::Delivered, 9));
    assert_eq!(audit(&history), Audit { doubled: vec![id(0)], ..Audit::default() });
}

#[test]
fn a_message_that_overtakes_is_out_of_order() {
    let mut history = good().0;
    history.outcomes[2].place = Place { block: 4, log_index: 7 };
    assert_eq!(audit(&history), Audit { out_of_order: vec![id(2)], ..Audit::default() });
    // In one block it is the place in the block that counts.
    history.outcomes[2].place = Place { block: 5, log_index: 1 };
    assert_eq!(audit(&history), Audit::default());
}

#[test]
fn what_only_failed_is_not_settled_for_those_after_it() {
    let mut history = good().0;
    history.sent[0].waits_for = Some(3);
    history.sent[0].sequence = 6;
    history.outcomes[0].place.block = 7;
    assert_eq!(audit(&history), Audit { out_of_order: vec![id(0)], ..Audit::default() });
    history.outcomes[0].place.block = 9;
    assert_eq!(audit(&history), Audit::default());
}

#[test]
fn an_ordered_message_without_the_one_before_it_is_out_of_order() {
    let history = without(good().0, 1, Fate::Delivered);
    assert_eq!(audit(&history), Audit { lost: vec![id(1)], out_of_order: vec![id(2)], ..Audit::default() });
}

#[test]
fn only_what_is_meant_to_fail_may_fail() {
    let mut history = good().0;
    history.outcomes.push(outcome(0, Fate::Failed, 4));
    assert_eq!(audit(&history), Audit { wrongly_failed: vec![id(0)], ..Audit::default() });
}

#[test]
fn a_valid_message_that_is_void_and_a_void_one_that_arrives_are_misjudged() {
    let mut history = good().0;
    history.outcomes[0].fate = Fate::Voided;
    history.returns.push(back(0, BOTH));
    assert_eq!(audit(&history), Audit { misjudged: vec![id(0)], ..Audit::default() });

    let mut history = without(good().0, 4, Fate::Voided);
    history.returns.retain(|one| one.id != id(4));
    history.outcomes.push(outcome(4, Fate::Delivered, 9));
    assert_eq!(audit(&history), Audit { misjudged: vec![id(4)], ..Audit::default() });
}

#[test]
fn what_is_void_or_refused_must_come_back() {
    let mut history = good().0;
    history.returns.retain(|one| matches!(one.homecoming, Homecoming::Refusal));
    assert_eq!(audit(&history), Audit { stranded: vec![id(4), id(5)], ..Audit::default() });
}

#[test]
fn what_comes_back_twice_or_is_delivered_too_is_paid_twice() {
    let mut history = good().0;
    history.returns.push(back(4, Homecoming::Reclaim { value: true, fee: false }));
    assert_eq!(audit(&history), Audit { paid_twice: vec![id(4)], ..Audit::default() });

    let mut history = good().0;
    history.returns.push(back(0, Homecoming::Reclaim { value: true, fee: false }));
    assert_eq!(audit(&history), Audit { paid_twice: vec![id(0)], ..Audit::default() });
}

#[test]
fn what_was_never_sent_or_arrives_elsewhere_is_invented() {
    let mut history = good().0;
    history.outcomes.push(outcome(7, Fate::Delivered, 9));
    assert_eq!(audit(&history).invented, [id(7)]);
    history.outcomes.pop();
    history.outcomes[0].destination = ChainId::new(900).unwrap();
    assert_eq!(audit(&history).invented, [id(0)]);

    let mut history = good().0;
    history.returns[0].origin = ChainId::new(900).unwrap();
    assert_eq!(audit(&history).invented, [id(4)]);
}
