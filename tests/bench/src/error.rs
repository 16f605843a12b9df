//! Why nothing was measured.

use std::{io, sync::Arc, time::Duration};

use devnet::{
    gas::GasError, network::NetworkError, observer::ObserverError, preflight::Missing, processes::ProcessError,
    restart::RestartError,
};
use metalayer_node::{chain::ChainError, daemon::DaemonError};
use metalayer_proto::{
    bls::BlsError,
    quorum::{InvalidStake, TableError},
};
use relayer::deploy::TransactionError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// Something that is needed is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A file, or the result.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The result is no JSON, or a snapshot of Foundry's is none.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The attesters are no epoch's.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A stake is none.
    #[error(transparent)]
    Stake(#[from] InvalidStake),
    /// Signatures do not add up.
    #[error(transparent)]
    Bls(#[from] BlsError),
    /// Two implementations differ, or refuse what is right: a measurement of nothing.
    #[error("{0}")]
    Wrong(&'static str),
    /// There is no network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A process ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A message could not be sent.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A chain could not be watched.
    #[error(transparent)]
    Observer(#[from] Arc<ObserverError>),
    /// The relayer was not restarted.
    #[error(transparent)]
    Restart(#[from] RestartError),
    /// The network on chains in memory could not be founded.
    #[error("the network could not be founded: {0}")]
    Founding(String),
    /// A daemon's stages do not begin.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A chain in memory could not be read.
    #[error(transparent)]
    Read(#[from] ChainError),
    /// Metrics could not be read.
    #[error("metrics: {0}")]
    Scrape(#[from] reqwest::Error),
    /// What must happen did not.
    #[error("{what}: not after {} s", .waited.as_secs())]
    Late {
        /// What.
        what: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Gas could not be measured.
    #[error(transparent)]
    Gas(#[from] GasError),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}
