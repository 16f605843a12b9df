//! Why a daemon did not start, or ended.

use crate::{
    bus::BusError,
    chain::{EndpointError, InvalidQuorum, ProbeProblem},
    config::{ExitCause, InvalidConfig},
    signer::SignerError,
    store::StoreError,
    task::group::Failure,
    telemetry::{MetricsError, TelemetryError, http::BindError},
};

/// Why a daemon did not start, or ended, each with its exit code.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// Endpoints that do not serve.
    #[error("{}", list(.0))]
    Probe(Vec<ProbeProblem>),
    /// An endpoint's URL is none.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// More endpoints must agree than there are.
    #[error(transparent)]
    Quorum(#[from] InvalidQuorum),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] SignerError),
    /// The key is no member of any epoch.
    #[error("{0}")]
    NotAMember(String),
    /// A port cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Logs or traces cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A metric is declared wrongly; a fault of this program.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A task failed while it ran.
    #[error(transparent)]
    Task(#[from] Failure),
    /// Anything else while starting.
    #[error("{0}")]
    Start(String),
}

impl DaemonError {
    /// The exit code's cause.
    pub fn cause(&self) -> ExitCause {
        match self {
            Self::Config(_) | Self::Endpoint(_) | Self::Quorum(_) | Self::Telemetry(_) => ExitCause::Config,
            Self::Probe(problems) if problems.iter().any(|problem| !problem.unreachable) => ExitCause::Config,
            Self::Probe(_) => ExitCause::ChainUnreachable,
            Self::Key(_) | Self::NotAMember(_) => ExitCause::Key,
            Self::Bind(_) => ExitCause::PortInUse,
            Self::Store(_) | Self::Bus(_) => ExitCause::Storage,
            Self::Task(Failure::Task { reason: "bus" | "guard_store", .. }) => ExitCause::Storage,
            Self::Metrics(_) | Self::Task(_) | Self::Start(_) => ExitCause::Other,
        }
    }
}

fn list(problems: &[ProbeProblem]) -> String {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("chain endpoints: {count} {noun}; nothing was started{lines}")
}
