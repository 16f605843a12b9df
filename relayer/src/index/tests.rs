//! What the index answers, and that it can be trusted after a crash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{sync::Arc, time::Duration};

use alloy::primitives::B256;
use metalayer_node::{
    store::{Store, memory::MemoryStore},
    task::{Stage, Step},
};
use metalayer_proto::{
    envelope::{DeliveryRecord, MessageOutcome, Outcome},
    ids::{LaneId, MessageId},
    topics::Partition,
};

use super::*;
use crate::{
    record::Records,
    testing::{Lane, clock, gateway, message, records},
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
