//! How it is measured: CloudWatch embedded metric format, one JSON line on standard output, which
//! CloudWatch Logs turns into metrics without a call of ours.
//!
//! [`METRICS`] is everything that is ever written, and [`STEPS`] what a cleanup measures of itself.
//! Who has figures yields them; nothing in here knows what they are of.

mod list;

pub use list::{Figure, METRICS, Metric, STEPS, Step, Unit};

use crate::aws::ApiUse;
use crate::clock::Clock;
use crate::telemetry::StandardOutput;
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::Arc;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "FargateSessionCleanup";

/// The dimension of all metrics: the stack, so that two of them in one account and Region add nothing up.
pub const DIMENSION: &str = "Stack";

type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Writes metrics.
#[derive(Clone)]
pub struct Metrics {
    clock: Clock,
    stack: Arc<str>,
    sink: Sink,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Metrics on standard output, where Lambda's log collection finds them.
    #[must_use]
    pub fn to_stdout(clock: &Clock, stack: &str) -> Self {
        Self::new(clock, stack, StandardOutput::line)
    }

    /// Metrics of `stack` that go, line by line, to `sink`.
    pub fn new(clock: &Clock, stack: &str, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { clock: clock.clone(), stack: stack.into(), sink: Arc::new(sink) }
    }

    /// Writes `figures` as one line, with `properties` beside them for whoever reads the log.
    pub fn write(&self, figures: &[Figure], properties: &[(&str, Value)]) {
        let definitions: Vec<Value> = figures
            .iter()
            .map(|figure| json!({ "Name": figure.metric.name, "Unit": figure.metric.unit.word() }))
            .collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": self.clock.now().as_millisecond(),
                "CloudWatchMetrics": [
                    { "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions }
                ],
            }),
        );
        line.insert(DIMENSION.to_owned(), json!(&*self.stack));
        for figure in figures {
            line.insert(figure.metric.name.to_owned(), figure.written());
        }
        for (name, value) in properties {
            line.insert((*name).to_owned(), value.clone());
        }
        (self.sink)(&Value::Object(line).to_string());
    }

    /// Counts one of `metric`.
    pub fn count(&self, metric: Metric, properties: &[(&str, Value)]) {
        self.write(&[metric.of(1)], properties);
    }

    /// What one invocation used of AWS's APIs.
    pub fn api_use(&self, used: ApiUse) {
        let ApiUse { calls, throttles } = used;
        self.write(&[Metric::API_CALLS.of(calls), Metric::API_THROTTLES.of(throttles)], &[]);
    }
}

#[cfg(test)]
mod tests;
