//! What an operator does: the relayer's own commands, run as an operator runs them.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use metalayer_proto::ids::MessageId;
use serde::Deserialize;
use tokio::process::Command;

use super::DemoError;
use crate::network::Network;

/// How long a command may be refused, or be but a first step: the relayer knows of a block once it is final.
const REFUSED_MAX: Duration = Duration::from_secs(60);
/// What is done before a reclaim where the origin has not stored the lane's root; the same is to be asked again after it.
const FIRST_STEP: &str = "snapshot";
/// How often it is tried.
const TRY: Duration = Duration::from_millis(200);

/// What `relayer COMMAND ID --json` prints.
#[derive(Deserialize)]
struct Queued {
    /// What is done now.
    action: String,
}

/// Runs `relayer COMMAND ID` until all of it is queued.
pub(super) async fn asks(network: &Network, command: &str, id: MessageId) -> Result<(), DemoError> {
    let Some(relayer) = network.daemons.iter().find(|daemon| !daemon.is_attester) else { return Ok(()) };
    let begun = Instant::now();
    loop {
        let output = Command::new(&relayer.program)
            .args([command, &id.to_string(), "--json", "--config"])
            .arg(&relayer.config)
            .stdin(Stdio::null())
            .output()
            .await?;
        let queued = serde_json::from_slice::<Queued>(&output.stdout);
        if output.status.success() && queued.is_ok_and(|queued| queued.action != FIRST_STEP) {
            return Ok(());
        }
        if begun.elapsed() >= REFUSED_MAX {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(DemoError::Operator { command: format!("relayer {command} {id}"), words });
        }
        tokio::time::sleep(TRY).await;
    }
}
