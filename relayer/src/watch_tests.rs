#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(non_snake_case, reason = "Solidity's names of fields")]

use alloy::{
    primitives::{Address, Bytes, Log, U256},
    sol_types::{SolCall, SolEvent},
};
use metalayer_node::{
    bus::Bus,
    chain::{BlockContent, MemoryChain},
    clock::manual::ManualClock,
    sent::TABLE,
    store::memory::MemoryStore,
};
use metalayer_proto::{
    derivation::{Arrivals, Deployment},
    envelope::Outcome,
    events::abi::{self, MessageDelivered, MessageFailed, MessageVoided},
    interop,
    message::{Kind, Message},
};

use super::*;
use crate::testing::{FailingBus, NETWORK, clock, gateway, message, metrics, published, records};

/// Chain 901 and the bus, and stages that watch it.
struct Bench {
    chain: Arc<MemoryChain>,
    clock: Arc<ManualClock>,
    records: Records,
    sent: Arc<Sent>,
    stage: Watch,
}

impl Bench {
    fn new() -> Self {
        let clock = clock();
        let records = records(clock.clone());
        let sent = Arc::new(Sent::new(Arc::new(MemoryStore::new(&[TABLE])), 1_000).unwrap());
        let chain = chain(901, 902);
        let stage = stage(&chain, &clock, records.clone(), sent.clone());
        Self { chain, clock, records, sent, stage }
    }

    /// The stage of another chain of the same relayer.
    fn beside(&self, chain: &Arc<MemoryChain>) -> Watch {
        stage(chain, &self.clock, self.records.clone(), self.sent.clone())
    }

    /// Another process takes over, with `records` between it and the bus.
    fn restart(&mut self, records: Records) {
        self.stage = stage(&self.chain, &self.clock, records, self.sent.clone());
    }

    fn send(&self, sequences: std::ops::Range<u64>) -> BlockRef {
        self.chain.mine(BlockContent::of(sequences.map(|sequence| sent(&message(sequence, 0)))))
    }

    async fn run(&mut self) -> Result<(), WatchError> {
        run(&self.chain, &mut self.stage).await.map(drop)
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

/// A chain whose gateway has a route to another.
fn chain(id: u64, to: u64) -> Arc<MemoryChain> {
    let chain = MemoryChain::new(gateway(id).chain);
    chain.mine(BlockContent::of([route(id, to)]));
    chain
}

/// Steps until there is nothing to do; the stable word of what the stage waits for, if it waits for something.
async fn run(chain: &MemoryChain, stage: &mut Watch) -> Result<Option<&'static str>, WatchError> {
    chain.finalize();
    loop {
        match stage.step().await? {
            Step::Advanced => {}
            Step::Idle(_) => return Ok(None),
            Step::Blocked(blocked) => return Ok(Some(blocked.reason)),
        }
    }
}

fn deployment(id: u64) -> Deployment {
    let (hub, era) = (gateway(900), gateway(1).gateway);
    Deployment { network: NETWORK, origin: gateway(id), deployed_at: 1, hub, hub_registry: hub.gateway, era }
}

fn stage(chain: &Arc<MemoryChain>, clock: &Arc<ManualClock>, records: Records, sent: Arc<Sent>) -> Watch {
    let id = chain.chain().get();
    let parts = Parts {
        reader: Arc::new(chain.reader(vec![gateway(id).gateway])),
        records,
        sent,
        partition: Partition(if id == 901 { 1 } else { 2 }),
        instance: InstanceId("test".into()),
        clock: clock.clone(),
        poll: Duration::from_millis(100),
        metrics: metrics(),
    };
    Watch::new(parts, Derivation::new(deployment(id)))
}

fn log_of(id: u64, event: &impl SolEvent) -> Log {
    Log { address: gateway(id).gateway, data: event.encode_log_data() }
}

fn log(event: &impl SolEvent) -> Log {
    log_of(901, event)
}

fn route(from: u64, to: u64) -> Log {
    let route = abi::Route {
        gateway: gateway(to).gateway,
        kinds: 0b11,
        bytesMax: 100,
        gasMax: 500_000,
        valueMax: 0,
        feeBase: Default::default(),
        feePerByte: Default::default(),
        feePerGas: Default::default(),
    };
    log_of(from, &abi::RouteSet { destinationChainId: to, route })
}

/// A message to chain 901.
fn coming(from: u64, sequence: u64, kind: Kind) -> Message {
    Message { origin: gateway(from), destination: gateway(901), kind, ..message(sequence, 0) }
}

fn delivered(message: &Message) -> MessageDelivered {
    let (id, origin, sequence) = (message.id().0, message.origin, message.sequence);
    MessageDelivered { id, originChainId: origin.chain.get(), originGateway: origin.gateway, sequence }
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
    let mut attributes: Vec<Bytes> = vec![gas.abi_encode().into(), own.abi_encode().into()];
    if message.kind != Kind::Generic {
        attributes.insert(0, abi::kindCall { kind: message.kind.byte() }.abi_encode().into());
    }
    log_of(
        message.origin.chain.get(),
        &abi::MessageSent {
            sendId: B256::ZERO,
            sender: interop::format(message.origin.chain, message.sender),
            recipient: interop::format(message.destination.chain, message.recipient),
            payload: message.payload.bytes().clone(),
            value: U256::ZERO,
            attributes,
        },
    )
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
    let [one, two] = [0, 1].map(|sequence| coming(903, sequence, Kind::Generic));
    let void = coming(904, 0, Kind::ValueFlow);
    let (chain_903, chain_904) = (chain(903, 901), chain(904, 901));
    chain_903.mine(BlockContent::of([sent(&one), sent(&two)]));
    chain_904.mine(BlockContent::of([sent(&void)]));
    for other in [&chain_903, &chain_904] {
        assert_eq!(run(other, &mut bench.beside(other)).await.unwrap(), None);
    }
    let MessageDelivered { id, originChainId, originGateway, sequence } = delivered(&one);
    let failed = MessageFailed { id, originChainId, originGateway, sequence, reason: B256::repeat_byte(1) };
    let MessageDelivered { id, originChainId, originGateway, sequence } = delivered(&void);
    let voided = MessageVoided { id, originChainId, originGateway, sequence };
    let mut stranger = log(&delivered(&two));
    stranger.address = Address::repeat_byte(0x77);
    let transaction = vec![log(&delivered(&two)), stranger, log(&failed), log(&voided)];
    let block = bench.chain.mine(BlockContent { transactions: vec![transaction], ..BlockContent::default() });
    bench.run().await.unwrap();
    let mut found = bench.deliveries().await;
    found.sort_by_key(|record| record.lane.origin);
    let of = |record: &DeliveryRecord| -> Vec<_> {
        record.outcomes.iter().map(|one| (record.lane.origin.chain.get(), one.sequence, one.outcome)).collect()
    };
    assert_eq!(of(&found[0]), [(903, 0, Outcome::Failed), (903, 1, Outcome::Delivered)]);
    assert_eq!(of(&found[1]), [(904, 0, Outcome::Voided)]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|record| (record.block_number, record.block_hash) == (block.number, block.hash)));
    assert!(found.iter().all(|record| record.lane.destination == gateway(901)));
}

#[tokio::test]
async fn an_arrival_waits_until_its_origin_was_derived_and_then_goes_on_by_itself() {
    let mut bench = Bench::new();
    let arriving = coming(903, 0, Kind::Generic);
    let from = chain(903, 901);
    from.mine(BlockContent::of([sent(&arriving)]));
    bench.send(0..1);
    bench.chain.mine(BlockContent::of([log(&delivered(&arriving))]));
    bench.send(1..2);
    for _ in 0..2 {
        assert_eq!(run(&bench.chain, &mut bench.stage).await.unwrap(), Some("arrival_unproven"));
        assert_eq!(bench.blocks().await, [(2, 0, 1)]);
        assert_eq!(bench.cursors().await, [3], "what comes before it is published");
    }
    run(&from, &mut bench.beside(&from)).await.unwrap();
    assert_eq!(run(&bench.chain, &mut bench.stage).await.unwrap(), None);
    // The other chain's record stands on its own partition.
    assert_eq!(bench.blocks().await, [(2, 0, 1), (4, 1, 2)]);
    let records: Vec<BlockRecord> = published(&bench.records, 1).await;
    let expected = derive([(903, &from), (901, &bench.chain)]).await;
    assert_eq!(records.last().map(|record| record.commitment), expected.commitment());
}

/// The last of these chains as proto alone derives it, each shown what those before it sent.
async fn derive<const N: usize>(chains: [(u64, &Arc<MemoryChain>); N]) -> Derivation {
    let mut arrivals = Arrivals::default();
    let mut last = None;
    for (id, chain) in chains {
        let mut derivation = Derivation::new(deployment(id));
        let reader = chain.reader(vec![gateway(id).gateway]);
        for block in reader.read(1, reader.finalized().await.unwrap()).await.unwrap() {
            for change in derivation.apply(&block, &arrivals).unwrap().lanes {
                let root = derivation.trusted_root(change.destination).unwrap();
                root.show_growth(&change).unwrap().into_iter().for_each(|one| arrivals.keep(one).unwrap());
            }
        }
        last = Some(derivation);
    }
    last.unwrap()
}

/// SECURITY: the origin rollup itself lies.
#[tokio::test]
async fn arrivals_nobody_sent_stop_that_chain_alone() {
    let mut bench = Bench::new();
    let forged = Message { gas_limit: 7, ..coming(903, 0, Kind::Generic) };
    bench.chain.mine(BlockContent::of([log(&delivered(&forged))]));
    let honest = chain(903, 901);
    let mut other = bench.beside(&honest);
    assert_eq!(run(&bench.chain, &mut bench.stage).await.unwrap(), Some("arrival_unproven"));
    honest.mine(BlockContent::of([sent(&coming(903, 0, Kind::Generic))]));
    assert_eq!(run(&honest, &mut other).await.unwrap(), None);
    for _ in 0..2 {
        let error = run(&bench.chain, &mut bench.stage).await.unwrap_err();
        assert_eq!((error.severity(), error.reason()), (Severity::Chain, "origin_lies"));
    }
    honest.mine(BlockContent::of([sent(&coming(903, 1, Kind::Generic))]));
    assert_eq!(run(&honest, &mut other).await.unwrap(), None);
    let records: Vec<BlockRecord> = published(&bench.records, 2).await;
    assert_eq!(records.len(), 2);
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
