//! What is posted, when again, and what of an answer counts.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::primitives::{B256, Bytes};
use async_trait::async_trait;
use axum::{
    Router,
    extract::RawQuery,
    http::StatusCode,
    routing::{get, post},
};
use metalayer_node::{
    clock::{Clock, UnixMillis, manual::ManualClock},
    collector::{ANSWER_BYTES_MAX, Answer, Collector, CollectorError, HttpCollector, Serves},
    epochs::EpochBook,
    signer::AttesterSigner,
    store::{Store, memory::MemoryStore},
    task::{Severity, Stage, StageError, Step},
    telemetry,
};
use metalayer_proto::{
    batch::{Attestation, TransportBatch},
    bls::AttesterId,
    derivation::{LeafId, Snapshot},
    ids::{ChainId, LaneId},
    lane::{ConsistencyProof, Frontier, RangeProof},
    lanes::{LaneProof, LaneState},
    quorum::ProvenCommitment,
    served::{LeafContent, ProvenLane, ProvenSnapshot, ServedLeaf, ServedLeaves},
};
use reqwest::Url;

use super::bench::{
    SECOND, attestation, both_epochs, commitment, gateway, network, prove, prove_in, second_epoch, signer,
};
use crate::{
    guard::{self, Guard, NotSafe, Safe},
    listen::Listener,
    metrics::Metrics,
    outbox::{Outbox, REPEAT_AFTER},
    proven::Proven,
    publish::{Parts, Publish},
};

/// A collector that answers what the test says, and takes everything once that is used up.
#[derive(Default)]
struct Twin {
    batches: Mutex<Vec<Vec<u64>>>,
    answers: Mutex<VecDeque<Result<Answer, CollectorError>>>,
    /// What it says that attester 1 has signed, and what it says is proven.
    held: Mutex<Vec<Attestation>>,
    proof: Mutex<Option<ProvenCommitment>>,
    /// How often it was asked for what attester 1 has signed.
    asked: AtomicUsize,
}

impl Twin {
    fn will(&self, answer: Result<Answer, CollectorError>) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// The heights of each batch.
    fn batches(&self) -> Vec<Vec<u64>> {
        self.batches.lock().unwrap().clone()
    }
}

#[async_trait]
impl Collector for Twin {
    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, CollectorError> {
        let known = [1, 2, 4].map(|attester| signer(attester).transport_key());
        let (_, batch) = TransportBatch::open(&sealed, network().id(), |key| known.contains(&key)).unwrap();
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Answer::default()));
        if answer.is_ok() {
            let heights = batch.attestations.iter().map(|one| one.commitment.block_number);
            self.batches.lock().unwrap().push(heights.collect());
        }
        answer
    }

    async fn attestations_of(&self, _: AttesterId) -> Result<Vec<Attestation>, CollectorError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.held.lock().unwrap().clone())
    }
}

#[async_trait]
impl Serves for Twin {
    fn name(&self) -> &str {
        "twin"
    }

    async fn proof_in(&self, epoch: u64, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError> {
        let is_asked_for =
            |proven: &ProvenCommitment| (proven.proof.epoch(), proven.commitment.origin.chain) == (epoch, origin);
        Ok(self.proof.lock().unwrap().clone().filter(is_asked_for))
    }

    async fn start_of(&self, _: ChainId) -> Result<Option<ProvenSnapshot>, CollectorError> {
        Ok(None)
    }

    async fn growth(&self, _: LaneId, _: u64, _: u64) -> Result<Option<ConsistencyProof>, CollectorError> {
        Ok(None)
    }

    async fn lane(&self, _: LaneId) -> Result<Option<ProvenLane>, CollectorError> {
        Ok(None)
    }

    async fn leaf(&self, _: LeafId, _: u64) -> Result<Option<ServedLeaf>, CollectorError> {
        Ok(None)
    }

    async fn leaves(&self, _: LaneId, _: u64, _: u64) -> Result<Option<ServedLeaves>, CollectorError> {
        Ok(None)
    }
}

struct Post {
    twin: Arc<Twin>,
    outbox: Arc<Outbox>,
    clock: ManualClock,
    proven: Arc<Proven>,
    guard: Arc<Guard>,
    registry: telemetry::Metrics,
    stage: Publish,
}

impl Post {
    fn new() -> Self {
        Self::of(1, Arc::new(network().epoch_book()))
    }

    /// Of another attester, or one that knows other epochs.
    fn of(attester: u8, epochs: Arc<EpochBook>) -> Self {
        let id = signer(attester).public_key().attester_id();
        let (twin, outbox, clock) = (Arc::<Twin>::default(), Arc::<Outbox>::default(), ManualClock::default());
        let proven = Arc::new(Proven::new(epochs.clone(), id));
        let registry = telemetry::Metrics::unregistered();
        let metrics = Arc::new(Metrics::new(&registry).unwrap());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(&[guard::TABLE]));
        let guard = Arc::new(Guard::init(store, id).unwrap());
        let stage = Publish::new(Parts {
            collector: twin.clone(),
            outbox: outbox.clone(),
            network: network().id(),
            signer: Arc::new(signer(attester)),
            listener: Listener {
                signer: Arc::new(signer(attester)),
                guard: guard.clone(),
                epochs,
                origins: vec![gateway(900).chain, gateway(901).chain],
                metrics: metrics.clone(),
            },
            proven: proven.clone(),
            clock: Arc::new(clock.clone()),
            metrics,
        });
        Self { twin, outbox, clock, proven, guard, registry, stage }
    }

    async fn settle(&mut self) -> metalayer_node::task::Wake {
        loop {
            if let Step::Idle(wake) = self.stage.step().await.unwrap() {
                return wake;
            }
        }
    }
}

fn answer(proofs: impl IntoIterator<Item = ProvenCommitment>) -> Answer {
    Answer { accepted: 1, proofs: proofs.into_iter().map(|proof| proof.to_bytes().into()).collect() }
}

#[tokio::test]
async fn what_waits_is_posted_in_one_batch() {
    let mut post = Post::new();
    for (chain, height) in [(901, 7), (900, 3), (901, 8)] {
        post.outbox.put(attestation(chain, height));
    }
    let wake = post.settle().await;
    assert_eq!(post.twin.batches(), [[3, 7, 8]]);
    assert!(wake.notice.is_some(), "woken by what is put in");
}

#[tokio::test]
async fn it_is_repeated_until_a_proof_covers_it() {
    let mut post = Post::new();
    post.outbox.put(attestation(901, 7));
    let wake = post.settle().await;
    assert_eq!(wake.at, Some(post.clock.now().after(REPEAT_AFTER)));
    post.clock.advance(Duration::from_secs(29));
    post.settle().await;
    assert_eq!(post.twin.batches().len(), 1);
    post.clock.advance(Duration::from_secs(1));
    post.twin.will(Ok(answer([prove(commitment(901, 9))])));
    let wake = post.settle().await;
    assert_eq!(post.twin.batches(), [[7], [7]]);
    assert_eq!(wake.at, None, "a proof covers it");
    assert_eq!(post.proven.newest(gateway(901)), Some(commitment(901, 9)));
}

#[tokio::test]
async fn a_member_of_two_epochs_repeats_until_both_have_a_proof() {
    let mut post = Post::of(2, both_epochs());
    post.clock.advance(Duration::from_millis(SECOND.0));
    post.outbox.put(attestation(901, 7));
    post.twin.will(Ok(answer([prove(commitment(901, 9))])));
    let wake = post.settle().await;
    assert_eq!(wake.at, Some(post.clock.now().after(REPEAT_AFTER)), "epoch 2 lacks it");
    post.clock.advance(REPEAT_AFTER);
    post.twin.will(Ok(answer([prove_in(second_epoch().table, commitment(901, 7), 2)])));
    let wake = post.settle().await;
    assert_eq!((post.twin.batches().len(), wake.at), (2, None));
}

#[tokio::test]
async fn who_is_in_no_epoch_that_holds_waits_for_one_and_asks_again_when_it_begins() {
    let epochs = Arc::new(network().epoch_book());
    let mut post = Post::of(5, epochs.clone());
    let Step::Blocked(blocked) = post.stage.step().await.unwrap() else { panic!("a member of nothing is idle") };
    assert_eq!((blocked.reason, blocked.wake.at), ("no_epoch", None));
    epochs.learn(second_epoch());
    let noticed = tokio::time::timeout(Duration::ZERO, blocked.wake.notice.unwrap().notified()).await;
    assert!(noticed.is_ok(), "woken by what is learned");
    let Step::Blocked(blocked) = post.stage.step().await.unwrap() else { panic!("its epoch has not begun") };
    assert_eq!(blocked.wake.at, Some(SECOND), "woken when it begins");

    *post.twin.proof.lock().unwrap() = Some(prove(commitment(901, 7)));
    assert_eq!(post.twin.asked.load(Ordering::Relaxed), 1);
    post.clock.advance(Duration::from_millis(SECOND.0));
    post.settle().await;
    assert_eq!(post.twin.asked.load(Ordering::Relaxed), 2);
    assert_eq!(post.proven.to_carry_over(gateway(901), UnixMillis(SECOND.0)), Some((2, commitment(901, 7))));
}

#[tokio::test]
async fn a_collector_that_fails_delays_no_other_and_gets_it_later() {
    let (mut dead, mut good) = (Post::new(), Post::new());
    for outbox in [&dead.outbox, &good.outbox] {
        outbox.put(attestation(901, 7));
    }
    dead.twin.will(Err(CollectorError::Unreachable { collector: "twin".into(), problem: "dead".into() }));
    assert_eq!(StageError::severity(&dead.stage.step().await.unwrap_err()), Severity::Retryable);
    good.settle().await;
    assert_eq!(good.twin.batches(), [[7]]);
    dead.settle().await;
    assert_eq!(dead.twin.batches(), [[7]]);
}

#[tokio::test]
async fn a_bad_proof_is_counted_and_changes_nothing() {
    let mut post = Post::new();
    post.outbox.put(attestation(901, 7));
    let mut forged = prove(commitment(901, 7));
    forged.commitment.block_number = 8;
    let mut bad = answer([forged]);
    bad.proofs.push(Bytes::from_static(b"nonsense"));
    post.twin.will(Ok(bad));
    let wake = post.settle().await;
    assert_eq!(post.proven.newest(gateway(901)), None);
    assert!(wake.at.is_some(), "it will be repeated");
    let metrics = post.registry.render().unwrap();
    assert!(metrics.contains("metalayer_collector_bad_proofs_total{collector=\"twin\"} 2"), "{metrics}");
}

#[tokio::test]
async fn nothing_is_signed_before_a_collector_was_asked() {
    let mut post = Post::new();
    assert!(!post.guard.has_listened());
    post.settle().await;
    assert!(post.guard.has_listened());
    assert!(post.guard.admit(&commitment(901, 7), None).await.is_ok());
}

/// What the guard says to height 9 of chain 901, after a collector answered so.
async fn heard(held: Vec<Attestation>, proof: Option<ProvenCommitment>) -> Result<Safe, NotSafe> {
    let mut post = Post::new();
    *post.twin.held.lock().unwrap() = held;
    *post.twin.proof.lock().unwrap() = proof;
    post.settle().await;
    post.guard.admit(&commitment(901, 9), None).await
}

#[tokio::test]
async fn a_signature_without_a_record_stops_its_origin() {
    let held = heard(vec![attestation(901, 7), attestation(900, 3)], None).await;
    assert!(matches!(held, Err(NotSafe::Behind { heard: 7, .. })), "{held:?}");
    let proven = heard(Vec::new(), Some(prove(commitment(901, 8)))).await;
    assert!(matches!(proven, Err(NotSafe::Behind { heard: 8, .. })), "{proven:?}");
    assert!(heard(vec![attestation(900, 3)], None).await.is_ok(), "of another origin");
}

#[tokio::test]
async fn a_collectors_word_alone_stops_nobody() {
    let mut forged = attestation(901, 7);
    forged.commitment.block_number = 8;
    let mut other = attestation(901, 7);
    other.signature = signer(2).sign(other.commitment.digest()).to_bytes().into();
    let mut unproven = prove(commitment(901, 7));
    unproven.commitment.block_number = 8;
    assert!(heard(vec![forged, other], Some(unproven)).await.is_ok());
}

#[tokio::test]
async fn a_proof_that_holds_with_more_signers_written_into_it_stops_nobody() {
    let mut post = Post::of(4, Arc::new(network().epoch_book()));
    let holds = prove(commitment(901, 7));
    let mut bytes = holds.to_bytes();
    *bytes.last_mut().unwrap() = 0b1111_0000;
    let forged = ProvenCommitment::from_bytes(&bytes).unwrap();
    let id = signer(4).public_key().attester_id();
    assert!(!network().epoch_book().has_signed(&holds, id) && network().epoch_book().has_signed(&forged, id));
    post.outbox.put(attestation(901, 7));
    post.twin.will(Ok(answer([holds, forged])));
    post.settle().await;
    assert!(post.guard.admit(&commitment(901, 9), None).await.is_ok());
}

#[tokio::test]
async fn a_proof_in_an_answer_that_names_this_key_is_heard_too() {
    let mut post = Post::new();
    post.outbox.put(attestation(901, 7));
    post.twin.will(Ok(answer([prove(commitment(901, 8))])));
    post.settle().await;
    assert!(matches!(post.guard.admit(&commitment(901, 9), None).await, Err(NotSafe::Behind { heard: 8, .. })));
    let metrics = post.registry.render().unwrap();
    assert!(metrics.contains("metalayer_guard_unrecorded_signatures_total{origin=\"eip155:901\"} 1"), "{metrics}");
}

#[tokio::test]
async fn what_a_collector_holds_is_read_over_http() {
    let (held, proof) = (attestation(901, 7), prove(commitment(901, 7)));
    let (held_bytes, proof_bytes) = (serde_json::to_string(&[Bytes::from(held.to_bytes())]).unwrap(), proof.to_bytes());
    let id = signer(1).public_key().attester_id();
    let router = Router::new()
        .route(&format!("/base/v1/attesters/{id}/attestations"), get(move || async move { held_bytes }))
        .route("/base/v1/proofs/eip155:901", get(move || async move { proof_bytes }));
    let url = serve(router).await;
    let collector = HttpCollector::new(&url).unwrap();
    assert_eq!(collector.attestations_of(id).await.unwrap(), [held]);
    assert_eq!(collector.proof_in(1, gateway(901).chain).await.unwrap(), Some(proof));
    assert_eq!(collector.proof_in(1, gateway(900).chain).await.unwrap(), None, "404");
}

#[tokio::test]
async fn what_a_collector_serves_is_read_over_http() {
    let proven = prove(commitment(901, 7));
    let (origin, destination) = (gateway(901), gateway(900));
    let start = ProvenSnapshot { proven: proven.clone(), snapshot: Snapshot::default() };
    let lane = LaneState { destination, count: 3, root: B256::repeat_byte(3) };
    let lane = ProvenLane { proven, lane, proof: LaneProof::default() };
    let leaf = ServedLeaf { path: RangeProof::default(), content: LeafContent::Void(vec![4; 186]) };
    let growth = ConsistencyProof::from_bytes(&[2_u64.to_be_bytes(), 2_u64.to_be_bytes()].concat()).unwrap();
    let leaves = ServedLeaves { before: Frontier::default(), leaves: vec![B256::repeat_byte(5); 3] };
    let (of_start, of_lane, of_leaf, of_growth) =
        (start.to_bytes(), lane.to_bytes(), leaf.to_bytes(), growth.to_bytes());
    let of_leaves = leaves.to_bytes();
    let base = format!("/base/v1/lanes/{origin}/{destination}");
    let asked = |wanted: &'static str, bytes: Vec<u8>| {
        get(move |RawQuery(query): RawQuery| async move {
            if query.is_some_and(|query| query.ends_with(wanted)) { Ok(bytes) } else { Err(StatusCode::BAD_REQUEST) }
        })
    };
    let router = Router::new()
        .route("/base/v1/snapshots/eip155:901", get(move || async move { of_start }))
        .route(&base, get(move || async move { of_lane }))
        .route(&format!("{base}/leaves/2"), asked("count=3", of_leaf))
        .route(&format!("{base}/leaves"), asked("from=1&count=3", of_leaves))
        .route(&format!("{base}/consistency"), asked("from=2&to=3", of_growth));
    let collector = HttpCollector::new(&serve(router).await).unwrap();
    let id = LaneId { origin, destination };
    assert_eq!(collector.start_of(origin.chain).await.unwrap(), Some(start));
    assert_eq!(collector.start_of(destination.chain).await.unwrap(), None, "404");
    assert_eq!(collector.lane(id).await.unwrap(), Some(lane));
    assert_eq!(collector.leaf(LeafId { lane: id, sequence: 2 }, 3).await.unwrap(), Some(leaf));
    assert_eq!(collector.leaves(id, 1, 3).await.unwrap(), Some(leaves));
    assert_eq!(collector.growth(id, 2, 3).await.unwrap(), Some(growth));
}

/// A server on a free port; its address with credentials, which no error may show.
async fn server(status: StatusCode, body: String) -> Url {
    serve(Router::new().route("/base/v1/attestations", post(move || async move { (status, body) }))).await
}

async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = secret_url(listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn secret_url(port: u16) -> Url {
    format!("http://user:pa55word@127.0.0.1:{port}/base/?key=s3cret").parse().unwrap()
}

async fn failed(url: &Url, deadline: Duration) -> CollectorError {
    let error = HttpCollector::with_deadline(url, deadline).unwrap().post(vec![1]).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(!told.contains("pa55word") && !told.contains("s3cret"), "{told}");
    assert!(told.contains(&format!("http://127.0.0.1:{}", url.port().unwrap())), "{told}");
    error
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_answer_over_http_is_taken() {
    let expected = answer([prove(commitment(901, 7))]);
    let url = server(StatusCode::OK, serde_json::to_string(&expected).unwrap()).await;
    assert_eq!(HttpCollector::new(&url).unwrap().post(vec![1]).await.unwrap(), expected);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_and_words() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::INTERNAL_SERVER_ERROR] {
        let error = failed(&server(status, "unknown key".into()).await, LONG).await;
        assert_eq!((error.reason(), error.severity()), ("collector_refuses", Severity::Retryable));
        assert!(matches!(error, CollectorError::Refused { status: got, problem, .. }
            if got == status.as_u16() && problem == "unknown key"));
    }
    let error = failed(&server(StatusCode::BAD_REQUEST, "é".repeat(1_000)).await, LONG).await;
    assert!(matches!(error, CollectorError::Refused { problem, .. } if problem == "é".repeat(150)));
}

#[tokio::test]
async fn an_answer_that_is_none_or_endless_is_refused() {
    for body in ["<html>".to_owned(), " ".repeat(ANSWER_BYTES_MAX + 1)] {
        let error = failed(&server(StatusCode::OK, body).await, LONG).await;
        assert_eq!((error.reason(), error.severity()), ("collector_answer", Severity::Retryable));
    }
}

#[tokio::test]
async fn who_is_silent_or_gone_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = secret_url(listener.local_addr().unwrap().port());
    assert_eq!(failed(&url, Duration::from_millis(20)).await.reason(), "collector_unreachable");
    drop(listener);
    assert_eq!(failed(&url, LONG).await.reason(), "collector_unreachable");
}
