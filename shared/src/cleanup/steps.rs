use serde::Serialize;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One measured step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// When it began, in milliseconds since the plan did.
    pub started_ms: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What came of it.
    pub result: String,
}

/// Measures and logs the steps of one plan: one line for each, when it has ended.
#[derive(Debug, Clone)]
pub struct Steps {
    began: Instant,
    taken: Arc<Mutex<Vec<Step>>>,
}

impl Steps {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now(), taken: Arc::default() }
    }

    /// Runs `step` and records how long it took and what `result` says of it.
    pub async fn measure<T, R: Display>(
        &self,
        name: &'static str,
        step: impl Future<Output = T>,
        result: impl FnOnce(&T) -> R,
    ) -> T {
        let started = self.began.elapsed();
        let output = step.await;
        let duration = self.began.elapsed().saturating_sub(started);
        let result = result(&output).to_string();
        tracing::info!(step = name, duration_ms = milliseconds(duration), %result, "step ended");
        let step = Step {
            name,
            started_ms: milliseconds(started),
            duration_ms: milliseconds(duration),
            result,
        };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        output
    }

    /// The steps so far, in the order in which they began.
    #[must_use]
    pub fn taken(&self) -> Vec<Step> {
        let mut steps = self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        steps.sort_by_key(|step| step.started_ms);
        steps
    }

    /// Since the plan began, in milliseconds.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
