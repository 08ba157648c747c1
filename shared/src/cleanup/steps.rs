use crate::clock::milliseconds;
use crate::metrics::Step;
use serde::Serialize;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// One measured step of a cleanup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeasuredStep {
    /// Which.
    #[serde(rename = "name")]
    pub step: Step,
    /// When it began, in milliseconds since the cleanup did.
    pub started_ms: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What came of it.
    pub result: String,
}

/// Measures and logs the steps of one cleanup: one line for each, when it has ended.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    began: Instant,
    measured: Arc<Mutex<Vec<MeasuredStep>>>,
}

impl Steps {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), measured: Arc::default() }
    }

    /// Runs `work` and records how long it took and what `result` says of it.
    pub(super) async fn measure<T, R: Display>(
        &self,
        step: Step,
        work: impl Future<Output = T>,
        result: impl FnOnce(&T) -> R,
    ) -> T {
        let started = self.began.elapsed();
        let output = work.await;
        let duration = self.began.elapsed().saturating_sub(started);
        let result = result(&output).to_string();
        let (started_ms, duration_ms) = (milliseconds(started), milliseconds(duration));
        tracing::info!(step = step.name(), duration_ms, %result, "step ended");
        let measured = MeasuredStep { step, started_ms, duration_ms, result };
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).push(measured);
        output
    }

    /// The steps so far, in the order in which they began.
    pub(super) fn measured(&self) -> Vec<MeasuredStep> {
        let mut steps = self.measured.lock().unwrap_or_else(PoisonError::into_inner).clone();
        steps.sort_by_key(|step| step.started_ms);
        steps
    }

    /// Since the cleanup began, in milliseconds.
    pub(super) fn elapsed_ms(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }
}
