//! Waiting until every daemon says that it can serve.

use std::time::{Duration, Instant};

use crate::{console::Console, processes::Processes};

use super::{Daemon, NetworkError};

/// How long daemons may take.
const READY_MAX: Duration = Duration::from_secs(90);
/// How often they are asked.
const READY_POLL: Duration = Duration::from_millis(100);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The daemons that are not ready in time, with their answers and logs.
#[derive(Debug, thiserror::Error)]
#[error("not ready after {} s:\n{}", READY_MAX.as_secs(), .0.join("\n"))]
pub struct NotReady(Vec<String>);

/// Waits until each of `daemons` is ready; an error names all that are not.
pub(super) async fn wait(
    processes: &mut Processes,
    daemons: impl IntoIterator<Item = &Daemon> + Clone,
    console: &Console,
) -> Result<(), NetworkError> {
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build().unwrap_or_default();
    let begun = Instant::now();
    loop {
        processes.check()?;
        let mut waiting = Vec::new();
        for daemon in daemons.clone() {
            if let Err(answer) = ask(&client, daemon).await {
                waiting.push(format!("{}: {answer}; its log is logs/{}.log", daemon.name, daemon.name));
            }
        }
        if waiting.is_empty() {
            return Ok(());
        }
        if begun.elapsed() >= READY_MAX {
            return Err(NotReady(waiting).into());
        }
        console.progress(&format!("waiting for {} daemons to be ready", waiting.len()));
        tokio::time::sleep(READY_POLL).await;
    }
}

async fn ask(client: &reqwest::Client, daemon: &Daemon) -> Result<(), String> {
    let url = format!("http://{}/readyz?verbose", daemon.telemetry);
    let answer = client.get(url).send().await.map_err(|_| format!("nothing answers on {}", daemon.telemetry))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = answer.text().await.unwrap_or_default();
    Err(format!("{status} {}", body.trim()))
}
