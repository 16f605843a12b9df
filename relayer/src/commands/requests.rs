//! What operators have a running relayer do with messages and fees.

use std::{fmt, path::Path};

use metalayer_node::daemon::{DaemonError, render};
use metalayer_proto::ids::ChainId;
use serde::Serialize;

use super::{post, write_lines};
use crate::{
    admin::{Claim, Queued},
    cli::MessageAsked,
};

/// What was earned, chain by chain, and what of it is claimed now.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Claims(Vec<Claim>);

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0, "nothing was earned, as far as is proven")
    }
}

/// Has `what` done with a message: `retry`, `refuse` or `reclaim`. Answers what was queued.
///
/// # Errors
/// The relayer does not answer or never saw the message, or it cannot be done, or not yet.
pub async fn have_done(what: &str, asked: &MessageAsked) -> Result<String, DaemonError> {
    let MessageAsked { id, config, json } = asked;
    let queued: Queued = post(config, &format!("/v1/messages/{id}/{what}")).await?;
    Ok(render(&queued, *json))
}

/// Has the executor paid what it earned by delivering messages of `origin`, or of all chains.
///
/// # Errors
/// The relayer does not answer, or does not serve the chain.
pub async fn claim_fees(config_file: &Path, origin: Option<ChainId>) -> Result<Claims, DaemonError> {
    let path = origin.map_or("/v1/fees/claim".to_owned(), |origin| format!("/v1/fees/claim/{origin}"));
    post(config_file, &path).await.map(Claims)
}
