//! The admin API: what an operator's commands ask a running relayer. On loopback, and only with the token.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /v1/messages/{id}` | 200, what is known of a message; 404 nothing |
//! | `GET /v1/dead-letters` | 200, the newest refused records, at most 256, without their bytes |
//! | `GET /v1/dead-letters/{topic}/{partition}/{offset}` | 200, one of them whole; 404 there is none |
//!
//! Each needs `Authorization: Bearer TOKEN`; 401 without.

pub mod client;
#[cfg(test)]
mod tests;
mod token;

use std::{fmt, sync::Arc};

use alloy::primitives::{B256, Bytes};
use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use metalayer_proto::{envelope::DeadLetter, ids::MessageId, topics::Partition};
use serde::{Deserialize, Serialize};

use crate::{index::Index, record::Records};
pub use token::Token;

/// The most refused records in one answer.
const LETTERS_MAX: usize = 256;

/// What the admin API answers from.
pub struct Admin {
    /// What became of messages.
    pub index: Index,
    /// The bus, for refused records.
    pub records: Records,
    /// What every request must show.
    pub token: Token,
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

async fn message(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<B256>() else {
        return (StatusCode::BAD_REQUEST, "a message id is 0x and 64 hexadecimal digits").into_response();
    };
    match admin.index.find(MessageId(id)) {
        Ok(Some(entry)) => Json(entry).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, format!("no message {id} was seen in a final block")).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
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
