//! The collector over HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /v1/attestations`, a sealed batch (docs/protocol.md §9) | 200 `{"accepted": n, "proofs": ["0x…"]}`; 400 no batch; 401 unknown key or bad signature; 413 too long; 503 not now |
//! | `GET /v1/attesters/{id}/attestations` | 200, `["0x…"]`: the newest `commitment ‖ signature` of each origin that was taken from it since this process began |
//! | `GET /v1/origins` | 200, what is known about every origin |
//! | `GET /v1/proofs/{chain}` | 200, the newest `commitment ‖ quorum proof` as bytes; 404 none yet |

use std::sync::Arc;

use alloy::primitives::Bytes;
use axum::{
    Json, Router,
    body::Bytes as Body,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metalayer_proto::{
    batch::{BATCH_LEN_MAX, BatchError},
    bls::AttesterId,
    ids::ChainId,
};
use serde::Serialize;

use super::{CollectError, Collector, OriginStatus};

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
        CollectError::Bus(_) => StatusCode::SERVICE_UNAVAILABLE,
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

async fn newest_proof(State(collector): State<Arc<Collector>>, Path(chain): Path<String>) -> Response {
    let chain = match chain.parse::<ChainId>() {
        Ok(chain) => chain,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match collector.newest_proof(chain) {
        Some(proven) => proven.to_bytes().into_response(),
        None => (StatusCode::NOT_FOUND, format!("nothing is proven of {chain} yet")).into_response(),
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
