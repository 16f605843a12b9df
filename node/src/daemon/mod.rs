//! What both daemons do alike: open the chains of their configuration, say how they are, end with a cause.

mod chains;
mod error;
mod readiness;
mod result;
mod sections;

pub use chains::{
    CALL_DEADLINE, ChainSettings, OpenChain, open_chains, open_good_chains, open_writer, probed, read_chains, read_rpc,
};
pub use error::{DaemonError, Problems};
pub use readiness::BoardReadiness;
pub use result::{ended, render};
pub use sections::{read_collectors, read_network, read_telemetry};

/// Resolves at SIGTERM or SIGINT.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        // Without the handler SIGTERM ends the process at once, which every part of it survives.
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    tracing::info!("asked to stop");
}
