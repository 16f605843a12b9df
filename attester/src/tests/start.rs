//! Where origins begin: at a proof that holds and extends what was signed, whoever serves it; else at the deployment.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy::primitives::{Address, B256};
use metalayer_node::{
    chain::BlockContent,
    clock::{Clock, manual::ManualClock},
    collector::Collector,
    sent::{self, KEEP_AFTER, Sent},
    signer::AttesterSigner,
    store::{Store, memory::MemoryStore},
    task::{Stage, Step},
    telemetry,
};
use metalayer_proto::{
    act::Act,
    commitment::Commitment,
    derivation::Derivation,
    ids::{LaneId, NetworkId},
    lane::Frontier,
    message::Message,
    served::LeafContent,
};
use proptest::{collection::vec, prelude::*};

use super::{
    bench::{Bench, commitment, gateway, guard_over, network, opened, settle, signer},
    served::Served,
};
use crate::{
    guard::{self, Guard, Signed},
    leaves::Leaves,
    metrics::Metrics,
    origin::{Origin, Parts},
    outbox::Outbox,
    proven::Proven,
    rules::Rules,
    start::Start,
};

fn empty_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(&[&[guard::TABLE][..], &sent::TABLES].concat()))
}

/// An attester's process, from its start on.
struct Process {
    clock: ManualClock,
    guard: Arc<Guard>,
    sent: Arc<Sent>,
    proven: Arc<Proven>,
    rules: Arc<Rules>,
    outbox: Arc<Outbox>,
    registry: telemetry::Metrics,
    metrics: Arc<Metrics>,
    collectors: Vec<Arc<dyn Collector>>,
}

impl Process {
    fn new<const N: usize>(store: &Arc<dyn Store>, collectors: [Served; N]) -> Self {
        let registry = telemetry::Metrics::unregistered();
        let mut process = Self {
            clock: ManualClock::default(),
            guard: Arc::new(guard_over(store)),
            sent: Arc::new(opened(store)),
            proven: Arc::new(Proven::new(Arc::new(network().epoch_book()), signer(1).public_key().attester_id())),
            rules: Arc::default(),
            outbox: Arc::default(),
            metrics: Arc::new(Metrics::new(&registry).unwrap()),
            registry,
            collectors: Vec::new(),
        };
        process.ask(collectors);
        process
    }

    /// Whom it asks from now on.
    fn ask<const N: usize>(&mut self, collectors: [Served; N]) {
        self.collectors = collectors.into_iter().map(|one| Arc::new(one) as Arc<dyn Collector>).collect();
    }

    fn leaves(&self) -> Arc<Leaves> {
        let epochs = Arc::new(network().epoch_book());
        let clock = Arc::new(self.clock.clone());
        Arc::new(Leaves::new(self.collectors.clone(), epochs, clock, self.metrics.clone()))
    }

    async fn begun<const N: usize>(&self, chains: [&Bench; N]) -> [Derivation; N] {
        let start = Start {
            collectors: self.collectors.clone(),
            epochs: Arc::new(network().epoch_book()),
            guard: self.guard.clone(),
            sent: self.sent.clone(),
            leaves: self.leaves(),
            proven: self.proven.clone(),
            rules: self.rules.clone(),
            clock: Arc::new(self.clock.clone()),
            metrics: self.metrics.clone(),
        };
        start.all(&chains.map(Bench::deployment)).await.unwrap().try_into().unwrap()
    }

    async fn origins<const N: usize>(&self, chains: [&Bench; N]) -> [Origin; N] {
        let mut begun = self.begun(chains).await.into_iter();
        chains.map(|bench| {
            let parts = Parts {
                reader: Arc::new(bench.chain.reader(vec![bench.id.gateway])),
                guard: self.guard.clone(),
                signer: Arc::new(signer(1)),
                proven: self.proven.clone(),
                sent: self.sent.clone(),
                leaves: self.leaves(),
                rules: self.rules.clone(),
                announced: Arc::default(),
                outboxes: vec![self.outbox.clone()],
                clock: Arc::new(self.clock.clone()),
                poll: Duration::from_millis(100),
                metrics: self.metrics.clone(),
            };
            Origin::new(parts, begun.next().unwrap()).unwrap()
        })
    }

    /// What was signed since this was asked last, by height.
    fn signed(&self, chain: u64) -> BTreeMap<u64, Commitment> {
        let now = self.clock.now();
        let mut due = self.outbox.due(now);
        due.retain(|one| one.commitment.origin == gateway(chain));
        self.outbox.posted(&due, now);
        due.into_iter().map(|one| (one.commitment.block_number, one.commitment)).collect()
    }

    fn refusals(&self, collector: &str, reason: &str) -> u64 {
        let line =
            format!("metalayer_collector_answers_refused_total{{collector=\"{collector}\",reason=\"{reason}\"}} ");
        let text = self.registry.render().unwrap();
        text.lines().find_map(|one| one.strip_prefix(&line)).map_or(0, |value| value.parse().unwrap())
    }
}

fn send(from: &mut Bench) -> Message {
    let message = from.next_message();
    from.chain.mine(BlockContent::of([from.sent_log(&message)]));
    from.chain.finalize();
    message
}

fn deliver(to: &Bench, message: &Message) -> u64 {
    let transactions = vec![to.delivered_logs(message)];
    let height = to.chain.mine(BlockContent { transactions, ..BlockContent::default() }).number;
    to.chain.finalize();
    height
}

/// The rollup and the hub after some messages of both, and what an honest collector serves of them.
async fn history() -> (Bench, Bench, Served) {
    let mut rollup = Bench::new(901);
    let mut hub = rollup.beside(900);
    let message = send(&mut rollup);
    deliver(&hub, &message);
    send(&mut hub);
    send(&mut rollup);
    let served = Served::of(&[&rollup, &hub]).await;
    (rollup, hub, served)
}

#[tokio::test]
async fn a_start_at_a_proof_signs_what_a_start_at_the_deployment_signs() {
    let (mut rollup, mut hub, served) = history().await;
    let heights = [901, 900].map(|chain| served.starts[&gateway(chain).chain].proven.commitment.block_number);
    let newcomer = Process::new(&empty_store(), [served]);
    let old_hand = Process::new(&empty_store(), []);
    let begun = newcomer.begun([&rollup, &hub]).await;
    assert_eq!(begun.map(|one| one.next_block()), heights.map(|height| height + 1));
    assert_eq!(old_hand.begun([&rollup, &hub]).await.map(|one| one.next_block()), [1, 1]);

    let [mut one, mut two] = newcomer.origins([&rollup, &hub]).await;
    let [mut three, mut four] = old_hand.origins([&rollup, &hub]).await;
    for _ in 0..3 {
        let message = send(&mut rollup);
        deliver(&hub, &message);
        send(&mut hub);
        for origin in [&mut one, &mut three, &mut two, &mut four] {
            settle(origin).await.unwrap();
        }
        for chain in [900, 901] {
            let (new, old) = (newcomer.signed(chain), old_hand.signed(chain));
            let last = new.last_key_value().unwrap();
            assert_eq!(Some(last), old.last_key_value());
        }
    }
}

/// SECURITY: a collector that lies to whoever begins.
#[tokio::test]
async fn a_lying_collector_is_refused_with_its_reason_and_the_next_is_asked() {
    let (rollup, hub, honest) = history().await;
    let chain = gateway(901).chain;
    type Forge = fn(&mut Served);
    fn start(served: &mut Served) -> &mut metalayer_proto::served::ProvenSnapshot {
        served.starts.get_mut(&gateway(901).chain).unwrap()
    }
    let lies: [(&str, Forge); 6] = [
        ("facts", |served| drop(start(served).snapshot.facts.pop())),
        ("lanes", |served| {
            let forged = Frontier::from_hashes(2, &[B256::repeat_byte(1)]).unwrap();
            start(served).snapshot.lanes.insert(gateway(900), forged);
        }),
        ("network", |served| start(served).proven.commitment.network = NetworkId(B256::repeat_byte(9))),
        ("other_origin", |served| *start(served) = served.starts[&gateway(900).chain].clone()),
        ("proof", |served| start(served).proven.commitment.facts_root = B256::ZERO),
        ("epoch", |served| {
            // A proof starts with its epoch's number, behind the commitment.
            let mut bytes = start(served).proven.to_bytes();
            bytes[Commitment::LEN + 7] ^= 2;
            start(served).proven = metalayer_proto::quorum::ProvenCommitment::from_bytes(&bytes).unwrap();
        }),
    ];
    for (reason, forge) in lies {
        let mut liar = Served { name: "liar", ..honest.clone() };
        forge(&mut liar);
        let alone = Process::new(&empty_store(), [liar.clone()]);
        let [begun, _] = alone.begun([&rollup, &hub]).await;
        assert_eq!((begun.next_block(), alone.refusals("liar", reason)), (1, 1), "{reason}");
        let both = Process::new(&empty_store(), [liar, honest.clone()]);
        let [begun, _] = both.begun([&rollup, &hub]).await;
        assert_eq!(begun.commitment(), Some(honest.starts[&chain].proven.commitment), "{reason}");
    }
}

/// SECURITY: a proof of an epoch whose members have left.
#[tokio::test]
async fn an_epoch_that_has_expired_proves_no_start() {
    let (rollup, hub, served) = history().await;
    let process = Process::new(&empty_store(), [served]);
    process.clock.advance(Duration::from_secs(4_000_000_000));
    assert_eq!(process.begun([&rollup, &hub]).await.map(|one| one.next_block()), [1, 1]);
    assert_eq!(process.refusals("honest", "epoch"), 2);
}

/// A guard that has signed the history so far, and whose derivations are lost.
async fn signed_before(rollup: &Bench, hub: &Bench) -> Arc<dyn Store> {
    let store = empty_store();
    let process = Process::new(&store, []);
    for mut origin in process.origins([rollup, hub]).await {
        settle(&mut origin).await.unwrap();
    }
    sent::begin_anew(store.as_ref()).unwrap();
    store
}

#[tokio::test]
async fn a_start_above_what_was_signed_needs_each_lane_to_have_grown_from_it() {
    let (mut rollup, hub, _) = history().await;
    let store = signed_before(&rollup, &hub).await;
    send(&mut rollup);
    let served = Served::of(&[&rollup, &hub]).await;
    let at = served.starts[&gateway(901).chain].proven.commitment;

    let withheld = Process::new(&store, [Served { withholds_growth: true, ..served.clone() }]);
    let [begun, _] = withheld.begun([&rollup, &hub]).await;
    assert_eq!((begun.next_block(), withheld.refusals("honest", "guard")), (1, 1));

    let process = Process::new(&store, [served]);
    let [mut origin, _] = process.origins([&rollup, &hub]).await;
    let height = {
        let message = rollup.next_message();
        rollup.chain.mine(BlockContent::of([rollup.sent_log(&message)])).number
    };
    rollup.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert!(at.block_number < height);
    assert_eq!(process.signed(901).last_key_value().map(|(height, _)| *height), Some(height));
}

/// SECURITY: finality that broke: the quorum has gone on with another history than this key signed.
#[tokio::test]
async fn a_history_that_does_not_extend_what_was_signed_is_never_begun_with() {
    let (rollup, hub, _) = history().await;
    let store = signed_before(&rollup, &hub).await;
    let mut other = Bench::new(901);
    for _ in 0..4 {
        // Another message at the same place.
        let message = Message { recipient: Address::repeat_byte(0xcc), ..other.next_message() };
        other.chain.mine(BlockContent::of([other.sent_log(&message)]));
    }
    other.chain.finalize();
    let served = Served::of(&[&other]).await;
    let process = Process::new(&store, [served]);
    let [begun] = process.begun([&other]).await;
    assert_eq!((begun.next_block(), process.refusals("honest", "guard")), (1, 1));
}

#[tokio::test]
async fn above_a_floor_nothing_is_begun_since_nobody_knows_what_was_signed_there() {
    let (mut rollup, hub, served) = history().await;
    let floor = |height| Signed { height, digest: None };
    let at = served.starts[&gateway(901).chain].proven.commitment.block_number;
    for (height, next) in [(at - 1, 1), (at, at + 1), (at + 1, at + 1)] {
        let store = empty_store();
        let process = Process::new(&store, [served.clone()]);
        process.guard.import(gateway(901), floor(height)).await.unwrap();
        let [begun, _] = process.begun([&rollup, &hub]).await;
        assert_eq!(begun.next_block(), next, "a floor at {height}, a proof at {at}");
    }
    send(&mut rollup);
}

#[tokio::test]
async fn an_arrival_that_was_sent_before_the_start_is_shown_by_a_collector() {
    let (mut rollup, mut hub, _) = history().await;
    let late = send(&mut rollup);
    let served = Served::of(&[&rollup, &hub]).await;
    let height = deliver(&hub, &late) + 1;
    send(&mut hub);
    let expected = Served::of(&[&rollup, &hub]).await.starts[&gateway(900).chain].proven.commitment;

    let forged = LeafContent::Void(vec![5; 186]);
    let liar = Served { name: "liar", forged: Some(forged), ..served.clone() };
    let deceived = Process::new(&empty_store(), [liar.clone()]);
    let [_, mut origin] = deceived.origins([&rollup, &hub]).await;
    settle(&mut origin).await.unwrap();
    let Step::Blocked(blocked) = origin.step().await.unwrap() else { panic!("nobody has shown it") };
    assert_eq!(
        (blocked.reason, deceived.refusals("liar", "leaf")),
        ("arrival_unproven", 1),
        "and is not asked again at once"
    );
    deceived.clock.advance(Duration::from_secs(10));
    settle(&mut origin).await.unwrap();
    assert_eq!(deceived.refusals("liar", "leaf"), 2);

    let process = Process::new(&empty_store(), [liar, served]);
    let [_, mut origin] = process.origins([&rollup, &hub]).await;
    settle(&mut origin).await.unwrap();
    assert_eq!(process.signed(900).last_key_value(), Some((&height, &expected)));
}

#[tokio::test]
async fn what_its_own_derivation_will_come_to_is_waited_for_before_collectors_are_asked() {
    let (mut rollup, hub, early) = history().await;
    let message = send(&mut rollup);
    deliver(&hub, &message);
    let late = Served::of(&[&rollup, &hub]).await;
    let mut process = Process::new(&empty_store(), [early]);
    process.begun([&rollup, &hub]).await;
    // Its own endpoints of the rollup are behind, others' are not.
    process.ask([late]);
    let [_, mut origin] = process.origins([&rollup, &hub]).await;
    settle(&mut origin).await.unwrap();
    assert!(matches!(origin.step().await.unwrap(), Step::Blocked(_)));
    process.clock.advance(Duration::from_secs(10));
    settle(&mut origin).await.unwrap();
    assert!(matches!(origin.step().await.unwrap(), Step::Idle(_)));
}

/// SECURITY: a rollup withholds a governance act the hub did send.
#[tokio::test]
async fn rules_that_are_due_are_known_after_a_start_and_after_a_restart() {
    let mut rollup = Bench::new(901);
    let mut hub = rollup.beside(900);
    // Blocks of a chain in memory are one second apart: the time of block 3 is past this.
    let act = hub.next_act(&Act::SetRulesVersion { version: 2, by: 2 });
    hub.chain.mine(BlockContent::of([hub.sent_log(&act)]));
    hub.chain.finalize();
    send(&mut rollup);
    let served = Served::of(&[&rollup, &hub]).await;
    send(&mut rollup);
    let store = empty_store();
    for collectors in [vec![served.clone()], Vec::new()] {
        // The second process asks nobody: it goes on where the first was kept.
        let process = match collectors.first() {
            Some(one) => Process::new(&store, [one.clone()]),
            None => Process::new(&store, []),
        };
        let [mut origin, _] = process.origins([&rollup, &hub]).await;
        settle(&mut origin).await.unwrap();
        let Step::Blocked(blocked) = origin.step().await.unwrap() else { panic!("the rules are overdue") };
        assert_eq!(blocked.reason, "rules_overdue");
    }

    let lane = LaneId { origin: gateway(900), destination: gateway(901) };
    let mut silent = served;
    silent.messages.remove(&lane);
    let process = Process::new(&empty_store(), [silent]);
    let begun = process.begun([&rollup, &hub]).await;
    assert_eq!(begun.map(|one| one.next_block()), [1, 1], "withheld, so that all is derived from the first block on");
}

#[derive(Clone, Debug)]
enum Move {
    Empty(u64),
    Message,
    Final,
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (1..200_u64).prop_map(Move::Empty),
        3 => Just(Move::Message),
        3 => Just(Move::Final),
        2 => Just(Move::Restart),
    ];
    vec(one, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wherever a derivation was kept: what is signed is what proto alone derives, never two digests at a height, and the newest lanes are
    /// signed by each process that sees a block behind them.
    #[test]
    fn a_restart_at_any_moment_goes_on_and_never_contradicts_itself(moves in moves()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (mut bench, store) = (Bench::new(901), empty_store());
            let mut process = Process::new(&store, []);
            let [mut origin] = process.origins([&bench]).await;
            let mut digests = BTreeMap::new();
            for one in moves {
                match one {
                    Move::Empty(blocks) => bench.mine_empty(blocks),
                    Move::Message => drop(bench.mine_message()),
                    Move::Final => drop(bench.chain.finalize()),
                    Move::Restart => {
                        process = Process::new(&store, []);
                        [origin] = process.origins([&bench]).await;
                    }
                }
                settle(&mut origin).await.unwrap();
                for (height, signed) in process.signed(901) {
                    assert_eq!(*digests.entry(height).or_insert(signed), signed);
                }
            }
            let tip = bench.mine_message();
            bench.chain.finalize();
            settle(&mut origin).await.unwrap();
            let expected = Served::of(&[&bench]).await.starts[&gateway(901).chain].proven.commitment;
            assert_eq!(process.signed(901).remove(&tip), Some(expected));
        });
    }
}

#[tokio::test]
async fn a_restart_goes_on_near_where_it_was() {
    let (mut bench, store) = (Bench::new(901), empty_store());
    bench.mine_message();
    bench.chain.finalize();
    settle(&mut Process::new(&store, []).origins([&bench]).await[0]).await.unwrap();
    // Nothing of this is signed but the heartbeat, and the last signature lies behind where it is kept.
    bench.mine_empty(KEEP_AFTER + 100);
    bench.chain.finalize();
    let process = Process::new(&store, []);
    let [mut origin] = process.origins([&bench]).await;
    settle(&mut origin).await.unwrap();
    bench.mine_empty(1);
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();

    let process = Process::new(&store, []);
    assert_eq!(process.begun([&bench]).await[0].next_block(), KEEP_AFTER + 103);
    let [mut origin] = process.origins([&bench]).await;
    settle(&mut origin).await.unwrap();
    assert!(!process.signed(901).is_empty(), "nobody may have been told of what was signed before");
    let tip = bench.mine_message();
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert!(process.signed(901).contains_key(&tip));
}

#[tokio::test]
async fn what_did_not_come_through_what_was_signed_is_not_kept() {
    let (bench, store) = (Bench::new(901), empty_store());
    bench.mine_empty(KEEP_AFTER + 100);
    bench.chain.finalize();
    let process = Process::new(&store, []);
    // Signed by an earlier process, of another history.
    process.guard.admit(&commitment(901, 5), None).await.unwrap();
    let process = Process::new(&store, []);
    let [mut origin] = process.origins([&bench]).await;
    settle(&mut origin).await.unwrap_err();
    while settle(&mut origin).await.is_err() {}
    bench.mine_empty(1);
    bench.chain.finalize();
    settle(&mut origin).await.unwrap();
    assert!(Process::new(&store, []).sent.kept(gateway(901)).is_none());
}
