//! What is posted, when again, and what of an answer counts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy::primitives::Bytes;
use async_trait::async_trait;
use axum::{Router, http::StatusCode, routing::post};
use metalayer_node::{
    clock::{Clock, manual::ManualClock},
    signer::AttesterSigner,
    task::{Severity, Stage, StageError, Step},
    telemetry,
};
use metalayer_proto::{batch::TransportBatch, quorum::ProvenCommitment};
use reqwest::Url;

use super::bench::{attestation, commitment, gateway, network, prove, signer};
use crate::{
    metrics::Metrics,
    outbox::{Outbox, REPEAT_AFTER},
    proven::Proven,
    publish::{ANSWER_BYTES_MAX, Answer, Collector, HttpCollector, Publish, PublishError},
};

/// A collector that answers what the test says, and takes everything once that is used up.
#[derive(Default)]
struct Twin {
    batches: Mutex<Vec<Vec<u64>>>,
    answers: Mutex<VecDeque<Result<Answer, PublishError>>>,
}

impl Twin {
    fn will(&self, answer: Result<Answer, PublishError>) {
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

    async fn post(&self, sealed: Vec<u8>) -> Result<Answer, PublishError> {
        let known = signer(1).transport_key();
        let (_, batch) = TransportBatch::open(&sealed, network().id(), |key| key == known).unwrap();
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Answer::default()));
        if answer.is_ok() {
            let heights = batch.attestations.iter().map(|one| one.commitment.block_number);
            self.batches.lock().unwrap().push(heights.collect());
        }
        answer
    }
}

struct Post {
    twin: Arc<Twin>,
    outbox: Arc<Outbox>,
    clock: ManualClock,
    proven: Arc<Proven>,
    registry: telemetry::Metrics,
    stage: Publish,
}

impl Post {
    fn new() -> Self {
        let (twin, outbox, clock) = (Arc::<Twin>::default(), Arc::<Outbox>::default(), ManualClock::default());
        let proven = Arc::new(Proven::new(Arc::new(network().epoch_book())));
        let registry = telemetry::Metrics::unregistered();
        let stage = Publish {
            collector: twin.clone(),
            outbox: outbox.clone(),
            network: network().id(),
            signer: Arc::new(signer(1)),
            proven: proven.clone(),
            clock: Arc::new(clock.clone()),
            metrics: Arc::new(Metrics::new(&registry).unwrap()),
        };
        Self { twin, outbox, clock, proven, registry, stage }
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
    dead.twin.will(Err(PublishError::Unreachable { collector: "twin".into(), problem: "dead".into() }));
    assert_eq!(dead.stage.step().await.unwrap_err().severity(), Severity::Retryable);
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

/// A server on a free port; its address with credentials, which no error may show.
async fn server(status: StatusCode, body: String) -> Url {
    let router = Router::new().route("/base/v1/attestations", post(move || async move { (status, body) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = secret_url(listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn secret_url(port: u16) -> Url {
    format!("http://user:pa55word@127.0.0.1:{port}/base/?key=s3cret").parse().unwrap()
}

async fn failed(url: &Url, deadline: Duration) -> PublishError {
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
        assert!(matches!(error, PublishError::Refused { status: got, problem, .. }
            if got == status.as_u16() && problem == "unknown key"));
    }
    let error = failed(&server(StatusCode::BAD_REQUEST, "é".repeat(1_000)).await, LONG).await;
    assert!(matches!(error, PublishError::Refused { problem, .. } if problem == "é".repeat(150)));
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
