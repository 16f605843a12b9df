//! The way from attesters to collectors: the relayers' own HTTP routes, without a network between.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{StatusCode, header::AUTHORIZATION},
};
use metalayer_node::collector::Carrier;
use reqwest::{Request, Response};
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::{dice::Dice, life::Life};

/// How long an operator waits for an answer.
const ASKED_MAX: Duration = Duration::from_secs(30);
/// The longest answer that is carried, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The collectors that are open, by their number. Clones are the same doors.
#[derive(Clone, Default)]
pub(super) struct Doors(Arc<Mutex<BTreeMap<usize, (Life, Router)>>>);

impl Doors {
    /// Opens a relayer's collector, in place of what was there.
    pub(super) fn open(&self, number: usize, life: Life, routes: Router) {
        self.lock().insert(number, (life, routes));
    }

    /// The collector, if its process lives.
    fn find(&self, number: usize) -> Option<Router> {
        self.lock().get(&number).filter(|(life, _)| !life.has_ended()).map(|(_, routes)| routes.clone())
    }

    /// Whether a collector that is open has what is asked for.
    pub(super) async fn has(&self, number: usize, path: &str) -> bool {
        let Some(routes) = self.find(number) else { return false };
        let Ok(asked) = axum::http::Request::get(path).body(Body::empty()) else { return false };
        served(routes, asked).await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Asks a relayer for something to be done: the answer's status, or why there is none.
    pub(super) async fn ask(&self, number: usize, path: &str, token: &str) -> Result<StatusCode, String> {
        let routes = self.find(number).ok_or("connection refused")?;
        let asked =
            axum::http::Request::post(path).header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty());
        let asked = asked.map_err(|error| error.to_string())?;
        let answer = tokio::time::timeout(ASKED_MAX, served(routes, asked)).await;
        Ok(answer.map_err(|_| "no answer in time")??.status())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, (Life, Router)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears each batch as it leaves an attester.
pub(super) type OnPost = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// The way of one attester to a collector.
pub(super) struct Way {
    /// The attester's life.
    pub(super) life: Life,
    /// Where it leads.
    pub(super) doors: Doors,
    /// To which of them.
    pub(super) number: usize,
    /// Requests that arrive twice, of a thousand.
    pub(super) doubled: u64,
    /// Draws them.
    pub(super) dice: Dice,
    /// Hears each batch as it leaves.
    pub(super) on_post: OnPost,
}

#[async_trait]
impl Carrier for Way {
    async fn carry(&self, request: Request) -> Result<Response, String> {
        let deadline = request.timeout().copied().unwrap_or(Duration::MAX);
        let carried = tokio::time::timeout(deadline, self.carried(request));
        carried.await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

impl Way {
    async fn carried(&self, request: Request) -> Result<Response, String> {
        self.life.passing().await;
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        let path = request.url().path();
        if request.method() == reqwest::Method::POST {
            self.life.trace.note(&self.life.name, format_args!("posts {} bytes", body.len()));
            (self.on_post)(&body);
        }
        let path = request.url().query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let routes = self.doors.find(self.number).ok_or("connection refused")?;
        let arriving = 1 + u64::from(self.dice.permille(self.doubled));
        let mut answered = None;
        for _ in 0..arriving {
            let asked = axum::http::Request::builder().method(request.method()).uri(&path);
            let asked = asked.body(Body::from(body.clone())).map_err(|error| error.to_string())?;
            let (answer, hears) = oneshot::channel();
            let routes = routes.clone();
            // The relayer's side goes on whatever becomes of the attester.
            tokio::spawn(async move {
                let _ = answer.send(served(routes, asked).await);
            });
            answered = Some(hears);
        }
        let answer = match answered {
            Some(hears) => hears.await.map_err(|_| "connection reset".to_owned())??,
            None => return Err("not sent".to_owned()),
        };
        self.life.passing().await;
        Ok(answer.into())
    }
}

async fn served(routes: Router, asked: axum::http::Request<Body>) -> Result<axum::http::Response<Vec<u8>>, String> {
    let answer = routes.oneshot(asked).await.map_err(|error| error.to_string())?;
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())?;
    Ok(axum::http::Response::from_parts(parts, body.to_vec()))
}
