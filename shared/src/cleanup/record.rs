//! Putting on record what became of a session: its receipt, and the metric of a loss.

use super::identified_session::IdentifiedSession;
use super::invocation::Invocation;
use super::outcome::Outcome;
use super::receipt;
use super::report::{Artifacts, CleanupReport, Findings};
use super::request::Request;
use super::steps::Steps;
use super::target::leftover;
use super::target_fate::TargetFate;
use super::task_fate::TaskFate;
use crate::aws::CallError;
use crate::metrics::{Metric, Step};
use crate::session::{IdentitySource, SessionId, TaskArn};
use jiff::Timestamp;
use serde_json::json;

/// Where one cleanup puts what it found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) invocation: &'a Invocation,
    pub(super) request: &'a Request,
    pub(super) steps: &'a Steps,
}

impl Record<'_> {
    /// The report of `session`, and the receipt where it leaves one. What only a tag says is written
    /// down before: ECS deletes the tag with the task.
    pub(super) async fn put_session(
        &self,
        session: &IdentifiedSession,
        findings: Findings,
    ) -> CleanupReport {
        let sources = &self.invocation.context().config.scope.identity;
        let only_a_tag_says_it = !IdentitySource::outlives(sources, &session.task);
        let name = only_a_tag_says_it.then_some((&session.id, session.writes_from));
        self.put_named(name, &session.task.arn, findings).await
    }

    /// The same of a task that is over; `name`: its session, where only a tag said that, and when it began.
    pub(super) async fn put_named(
        &self,
        name: Option<(&SessionId, Timestamp)>,
        task: &TaskArn,
        findings: Findings,
    ) -> CleanupReport {
        let report = self.report(findings);
        let Some(name) = name.filter(|_| report.leaves_a_receipt()) else {
            return self.keep(report).await;
        };
        let naming = receipt::name(&self.invocation.context().aws.ledger, Some(name), task);
        let deadline = self.invocation.budget().receipt();
        let what = "the name of the task";
        let named = CallError::answered_by(deadline, "PutObject", what, Box::pin(naming)).await;
        // No loss is put on record that will not come about: it is not stopped without its name.
        let comes_about = named.is_ok() || report.task != TaskFate::ToBeStopped;
        let report = if comes_about { self.keep(report).await } else { report };
        match named {
            Ok(()) => report,
            Err(problem) => {
                let next = self.request.next();
                report.unrecorded(format!("its session is not on record: {problem}; {next}"))
            }
        }
    }

    /// The report of a task that is over, and the receipt where it leaves one.
    pub(super) async fn put(&self, findings: Findings) -> CleanupReport {
        self.keep(self.report(findings)).await
    }

    async fn keep(&self, report: CleanupReport) -> CleanupReport {
        if !report.leaves_a_receipt() {
            return report;
        }
        let saving = receipt::save(&self.invocation.context().aws.ledger, &report);
        let deadline = self.invocation.budget().receipt();
        let what = "what became of the session";
        let saving = CallError::answered_by(deadline, "PutObject", what, Box::pin(saving));
        let result = |saved: &Result<(), CallError>| match saved {
            Ok(()) => "written".to_owned(),
            Err(problem) => problem.to_string(),
        };
        match self.steps.measure(Step::Receipt, saving, result).await {
            Ok(()) => report,
            Err(problem) => {
                let next = self.request.next();
                report.unrecorded(format!("the receipt is not written: {problem}; {next}"))
            }
        }
    }

    /// The report of a task that ended without a session's name; `outcome` says what of it is known.
    pub(super) async fn put_unnamed(
        &self,
        outcome: Outcome,
        task: TaskArn,
        artifacts: Artifacts,
        why: String,
    ) -> CleanupReport {
        self.put(Findings {
            session: self.request.cause.session().cloned(),
            task_arn: Some(task),
            outcome,
            artifacts,
            target: leftover(self.invocation),
            task: TaskFate::StoppedByOthers,
            notes: vec![why],
        })
        .await
    }

    /// The report of a session that nothing was done about. It leaves no receipt.
    pub(super) fn untouched(
        &self,
        outcome: Outcome,
        task_arn: Option<TaskArn>,
        why: String,
    ) -> CleanupReport {
        self.report(Findings {
            session: self.request.cause.session().cloned(),
            task_arn,
            outcome,
            artifacts: Artifacts::Unknown,
            target: TargetFate::Untouched,
            task: TaskFate::Unknown,
            notes: vec![why],
        })
    }

    /// Counts a session's artifacts as lost.
    pub(super) fn lost(&self, session: &SessionId) {
        let metrics = &self.invocation.context().metrics;
        metrics.count(Metric::ARTIFACTS_LOST, &[("session_id", json!(session))]);
    }

    /// Counts a session whose marker can't be read: our failure, and people should know at once.
    pub(super) fn unreadable(&self, session: &SessionId) {
        let metrics = &self.invocation.context().metrics;
        metrics.count(Metric::ARTIFACTS_UNREADABLE, &[("session_id", json!(session))]);
    }

    fn report(&self, findings: Findings) -> CleanupReport {
        let now = self.invocation.context().clock.now();
        CleanupReport::new(self.request, findings, now, self.steps)
    }
}
