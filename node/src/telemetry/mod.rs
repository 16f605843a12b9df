//! What an operator sees: logs on standard error, traces over OTLP, metrics and health over HTTP.

pub mod http;
mod logs;
mod metrics;
mod trace;

pub use logs::{LogFormat, Telemetry, TelemetryError, TelemetrySettings};
pub use metrics::{Metrics, MetricsError};
pub use trace::{context_of, continue_from};
