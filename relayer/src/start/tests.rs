//! Where a relayer begins: at what peers show and a quorum has signed, with all that is open; else at the deployments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(non_snake_case, reason = "Solidity's names of fields")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use alloy::primitives::B256;
use async_trait::async_trait;
use metalayer_node::{
    bus::InstanceId,
    chain::{BlockContent, MemoryChain},
    clock::manual::ManualClock,
    collector::CollectorError,
    store::memory::MemoryStore,
    task::{Stage, Step},
    telemetry,
};
use metalayer_proto::{
    control::Refusal as Control,
    derivation::Derivation,
    envelope::{BlockRecord, Cursor},
    events::abi::{MessageDelivered, MessageFailed, MessageRefused, MessageVoided},
    ids::{ChainId, NetworkId},
    item::Item,
    lane::ConsistencyProof,
    message::{Kind, Message, Payload},
    served::{LeafContent, ProvenLane, ServedLeaf},
};

use super::*;
use crate::{
    index::{self, Index},
    testing::{
        Attesters,
        chains::{chain, delivered, deployment, log_of, sent},
        clock, derived_store, gateway, message, published, records,
    },
    watch::{self, Watch},
};

const CHAINS: [(u64, Partition); 2] = [(901, Partition(1)), (903, Partition(2))];

fn to_903() -> LaneId {
    LaneId { origin: gateway(901), destination: gateway(903) }
}

fn to_901() -> LaneId {
    LaneId { origin: gateway(903), destination: gateway(901) }
}

/// Two chains, and who attests to them.
struct World {
    chains: BTreeMap<u64, Arc<MemoryChain>>,
    attesters: Attesters,
    sent: Vec<Message>,
}

impl World {
    fn new() -> Self {
        let chains = BTreeMap::from([(901, chain(901, 903)), (903, chain(903, 901))]);
        Self { chains, attesters: Attesters::new(), sent: Vec::new() }
    }

    /// 901 sends its next message to 903, which is void if it would move value.
    fn send(&mut self, kind: Kind) -> Message {
        let sequence = self.sent.len() as u64;
        let message = Message { destination: gateway(903), kind, ..message(sequence, 0) };
        self.log(901, vec![sent(&message)]);
        self.sent.push(message.clone());
        message
    }

    fn log(&self, chain: u64, transaction: Vec<alloy::primitives::Log>) {
        self.chains[&chain].mine(BlockContent { transactions: vec![transaction], ..BlockContent::default() });
        self.chains[&chain].finalize();
    }

    fn deliver(&self, to: u64, message: &Message) {
        self.log(to, vec![log_of(to, &delivered(message))]);
    }

    fn fail(&self, message: &Message) {
        let reason = B256::repeat_byte(1);
        let MessageDelivered { id, originChainId, originGateway, sequence } = delivered(message);
        self.log(903, vec![log_of(903, &MessageFailed { id, originChainId, originGateway, sequence, reason })]);
    }

    /// 903 gives a failed message up; the refusal that goes home.
    fn refuse(&self, message: &Message) -> Message {
        let MessageDelivered { id, originChainId, originGateway, sequence } = delivered(message);
        let payload = Control { sequence, id: message.id() }.encode();
        let control = Message {
            origin: gateway(903),
            destination: gateway(901),
            sequence: 0,
            kind: Kind::Control,
            sender: gateway(903).gateway,
            payer: gateway(903).gateway,
            recipient: gateway(901).gateway,
            gas_limit: 0,
            payload: Payload::new(payload).unwrap(),
            ..message.clone()
        };
        let refused = MessageRefused { id, originChainId, originGateway, sequence };
        self.log(903, vec![sent(&control), log_of(903, &refused)]);
        control
    }

    fn void(&self, message: &Message) {
        let MessageDelivered { id, originChainId, originGateway, sequence } = delivered(message);
        self.log(903, vec![log_of(903, &MessageVoided { id, originChainId, originGateway, sequence })]);
    }

    /// Of seven messages one waits after it failed, one is on its way home, and two were never taken, the last of them void; and the refusal.
    fn history(&mut self) -> Message {
        let kinds = [
            Kind::Generic,
            Kind::Generic,
            Kind::ValueFlow,
            Kind::Generic,
            Kind::Generic,
            Kind::Generic,
            Kind::ValueFlow,
        ];
        let messages = kinds.map(|kind| self.send(kind));
        self.deliver(903, &messages[0]);
        self.fail(&messages[1]);
        self.void(&messages[2]);
        self.fail(&messages[3]);
        let control = self.refuse(&messages[3]);
        self.deliver(903, &messages[5]);
        control
    }
}

/// A relayer's process.
struct Relayer {
    store: Arc<MemoryStore>,
    sent: Arc<Sent>,
    archive: Arc<Archive>,
    records: Records,
    clock: Arc<ManualClock>,
    registry: telemetry::Metrics,
    metrics: Arc<Metrics>,
}

impl Relayer {
    fn new() -> Self {
        let clock = clock();
        Self::over(derived_store(), records(clock.clone()), clock)
    }

    fn over(store: Arc<MemoryStore>, records: Records, clock: Arc<ManualClock>) -> Self {
        let registry = telemetry::Metrics::unregistered();
        let metrics = Arc::new(Metrics::new(&registry).unwrap());
        let deployments = CHAINS.map(|(id, _)| deployment(id));
        let sent = Arc::new(Sent::open(store.clone(), 1_000, &deployments).unwrap());
        let archive = Archive::open(store.clone(), deployments.map(|one| one.origin), metrics.clone()).unwrap();
        Self { store, sent, archive: Arc::new(archive), records, clock, registry, metrics }
    }

    /// The next process with the same data directory.
    fn restarted(&self) -> Self {
        Self::over(self.store.clone(), self.records.clone(), self.clock.clone())
    }

    async fn begin(&self, world: &World, peers: &[&Peer]) {
        let start = Start::new(Parts {
            chains: CHAINS.map(|(id, partition)| (partition, deployment(id))).into(),
            peers: peers.iter().map(|peer| Arc::new((*peer).clone()) as Arc<dyn Serves>).collect(),
            epochs: world.attesters.book(),
            sent: self.sent.clone(),
            archive: self.archive.clone(),
            records: self.records.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        start.begin().await.unwrap();
    }

    /// Derives all that is final; where each chain stands then.
    async fn watch(&self, world: &World) -> BTreeMap<u64, Derivation> {
        let mut stages: BTreeMap<u64, Watch> =
            CHAINS.map(|(id, partition)| (id, self.stage(world, id, partition))).into();
        for _ in 0..3 {
            // What one waits for the other derives.
            for stage in stages.values_mut() {
                while let Step::Advanced = stage.step().await.unwrap() {}
            }
        }
        stages.into_iter().map(|(id, stage)| (id, stage.derivation().clone())).collect()
    }

    fn stage(&self, world: &World, id: u64, partition: Partition) -> Watch {
        let parts = watch::Parts {
            reader: Arc::new(world.chains[&id].reader(vec![gateway(id).gateway])),
            records: self.records.clone(),
            sent: self.sent.clone(),
            announced: Arc::default(),
            archive: self.archive.clone(),
            partition,
            instance: InstanceId("test".into()),
            clock: self.clock.clone(),
            poll: Duration::from_millis(100),
            metrics: self.metrics.clone(),
        };
        Watch::new(parts, deployment(id))
    }

    /// All that it derived, proven.
    async fn prove(&self, world: &World) {
        for derivation in self.watch(world).await.into_values() {
            self.archive.proven(&world.attesters.prove(derivation.commitment().unwrap(), 3));
            self.archive.pair(derivation.deployment().origin).unwrap();
        }
    }

    /// From which heights its stages go on.
    fn heights(&self) -> BTreeMap<u64, u64> {
        let next = |(id, _): (u64, Partition)| (id, self.sent.kept(gateway(id)).map_or(1, |kept| kept.next_block()));
        CHAINS.map(next).into()
    }

    fn counted(&self, metric: &str) -> u64 {
        let text = self.registry.render().unwrap();
        text.lines().find_map(|one| one.strip_prefix(metric)).map_or(0, |value| value.trim().parse().unwrap())
    }

    fn refusals(&self, peer: &str, reason: &str) -> u64 {
        self.counted(&format!("metalayer_collector_answers_refused_total{{collector=\"{peer}\",reason=\"{reason}\"}}"))
    }

    fn begun(&self, at: &str) -> u64 {
        self.counted(&format!("metalayer_origins_begun_total{{at=\"{at}\"}}"))
    }
}

/// Changes what a peer serves.
type Forge<T> = fn(&mut Option<T>);

/// What another relayer's collector serves; a test may forge or withhold it.
#[derive(Clone)]
struct Peer {
    name: &'static str,
    archive: Arc<Archive>,
    is_gone: bool,
    start: Forge<ProvenSnapshot>,
    leaves: Forge<ServedLeaves>,
    leaf: Forge<ServedLeaf>,
    newer: Option<ProvenCommitment>,
    asked: Arc<AtomicUsize>,
}

impl Peer {
    fn of(relayer: &Relayer) -> Self {
        Self {
            name: "honest",
            archive: relayer.archive.clone(),
            is_gone: false,
            start: |_| {},
            leaves: |_| {},
            leaf: |_| {},
            newer: None,
            asked: Arc::default(),
        }
    }

    fn answer<T>(&self, mut answer: Option<T>, forge: Forge<T>) -> Result<Option<T>, CollectorError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_gone {
            let (collector, problem) = (self.name.to_owned(), "gone".to_owned());
            return Err(CollectorError::Unreachable { collector, problem });
        }
        forge(&mut answer);
        Ok(answer)
    }
}

#[async_trait]
impl Serves for Peer {
    fn name(&self) -> &str {
        self.name
    }

    async fn proof_in(&self, _: u64, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError> {
        let newer = self.newer.clone().filter(|newer| newer.commitment.origin.chain == origin);
        self.answer(newer, |_| {})
    }

    async fn start_of(&self, origin: ChainId) -> Result<Option<ProvenSnapshot>, CollectorError> {
        let served = self.archive.start_of(origin);
        let start = served.map(|served| ProvenSnapshot::from_bytes(served.bytes()).unwrap());
        self.answer(start, if origin.get() == 901 { self.start } else { |_| {} })
    }

    async fn growth(&self, _: LaneId, _: u64, _: u64) -> Result<Option<ConsistencyProof>, CollectorError> {
        Ok(None)
    }

    async fn lane(&self, _: LaneId) -> Result<Option<ProvenLane>, CollectorError> {
        Ok(None)
    }

    async fn leaf(&self, leaf: LeafId, count: u64) -> Result<Option<ServedLeaf>, CollectorError> {
        self.answer(self.archive.leaf(leaf, count).unwrap(), self.leaf)
    }

    async fn leaves(&self, lane: LaneId, from: u64, count: u64) -> Result<Option<ServedLeaves>, CollectorError> {
        self.answer(self.archive.leaves(lane, from, count).unwrap(), self.leaves)
    }
}

/// A relayer that derived all from the deployments, and what was proven of it.
async fn old(world: &World) -> Relayer {
    let old = Relayer::new();
    old.prove(world).await;
    old
}

#[tokio::test]
async fn with_an_empty_data_directory_each_origin_begins_at_its_newest_proof_with_all_that_is_open() {
    let mut world = World::new();
    let control = world.history();
    let old = old(&world).await;
    let new = Relayer::new();
    new.begin(&world, &[&Peer::of(&old)]).await;
    assert_eq!(new.heights(), BTreeMap::from([(901, 9), (903, 8)]));
    assert_eq!((new.begun("proof"), new.begun("deployment")), (2, 0));

    // What failed, what comes home and what was never taken is here; what is settled is not, and is said not to be.
    let served = |relayer: &Relayer, sequence| relayer.archive.leaf(LeafId { lane: to_903(), sequence }, 7).unwrap();
    for sequence in 0..7 {
        let expected = if [0, 2, 5].contains(&sequence) { None } else { served(&old, sequence) };
        assert_eq!(served(&new, sequence), expected, "{sequence}");
    }
    assert!(new.archive.leaf(LeafId { lane: to_901(), sequence: 0 }, 1).unwrap().is_some());
    assert_eq!(new.archive.leaves(to_903(), 4, 7).unwrap(), old.archive.leaves(to_903(), 4, 7).unwrap());

    // It goes on as the old one does, and after a restart too: what was open then arrives, fails no more, comes home.
    let messages = world.sent.clone();
    world.deliver(903, &messages[4]);
    world.deliver(903, &messages[1]);
    world.void(&messages[6]);
    world.deliver(901, &control);
    let later = world.send(Kind::Generic);
    world.deliver(903, &later);
    let derived = old.watch(&world).await;
    let new = new.restarted();
    new.begin(&world, &[]).await;
    assert_eq!(new.begun("kept"), 2);
    for (id, derivation) in new.watch(&world).await {
        assert_eq!(derivation.commitment(), derived[&id].commitment());
    }
    assert_eq!(served(&new, 4).map(|one| one.content), Some(LeafContent::Message(messages[4].encode())));
    let spans: Vec<BlockRecord> = published(&new.records, 1).await;
    assert_eq!(spans.iter().map(|one| one.changes[0].before.count()).collect::<Vec<_>>(), [7]);
}

#[tokio::test]
async fn what_was_open_is_handed_on_and_indexed_from_where_it_began() {
    let mut world = World::new();
    world.history();
    let (old, new) = (old(&world).await, Relayer::new());
    new.begin(&world, &[&Peer::of(&old)]).await;
    let (height, lanes) = new.archive.begun_lanes(gateway(901)).unwrap().unwrap();
    let [lane] = &lanes[..] else { panic!("one lane") };
    assert_eq!((height, lane.before.count(), lane.state.count), (8, 4, 7));
    let [one, two, three] = [4, 5, 6].map(|at: usize| world.sent[at].clone());
    assert_eq!(lane.items, [Item::Message(Box::new(one)), Item::Leaf(two.id().leaf()), Item::Void(three.id())]);

    let index = Index::new(Arc::new(MemoryStore::new(&index::TABLES)));
    for _ in 0..2 {
        index.begin(&new.archive, gateway(901)).unwrap();
    }
    for (sequence, message) in world.sent.iter().enumerate() {
        let is_open = ![0, 2, 5].contains(&sequence);
        assert_eq!(index.body(message.id()).unwrap().is_some(), is_open, "{sequence}");
        let entry = index.find(message.id()).unwrap();
        assert_eq!(entry.as_ref().is_some_and(|entry| entry.is_void()), sequence == 6);
        assert!(entry.is_none_or(|entry| entry.to_string().contains("before this relayer began")));
    }
}

#[tokio::test]
async fn a_newcomer_of_a_newcomer_takes_over_what_is_open_too() {
    let mut world = World::new();
    world.history();
    let (old, middle, new) = (old(&world).await, Relayer::new(), Relayer::new());
    middle.begin(&world, &[&Peer::of(&old)]).await;
    world.send(Kind::Generic);
    middle.prove(&world).await;
    new.begin(&world, &[&Peer::of(&middle)]).await;
    assert_eq!((new.begun("proof"), new.heights()[&901]), (2, 10));
    let open = |relayer: &Relayer| relayer.archive.leaf(LeafId { lane: to_903(), sequence: 1 }, 8).unwrap();
    assert!(open(&new).is_some());
    assert_eq!(open(&new), open(&middle));
}

/// SECURITY: a peer that lies to a relayer that begins, or withholds what is open.
#[tokio::test]
async fn a_lying_peer_is_refused_with_its_reason_and_the_next_is_asked() {
    let mut world = World::new();
    world.history();
    let old = old(&world).await;
    let honest = Peer::of(&old);
    let liar = Peer { name: "liar", ..honest.clone() };
    let forged = |start| Peer { start, ..liar.clone() };
    let lies = [
        ("facts", forged(|start| drop(start.as_mut().unwrap().snapshot.facts.pop()))),
        ("lanes", forged(|start| start.as_mut().unwrap().snapshot.lanes.clear())),
        ("network", forged(|start| start.as_mut().unwrap().proven.commitment.network = NetworkId(B256::ZERO))),
        ("proof", forged(|start| start.as_mut().unwrap().proven.commitment.block_number += 1)),
        ("leaves", Peer { leaves: |served| served.as_mut().unwrap().leaves[0] = B256::ZERO, ..liar.clone() }),
        ("leaves", Peer { leaves: |served| served.as_mut().unwrap().leaves.clear(), ..liar.clone() }),
        ("leaves", Peer { leaves: |served| served.as_mut().unwrap().before = Frontier::default(), ..liar.clone() }),
        (
            "leaf",
            Peer { leaf: |leaf| leaf.as_mut().unwrap().content = LeafContent::Void(vec![9; 186]), ..liar.clone() },
        ),
        ("collector_unreachable", Peer { is_gone: true, asked: Arc::default(), ..liar.clone() }),
    ];
    for (reason, liar) in lies {
        let alone = Relayer::new();
        alone.begin(&world, &[&liar]).await;
        assert!(alone.refusals("liar", reason) > 0, "{reason}");
        if ["leaves", "leaf", "collector_unreachable"].contains(&reason) {
            assert_eq!(
                (alone.begun("deployment"), alone.heights()),
                (2, BTreeMap::from([(901, 1), (903, 1)])),
                "{reason}"
            );
            assert!(!liar.is_gone || liar.asked.load(Ordering::Relaxed) == 1, "asked once");
        }
        // What it derives then, no rest of the start stands in the way of.
        let derived = alone.watch(&world).await;
        assert_eq!(derived[&901].lanes(), old.watch(&world).await[&901].lanes(), "{reason}");
        let both = Relayer::new();
        both.begin(&world, &[&liar, &honest]).await;
        assert_eq!((both.begun("proof"), both.heights()), (2, BTreeMap::from([(901, 9), (903, 8)])), "{reason}");
    }
}

#[tokio::test]
async fn what_one_peer_lacks_the_next_is_asked_for_and_what_all_lack_begins_at_the_deployments() {
    let mut world = World::new();
    world.history();
    let old = old(&world).await;
    let honest = Peer::of(&old);
    let lacks = [
        Peer { start: |start| *start = None, ..honest.clone() },
        Peer { leaves: |leaves| *leaves = None, ..honest.clone() },
        Peer { leaf: |leaf| *leaf = None, ..honest.clone() },
    ];
    for (number, lacking) in lacks.iter().enumerate() {
        let both = Relayer::new();
        both.begin(&world, &[lacking, &honest]).await;
        assert_eq!(both.begun("proof"), 2, "{number}");
        let alone = Relayer::new();
        alone.begin(&world, &[lacking]).await;
        assert_eq!(alone.begun("proof"), if number == 0 { 1 } else { 0 }, "{number}");
        let derived = alone.watch(&world).await;
        assert_eq!(derived[&903].commitment(), old.watch(&world).await[&903].commitment(), "{number}");
    }
}

#[tokio::test]
async fn peers_are_asked_once_by_who_has_nothing() {
    let mut world = World::new();
    world.history();
    let old = old(&world).await;
    let peer = Peer::of(&old);
    // Whoever has a bus on which a chain was watched already derives on.
    let young = Relayer::new();
    young.watch(&world).await;
    let cursors: Vec<Cursor> = published(&young.records, 1).await;
    assert!(!cursors.is_empty());
    let young = young.restarted();
    young.begin(&world, &[&peer]).await;
    assert_eq!((young.begun("deployment"), peer.asked.load(Ordering::Relaxed)), (2, 0));

    // A start that came to no end is begun anew.
    let new = Relayer::new();
    new.archive.begin_lane(to_903(), &Frontier::default(), &[B256::ZERO]).unwrap();
    let new = new.restarted();
    new.begin(&world, &[&peer]).await;
    assert_eq!(new.begun("proof"), 2);
    assert!(new.archive.leaf(LeafId { lane: to_903(), sequence: 4 }, 7).unwrap().is_some());
    let asked = peer.asked.load(Ordering::Relaxed);
    let again = new.restarted();
    again.begin(&world, &[&peer]).await;
    assert_eq!((again.begun("kept"), peer.asked.load(Ordering::Relaxed)), (2, asked));
}

#[tokio::test]
async fn a_bus_that_is_lost_later_is_filled_from_the_deployments() {
    let mut world = World::new();
    world.history();
    let (old, new) = (old(&world).await, Relayer::new());
    new.begin(&world, &[&Peer::of(&old)]).await;
    for _ in 0..2 * metalayer_node::sent::KEEP_AFTER {
        CHAINS.iter().for_each(|(id, _)| world.log(*id, Vec::new()));
    }
    new.watch(&world).await;
    let lost = Relayer::over(new.store.clone(), records(new.clock.clone()), new.clock.clone());
    lost.begin(&world, &[]).await;
    let derived = lost.watch(&world).await;
    assert_eq!(derived[&903].commitment(), old.watch(&world).await[&903].commitment());
    assert!(lost.archive.leaf(LeafId { lane: to_903(), sequence: 0 }, 7).unwrap().is_some());
    assert_eq!(lost.archive.begun_at(gateway(901)).unwrap(), None);
}

#[tokio::test]
async fn newer_proofs_that_peers_hold_are_put_on_the_bus_if_they_hold() {
    let mut world = World::new();
    world.history();
    let old = old(&world).await;
    let start = old.archive.start_of(gateway(901).chain).unwrap().proven().commitment;
    let newer = Commitment { block_number: start.block_number + 1, ..start };
    let older = Commitment { block_number: start.block_number - 1, ..start };
    for (held, is_forged, heights) in [(newer, false, vec![8, 9]), (newer, true, vec![8]), (older, false, vec![8])] {
        let mut proven = world.attesters.prove(held, 3);
        if is_forged {
            proven.commitment.facts_root = B256::ZERO;
        }
        let new = Relayer::new();
        new.begin(&world, &[&Peer { newer: Some(proven), ..Peer::of(&old) }]).await;
        let proofs: Vec<ProofRecord> = published(&new.records, 1).await;
        assert_eq!(proofs.iter().map(|one| one.commitment.block_number).collect::<Vec<_>>(), heights);
    }
}
