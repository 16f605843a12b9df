//! The collector over HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /v1/attestations`, a sealed batch (docs/protocol.md §9) | 200 `{"accepted": n, "proofs": ["0x…"]}`; 400 no batch; 401 unknown key or bad signature; 413 too long; 503 not now |
//! | `GET /v1/attesters/{id}/attestations` | 200, `["0x…"]`: the newest `commitment ‖ signature` of each origin that was taken from it |
//! | `GET /v1/origins` | 200, what is known about every origin |
//! | `GET /v1/proofs/{chain}` | 200, the newest `commitment ‖ quorum proof` as bytes, with `?epoch=N` the newest in that epoch; 404 none yet |
//! | `GET /v1/snapshots/{chain}` | 200, where the origin can be begun, as bytes: a `ProvenSnapshot`; 404 nowhere yet |
//! | `GET /v1/lanes/{origin}/{destination}`, two gateways `eip155:N:0x…` | 200, the lane as it stands there: a `ProvenLane`; 404 it has no messages there |
//! | `GET /v1/lanes/{origin}/{destination}/leaves/{sequence}?count=N` | 200, the message and its path among the first N: a `ServedLeaf`; 404 not here, or not any more |
//! | `GET /v1/lanes/{origin}/{destination}/leaves?from=M&count=N` | 200, the frontier of the first M and all leaves after it up to N: a `ServedLeaves`; 404 not here, or too many |
//! | `GET /v1/lanes/{origin}/{destination}/consistency?from=M&to=N` | 200, that the first N messages begin with the first M: a consistency proof; 404 it is not so long here |

use std::{fmt::Display, str::FromStr, sync::Arc};

use alloy::primitives::Bytes;
use axum::{
    Json, Router,
    body::Bytes as Body,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metalayer_proto::{
    batch::{BATCH_LEN_MAX, BatchError},
    bls::AttesterId,
    derivation::LeafId,
    ids::{ChainId, LaneId},
};
use serde::{Deserialize, Serialize};

use super::{CollectError, Collector, OriginStatus};
use crate::archive::ArchiveError;

/// What a batch is answered with.
#[derive(Debug, Serialize)]
struct Answer {
    accepted: u32,
    proofs: Vec<Bytes>,
}

/// The collector's routes.
pub fn routes(collector: Arc<Collector>) -> Router {
    Router::new()
        .route("/v1/attestations", post(take))
        .route("/v1/attesters/{attester}/attestations", get(attestations_of))
        .route("/v1/origins", get(origins))
        .route("/v1/proofs/{chain}", get(newest_proof))
        .route("/v1/snapshots/{chain}", get(snapshot))
        .route("/v1/lanes/{origin}/{destination}", get(lane))
        .route("/v1/lanes/{origin}/{destination}/leaves", get(leaves))
        .route("/v1/lanes/{origin}/{destination}/leaves/{sequence}", get(leaf))
        .route("/v1/lanes/{origin}/{destination}/consistency", get(consistency))
        .layer(DefaultBodyLimit::max(BATCH_LEN_MAX))
        .with_state(collector)
}

async fn take(State(collector): State<Arc<Collector>>, body: Body) -> Response {
    match collector.take(&body).await {
        Ok((accepted, proofs)) => {
            let proofs = proofs.iter().map(|proven| proven.to_bytes().into()).collect();
            Json(Answer { accepted, proofs }).into_response()
        }
        Err(error) => (status_of(&error), error.to_string()).into_response(),
    }
}

const fn status_of(error: &CollectError) -> StatusCode {
    match error {
        CollectError::Batch(BatchError::UnknownKey(_) | BatchError::Signature(_)) => StatusCode::UNAUTHORIZED,
        CollectError::Batch(_) => StatusCode::BAD_REQUEST,
        CollectError::Bus(_) | CollectError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn attestations_of(State(collector): State<Arc<Collector>>, Path(attester): Path<String>) -> Response {
    match attester.parse() {
        Ok(attester) => {
            let held = collector.attestations_of(AttesterId(attester));
            let held: Vec<Bytes> = held.iter().map(|attestation| attestation.to_bytes().into()).collect();
            Json(held).into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "an attester id is 0x and 64 hexadecimal digits").into_response(),
    }
}

async fn origins(State(collector): State<Arc<Collector>>) -> Json<Vec<OriginStatus>> {
    Json(collector.origins())
}

/// Which proof is asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    epoch: Option<u64>,
}

async fn newest_proof(
    State(collector): State<Arc<Collector>>,
    Path(chain): Path<String>,
    Query(Asked { epoch }): Query<Asked>,
) -> Result<Response, Response> {
    let chain: ChainId = named(&chain)?;
    Ok(match collector.newest_proof(chain, epoch) {
        Some(proven) => proven.to_bytes().into_response(),
        None => (StatusCode::NOT_FOUND, format!("nothing is proven of {chain} yet")).into_response(),
    })
}

async fn snapshot(State(collector): State<Arc<Collector>>, Path(chain): Path<String>) -> Result<Response, Response> {
    let chain: ChainId = named(&chain)?;
    Ok(match collector.archive().start_of(chain) {
        Some(served) => served.bytes().to_vec().into_response(),
        None => (StatusCode::NOT_FOUND, format!("{chain} can be begun nowhere yet")).into_response(),
    })
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

#[derive(Deserialize)]
struct Part {
    from: u64,
    count: u64,
}

#[derive(Deserialize)]
struct Growth {
    from: u64,
    to: u64,
}

async fn lane(
    State(collector): State<Arc<Collector>>,
    Path((origin, destination)): Path<(String, String)>,
) -> Result<Response, Response> {
    let lane = collector.archive().lane(lane_of(&origin, &destination)?);
    Ok(served(Ok(lane.map(|lane| lane.to_bytes()))))
}

async fn leaf(
    State(collector): State<Arc<Collector>>,
    Path((origin, destination, sequence)): Path<(String, String, u64)>,
    Query(Count { count }): Query<Count>,
) -> Result<Response, Response> {
    let lane = lane_of(&origin, &destination)?;
    let leaf = collector.archive().leaf(LeafId { lane, sequence }, count);
    Ok(served(leaf.map(|leaf| leaf.map(|leaf| leaf.to_bytes()))))
}

async fn leaves(
    State(collector): State<Arc<Collector>>,
    Path((origin, destination)): Path<(String, String)>,
    Query(Part { from, count }): Query<Part>,
) -> Result<Response, Response> {
    let lane = lane_of(&origin, &destination)?;
    let leaves = collector.archive().leaves(lane, from, count);
    Ok(served(leaves.map(|leaves| leaves.map(|leaves| leaves.to_bytes()))))
}

async fn consistency(
    State(collector): State<Arc<Collector>>,
    Path((origin, destination)): Path<(String, String)>,
    Query(Growth { from, to }): Query<Growth>,
) -> Result<Response, Response> {
    let lane = lane_of(&origin, &destination)?;
    let proof = collector.archive().consistency(lane, from, to);
    Ok(served(proof.map(|proof| proof.map(|proof| proof.to_bytes()))))
}

#[allow(clippy::result_large_err, reason = "the error is the answer")]
fn lane_of(origin: &str, destination: &str) -> Result<LaneId, Response> {
    Ok(LaneId { origin: named(origin)?, destination: named(destination)? })
}

/// What a part of the path names.
#[allow(clippy::result_large_err, reason = "the error is the answer")]
fn named<T: FromStr<Err: Display>>(text: &str) -> Result<T, Response> {
    text.parse().map_err(|error: T::Err| (StatusCode::BAD_REQUEST, error.to_string()).into_response())
}

fn served(answer: Result<Option<Vec<u8>>, ArchiveError>) -> Response {
    match answer {
        Ok(Some(bytes)) => bytes.into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "it is not here").into_response(),
        Err(error) => {
            tracing::error!("the archive cannot answer: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the archive cannot answer").into_response()
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
