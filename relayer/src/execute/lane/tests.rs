#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::testing::{Attesters, Lane, gateway, message};

const NOW: UnixMillis = UnixMillis(0);

fn lane_id() -> LaneId {
    LaneId { origin: gateway(901), destination: gateway(902) }
}

/// The record of the messages `from..to` of a lane that has `to`.
fn deliver(attesters: &Attesters, from: u64, to: u64, after: impl Fn(u64) -> u64) -> Deliver {
    let mut lane = Lane::default();
    for sequence in 0..from {
        lane.block(vec![message(sequence, after(sequence))]);
    }
    lane.deliver(attesters, (from..to).map(|sequence| message(sequence, after(sequence))).collect())
}

fn holds(batch: &Batch) -> bool {
    let leaves: Vec<_> = batch.items.iter().map(Item::leaf).collect();
    batch.range_proof.verify(batch.first, &leaves, batch.root.lane.count, batch.root.lane.root).is_ok()
}

fn next(queue: &LaneQueue) -> Option<Batch> {
    let range = queue.next_range(NOW)?;
    let batch = queue.batch(range).unwrap();
    assert!(holds(&batch), "every batch is proven");
    assert_eq!((batch.messages(), batch.items.len()), (range.messages, range.length));
    Some(batch)
}

fn sequences(queue: &LaneQueue) -> Vec<u64> {
    next(queue).map(|batch| batch.carried().sequences).unwrap_or_default()
}

fn finally_settled(queue: &mut LaneQueue, sequence: u64) {
    queue.settled(sequence, Some(0));
    queue.done(&[sequence], Some(0));
}

#[test]
fn what_came_in_several_records_goes_into_one_batch_under_the_newest_root() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 3, |_| 0), None).unwrap();
    queue.add(Offset(1), deliver(&attesters, 3, 10, |_| 0), None).unwrap();
    let batch = next(&queue).unwrap();
    assert_eq!(batch.root.lane.count, 10);
    assert_eq!(batch.carried().sequences, (0..10).collect::<Vec<_>>());
}

#[test]
fn what_is_in_flight_is_not_sent_twice_and_comes_back_when_it_reverts() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 4, |_| 0), None).unwrap();
    queue.sent(&[0, 1, 2, 3], 0);
    assert!(sequences(&queue).is_empty());
    queue.add(Offset(1), deliver(&attesters, 4, 6, |_| 0), None).unwrap();
    assert_eq!(sequences(&queue), [4, 5]);
    assert_eq!(queue.reverted(&[0, 1, 2, 3], 0), None);
    assert_eq!(sequences(&queue), [0, 1], "half as many after a revert");
    queue.sent(&[0], 0);
    assert_eq!(queue.reverted(&[0], 0), Some(0), "alone in a transaction that reverts");
}

#[test]
fn a_record_that_repeats_changes_nothing_and_a_gap_is_refused() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 4, |_| 0), None).unwrap();
    queue.sent(&[0, 1], 0);
    finally_settled(&mut queue, 0);
    finally_settled(&mut queue, 1);
    queue.add(Offset(1), deliver(&attesters, 0, 4, |_| 0), None).unwrap();
    assert_eq!(sequences(&queue), [2, 3]);
    assert_eq!(queue.add(Offset(2), deliver(&attesters, 6, 8, |_| 0), None), Err(LaneError::Gap { from: 4, to: 6 }));
    assert_eq!(sequences(&queue), [2, 3]);
}

#[test]
fn a_record_that_repeats_brings_nothing_back_that_was_settled() {
    let attesters = Attesters::new();
    let record = deliver(&attesters, 0, 4, |_| 0);
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), record.clone(), None).unwrap();
    queue.sent(&[0, 1, 2, 3], 0);
    for sequence in 1..4 {
        finally_settled(&mut queue, sequence);
    }
    queue.add(Offset(1), record.clone(), None).unwrap();
    assert!(sequences(&queue).is_empty(), "0 is under way, the others are done");
    finally_settled(&mut queue, 0);
    queue.add(Offset(2), record, None).unwrap();
    assert!(sequences(&queue).is_empty());
    assert_eq!(queue.first_needed(), None);
}

#[test]
fn the_second_record_of_a_commitment_is_taken_although_the_first_is_done() {
    let attesters = Attesters::new();
    let (first, whole) = (deliver(&attesters, 0, 2, |_| 0), deliver(&attesters, 0, 4, |_| 0));
    let second = deliver(&attesters, 2, 4, |_| 0);
    let rest = whole.items[2..].iter().map(|item| Item::Leaf(item.leaf()));
    let first = Deliver { items: first.items.into_iter().chain(rest).collect(), ..whole };
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), first, None).unwrap();
    assert_eq!(sequences(&queue), [0, 1]);
    finally_settled(&mut queue, 0);
    finally_settled(&mut queue, 1);
    queue.add(Offset(1), second, None).unwrap();
    assert_eq!(sequences(&queue), [2, 3]);
}

#[test]
fn a_parked_message_comes_back_when_its_record_is_replayed() {
    let attesters = Attesters::new();
    let record = deliver(&attesters, 0, 3, |_| 0);
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), record.clone(), None).unwrap();
    queue.parked(1);
    finally_settled(&mut queue, 0);
    finally_settled(&mut queue, 2);
    queue.add(Offset(1), record, None).unwrap();
    assert_eq!(sequences(&queue), [1]);
}

#[test]
fn a_skipped_message_waits_until_its_predecessor_is_settled_not_until_it_failed() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    // 2 waits for 1.
    queue.add(Offset(0), deliver(&attesters, 0, 4, |sequence| if sequence == 2 { 2 } else { 0 }), None).unwrap();
    queue.sent(&[0, 1, 2, 3], 0);
    finally_settled(&mut queue, 0);
    finally_settled(&mut queue, 3);
    queue.failed(1, Some(0));
    queue.skip(2, 0);
    assert!(sequences(&queue).is_empty());
    assert_eq!(queue.awaited(), [1]);
    finally_settled(&mut queue, 1);
    assert_eq!(sequences(&queue), [2]);
    assert_eq!(queue.first_needed(), Some(Offset(0)));
    finally_settled(&mut queue, 2);
    assert_eq!(queue.first_needed(), None);
}

#[test]
fn several_that_wait_for_the_same_predecessor_all_wait() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 3, |sequence| if sequence > 0 { 1 } else { 0 }), None).unwrap();
    queue.sent(&[0, 1, 2], 0);
    queue.skip(1, 0);
    queue.skip(2, 0);
    assert!(sequences(&queue).is_empty());
    finally_settled(&mut queue, 0);
    assert_eq!(sequences(&queue), [1, 2]);
}

#[test]
fn what_lies_between_is_named_as_a_bare_leaf() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 5, |_| 0), None).unwrap();
    queue.sent(&[1, 2], 0);
    let batch = next(&queue).unwrap();
    assert_eq!(batch.carried().sequences, [0, 3, 4]);
    assert_eq!(batch.items.len(), 5);
}

#[test]
fn a_batch_is_bounded() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 400, |_| 0), None).unwrap();
    assert_eq!(sequences(&queue).len(), MESSAGES_MAX);
}

#[test]
fn a_held_lane_sends_nothing_until_its_time() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 2, |_| 0), None).unwrap();
    queue.hold(UnixMillis(5));
    assert!(sequences(&queue).is_empty());
    assert!(queue.next_range(UnixMillis(5)).is_some());
}

#[test]
fn a_root_that_comes_again_under_a_newer_epochs_proof_takes_the_olders_place() {
    let (first, second) = (Attesters::new(), Attesters::of_epoch(2, [3, 4, 5, 6]));
    let mut queue = LaneQueue::new(lane_id());
    let whole = deliver(&first, 0, 3, |_| 0);
    queue.add(Offset(0), whole.clone(), None).unwrap();
    let mut before = whole.before.clone();
    whole.items[..2].iter().for_each(|item| before.append(item.leaf()).unwrap());
    let again = Deliver {
        proof: second.prove(whole.commitment, 3).proof,
        before,
        items: vec![Item::Leaf(whole.items[2].leaf())],
        ..whole.clone()
    };
    queue.add(Offset(1), again, None).unwrap();
    let batch = next(&queue).unwrap();
    assert_eq!((batch.root.proven.proof.epoch(), batch.messages()), (2, 3));
    queue.add(Offset(2), whole, None).unwrap();
    assert_eq!(next(&queue).unwrap().root.proven.proof.epoch(), 2, "an older one changes nothing");
}
