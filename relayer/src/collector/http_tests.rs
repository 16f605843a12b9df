#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use metalayer_node::bus::Bus;
use metalayer_proto::{quorum::ProvenCommitment, topics::Partition};
use reqwest::Client;

use super::*;
use crate::{
    collector::tests::{attestation, commitment, sealed},
    record::Records,
    testing::{Attesters, FailingBus, NETWORK, archive, clock, gateway, metrics, records},
};

/// A collector on a free port; its bus takes `publishes` records.
async fn served(publishes: usize) -> (String, Arc<Collector>, Attesters) {
    let (attesters, clock) = (Attesters::new(), clock());
    let bus: Arc<dyn Bus> = FailingBus::after(publishes, records(clock.clone()).bus);
    let records = Records::new(bus, metrics());
    let origins = [(gateway(901), Partition(1))].into();
    let collector = Collector::open(attesters.book(), origins, records, archive(), clock, metrics());
    let collector = Arc::new(collector.unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = routes(collector.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, collector, attesters)
}

async fn post(url: &str, body: Vec<u8>) -> (u16, String) {
    let answer = Client::new().post(format!("{url}/v1/attestations")).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_batch_is_answered_by_what_it_is() {
    let (url, collector, attesters) = served(1).await;
    let batch = |sender| sealed(NETWORK, sender, vec![attestation(&attesters.secrets[0], commitment())]);
    let mut forged = batch(0);
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(post(&url, b"no batch".to_vec()).await.0, 400);
    assert_eq!(post(&url, batch(8)).await.0, 401, "an unknown key");
    assert_eq!(post(&url, forged).await.0, 401, "a bad signature");
    assert_eq!(post(&url, vec![0; BATCH_LEN_MAX]).await.0, 400, "as long as a batch may be, and none");
    assert_eq!(post(&url, vec![0; BATCH_LEN_MAX + 1]).await.0, 413);
    collector.proven(attesters.prove(commitment(), 3));
    let (status, answer) = post(&url, batch(0)).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, &answer["accepted"]), (200, &1.into()));
    let proof: Bytes = serde_json::from_value(answer["proofs"][0].clone()).unwrap();
    assert_eq!(proof, attesters.prove(commitment(), 3).to_bytes());
    assert_eq!(post(&url, batch(0)).await.0, 503, "the bus takes no more");
}

#[tokio::test]
async fn the_newest_proof_is_served_as_bytes_that_verify() {
    let (url, collector, attesters) = served(0).await;
    let get = async |chain: &str| reqwest::get(format!("{url}/v1/proofs/{chain}")).await.unwrap();
    assert_eq!(get("901").await.status(), 400);
    assert_eq!(get("eip155:901").await.status(), 404);
    collector.proven(attesters.prove(commitment(), 3));
    let answer = get("eip155:901").await;
    assert_eq!(answer.status(), 200);
    let proven = ProvenCommitment::from_bytes(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(proven.commitment, commitment());
    assert!(attesters.book().verify(&proven, metalayer_node::clock::UnixMillis(0)).is_ok());
}

#[tokio::test]
async fn what_is_known_about_each_origin_is_served() {
    let (url, collector, attesters) = served(1).await;
    post(&url, sealed(NETWORK, 0, vec![attestation(&attesters.secrets[0], commitment())])).await;
    collector.proven(attesters.prove(commitment(), 3));
    let answer = reqwest::get(format!("{url}/v1/origins")).await.unwrap().text().await.unwrap();
    let expected =
        serde_json::json!([{ "origin": 901, "commitments_signed": 1, "attested_height": 1, "proven_height": 1 }]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer).unwrap(), expected);
}

#[tokio::test]
async fn what_is_not_in_the_archive_is_not_found_and_what_is_no_place_is_refused() {
    let (url, ..) = served(0).await;
    let status = async |path: &str| reqwest::get(format!("{url}/v1/{path}")).await.unwrap().status().as_u16();
    let lane = format!("lanes/{}/{}", gateway(901), gateway(902));
    assert_eq!(status("snapshots/eip155:901").await, 404);
    assert_eq!(status("snapshots/901").await, 400);
    assert_eq!(status(&lane).await, 404);
    assert_eq!(status(&format!("{lane}/leaves/0?count=1")).await, 404);
    assert_eq!(status(&format!("{lane}/leaves/0")).await, 400, "under which root?");
    assert_eq!(status(&format!("{lane}/consistency?from=0&to=1")).await, 404);
    assert_eq!(status("lanes/eip155:901/eip155:902").await, 400, "gateways, not chains");
}
