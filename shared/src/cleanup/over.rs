//! Sessions whose tasks are over: what became of them, and its record.

use super::identified_session::IdentifiedSession;
use super::judge::{OverTask, Verdict, judge};
use super::lanes::Cleanup;
use super::outcome::Outcome;
use super::report::{CleanupReport, Findings};
use super::target_fate::TargetFate;
use super::task_fate::TaskFate;
use crate::aws::CallError;
use crate::metrics::Step;
use crate::session::{IdentitySource, writes_from};

impl Cleanup<'_> {
    /// The task lost its address while we were at it.
    pub(super) async fn over_meanwhile(
        &self,
        session: &IdentifiedSession,
        target: TargetFate,
    ) -> CleanupReport {
        let arn = session.task.arn.clone();
        let taking = self.invocation.snapshots.take(&arn);
        let deadline = self.budget.until_the_receipt();
        match CallError::answered_by(deadline, "DescribeTasks", arn.as_str(), taking).await {
            Ok(snapshot) => {
                let sources = &self.invocation.context().config.scope.identity;
                let over = OverTask {
                    session: session.id.clone(),
                    arn,
                    task: snapshot.task,
                    writes_from: Some(session.writes_from),
                    is_named_by_a_tag: !IdentitySource::outlives(sources, &session.task),
                };
                self.judge(&over, target).await
            }
            Err(error) => self.record.untouched(Outcome::Incomplete, Some(arn), error.to_string()),
        }
    }

    /// Says what became of a session whose task is over.
    pub(super) async fn judge(&self, over: &OverTask, target: TargetFate) -> CleanupReport {
        let deadline = self.budget.until_the_receipt();
        let what = format!("receipt and marker of session {}", over.session);
        let judging = Box::pin(judge(self.invocation, over));
        let judging = CallError::answered_by(deadline, "GetObject or HeadObject", &what, judging);
        let result = |judged: &Result<Verdict, CallError>| match judged {
            Ok(verdict) => verdict.outcome.to_string(),
            Err(why) => why.to_string(),
        };
        let judged = self.steps.measure(Step::Judge, judging, result).await;
        let Verdict { outcome, artifacts } = match judged {
            Ok(verdict) => verdict,
            Err(error) => {
                let (task, why) = (Some(over.arn.clone()), error.to_string());
                return self.record.untouched(Outcome::Incomplete, task, why);
            }
        };
        let is_by_us = over.is_stopped_by_us();
        // That is counted before the stop.
        if outcome == Outcome::ArtifactsLost && !is_by_us {
            self.record.lost(&over.session);
        }
        let findings = Findings {
            session: Some(over.session.clone()),
            task_arn: Some(over.arn.clone()),
            outcome,
            artifacts,
            target,
            task: if is_by_us { TaskFate::Stopped } else { TaskFate::StoppedByOthers },
            notes: Vec::new(),
        };
        let now = self.invocation.context().clock.now();
        let began =
            over.writes_from.or_else(|| over.task.as_ref().map(|task| writes_from(task, now)));
        let name = began.filter(|_| over.is_named_by_a_tag).map(|began| (&over.session, began));
        self.record.put_named(name, &over.arn, findings).await
    }
}
