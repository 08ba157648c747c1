use super::{Cause, Invocation, Outcome, Report, Request, clean_up};
use crate::event::TaskReference;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

/// A plan in a task of its own, which ends with the invocation: one session's failure, or even a
/// panic in it, is its own.
#[derive(Debug)]
pub struct Running(JoinHandle<Report>);

impl Running {
    /// Starts the plan. What comes of it is logged and measured.
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
        let plan = async move {
            let report = Box::pin(clean_up(&invocation, &request)).await;
            invocation.setting().metrics.session(&report);
            log(&report);
            report
        };
        Self(tokio::spawn(plan.instrument(span)))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The plan's panic.
    pub async fn ended(mut self) -> Result<Report, JoinError> {
        (&mut self.0).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn log(report: &Report) {
    let session_id = report.session_id.as_ref().map(tracing::field::display);
    let task_arn = report.task_arn.as_ref().map(tracing::field::display);
    let notes = report.notes.join("; ");
    let Report { outcome, duration_ms, artifacts, target, task, .. } = report;
    let spared = matches!(report.cause, Cause::Orphan { .. }) && *outcome == Outcome::Rejected;
    if spared {
        tracing::info!(session_id, task_arn, %outcome, duration_ms, notes, "session spared");
    } else if outcome.fails_its_event() || *outcome == Outcome::ArtifactsLost {
        tracing::error!(session_id, task_arn, %outcome, duration_ms, %artifacts, %target, %task, notes, "session not clean");
    } else {
        tracing::info!(session_id, task_arn, %outcome, duration_ms, %artifacts, %target, %task, notes, "session clean");
    }
}
