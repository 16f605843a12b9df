//! The admin API: what an operator's commands ask a running relayer. On loopback, and only with the token.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /v1/messages/{id}` | 200, what is known of a message, and which of its chains does not go on; 404 nothing |
//! | `POST /v1/messages/{id}/retry` | 200, the queued action that runs a failed message again |
//! | `POST /v1/messages/{id}/refuse` | 200, the one that gives it up and sends it home |
//! | `POST /v1/messages/{id}/reclaim` | 200, the one that gives back what a refused or void message carried, or the step before it |
//! | `POST /v1/fees/claim`, `POST /v1/fees/claim/{chain}` | 200, what was earned by delivering messages of all chains or of one, and the queued claims |
//! | `GET /v1/dead-letters` | 200, the newest refused records, at most 256, without their bytes |
//! | `GET /v1/dead-letters/{topic}/{partition}/{offset}` | 200, one of them whole; 404 there is none |
//!
//! Each needs `Authorization: Bearer TOKEN`; 401 without. What is asked to be done is 404 if the message or the chain is unknown, 409 if it
//! cannot be done as things stand, 503 if something that it takes is not there yet.

pub mod client;
mod requests;
#[cfg(test)]
mod tests;
mod token;
mod traced;

use std::{collections::BTreeMap, fmt, sync::Arc};

use alloy::primitives::{Address, B256, Bytes};
use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metalayer_node::{chain::ChainWriter, task::status::StatusBoard};
use metalayer_proto::{
    envelope::DeadLetter,
    ids::{ChainId, GatewayId, MessageId},
    topics::Partition,
};
use serde::{Deserialize, Serialize};

use crate::{collector::Collector, index::Index, record::Records, tables::InForce};
pub use requests::{Claim, Queued, RequestError};
pub use token::Token;
pub use traced::{Stopped, Traced};

/// The most refused records in one answer.
const LETTERS_MAX: usize = 256;

/// What the admin API answers from.
pub struct Admin {
    /// What became of messages.
    pub index: Index,
    /// What goes on, and what does not.
    pub board: StatusBoard,
    /// The bus, for refused records and for what is to be done.
    pub records: Records,
    /// The chains that are served.
    pub chains: BTreeMap<GatewayId, Served>,
    /// Has the newest proofs, and the archive of what they are of.
    pub collector: Arc<Collector>,
    /// Which epochs' proofs each chain takes.
    pub in_force: Arc<InForce>,
    /// The executor's account.
    pub account: Address,
    /// What every request must show.
    pub token: Token,
}

/// A chain that is served.
pub struct Served {
    /// Its partition.
    pub partition: Partition,
    /// Tells what its gateway would do.
    pub writer: Arc<dyn ChainWriter>,
}

/// A record that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// `TOPIC/PARTITION/OFFSET`: where it stood.
    pub place: String,
    /// A stable word.
    pub reason: String,
    /// The same for people.
    pub detail: String,
    /// Its bytes; left out of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
}

impl Letter {
    fn of(letter: DeadLetter, whole: bool) -> Self {
        Self {
            place: String::from_utf8_lossy(&letter.key()).into_owned(),
            reason: letter.reason,
            detail: letter.detail,
            value: whole.then_some(letter.value),
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}: {}", self.place, self.reason, self.detail)?;
        self.value.iter().try_for_each(|value| write!(f, "\n{value}"))
    }
}

/// The API's routes.
pub fn routes(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/v1/messages/{id}", get(message))
        .route("/v1/messages/{id}/retry", post(retry))
        .route("/v1/messages/{id}/refuse", post(refuse))
        .route("/v1/messages/{id}/reclaim", post(reclaim))
        .route("/v1/fees/claim", post(claim_all))
        .route("/v1/fees/claim/{chain}", post(claim_of))
        .route("/v1/dead-letters", get(letters))
        .route("/v1/dead-letters/{topic}/{partition}/{offset}", get(letter))
        .layer(middleware::from_fn_with_state(admin.clone(), authorize))
        .with_state(admin)
}

async fn authorize(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let shown = header.and_then(|value| value.strip_prefix("Bearer "));
    if shown.is_some_and(|shown| admin.token.matches(shown)) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, "the admin API wants its token").into_response()
    }
}

async fn message(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Result<Response, Response> {
    let id = message_id(&id)?;
    Ok(match admin.index.find(id) {
        Ok(Some(entry)) => Json(Traced::of(entry, &admin.board)).into_response(),
        Ok(None) => answered::<()>(Err(RequestError::Unknown(id))),
        Err(error) => answered::<()>(Err(error.into())),
    })
}

async fn retry(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Result<Response, Response> {
    Ok(answered(admin.retry(message_id(&id)?).await))
}

async fn refuse(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Result<Response, Response> {
    Ok(answered(admin.refuse(message_id(&id)?).await))
}

async fn reclaim(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Result<Response, Response> {
    Ok(answered(admin.reclaim(message_id(&id)?).await))
}

async fn claim_all(State(admin): State<Arc<Admin>>) -> Response {
    answered(admin.claim_fees(None).await)
}

async fn claim_of(State(admin): State<Arc<Admin>>, Path(chain): Path<String>) -> Response {
    match chain.parse::<ChainId>() {
        Ok(chain) => answered(admin.claim_fees(Some(chain)).await),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

#[allow(clippy::result_large_err, reason = "the answer itself")]
fn message_id(text: &str) -> Result<MessageId, Response> {
    let id = text.parse::<B256>();
    id.map(MessageId)
        .map_err(|_| (StatusCode::BAD_REQUEST, "a message id is 0x and 64 hexadecimal digits").into_response())
}

fn answered<T: Serialize>(result: Result<T, RequestError>) -> Response {
    match result {
        Ok(result) => Json(result).into_response(),
        Err(error) => (error.status(), error.to_string()).into_response(),
    }
}

async fn letters(State(admin): State<Arc<Admin>>) -> Response {
    let mut newest = std::collections::VecDeque::new();
    let take = |letter| {
        newest.push_back(Letter::of(letter, false));
        if newest.len() > LETTERS_MAX {
            newest.pop_front();
        }
    };
    match admin.records.each::<DeadLetter>(Partition(0), take).await {
        Ok(()) => Json(newest).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn letter(
    State(admin): State<Arc<Admin>>,
    Path((topic, partition, offset)): Path<(String, String, String)>,
) -> Response {
    let place = format!("{topic}/{partition}/{offset}");
    let mut found = None;
    let take = |letter: DeadLetter| {
        if letter.key() == place.as_bytes() {
            found = Some(Letter::of(letter, true));
        }
    };
    match admin.records.each::<DeadLetter>(Partition(0), take).await {
        Ok(()) => match found {
            Some(letter) => Json(letter).into_response(),
            None => (StatusCode::NOT_FOUND, format!("no record {place} was refused")).into_response(),
        },
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}
