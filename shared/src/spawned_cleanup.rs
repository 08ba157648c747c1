//! A cleanup in a task of its own.

use crate::cleanup::{CleanupReport, Invocation, Outcome, Request, clean_up};
use crate::event::TaskReference;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

/// A cleanup in a task of its own, which ends with the invocation: one session's failure, or even a
/// panic in it, is its own.
#[derive(Debug)]
pub struct SpawnedCleanup(JoinHandle<CleanupReport>);

impl SpawnedCleanup {
    /// Starts it. What comes of it is logged and measured.
    #[must_use]
    pub fn start(invocation: &Arc<Invocation>, request: Request, request_id: &str) -> Self {
        let span = tracing::info_span!(
            "session",
            session_id = request.cause.session().map(tracing::field::display),
            task_arn = tracing::field::Empty,
            request_id = request.request_id.as_deref().unwrap_or(request_id),
        );
        if let TaskReference::Arn(task) = &request.task {
            span.record("task_arn", tracing::field::display(task));
        }
        let invocation = Arc::clone(invocation);
        let cleanup = async move {
            let report = Box::pin(clean_up(&invocation, &request)).await;
            let session_id = serde_json::json!(report.session_id);
            invocation.context().metrics.write(&report.figures(), &[("session_id", session_id)]);
            log(&report);
            report
        };
        Self(tokio::spawn(cleanup.instrument(span)))
    }

    /// Waits for what came of it.
    ///
    /// # Errors
    /// The cleanup's panic.
    pub async fn report(mut self) -> Result<CleanupReport, JoinError> {
        (&mut self.0).await
    }
}

impl Drop for SpawnedCleanup {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn log(report: &CleanupReport) {
    let session_id = report.session_id.as_ref().map(tracing::field::display);
    let task_arn = report.task_arn.as_ref().map(tracing::field::display);
    let notes = report.notes.join("; ");
    let CleanupReport { outcome, duration_ms, artifacts, target, task, .. } = report;
    let spared = report.is_of_a_sweep && *outcome == Outcome::Rejected;
    if *outcome == Outcome::OutOfScope {
        tracing::warn!(session_id, task_arn, %outcome, duration_ms, notes, "out of scope");
    } else if spared {
        tracing::info!(session_id, task_arn, %outcome, duration_ms, notes, "session spared");
    } else if report.is_under_way() {
        tracing::info!(session_id, task_arn, %outcome, duration_ms, %artifacts, %target, %task, notes, "upload under way");
    } else if report.fails_its_event()
        || matches!(outcome, Outcome::ArtifactsLost | Outcome::Unknown)
    {
        tracing::error!(session_id, task_arn, %outcome, duration_ms, %artifacts, %target, %task, notes, "session not clean");
    } else {
        tracing::info!(session_id, task_arn, %outcome, duration_ms, %artifacts, %target, %task, notes, "session clean");
    }
}
