//! Why a daemon did not start, or ended.

use crate::{
    bus::BusError,
    chain::{EndpointError, InvalidQuorum, ProbeProblem},
    config::{ExitCause, InvalidConfig},
    epochs::LearnError,
    signer::SignerError,
    store::StoreError,
    task::group::{Failure, ServiceError},
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
    /// A chain did not answer a command.
    #[error("{0}")]
    Unreachable(String),
    /// An endpoint's URL is none.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// More endpoints must agree than there are.
    #[error(transparent)]
    Quorum(#[from] InvalidQuorum),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] SignerError),
    /// The two keys were not registered together.
    #[error("{0}")]
    NotPaired(String),
    /// The hub does not tell who attests.
    #[error(transparent)]
    Epochs(#[from] LearnError),
    /// The guard cannot be used.
    #[error("{0}")]
    Guard(String),
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
    /// What was asked about is not known.
    #[error("{0}")]
    Unknown(String),
    /// What was asked for cannot be done as things stand.
    #[error("{0}")]
    WrongState(String),
    /// Anything else while starting.
    #[error("{0}")]
    Start(String),
    /// More than one of these, told at once; the exit code is the first's.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<Self>),
}

impl DaemonError {
    /// The exit code's cause.
    pub fn cause(&self) -> ExitCause {
        match self {
            Self::Config(_) | Self::Endpoint(_) | Self::Quorum(_) | Self::Telemetry(_) => ExitCause::Config,
            Self::Probe(problems) if problems.iter().any(|problem| !problem.unreachable) => ExitCause::Config,
            Self::Probe(_) | Self::Unreachable(_) | Self::Epochs(_) => ExitCause::ChainUnreachable,
            Self::Key(_) | Self::NotPaired(_) | Self::Guard(_) => ExitCause::Key,
            Self::Bind(_) => ExitCause::PortInUse,
            Self::Store(_) | Self::Bus(_) => ExitCause::Storage,
            Self::Task(Failure::Task { reason, source, .. }) if is_storage(reason, source) => ExitCause::Storage,
            Self::Unknown(_) => ExitCause::Unknown,
            Self::WrongState(_) => ExitCause::WrongState,
            Self::Several(all) => all.first().map_or(ExitCause::Other, Self::cause),
            Self::Metrics(_) | Self::Task(_) | Self::Start(_) => ExitCause::Other,
        }
    }
}

/// What went wrong while a daemon opened what it needs: it goes on to the end, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<DaemonError>);

impl Problems {
    /// The value, or nothing and one problem more.
    pub fn note<T, E: Into<DaemonError>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.0.push(error.into())).ok()
    }
}

impl From<Problems> for DaemonError {
    fn from(Problems(mut all): Problems) -> Self {
        match all.pop() {
            Some(only) if all.is_empty() => only,
            Some(last) => {
                all.push(last);
                Self::Several(all)
            }
            None => Self::Start("something is missing that was not named".to_owned()),
        }
    }
}

/// Stages say it in a word, services by the error itself: whichever of them is the first to meet a full disk.
fn is_storage(reason: &str, source: &ServiceError) -> bool {
    matches!(reason, "bus" | "guard_store" | "sent_store" | "index_store" | "archive")
        || source.is::<BusError>()
        || source.is::<StoreError>()
}

fn list(problems: &[ProbeProblem]) -> String {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("chain endpoints: {count} {noun}; nothing was started{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_full_disk_whoever_meets_it_first() {
        let full = || StoreError::Full("as told".to_owned());
        let failed = |reason, source: ServiceError| {
            DaemonError::from(Failure::Task { task: "some".to_owned(), reason, source }).cause()
        };
        for reason in ["bus", "guard_store", "sent_store", "index_store", "archive"] {
            assert_eq!(failed(reason, "in a stage's own words".into()), ExitCause::Storage, "{reason}");
        }
        assert_eq!(failed("service", BusError::from(full()).into()), ExitCause::Storage);
        assert_eq!(failed("service", full().into()), ExitCause::Storage);
        assert_eq!(failed("service", "a port".into()), ExitCause::Other);
    }
}
