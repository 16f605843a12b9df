//! The port that monitoring looks at: `/metrics`, `/livez`, `/readyz`, `/readyz?verbose`.

use std::{collections::HashMap, fmt, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use super::Metrics;

/// Whether a process can serve, part by part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// Whether the role can serve anybody. A single stalled chain does not make it false.
    pub ready: bool,
    /// What it is made of: chains, mostly.
    pub parts: Vec<Part>,
}

/// One part of a [`Status`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// What it is: `eip155:901`, `bus`.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// How it is, or the typed reason why not. Without secrets.
    pub detail: String,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Part { name, ok, detail } in &self.parts {
            let mark = if *ok { '+' } else { '-' };
            writeln!(f, "[{mark}] {name}: {detail}")?;
        }
        f.write_str(if self.ready { "ready\n" } else { "not ready\n" })
    }
}

/// Who knows how the process is.
pub trait Readiness: Send + Sync + 'static {
    /// How it is now.
    fn status(&self) -> Status;
}

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("port in use: {purpose} wants {address}; stop what listens there or change `{key}`")]
    InUse {
        /// What the port is for.
        purpose: &'static str,
        /// What was to be opened.
        address: SocketAddr,
        /// The key of the configuration that names it.
        key: &'static str,
    },
    /// Not allowed, or no such address on this machine.
    #[error("{purpose} cannot listen on {address}: {problem}; change `{key}`")]
    Refused {
        /// What the port is for.
        purpose: &'static str,
        /// What was to be opened.
        address: SocketAddr,
        /// The key of the configuration that names it.
        key: &'static str,
        /// The system's words.
        problem: String,
    },
}

/// Opens a port; `purpose` and the configuration's `key` stand in the error.
pub async fn bind(address: SocketAddr, purpose: &'static str, key: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => BindError::InUse { purpose, address, key },
        _ => BindError::Refused { purpose, address, key, problem: error.to_string() },
    })
}

/// The routes, to be served alone or merged into another port's.
pub fn router(metrics: Metrics, readiness: Arc<dyn Readiness>) -> Router {
    Router::new()
        .route("/metrics", get(render).with_state(metrics))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready).with_state(readiness))
}

/// Serves `router` until `stop` resolves and the requests under way are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn render(State(metrics): State<Metrics>) -> Response {
    match metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn ready(
    State(readiness): State<Arc<dyn Readiness>>,
    Query(query): Query<HashMap<String, String>>,
) -> (StatusCode, String) {
    let mut status = readiness.status();
    if !query.contains_key("verbose") {
        status.parts.clear();
    }
    let code = if status.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, status.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[derive(Default)]
    struct Switch(AtomicBool);

    impl Readiness for Switch {
        fn status(&self) -> Status {
            let stalled = Part { name: "eip155:902".into(), ok: false, detail: "stalled".into() };
            Status { ready: self.0.load(Ordering::Relaxed), parts: vec![stalled] }
        }
    }

    async fn served() -> (String, Arc<Switch>) {
        let readiness = Arc::new(Switch::default());
        let metrics = Metrics::new("test", "0").unwrap();
        let listener = bind(([127, 0, 0, 1], 0).into(), "metrics", "metrics_listen").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, router(metrics, readiness.clone()), std::future::pending()));
        (url, readiness)
    }

    async fn get(url: String) -> (u16, String) {
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn readiness_is_a_status_code_and_verbose_names_the_stalled_part() {
        let (url, switch) = served().await;
        assert_eq!(get(format!("{url}/readyz")).await, (503, "not ready\n".into()));
        switch.0.store(true, Ordering::Relaxed);
        assert_eq!(get(format!("{url}/readyz")).await, (200, "ready\n".into()));
        assert_eq!(get(format!("{url}/readyz?verbose")).await, (200, "[-] eip155:902: stalled\nready\n".into()));
    }

    #[tokio::test]
    async fn metrics_and_liveness_are_served() {
        let (url, _) = served().await;
        assert_eq!(get(format!("{url}/livez")).await, (200, "alive\n".into()));
        let (code, text) = get(format!("{url}/metrics")).await;
        assert_eq!(code, 200);
        assert!(text.contains("metalayer_build_info"), "{text}");
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_port_and_the_key_to_change() {
        let held = bind(([127, 0, 0, 1], 0).into(), "metrics", "metrics_listen").await.unwrap();
        let address = held.local_addr().unwrap();
        let error = bind(address, "metrics", "metrics_listen").await.unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }));
        let text = error.to_string();
        assert!(text.contains(&address.to_string()) && text.contains("metrics_listen"), "{text}");
    }
}
