#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(non_snake_case, reason = "Solidity's names of fields")]

use alloy::{
    primitives::{Address, Log, U256},
    sol_types::SolEvent,
};
use metalayer_node::{
    bus::Bus,
    chain::{BlockContent, MemoryChain},
    clock::manual::ManualClock,
    sent::KEEP_AFTER,
    store::memory::MemoryStore,
};
use metalayer_proto::{
    derivation::Arrivals,
    envelope::Outcome,
    events::abi::{self, MessageDelivered, MessageFailed, MessageVoided},
    message::{Kind, Message},
    served::ProvenSnapshot,
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::testing::{
    Attesters, FailingBus,
    chains::{chain, delivered, deployment, log_of, sent},
    clock, derived_store, gateway, message, metrics, published, records,
};

/// Chain 901 and the bus, and stages that watch it.
struct Bench {
    chain: Arc<MemoryChain>,
    clock: Arc<ManualClock>,
    records: Records,
    store: Arc<MemoryStore>,
    sent: Arc<Sent>,
    archive: Arc<Archive>,
    stage: Watch,
}

impl Bench {
    fn new() -> Self {
        let clock = clock();
        let records = records(clock.clone());
        let (chain, store) = (chain(901, 902), derived_store());
        let (sent, archive) = opened(&store);
        let stage = stage(&chain, &clock, records.clone(), (sent.clone(), archive.clone()));
        Self { chain, clock, records, store, sent, archive, stage }
    }

    /// The stage of another chain of the same relayer.
    fn beside(&self, chain: &Arc<MemoryChain>) -> Watch {
        stage(chain, &self.clock, self.records.clone(), (self.sent.clone(), self.archive.clone()))
    }

    /// Another process takes over, with `records` between it and the bus.
    fn restart(&mut self, records: Records) {
        (self.sent, self.archive) = opened(&self.store);
        let left = (self.sent.clone(), self.archive.clone());
        self.stage = stage(&self.chain, &self.clock, records, left);
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

/// What derivations have left, as a process that begins finds it.
fn opened(store: &Arc<MemoryStore>) -> (Arc<Sent>, Arc<Archive>) {
    let deployments = [901, 903, 904].map(deployment);
    let sent = Sent::open(store.clone(), 1_000, &deployments).unwrap();
    let archive = Archive::open(store.clone(), deployments.map(|one| one.origin), metrics()).unwrap();
    (Arc::new(sent), Arc::new(archive))
}

fn stage(
    chain: &Arc<MemoryChain>,
    clock: &Arc<ManualClock>,
    records: Records,
    (sent, archive): (Arc<Sent>, Arc<Archive>),
) -> Watch {
    let id = chain.chain().get();
    let parts = Parts {
        reader: Arc::new(chain.reader(vec![gateway(id).gateway])),
        records,
        sent,
        announced: Arc::default(),
        archive,
        partition: Partition(if id == 901 { 1 } else { 2 }),
        instance: InstanceId("test".into()),
        clock: clock.clone(),
        poll: Duration::from_millis(100),
        metrics: metrics(),
    };
    Watch::new(parts, deployment(id))
}

fn log(event: &impl SolEvent) -> Log {
    log_of(901, event)
}

/// A message to chain 901.
fn coming(from: u64, sequence: u64, kind: Kind) -> Message {
    Message { origin: gateway(from), destination: gateway(901), kind, ..message(sequence, 0) }
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
async fn what_came_home_is_published_a_record_a_transaction() {
    let mut bench = Bench::new();
    let (id, to) = (message(0, 0).id(), gateway(902));
    let (destinationChainId, destinationGateway, executor) = (902, to.gateway, Address::repeat_byte(6));
    let refused = abi::Refused { id: id.0, destinationChainId, destinationGateway, sequence: 0 };
    let snapshot = abi::SnapshotTaken { destinationChainId, destinationGateway, count: 1, laneRoot: id.0 };
    let reclaimed = abi::Reclaimed { id: id.0, value: true, fee: false };
    let amount = U256::from(5);
    let claimed = abi::FeesClaimed { destinationChainId, destinationGateway, executor, amount };
    let mut stranger = log(&reclaimed);
    stranger.address = Address::repeat_byte(0x77);
    bench.send(0..1);
    let transactions = vec![vec![log(&refused), stranger, log(&snapshot)], vec![log(&reclaimed), log(&claimed)]];
    let block = bench.chain.mine(BlockContent { transactions, ..BlockContent::default() });
    bench.run().await.unwrap();
    let records: Vec<HomeRecord> = published(&bench.records, 1).await;
    let events: Vec<_> = records.iter().map(|record| record.events.clone()).collect();
    let of_first = [
        HomeEvent::Refused { destination: to, sequence: 0, id },
        HomeEvent::SnapshotTaken { destination: to, count: 1, root: id.0 },
    ];
    let of_second = [
        HomeEvent::Reclaimed { id, value: true, fee: false },
        HomeEvent::FeesClaimed { destination: to, executor, amount },
    ];
    assert_eq!(events, [of_first, of_second]);
    let at = (gateway(901), block.number, block.hash);
    assert!(records.iter().all(|record| (record.origin, record.block_number, record.block_hash) == at));
    assert_eq!(bench.cursors().await, [block.number + 1]);
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
        let tip = reader.finalized().await.unwrap();
        while derivation.next_block() <= tip.number {
            let from = derivation.next_block();
            let to = reader.block_at(tip.number.min(from + READ_BLOCKS_MAX - 1)).await.unwrap();
            for block in reader.read(from, to).await.unwrap() {
                for change in derivation.apply(&block, &arrivals).unwrap().lanes {
                    let root = derivation.trusted_root(change.destination).unwrap();
                    root.show_growth(&change).unwrap().into_iter().for_each(|one| arrivals.keep(one).unwrap());
                }
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

#[derive(Clone, Debug)]
enum Act {
    Quiet(u64),
    Send,
    /// A message comes from 903.
    Arrive,
    /// This chain's stage runs, or the other's.
    Run,
    RunOther,
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (1..200_u64).prop_map(Act::Quiet),
        2 => Just(Act::Send),
        3 => Just(Act::Arrive),
        3 => Just(Act::Run),
        2 => Just(Act::RunOther),
        2 => Just(Act::Restart),
    ];
    vec(act, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However far each chain was kept: every block that changed a lane is on the bus, in order, and what is derived is what proto alone
    /// derives from the first block on.
    #[test]
    fn a_restart_at_any_moment_loses_no_record_and_skips_none(acts in acts()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let mut bench = Bench::new();
            let from = chain(903, 901);
            let (mut sent_here, mut arrived, mut other) = (0, 0, bench.beside(&from));
            for act in acts {
                match act {
                    Act::Quiet(blocks) => (0..blocks).for_each(|_| {
                        bench.chain.mine(BlockContent::default());
                        from.mine(BlockContent::default());
                    }),
                    Act::Send => {
                        bench.send(sent_here..sent_here + 1);
                        sent_here += 1;
                    }
                    Act::Arrive => {
                        let message = coming(903, arrived, Kind::Generic);
                        from.mine(BlockContent::of([sent(&message)]));
                        let range = abi::RangeDelivered {
                            originChainId: 903,
                            originGateway: gateway(903).gateway,
                            first: arrived,
                            bitmap: U256::from(1),
                            executor: Address::ZERO,
                        };
                        bench.chain.mine(BlockContent {
                            transactions: vec![vec![log(&delivered(&message)), log(&range)]],
                            ..BlockContent::default()
                        });
                        arrived += 1;
                    }
                    Act::Run => drop(run(&bench.chain, &mut bench.stage).await.unwrap()),
                    Act::RunOther => drop(run(&from, &mut other).await.unwrap()),
                    Act::Restart => {
                        bench.restart(bench.records.clone());
                        other = bench.beside(&from);
                    }
                }
            }
            run(&from, &mut other).await.unwrap();
            assert_eq!(run(&bench.chain, &mut bench.stage).await.unwrap(), None);
            let records: Vec<BlockRecord> = published(&bench.records, 1).await;
            let spans: std::collections::BTreeSet<_> = bench.blocks().await.into_iter().collect();
            let expected: Vec<_> = (0..sent_here).map(|first| (first, first + 1)).collect();
            assert_eq!(spans.iter().map(|(_, first, end)| (*first, *end)).collect::<Vec<_>>(), expected);
            assert!(records.windows(2).all(|pair| pair[0].commitment.block_number < pair[1].commitment.block_number));
            let derived = derive([(903, &from), (901, &bench.chain)]).await;
            assert_eq!(bench.stage.derivation.commitment(), derived.commitment());
        });
    }
}

#[tokio::test]
async fn a_restart_goes_on_near_where_it_was_and_a_lost_bus_begins_anew() {
    let mut bench = Bench::new();
    bench.send(0..2);
    (0..KEEP_AFTER + 200).for_each(|_| {
        bench.chain.mine(BlockContent::default());
    });
    bench.run().await.unwrap();
    let whole = bench.stage.derivation.commitment();
    bench.restart(bench.records.clone());
    assert!(bench.stage.derivation.next_block() > KEEP_AFTER);
    bench.run().await.unwrap();
    assert_eq!(bench.stage.derivation.commitment(), whole);
    assert_eq!(bench.blocks().await, [(2, 0, 2)], "nothing twice");

    bench.records = records(bench.clock.clone());
    bench.restart(bench.records.clone());
    bench.run().await.unwrap();
    assert_eq!(bench.stage.derivation.commitment(), whole);
    assert_eq!(bench.blocks().await, [(2, 0, 2)], "I1: what the bus lost is published again");
}

#[tokio::test]
async fn where_an_origin_can_be_begun_is_served_once_it_is_proven_also_after_a_restart() {
    let (mut bench, attesters) = (Bench::new(), Attesters::new());
    bench.send(0..3);
    bench.run().await.unwrap();
    let first = bench.stage.derivation.commitment().unwrap();
    bench.send(3..4);
    bench.run().await.unwrap();
    assert!(bench.archive.start_of(gateway(901).chain).is_none());
    // The proof of a state that this relayer has long left; then one of a state it has not come to, by a quiet block.
    for height in [first.block_number, first.block_number + 2] {
        if height > first.block_number {
            bench.chain.mine(BlockContent::default());
        }
        let chain = [(901, &bench.chain)];
        bench.chain.finalize();
        let commitment = if height == first.block_number { first } else { derive(chain).await.commitment().unwrap() };
        bench.archive.proven(&attesters.prove(commitment, 3));
        bench.run().await.unwrap();
        bench.stage.step().await.unwrap();
        for _ in 0..2 {
            let start = bench.archive.start_of(gateway(901).chain).unwrap();
            let ProvenSnapshot { proven, snapshot } = ProvenSnapshot::from_bytes(start.bytes()).unwrap();
            assert_eq!(proven.commitment, commitment);
            let restored = Derivation::restore(deployment(901), &commitment, snapshot).unwrap();
            let lane = LaneId { origin: gateway(901), destination: gateway(902) };
            let served = bench.archive.lane(lane).unwrap();
            assert_eq!(served.lane.count, restored.frontier(gateway(902)).unwrap().count());
            assert_eq!(served.proof.verify(&served.lane, commitment.lanes_root), Ok(()));
            bench.restart(bench.records.clone());
        }
    }
    let older = attesters.prove(first, 3);
    bench.archive.proven(&older);
    bench.run().await.unwrap();
    let start = bench.archive.start_of(gateway(901).chain).unwrap();
    assert!(start.proven().commitment.block_number > first.block_number, "never an older one");
}
