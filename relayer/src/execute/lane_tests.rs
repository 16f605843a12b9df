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

fn sequences(queue: &LaneQueue) -> Vec<u64> {
    let batch = queue.next_batch(NOW).unwrap();
    assert!(batch.as_ref().is_none_or(holds), "every batch is proven");
    batch.map(|batch| batch.sequences().collect()).unwrap_or_default()
}

#[test]
fn what_came_in_several_records_goes_into_one_batch_under_the_newest_root() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 3, |_| 0), None).unwrap();
    queue.add(Offset(1), deliver(&attesters, 3, 10, |_| 0), None).unwrap();
    let batch = queue.next_batch(NOW).unwrap().unwrap();
    assert!(holds(&batch));
    assert_eq!(batch.root.lane.count, 10);
    assert_eq!(batch.sequences().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn what_is_in_flight_is_not_sent_twice_and_comes_back_when_it_reverts() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 4, |_| 0), None).unwrap();
    queue.sent(0..4);
    assert!(sequences(&queue).is_empty());
    queue.add(Offset(1), deliver(&attesters, 4, 6, |_| 0), None).unwrap();
    assert_eq!(sequences(&queue), [4, 5]);
    assert_eq!(queue.reverted(&[0, 1, 2, 3]), None);
    assert_eq!(sequences(&queue), [0, 1], "half as many after a revert");
    queue.sent(0..1);
    assert_eq!(queue.reverted(&[0]), Some(0), "alone in a transaction that reverts");
}

#[test]
fn a_record_that_repeats_changes_nothing_and_a_gap_is_refused() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 4, |_| 0), None).unwrap();
    queue.sent(0..2);
    queue.settled(0);
    queue.settled(1);
    queue.add(Offset(1), deliver(&attesters, 0, 4, |_| 0), None).unwrap();
    assert_eq!(sequences(&queue), [2, 3]);
    assert_eq!(queue.add(Offset(2), deliver(&attesters, 6, 8, |_| 0), None), Err(LaneError::Gap { from: 4, to: 6 }));
    assert_eq!(sequences(&queue), [2, 3]);
}

#[test]
fn a_skipped_message_waits_until_its_predecessor_is_settled_not_until_it_failed() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    // 2 waits for 1.
    queue.add(Offset(0), deliver(&attesters, 0, 4, |sequence| if sequence == 2 { 2 } else { 0 }), None).unwrap();
    queue.sent(0..4);
    queue.settled(0);
    queue.settled(3);
    queue.failed(1);
    queue.skip(2, 1);
    assert!(sequences(&queue).is_empty());
    assert_eq!(queue.awaited(), [1]);
    queue.settled(1);
    assert_eq!(sequences(&queue), [2]);
    assert_eq!(queue.first_needed(), Some(Offset(0)));
    queue.settled(2);
    assert_eq!(queue.first_needed(), None);
}

#[test]
fn what_lies_between_is_named_as_a_bare_leaf() {
    let attesters = Attesters::new();
    let mut queue = LaneQueue::new(lane_id());
    queue.add(Offset(0), deliver(&attesters, 0, 5, |_| 0), None).unwrap();
    queue.sent(1..3);
    let batch = queue.next_batch(NOW).unwrap().unwrap();
    assert!(holds(&batch));
    assert_eq!(batch.sequences().collect::<Vec<_>>(), [0, 3, 4]);
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
    assert!(queue.next_batch(UnixMillis(5)).unwrap().is_some());
}
