//! What is posted, when again, and what of an answer counts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy::primitives::Bytes;
use async_trait::async_trait;
use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use metalayer_node::{
    clock::{Clock, manual::ManualClock},
    signer::AttesterSigner,
    store::{Store, memory::MemoryStore},
    task::{Severity, Stage, StageError, Step},
    telemetry,
};
use metalayer_proto::{
    batch::{Attestation, TransportBatch},
    bls::AttesterId,
    ids::ChainId,
    quorum::ProvenCommitment,
};
use reqwest::Url;

use super::bench::{attestation, commitment, gateway, network, prove, signer};
use crate::{
    collector::{ANSWER_BYTES_MAX, Answer, Collector, CollectorError, HttpCollector},
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
    fn name(&self) -> &str {
        "twin"
    }

    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, CollectorError> {
        let known = signer(1).transport_key();
        let (_, batch) = TransportBatch::open(&sealed, network().id(), |key| key == known).unwrap();
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Answer::default()));
        if answer.is_ok() {
            let heights = batch.attestations.iter().map(|one| one.commitment.block_number);
            self.batches.lock().unwrap().push(heights.collect());
        }
        answer
    }

    async fn attestations_of(&self, _: AttesterId) -> Result<Vec<Attestation>, CollectorError> {
        Ok(self.held.lock().unwrap().clone())
    }

    async fn newest_proof(&self, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError> {
        Ok(self.proof.lock().unwrap().clone().filter(|proven| proven.commitment.origin.chain == origin))
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
        let (twin, outbox, clock) = (Arc::<Twin>::default(), Arc::<Outbox>::default(), ManualClock::default());
        let proven = Arc::new(Proven::new(Arc::new(network().epoch_book())));
        let registry = telemetry::Metrics::unregistered();
        let metrics = Arc::new(Metrics::new(&registry).unwrap());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(&[guard::TABLE]));
        let guard = Arc::new(Guard::init(store, signer(1).public_key().attester_id()).unwrap());
        let stage = Publish::new(Parts {
            collector: twin.clone(),
            outbox: outbox.clone(),
            network: network().id(),
            signer: Arc::new(signer(1)),
            listener: Listener {
                signer: Arc::new(signer(1)),
                guard: guard.clone(),
                epochs: Arc::new(network().epoch_book()),
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
    assert!(post.guard.admit(&commitment(901, 7)).await.is_ok());
}

/// What the guard says to height 9 of chain 901, after a collector answered so.
async fn heard(held: Vec<Attestation>, proof: Option<ProvenCommitment>) -> Result<Safe, NotSafe> {
    let mut post = Post::new();
    *post.twin.held.lock().unwrap() = held;
    *post.twin.proof.lock().unwrap() = proof;
    post.settle().await;
    post.guard.admit(&commitment(901, 9)).await
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
async fn a_proof_in_an_answer_that_names_this_key_is_heard_too() {
    let mut post = Post::new();
    post.outbox.put(attestation(901, 7));
    post.twin.will(Ok(answer([prove(commitment(901, 8))])));
    post.settle().await;
    assert!(matches!(post.guard.admit(&commitment(901, 9)).await, Err(NotSafe::Behind { heard: 8, .. })));
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
    assert_eq!(collector.newest_proof(gateway(901).chain).await.unwrap(), Some(proof));
    assert_eq!(collector.newest_proof(gateway(900).chain).await.unwrap(), None, "404");
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
