//! A chain behind HTTP for as long as the network is deployed; it makes a block for each transaction.

use std::{io, net::Ipv4Addr};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::Value;

use crate::chain::SimChain;

/// Seconds between two blocks.
const BLOCK_S: u64 = 1;

/// A chain that is served. It ends when dropped.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) chain: SimChain,
    url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Serves `chain` on a free port of the loopback interface.
    pub(super) async fn start(chain: SimChain) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let app = Router::new().route("/", post(answer)).with_state(chain.clone());
        let server = tokio::spawn(async move {
            // Serving ends with the task; an error could be told to nobody.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { chain, url, server })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(chain): State<SimChain>, Json(request): Json<Value>) -> Json<Value> {
    let answer = chain.answer(&request);
    if chain.waiting() > 0 {
        chain.mine(chain.timestamp() + BLOCK_S);
    }
    Json(answer)
}
