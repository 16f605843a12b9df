//! Metrics: each declared once, with the names that users' dashboards rely on.

use std::sync::{Mutex, PoisonError};

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, Desc, MetricVec, MetricVecBuilder},
    process_collector::ProcessCollector,
    proto::MetricFamily,
};

/// The prefix of every metric of ours.
const PREFIX: &str = "metalayer_";

/// Why a metric could not be declared: its name or labels are malformed, or it was declared before.
#[derive(Debug, thiserror::Error)]
#[error("metric `{name}`: {source}")]
pub struct MetricsError {
    name: String,
    source: prometheus::Error,
}

/// A process's metrics.
///
/// Names are given without prefix and without the suffix that their kind demands: `counter("lanes_settled")` is
/// `metalayer_lanes_settled_total`, `seconds("step")` is `metalayer_step_seconds`. Units are base units (seconds,
/// bytes) and stand in the name.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics of the program `binary` at `version`, its build info and the process's own (`process_*`) included.
    pub fn new(binary: &str, version: &str) -> Result<Self, MetricsError> {
        let metrics = Self::unregistered();
        metrics
            .gauge("build_info", "1, with the program and its version as labels.", &["binary", "version"])?
            .with_label_values(&[binary, version])
            .set(1);
        metrics.register("process", ProcessCollector::for_self())?;
        Ok(metrics)
    }

    /// Metrics that nobody scrapes, for tools and tests.
    pub fn unregistered() -> Self {
        Self { registry: Registry::new() }
    }

    /// What only grows: `metalayer_NAME_total`.
    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, MetricsError> {
        let name = format!("{PREFIX}{name}_total");
        let counter = IntCounterVec::new(Opts::new(&name, help), labels);
        self.declare(name, counter)
    }

    /// A whole number that rises and falls: `metalayer_NAME`.
    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, MetricsError> {
        let name = format!("{PREFIX}{name}");
        let gauge = IntGaugeVec::new(Opts::new(&name, help), labels);
        self.declare(name, gauge)
    }

    /// A gauge that is empty until `fill` sets it, anew each time it is read.
    pub fn gauge_as_read(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        fill: impl Fn(&IntGaugeVec) + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        let name = format!("{PREFIX}{name}");
        let gauge = IntGaugeVec::new(Opts::new(&name, help), labels);
        self.declare_as_read(name, gauge, fill)
    }

    /// Seconds that only grow, `metalayer_NAME_seconds_total`: empty until `fill` adds them, anew each time it is read.
    pub fn seconds_counted_as_read(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        fill: impl Fn(&CounterVec) + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        let name = format!("{PREFIX}{name}_seconds_total");
        let counter = CounterVec::new(Opts::new(&name, help), labels);
        self.declare_as_read(name, counter, fill)
    }

    /// A fraction that rises and falls, from 0 to 1 or in base units: `metalayer_NAME`.
    pub fn fraction(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, MetricsError> {
        let name = format!("{PREFIX}{name}");
        let gauge = GaugeVec::new(Opts::new(&name, help), labels);
        self.declare(name, gauge)
    }

    /// A distribution of times: `metalayer_NAME_seconds`, with upper bounds in seconds.
    pub fn seconds(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> Result<HistogramVec, MetricsError> {
        self.histogram(&format!("{name}_seconds"), help, labels, bounds)
    }

    /// A distribution of whatever `name` says, its base unit last: `metalayer_NAME`.
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> Result<HistogramVec, MetricsError> {
        let name = format!("{PREFIX}{name}");
        let histogram = HistogramVec::new(HistogramOpts::new(&name, help).buckets(bounds.to_vec()), labels);
        self.declare(name, histogram)
    }

    /// All metrics in Prometheus's text format.
    pub fn render(&self) -> Result<String, MetricsError> {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(|source| MetricsError { name: "all".into(), source })
    }

    fn declare<C: Collector + Clone + 'static>(
        &self,
        name: String,
        metric: Result<C, prometheus::Error>,
    ) -> Result<C, MetricsError> {
        let metric = metric.map_err(|source| MetricsError { name: name.clone(), source })?;
        self.register(&name, metric.clone())?;
        Ok(metric)
    }

    fn declare_as_read<B: MetricVecBuilder + 'static>(
        &self,
        name: String,
        metric: Result<MetricVec<B>, prometheus::Error>,
        fill: impl Fn(&MetricVec<B>) + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        let metric = metric.map_err(|source| MetricsError { name: name.clone(), source })?;
        self.register(&name, AsRead { metric: Mutex::new(metric.clone()), descriptions: metric, fill })
    }

    fn register(&self, name: &str, collector: impl Collector + 'static) -> Result<(), MetricsError> {
        self.registry.register(Box::new(collector)).map_err(|source| MetricsError { name: name.to_owned(), source })
    }
}

/// A metric that is filled when it is read, by one reader at a time.
struct AsRead<B: MetricVecBuilder, F> {
    metric: Mutex<MetricVec<B>>,
    descriptions: MetricVec<B>,
    fill: F,
}

impl<B: MetricVecBuilder, F: Fn(&MetricVec<B>) + Send + Sync> Collector for AsRead<B, F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let metric = self.metric.lock().unwrap_or_else(PoisonError::into_inner);
        metric.reset();
        (self.fill)(&metric);
        metric.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_carry_prefix_unit_and_suffix() {
        let metrics = Metrics::new("relayer", "1.2.3").unwrap();
        metrics.counter("records", "Records.", &["topic"]).unwrap().with_label_values(&["ready"]).inc();
        metrics.gauge("lanes", "Lanes.", &[]).unwrap().with_label_values::<&str>(&[]).set(3);
        metrics.seconds("step", "Steps.", &[], &[0.1, 1.0]).unwrap().with_label_values::<&str>(&[]).observe(0.5);

        let text = metrics.render().unwrap();
        for line in [
            "metalayer_build_info{binary=\"relayer\",version=\"1.2.3\"} 1",
            "# TYPE metalayer_records_total counter",
            "metalayer_records_total{topic=\"ready\"} 1",
            "metalayer_lanes 3",
            "metalayer_step_seconds_bucket{le=\"1\"} 1",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_metric_is_declared_once() {
        let metrics = Metrics::unregistered();
        metrics.gauge("lanes", "Lanes.", &[]).unwrap();
        let error = metrics.gauge("lanes", "Lanes.", &[]).unwrap_err();
        assert!(error.to_string().contains("metalayer_lanes"), "{error}");
    }
}
