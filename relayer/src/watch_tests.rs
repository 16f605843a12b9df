#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloy::{
    primitives::{Address, Bytes, Log, U256},
    sol_types::{SolCall, SolEvent},
};
use metalayer_node::{
    bus::Bus,
    chain::{BlockContent, MemoryChain},
    clock::manual::ManualClock,
};
use metalayer_proto::{
    derivation::Deployment,
    envelope::Outcome,
    events::abi::{self, MessageDelivered, MessageFailed, MessageVoided},
    interop,
    message::Message,
};

use super::*;
use crate::testing::{FailingBus, NETWORK, clock, gateway, message, metrics, published, records};

/// Chain 901 and the bus, and stages that watch it.
struct Bench {
    chain: Arc<MemoryChain>,
    clock: Arc<ManualClock>,
    records: Records,
    stage: Watch,
}

impl Bench {
    fn new() -> Self {
        let clock = clock();
        let records = records(clock.clone());
        let chain = MemoryChain::new(gateway(901).chain);
        chain.mine(BlockContent::of([route()]));
        let stage = stage(&chain, &clock, records.clone());
        Self { chain, clock, records, stage }
    }

    /// Another process takes over, with `records` between it and the bus.
    fn restart(&mut self, records: Records) {
        self.stage = stage(&self.chain, &self.clock, records);
    }

    fn send(&self, sequences: std::ops::Range<u64>) -> BlockRef {
        self.chain.mine(BlockContent::of(sequences.map(|sequence| sent(&message(sequence, 0)))))
    }

    async fn run(&mut self) -> Result<(), WatchError> {
        self.chain.finalize();
        while let Step::Advanced = self.stage.step().await? {}
        Ok(())
    }

    /// The block, and the first sequence and end of what it brought, of each record.
    async fn blocks(&self) -> Vec<(u64, u64, u64)> {
        let records: Vec<BlockRecord> = published(&self.records, 1).await;
        let span = |one: &BlockRecord| (one.commitment.block_number, one.changes[0].before.count(), one.lanes[0].count);
        records.iter().map(span).collect()
    }

    async fn deliveries(&self) -> Vec<DeliveryRecord> {
        published(&self.records, 1).await
    }

    async fn cursors(&self) -> Vec<u64> {
        let cursors: Vec<Cursor> = published(&self.records, 1).await;
        cursors.iter().map(|cursor| cursor.next_block).collect()
    }
}

fn stage(chain: &Arc<MemoryChain>, clock: &Arc<ManualClock>, records: Records) -> Watch {
    let origin = gateway(901);
    let hub = gateway(900);
    let deployment = Deployment { network: NETWORK, origin, deployed_at: 1, hub, hub_registry: hub.gateway };
    let parts = Parts {
        reader: Arc::new(chain.reader(vec![origin.gateway])),
        records,
        partition: Partition(1),
        instance: InstanceId("test".into()),
        clock: clock.clone(),
        poll: Duration::from_millis(100),
        metrics: metrics(),
    };
    Watch::new(parts, Derivation::new(deployment))
}

fn log(event: &impl SolEvent) -> Log {
    Log { address: gateway(901).gateway, data: event.encode_log_data() }
}

fn route() -> Log {
    let route = abi::Route {
        gateway: gateway(902).gateway,
        kinds: 1,
        bytesMax: 100,
        gasMax: 500_000,
        valueMax: 0,
        feeBase: Default::default(),
        feePerByte: Default::default(),
        feePerGas: Default::default(),
    };
    log(&abi::RouteSet { destinationChainId: 902, route })
}

fn sent(message: &Message) -> Log {
    let own = abi::sentCall {
        id: message.id().0,
        sequence: message.sequence,
        destinationGateway: message.destination.gateway,
        kind: message.kind.byte(),
        gasLimit: message.gas_limit,
        payer: message.payer,
        fee: message.fee,
        afterSequence: message.after,
    };
    let gas = abi::gasLimitCall { gasLimit: U256::from(message.gas_limit) };
    let attributes: Vec<Bytes> = vec![gas.abi_encode().into(), own.abi_encode().into()];
    log(&abi::MessageSent {
        sendId: B256::ZERO,
        sender: interop::format(message.origin.chain, message.sender),
        recipient: interop::format(message.destination.chain, message.recipient),
        payload: message.payload.bytes().clone(),
        value: U256::ZERO,
        attributes,
    })
}

#[tokio::test]
async fn each_block_that_changed_a_lane_is_published_and_the_cursor_after_it() {
    let mut bench = Bench::new();
    bench.send(0..2);
    bench.chain.mine(BlockContent::default());
    let last = bench.send(2..5);
    bench.run().await.unwrap();
    assert_eq!(bench.blocks().await, [(2, 0, 2), (4, 2, 5)]);
    assert_eq!(bench.cursors().await, [last.number + 1]);
    bench.chain.mine(BlockContent::of([sent(&message(5, 0))]));
    let step = bench.stage.step().await.unwrap();
    assert!(matches!(step, Step::Idle(_)), "what is not final is not looked at (I5)");
}

#[tokio::test]
async fn what_the_gateway_did_with_messages_is_published_a_record_a_transaction_and_lane() {
    let mut bench = Bench::new();
    let (id, gateway_903) = (B256::repeat_byte(5), gateway(903));
    let (chain, from) = (903, gateway_903.gateway);
    let delivered = MessageDelivered { id, originChainId: chain, originGateway: from, sequence: 4 };
    let failed =
        MessageFailed { id, originChainId: chain, originGateway: from, sequence: 3, reason: B256::repeat_byte(1) };
    let voided = MessageVoided { id, originChainId: 904, originGateway: gateway(904).gateway, sequence: 0 };
    let mut stranger = log(&delivered);
    stranger.address = Address::repeat_byte(0x77);
    let transaction = vec![log(&delivered), stranger, log(&failed), log(&voided)];
    let block = bench.chain.mine(BlockContent { transactions: vec![transaction], ..BlockContent::default() });
    bench.run().await.unwrap();
    let mut found = bench.deliveries().await;
    found.sort_by_key(|record| record.lane.origin);
    let of = |record: &DeliveryRecord| -> Vec<_> {
        record.outcomes.iter().map(|one| (record.lane.origin.chain.get(), one.sequence, one.outcome)).collect()
    };
    assert_eq!(of(&found[0]), [(903, 3, Outcome::Failed), (903, 4, Outcome::Delivered)]);
    assert_eq!(of(&found[1]), [(904, 0, Outcome::Voided)]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|record| (record.block_number, record.block_hash) == (block.number, block.hash)));
    assert!(found.iter().all(|record| record.lane.destination == gateway(901)));
}

#[tokio::test]
async fn after_a_restart_nothing_below_the_cursor_is_published_again() {
    let mut bench = Bench::new();
    bench.send(0..2);
    bench.run().await.unwrap();
    bench.restart(bench.records.clone());
    bench.run().await.unwrap();
    bench.send(2..3);
    bench.run().await.unwrap();
    assert_eq!(bench.blocks().await, [(2, 0, 2), (3, 2, 3)]);
}

#[tokio::test]
async fn whichever_publish_fails_nothing_is_lost() {
    // Two blocks and a cursor: each of the three fails once.
    for good in 0..3 {
        let mut bench = Bench::new();
        let bus: Arc<dyn Bus> = FailingBus::after(good, bench.records.bus.clone());
        bench.restart(Records::new(bus, metrics()));
        bench.send(0..2);
        bench.send(2..3);
        let error = bench.run().await.unwrap_err();
        assert_eq!(error.severity(), Severity::Process, "only a new start derives the block again");
        assert!(bench.cursors().await.is_empty(), "I1");
        bench.restart(bench.records.clone());
        bench.run().await.unwrap();
        let blocks = bench.blocks().await;
        assert_eq!(blocks[blocks.len() - 2..], [(2, 0, 2), (3, 2, 3)]);
        assert_eq!(blocks.len(), 2 + good.min(2), "what was published before comes again");
        assert_eq!(bench.cursors().await, [4]);
    }
}

#[tokio::test]
async fn a_final_history_that_changes_parks_the_chain() {
    let mut bench = Bench::new();
    bench.send(0..2);
    bench.run().await.unwrap();
    bench.chain.rewind(2);
    bench.send(0..1);
    bench.send(1..2);
    let error = bench.run().await.unwrap_err();
    assert_eq!((error.severity(), error.reason()), (Severity::Chain, "history_broken"));
    assert_eq!(bench.blocks().await, [(2, 0, 2)], "nothing of the other history");
}
