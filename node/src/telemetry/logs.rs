//! Logs to standard error (standard output is for results) and traces over OTLP.

use std::{io::IsTerminal, str::FromStr, time::Duration};

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// How long one export of spans may take.
const EXPORT_DEADLINE: Duration = Duration::from_secs(5);

/// What is logged when neither the configuration nor `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info";

/// How a log line is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("`{text}` is no log format; write text or json")),
        }
    }
}

/// What is to be seen, and where.
#[derive(Clone, Debug, Default)]
pub struct TelemetrySettings {
    /// The service's name in traces.
    pub service: &'static str,
    /// How log lines are written.
    pub format: LogFormat,
    /// `target=level` directives, used unless `RUST_LOG` is set.
    pub filter: Option<String>,
    /// The base URL of an OTLP collector over HTTP (`http://HOST:4318`); no traces are exported without.
    pub otlp_endpoint: Option<String>,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("log filter `{filter}`: {problem}; write directives such as `info,metalayer_node=debug`")]
    Filter {
        /// As it was given.
        filter: String,
        /// Why it does not parse.
        problem: String,
    },
    /// The exporter could not be built.
    #[error("traces cannot be exported: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client could not be built.
    #[error("traces cannot be exported: {0}")]
    Client(String),
    /// Another subscriber is installed.
    #[error("telemetry was set up before")]
    Twice,
}

/// Running telemetry. What was traced is sent on when it is dropped.
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sets the process's telemetry up. Call it once, inside the runtime.
    pub fn init(settings: &TelemetrySettings) -> Result<Self, TelemetryError> {
        let given = std::env::var("RUST_LOG").ok().or_else(|| settings.filter.clone());
        let filter = given.unwrap_or_else(|| DEFAULT_FILTER.to_owned());
        let filter = EnvFilter::try_new(&filter)
            .map_err(|error| TelemetryError::Filter { filter, problem: error.to_string() })?;

        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match settings.format {
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        };
        let provider = match &settings.otlp_endpoint {
            Some(endpoint) => Some(provider(settings.service, endpoint)?),
            None => None,
        };
        let spans = provider
            .as_ref()
            .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer(settings.service)));
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .with(spans)
            .try_init()
            .map_err(|_| TelemetryError::Twice)?;
        Ok(Self { provider })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take() {
            // The collector may be gone; nobody is left to tell.
            let _ = provider.shutdown_with_timeout(EXPORT_DEADLINE);
        }
    }
}

fn provider(service: &'static str, endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let client = reqwest::Client::builder()
        .timeout(EXPORT_DEADLINE)
        .build()
        .map_err(|error| TelemetryError::Client(error.without_url().to_string()))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(OnRuntime { client, runtime: tokio::runtime::Handle::current() })
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()?;
    Ok(SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(service).build())
        .with_batch_exporter(exporter)
        .build())
}

/// The batch exporter runs on a thread of its own, outside the runtime that the HTTP client needs.
#[derive(Debug)]
struct OnRuntime {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::{Router, routing::post};
    use opentelemetry::trace::{Span, Tracer};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn spans_reach_the_collector_before_the_process_ends() {
        let (sender, mut received) = tokio::sync::mpsc::channel(1);
        let app = Router::new().route(
            "/v1/traces",
            post(async move |body: axum::body::Bytes| {
                let _ = sender.send(body).await;
            }),
        );
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });

        let telemetry = Telemetry { provider: Some(provider("metalayer-test", &endpoint).unwrap()) };
        telemetry.provider.as_ref().unwrap().tracer("test").start("delivered").end();
        drop(telemetry);

        let body = String::from_utf8_lossy(&received.recv().await.unwrap()).into_owned();
        assert!(body.contains("metalayer-test") && body.contains("delivered"), "{body}");
    }

    #[test]
    fn a_log_format_is_text_or_json() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert!("xml".parse::<LogFormat>().unwrap_err().contains("text or json"));
    }
}
