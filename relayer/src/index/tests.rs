//! What the index answers, and that it can be trusted after a crash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{sync::Arc, time::Duration};

use alloy::primitives::B256;
use metalayer_node::{
    store::{Store, memory::MemoryStore},
    task::{Stage, Step},
};
use metalayer_proto::{
    derivation::{JudgedMessage, Verdict, VoidReason},
    envelope::{DeliveryRecord, HomeEvent, HomeRecord, MessageOutcome, Outcome},
    ids::{LaneId, MessageId},
    lane::Frontier,
    topics::Partition,
};

use super::*;
use crate::{
    record::Records,
    testing::{Lane, clock, gateway, judged, message, records},
};

struct Bench {
    records: Records,
    store: Arc<dyn Store>,
}

impl Bench {
    fn new() -> Self {
        Self { records: records(clock()), store: Arc::new(MemoryStore::new(&TABLES)) }
    }

    fn index(&self) -> Index {
        Index::new(self.store.clone())
    }

    /// A process that begins, works until there is nothing to do, and ends.
    async fn run(&self) {
        for partition in [1, 2] {
            let mut stage = IndexStage::new(Parts {
                index: self.index(),
                records: self.records.clone(),
                partition: Partition(partition),
                clock: clock(),
                poll: Duration::from_millis(100),
            });
            while let Step::Advanced = stage.step().await.unwrap() {}
        }
    }

    async fn publish_home(&self, events: Vec<HomeEvent>) {
        let (transaction, block_hash) = (B256::repeat_byte(4), B256::ZERO);
        let record = HomeRecord { origin: gateway(901), transaction, block_number: 60, block_hash, events };
        self.records.publish(Partition(1), Vec::new(), None, record).await.unwrap();
    }

    async fn publish_delivery(&self, id: MessageId, outcome: Outcome, transaction: u8) {
        let record = DeliveryRecord {
            lane: LaneId { origin: gateway(901), destination: gateway(902) },
            transaction: B256::repeat_byte(transaction),
            block_number: 50,
            block_hash: B256::ZERO,
            outcomes: vec![MessageOutcome { sequence: 0, id, outcome }],
        };
        self.records.publish(Partition(2), Vec::new(), None, record).await.unwrap();
    }
}

#[tokio::test]
async fn a_message_is_found_from_its_sending_to_its_delivery() {
    let bench = Bench::new();
    let id = message(0, 0).id();
    assert_eq!(bench.index().find(id).unwrap(), None);
    let block = Lane::default().block(vec![message(0, 0), message(1, 0)]);
    bench.records.publish(Partition(1), Vec::new(), None, block).await.unwrap();
    bench.run().await;
    let entry = bench.index().find(id).unwrap().unwrap();
    assert_eq!((entry.origin.get(), entry.destination.get(), entry.sequence), (901, 902, 0));
    assert_eq!(entry.sent.as_ref().unwrap().void, None);
    assert!(entry.to_string().contains("none in a final block yet"), "{entry}");

    bench.publish_delivery(id, Outcome::Failed, 1).await;
    bench.publish_delivery(id, Outcome::Delivered, 2).await;
    bench.run().await;
    let entry = bench.index().find(id).unwrap().unwrap();
    let words: Vec<_> = entry.outcomes.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(words, ["failed", "delivered"]);
    assert!(entry.sent.is_some(), "what was known stays");
}

#[tokio::test]
async fn an_outcome_may_come_before_its_message_and_a_record_twice() {
    let bench = Bench::new();
    let id = message(0, 0).id();
    for _ in 0..2 {
        bench.publish_delivery(id, Outcome::Delivered, 1).await;
        bench.run().await;
    }
    let entry = bench.index().find(id).unwrap().unwrap();
    assert_eq!((entry.sent.is_some(), entry.outcomes.len()), (false, 1));
    bench.records.publish(Partition(1), Vec::new(), None, Lane::default().block(vec![message(0, 0)])).await.unwrap();
    bench.run().await;
    let entry = bench.index().find(id).unwrap().unwrap();
    assert_eq!((entry.sent.is_some(), entry.outcomes.len()), (true, 1));
}

#[tokio::test]
async fn records_that_are_none_are_passed_over() {
    let bench = Bench::new();
    let garbage = metalayer_node::bus::Record {
        topic: Topic::Messages,
        partition: Partition(1),
        key: Vec::new(),
        value: b"nonsense".to_vec(),
    };
    bench.records.bus.publish(garbage).await.unwrap();
    bench.records.publish(Partition(1), Vec::new(), None, Lane::default().block(vec![message(0, 0)])).await.unwrap();
    bench.run().await;
    assert!(bench.index().find(message(0, 0).id()).unwrap().is_some());
}

fn lane() -> LaneId {
    LaneId { origin: gateway(901), destination: gateway(902) }
}

fn void(sequence: u64) -> JudgedMessage {
    JudgedMessage { verdict: Verdict::Void(VoidReason::NotBurnt), ..judged(message(sequence, 0)) }
}

#[tokio::test]
async fn what_came_home_is_told_and_a_reclaim_says_what_was_given_back() {
    let bench = Bench::new();
    let id = message(0, 0).id();
    let unproven = HomeEvent::Refused { destination: gateway(902), sequence: 1, id: MessageId(B256::ZERO) };
    let refused = HomeEvent::Refused { destination: gateway(902), sequence: 0, id };
    let reclaimed = HomeEvent::Reclaimed { id, value: true, fee: false };
    bench.publish_home(vec![unproven, refused]).await;
    bench
        .publish_home(vec![reclaimed, HomeEvent::Reclaimed { id: MessageId(B256::ZERO), value: true, fee: true }])
        .await;
    bench.records.publish(Partition(1), Vec::new(), None, Lane::default().block(vec![message(0, 0)])).await.unwrap();
    bench.publish_delivery(id, Outcome::Failed, 1).await;
    bench.publish_delivery(id, Outcome::Refused, 2).await;
    bench.run().await;
    let entry = bench.index().find(id).unwrap().unwrap();
    let mut words: Vec<_> = entry.outcomes.iter().map(|one| (one.outcome.as_str(), one.gave.as_deref())).collect();
    words.sort_unstable();
    assert_eq!(words, [("failed", None), ("home", None), ("reclaimed", Some("value")), ("refused", None)]);
    assert!(entry.is_home() && entry.to_string().contains(": value"), "{entry}");
    assert_eq!(bench.index().find(MessageId(B256::ZERO)).unwrap(), None);
}

#[tokio::test]
async fn a_body_is_kept_until_its_message_is_delivered_whichever_is_seen_first() {
    let bench = Bench::new();
    let [late, early] = [message(0, 0), message(1, 0)];
    bench.publish_delivery(early.id(), Outcome::Delivered, 1).await;
    bench.run().await;
    let block = Lane::default().block(vec![late.clone(), early.clone()]);
    bench.records.publish(Partition(1), Vec::new(), None, block).await.unwrap();
    bench.publish_delivery(late.id(), Outcome::Failed, 2).await;
    bench.run().await;
    assert_eq!(bench.index().body(late.id()).unwrap(), Some(late.clone()));
    assert_eq!(bench.index().body(early.id()).unwrap(), None);
    bench.publish_delivery(late.id(), Outcome::Delivered, 3).await;
    bench.run().await;
    assert_eq!(bench.index().body(late.id()).unwrap(), None);
}

#[tokio::test]
async fn the_newest_snapshot_of_a_lane_is_kept() {
    let bench = Bench::new();
    let taken = |count: u8| HomeEvent::SnapshotTaken {
        destination: gateway(902),
        count: count.into(),
        root: B256::repeat_byte(count),
    };
    bench.publish_home(vec![taken(3)]).await;
    bench.publish_home(vec![taken(7)]).await;
    bench.run().await;
    let snapshot = bench.index().snapshot(lane()).unwrap();
    assert_eq!(snapshot, Some(Snapshot { count: 7, root: B256::repeat_byte(7) }));
    let other = LaneId { destination: gateway(903), ..lane() };
    assert_eq!(bench.index().snapshot(other).unwrap(), None);
}

#[tokio::test]
async fn a_message_is_shown_by_its_id_in_the_tree_that_its_origin_has_stored() {
    let bench = Bench::new();
    let mut lane_of = Lane::default();
    // What is void stands there by its id too, and a record may come twice.
    let block = lane_of.judged_block(vec![judged(message(0, 0)), void(1), judged(message(2, 0))]);
    for record in [block.clone(), block, lane_of.block(vec![message(3, 0)])] {
        bench.records.publish(Partition(1), Vec::new(), None, record).await.unwrap();
    }
    bench.run().await;
    for count in 1..=4 {
        let mut frontier = Frontier::default();
        (0..count).for_each(|sequence| frontier.append(message(sequence, 0).id().leaf()).unwrap());
        let root = frontier.root();
        for sequence in 0..count {
            let path = bench.index().path(lane(), sequence, Snapshot { count, root }).unwrap();
            assert_eq!(path.verify(sequence, &[message(sequence, 0).id().leaf()], count, root), Ok(()));
        }
        let other = bench.index().path(lane(), 0, Snapshot { count, root: B256::ZERO });
        assert!(matches!(other, Err(PathError::Root)));
    }
    let beyond = Snapshot { count: 5, root: B256::ZERO };
    assert!(matches!(bench.index().path(lane(), 0, beyond), Err(PathError::Lane(_))));
}

#[tokio::test]
async fn a_lane_whose_beginning_the_bus_has_forgotten_is_indexed_but_for_its_tree() {
    let bench = Bench::new();
    let mut lane_of = Lane::default();
    lane_of.block(vec![message(0, 0)]);
    bench.records.publish(Partition(1), Vec::new(), None, lane_of.block(vec![message(1, 0)])).await.unwrap();
    bench.run().await;
    assert!(bench.index().body(message(1, 0).id()).unwrap().is_some());
    let path = bench.index().path(lane(), 1, Snapshot { count: 2, root: B256::ZERO });
    assert!(matches!(path, Err(PathError::Lane(_))));
}
