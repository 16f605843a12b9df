#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Log, aliases::U96},
    sol_types::SolEvent,
};
use metalayer_proto::{
    bls::SecretKey,
    events::abi::{AttesterRegistered, EpochAnnounced, StakeSet},
    facts::{EpochEntry, Fact, FactsMap},
    ids::ChainId,
    quorum::{Member, Stake},
};
use proptest::{collection::vec, prelude::*};

use super::{registry::rebuild, *};
use crate::{
    chain::{
        BlockContent, Endpoint, Faults, Finality, LogSource, MemoryChain, QuorumReader, ReaderMetrics, ReaderSettings,
        ScriptedNode,
    },
    clock::manual::ManualClock,
    task::{Severity, Stage, StageError, Step},
    telemetry,
};

const REGISTRY: Address = Address::repeat_byte(1);
const NUMBER: u64 = 2;

fn chain_id() -> ChainId {
    ChainId::new(900).unwrap()
}

fn key(attester: u8) -> PublicKey {
    SecretKey::from_seed(&[attester + 1; 32]).public_key()
}

fn transport(attester: u8) -> TransportKey {
    TransportKey([attester + 100; 32])
}

fn log(event: &impl SolEvent) -> Log {
    Log { address: REGISTRY, data: event.encode_log_data() }
}

fn registered(attester: u8, transport_key: TransportKey) -> Log {
    log(&AttesterRegistered {
        operator: Address::repeat_byte(attester + 1),
        id: key(attester).attester_id().0,
        key: key(attester).to_bytes().into(),
        transportKey: B256::new(transport_key.0),
    })
}

fn stake_set(attester: u8, stake: u64) -> Log {
    log(&StakeSet { operator: Address::repeat_byte(attester + 1), stake: U96::from(stake) })
}

/// The table of attesters 0, 1, … with these stakes; those with none are no members.
fn table(stakes: &[u64]) -> EpochTable {
    let member = |(attester, stake): (u8, &u64)| {
        Some(Member { key: key(attester), stake: Stake::new(u128::from(*stake)).ok()? })
    };
    EpochTable::new(NUMBER, (0..).zip(stakes).filter_map(member).collect()).unwrap()
}

fn announced(table: &EpochTable) -> EpochEntry {
    EpochEntry { table_hash: table.hash(), activates_at: 100, expires_at: 200 }
}

fn announcement(table: &EpochTable) -> Log {
    let EpochEntry { table_hash, activates_at, expires_at } = announced(table);
    log(&EpochAnnounced { epoch: NUMBER, tableHash: table_hash, activatesAt: activates_at, expiresAt: expires_at })
}

/// The registry's logs up to the announcement of four attesters, and after it.
fn history(stakes: [u64; 4]) -> Vec<Log> {
    let mut logs: Vec<_> = (0..4).map(|attester| registered(attester, transport(attester))).collect();
    logs.extend((0..).zip(stakes).map(|(attester, stake)| stake_set(attester, stake)));
    logs.push(announcement(&table(&stakes)));
    logs.push(stake_set(0, 1));
    logs
}

const STAKES: [u64; 4] = [30, 25, 24, 21];

fn chain_with(logs: Vec<Log>) -> Arc<MemoryChain> {
    let chain = MemoryChain::new(chain_id());
    for log in logs {
        chain.mine(BlockContent::of([log]));
    }
    chain.finalize();
    chain
}

/// A stage that learns from `logs`, the book it adds to, what the hub has announced, and the time.
fn learning(logs: Arc<dyn LogSource>) -> (Learn, Arc<EpochBook>, Arc<Announced>, ManualClock) {
    let epochs = Arc::new(EpochBook::new(NetworkId(B256::ZERO), []));
    let (told, clock) = (Arc::<Announced>::default(), ManualClock::default());
    let stage = Learn::new(Parts {
        announced: told.clone(),
        epochs: epochs.clone(),
        reader: Arc::new(chain_with(history(STAKES)).reader(Vec::new())),
        logs,
        registry: REGISTRY,
        since: 1,
        clock: Arc::new(clock.clone()),
        metrics: EpochMetrics::declare(&telemetry::Metrics::unregistered()).unwrap(),
    });
    (stage, epochs, told, clock)
}

fn announcing() -> FactsMap {
    let mut facts = FactsMap::default();
    facts.insert(Fact::Epoch { epoch: NUMBER, entry: announced(&table(&STAKES)) });
    facts
}

/// What is learned of the announced epoch from `logs`, in one step.
async fn learned(logs: Arc<dyn LogSource>) -> Result<Arc<EpochBook>, LearnError> {
    let (mut stage, epochs, told, _) = learning(logs);
    told.note(&announcing());
    assert!(matches!(stage.step().await?, Step::Advanced));
    assert!(matches!(stage.step().await?, Step::Idle(_)), "there is no more to learn");
    Ok(epochs)
}

/// A reader of nodes over these histories, of which `quorum` must agree.
async fn endpoints(histories: &[Vec<Log>], quorum: usize) -> (QuorumReader, Vec<ScriptedNode>) {
    let metrics = ReaderMetrics::unregistered(chain_id()).unwrap();
    let (mut nodes, mut endpoints) = (Vec::new(), Vec::new());
    for history in histories {
        let node = ScriptedNode::start(chain_with(history.clone())).await.unwrap();
        endpoints.push(Arc::new(Endpoint::new(&node.url(), Duration::from_secs(5), metrics.clone()).unwrap()));
        nodes.push(node);
    }
    let settings = ReaderSettings {
        quorum,
        finality: Finality::Finalized,
        watched: Vec::new(),
        bench_pause: Duration::from_secs(600),
    };
    (QuorumReader::new(chain_id(), endpoints, settings, metrics).unwrap(), nodes)
}

#[tokio::test]
async fn an_announced_epoch_is_learned_with_its_keys_and_times() {
    let epochs = learned(Arc::new(chain_with(history(STAKES)).reader(Vec::new()))).await.unwrap();
    let epoch = epochs.get(NUMBER).unwrap();
    assert_eq!(*epoch.table, table(&STAKES));
    assert_eq!((epoch.activates_at, epoch.expires_at), (100, 200));
    let [before, during, after] = [99, 100, 200].map(|second| UnixMillis(second * 1_000));
    assert_eq!(epochs.signer(transport(2), during), Some(key(2)));
    assert_eq!(epochs.signer(transport(2), before), None);
    assert_eq!(epochs.of_member(key(2).attester_id(), during), [NUMBER]);
    assert_eq!(epochs.next_activation(before), Some(during));
    assert_eq!(epochs.next_activation(during), None);
    assert_eq!((epochs.unexpired(before).len(), epochs.unexpired(after).len()), (1, 0));
}

#[tokio::test]
async fn an_endpoint_that_tells_another_table_is_passed_over() {
    let mut swollen = history(STAKES);
    swollen.insert(8, stake_set(0, 32));
    let (reader, nodes) = endpoints(&[swollen.clone(), history(STAKES), history(STAKES)], 1).await;
    nodes[1].set(Faults { hides_logs: true, ..Faults::default() });
    assert!(learned(Arc::new(reader)).await.unwrap().get(NUMBER).is_some());

    let (reader, _nodes) = endpoints(&[swollen.clone(), swollen], 1).await;
    let error = learned(Arc::new(reader)).await.unwrap_err();
    assert_eq!(error.severity(), Severity::Retryable);
    assert!(error.to_string().contains("the logs make a table of hash"), "{error}");
}

#[tokio::test]
async fn a_transport_key_is_believed_of_as_many_endpoints_as_must_agree() {
    // The table's hash says nothing of transport keys.
    let mut lying = history(STAKES);
    lying[2] = registered(2, transport(77));
    let (reader, _nodes) = endpoints(&[lying.clone(), history(STAKES), history(STAKES)], 2).await;
    let epochs = learned(Arc::new(reader)).await.unwrap();
    assert_eq!(epochs.signer(transport(2), UnixMillis(100_000)), Some(key(2)));
    assert_eq!(epochs.signer(transport(77), UnixMillis(100_000)), None);

    let (reader, _nodes) = endpoints(&[lying, history(STAKES)], 2).await;
    assert!(learned(Arc::new(reader)).await.is_err(), "no two agree");
}

#[test]
fn an_epoch_that_is_known_stays_as_it_is_and_whoever_waits_is_woken() {
    let epoch =
        |expires_at| Epoch { table: Arc::new(table(&STAKES)), activates_at: 0, expires_at, keys: BTreeMap::new() };
    let book = EpochBook::new(NetworkId(B256::ZERO), []);
    let notice = Arc::new(Notify::new());
    book.wakes(notice.clone());
    book.learn(epoch(10));
    book.learn(epoch(20));
    assert_eq!(book.get(NUMBER).unwrap().expires_at, 10);
    assert_eq!(futures::FutureExt::now_or_never(notice.notified()), Some(()));
}

#[tokio::test]
async fn expired_epochs_are_not_asked_for() {
    let (mut stage, _, told, clock) = learning(Arc::new(MemoryChain::new(chain_id()).reader(Vec::new())));
    told.note(&announcing());
    assert!(stage.step().await.is_err(), "nobody tells it");
    clock.advance(Duration::from_secs(200));
    assert!(matches!(stage.step().await, Ok(Step::Idle(_))));
}

#[tokio::test]
async fn what_was_announced_before_a_process_began_is_known_before_the_hub_is_derived() {
    let mut history = history(STAKES);
    let expired = EpochAnnounced { epoch: 1, tableHash: B256::ZERO, activatesAt: 0, expiresAt: 0 };
    history.insert(0, log(&expired));
    let (reader, nodes) = endpoints(&[history.clone(), history.clone(), history], 2).await;
    let (stage, epochs, ..) = learning(Arc::new(reader));
    nodes[0].set(Faults { hides_logs: true, ..Faults::default() });
    stage.begin().await.unwrap();
    assert_eq!(epochs.unexpired(UnixMillis(0)).len(), 1);
    assert!(epochs.get(NUMBER).is_some());

    let (reader, _nodes) = endpoints(&[self::history(STAKES), Vec::new()], 2).await;
    let (stage, epochs, ..) = learning(Arc::new(reader));
    assert!(stage.begin().await.is_err(), "two must agree");
    assert!(epochs.newest().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever was set and in which order, the members are those with a stake when the epoch was announced.
    #[test]
    fn the_last_stake_of_each_attester_before_the_announcement_counts(
        set in vec((0..6_u8, 0..40_u64), 0..20),
        after in vec((0..6_u8, 0..40_u64), 0..5),
    ) {
        let mut stakes = [30, 25, 24, 21, 0, 0];
        let mut logs: Vec<_> = (0..6).map(|attester| registered(attester, transport(attester))).collect();
        logs.extend((0..).zip(stakes).map(|(attester, stake)| stake_set(attester, stake)));
        for (attester, stake) in set {
            stakes[usize::from(attester)] = stake;
            logs.push(stake_set(attester, stake));
        }
        let member = |(attester, stake): (u8, u64)| Some(Member { key: key(attester), stake: Stake::new(stake.into()).ok()? });
        let Ok(table) = EpochTable::new(NUMBER, (0..).zip(stakes).filter_map(member).collect()) else { return Ok(()) };
        logs.push(announcement(&table));
        logs.extend(after.into_iter().map(|(attester, stake)| stake_set(attester, stake)));
        let epoch = rebuild(&logs, NUMBER, &announced(&table)).unwrap();
        prop_assert_eq!(&*epoch.table, &table);
        prop_assert_eq!(epoch.keys.len(), usize::from(table.len()));
    }
}
