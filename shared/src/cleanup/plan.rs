use super::end::{Verdict, judge};
use super::identify::{Ended, Identified, identify};
use super::intent::Ground;
use super::outcome::{notes, outcome};
use super::request::Order;
use super::stop::{Permission, may_stop, stop};
use super::subject::{Look, Subject};
use super::taking::Taken;
use super::target::{TakeAway, put_back, take_away, verify};
use super::{
    Artifacts, Invocation, Outcome, Report, Request, SalvageWindow, Steps, TargetFate, TaskFate,
    artifacts, receipt,
};
use crate::aws::CallError;
use crate::deadline::within;
use crate::event::TaskReference;
use crate::session::{SESSION_ENDED_TAG, SessionId, Stage, StoppedWith, TaskArn};
use futures_util::FutureExt;
use std::future::Future;
use std::time::Duration;
use tokio::join;

/// Cleans one session up. The answer is what was done; nothing that goes wrong in here is anything
/// but an outcome.
pub async fn clean_up(invocation: &Invocation, request: &Request) -> Report {
    let steps = Steps::begin();
    let plan = Plan { invocation, request, steps: &steps };
    let limit = invocation.setting.config.timeouts.identify;
    let identifying = within(plan.limit(limit, Reserve::Receipt), identify(invocation, request));
    let identified = steps
        .measure("identify", identifying, |found| match found {
            Ok(Identified::Session(subject)) => format!("{:?}", subject.task.stage()),
            Ok(Identified::Ended(_)) => "the task is over".to_owned(),
            Ok(Identified::Rejected { why, .. } | Identified::Unclear { why, .. }) => why.clone(),
            Err(timed_out) => timed_out.to_string(),
        })
        .await;
    match identified {
        Ok(Identified::Session(subject)) => Box::pin(plan.clean_up(&subject)).await,
        Ok(Identified::Ended(ended)) => plan.judge(&ended, &TargetFate::LeftToReaper).await,
        Ok(Identified::Rejected { task, why }) => {
            let note = match request.cause.order() {
                Order::Together => {
                    format!("{why}; nothing was touched, the event goes to the dead-letter queue")
                }
                Order::ArtifactsFirst => format!("{why}; nothing was touched"),
            };
            plan.untouched(Outcome::Rejected, task.as_ref(), note)
        }
        Ok(Identified::Unclear { task, why }) => {
            plan.untouched(Outcome::Incomplete, task.as_ref(), why)
        }
        Err(timed_out) => {
            let (task, what) = match &request.task {
                TaskReference::Arn(task) => (Some(task), format!("DescribeTasks of {task}")),
                TaskReference::ByIdentity => (None, "ListTasks and DescribeTasks".to_owned()),
            };
            let why = format!("the task could not be identified by {what}: {timed_out}");
            plan.untouched(Outcome::Incomplete, task, why)
        }
    }
}

struct Plan<'a> {
    invocation: &'a Invocation,
    request: &'a Request,
    steps: &'a Steps,
}

/// What a step must leave of the invocation's time for the steps after it.
#[derive(Clone, Copy)]
enum Reserve {
    /// The receipt.
    Receipt,
    /// The stop and the receipt; under `force` the receipt is written before the stop too.
    StopAndReceipts,
}

impl Plan<'_> {
    /// The whole concurrency of a plan: artifacts and target side by side (or one after the other,
    /// where we only infer that the session is over), the stop after both, the verification beside
    /// the stop.
    async fn clean_up(&self, subject: &Subject) -> Report {
        let artifacts = self.artifacts(subject).shared();
        let taken = self.take_away(subject, artifacts.clone()).shared();
        let stopped = self.stop(subject, artifacts.clone(), taken.clone());
        let verified = self.verify(subject, artifacts.clone(), taken.clone());
        let (artifacts, task, target) = join!(artifacts.clone(), stopped, verified);
        let target = match task {
            TaskFate::Spared { .. } => self.put_back(subject, &taken.await).await,
            TaskFate::Stopped
            | TaskFate::Stopping
            | TaskFate::Over
            | TaskFate::Running { .. }
            | TaskFate::NotStopped { .. }
            | TaskFate::StopUnanswered { .. }
            | TaskFate::Unknown => target,
        };

        if artifacts == Artifacts::TaskEnded {
            return self.ended_meanwhile(subject, target).await;
        }
        let outcome = outcome(&artifacts, &target, &task, self.request.cause.salvage_window());
        let mut report = self.report(outcome, Some(&subject.task.arn));
        report.session_id = Some(subject.session.clone());
        report.notes = notes(&artifacts, &target, &task, self.request.cause.next());
        report.artifacts = artifacts;
        report.target = target;
        report.task = task.clone();
        let tagged = self.remember_the_end(subject, &task, outcome);
        let (report, ()) = join!(self.write_receipt(report), tagged);
        report
    }

    async fn artifacts(&self, subject: &Subject) -> Artifacts {
        let limit = match subject.task.stage() {
            // Now or never: SIGKILL comes before the event does again.
            Stage::Dying => Duration::MAX,
            Stage::NeverStarted | Stage::Running | Stage::Over | Stage::Unknown => {
                self.invocation.setting.config.timeouts.upload
            }
        };
        let limit = self.limit(limit, Reserve::StopAndReceipts);
        let order = self.request.cause.order();
        let salvaging = artifacts::salvage(self.invocation, subject, order, limit);
        self.steps.measure("artifacts", salvaging, Artifacts::to_string).await
    }

    /// On what ground the target may be taken away, once there is one. On our inference that is only
    /// after the artifacts are confirmed, or given up.
    async fn ground(&self, artifacts: impl Future<Output = Artifacts>) -> Option<Ground> {
        if self.request.cause.order() == Order::Together {
            return Some(Ground::OwnersWord);
        }
        match may_stop(&artifacts.await, self.request.cause.salvage_window()) {
            Permission::Stop(StoppedWith::ArtifactsConfirmed) => Some(Ground::Confirmed),
            Permission::Stop(StoppedWith::ArtifactsLost | StoppedWith::NothingToSave) => {
                Some(Ground::GivenUp)
            }
            Permission::Leave(_) => None,
        }
    }

    async fn take_away(
        &self,
        subject: &Subject,
        artifacts: impl Future<Output = Artifacts>,
    ) -> TakeAway {
        let Some(ground) = self.ground(artifacts).await else { return TakeAway::Kept };
        let limit = self.invocation.setting.config.timeouts.target;
        let limit = self.limit(limit, Reserve::StopAndReceipts);
        let taking = take_away(self.invocation, subject, ground, limit);
        self.steps.measure("deregister", taking, TakeAway::to_string).await
    }

    /// Waits for the target's steps to be answered or given up, so that the load balancer never
    /// sends a stranger's request to a task that is gone; never for the verification or the drain.
    async fn stop(
        &self,
        subject: &Subject,
        artifacts: impl Future<Output = Artifacts>,
        taken: impl Future<Output = TakeAway>,
    ) -> TaskFate {
        let (artifacts, taken) = join!(artifacts, taken);
        let window = self.request.cause.salvage_window();
        let with = match may_stop(&artifacts, window) {
            Permission::Stop(with) => with,
            Permission::Leave(_) if subject.task.stage() == Stage::Dying => return TaskFate::Over,
            Permission::Leave(why) => return TaskFate::Running { why: why.to_owned() },
        };
        match taken {
            TakeAway::Answered(Taken::Waits(error)) => {
                return TaskFate::NotStopped { why: error.to_string() };
            }
            TakeAway::Spared { why, .. } => return TaskFate::Spared { why },
            TakeAway::NoAddress
            | TakeAway::Kept
            | TakeAway::Answered(_)
            | TakeAway::GivenUp { .. } => {}
        }
        if with == StoppedWith::ArtifactsLost && subject.task.stage() != Stage::Dying {
            // No loss is put on record that will not come about.
            if let Ok(Look::Spared { why, .. }) = subject.look(self.invocation).await {
                return TaskFate::Spared { why };
            }
            self.report_the_loss(subject, &artifacts).await;
        }
        let limit = self.invocation.setting.config.timeouts.stop;
        let limit = self.limit(limit, Reserve::Receipt);
        let stopping = stop(self.invocation, subject, with, &self.request.cause, limit);
        self.steps.measure("stop", stopping, TaskFate::to_string).await
    }

    async fn verify(
        &self,
        subject: &Subject,
        artifacts: impl Future<Output = Artifacts> + Clone,
        taken: impl Future<Output = TakeAway>,
    ) -> TargetFate {
        let taken = taken.await;
        let limit = self.invocation.setting.config.timeouts.verify;
        let limit = self.limit(limit, Reserve::Receipt);
        let window = self.request.cause.salvage_window();
        let is_anothers =
            {
                let artifacts = artifacts.clone();
                async move {
                    artifacts.await == Artifacts::WrongContainer && window == SalvageWindow::Open
                }
            }
            .shared();
        let keep = {
            let is_anothers = is_anothers.clone();
            async move {
                if !is_anothers.await {
                    std::future::pending::<()>().await;
                }
            }
        };
        let Some(ground) = self.ground(artifacts).await else { return TargetFate::Kept };
        let verifying = verify(self.invocation, subject, &taken, ground, limit, keep);
        let fate = self.steps.measure("verify_target", verifying, TargetFate::to_string).await;
        if is_anothers.await { self.put_back(subject, &taken).await } else { fate }
    }

    async fn put_back(&self, subject: &Subject, taken: &TakeAway) -> TargetFate {
        let returning = put_back(self.invocation, subject, taken, self.left(Reserve::Receipt));
        self.steps.measure("put_back", returning, TargetFate::to_string).await
    }

    /// A loss is on record before the stop that makes it final.
    async fn report_the_loss(&self, subject: &Subject, artifacts: &Artifacts) {
        let mut report = self.report(Outcome::ArtifactsLost, Some(&subject.task.arn));
        report.session_id = Some(subject.session.clone());
        report.artifacts = artifacts.clone();
        report.task = TaskFate::Stopping;
        report.notes = vec!["the salvage window is over: its artifacts are given up".to_owned()];
        self.invocation.setting.metrics.artifacts_lost(&subject.session);
        self.write_receipt(report).await;
    }

    /// The task lost its address while we were at it.
    async fn ended_meanwhile(&self, subject: &Subject, target: TargetFate) -> Report {
        let arn = subject.task.arn.clone();
        match in_time(self.left(Reserve::Receipt), self.invocation.sight(&arn)).await {
            Ok(sighting) => {
                let session = subject.session.clone();
                self.judge(&Ended { session, arn, task: sighting.task }, &target).await
            }
            Err(why) => self.untouched(Outcome::Incomplete, Some(&arn), why),
        }
    }

    /// Says what became of a session whose task is over.
    async fn judge(&self, ended: &Ended, target: &TargetFate) -> Report {
        let limit = self.left(Reserve::Receipt);
        let judging = in_time(limit, judge(self.invocation, ended).boxed());
        let judged = self
            .steps
            .measure("judge", judging, |judged| match judged {
                Ok(verdict) => verdict.outcome.to_string(),
                Err(why) => why.clone(),
            })
            .await;
        let Verdict { outcome, artifacts } = match judged {
            Ok(verdict) => verdict,
            Err(why) => return self.untouched(Outcome::Incomplete, Some(&ended.arn), why),
        };
        if outcome == Outcome::ArtifactsLost {
            self.invocation.setting.metrics.artifacts_lost(&ended.session);
        }
        let mut report = self.report(outcome, Some(&ended.arn));
        report.session_id = Some(ended.session.clone());
        report.artifacts = artifacts;
        report.target = target.clone();
        report.task = TaskFate::Over;
        self.write_receipt(report).await
    }

    /// What is known of a living task is on the task: that its owner has ended it, and since when
    /// its salvage goes on.
    async fn remember_the_end(&self, subject: &Subject, task: &TaskFate, outcome: Outcome) {
        let runs_on = match task {
            TaskFate::Running { .. }
            | TaskFate::NotStopped { .. }
            | TaskFate::StopUnanswered { .. } => true,
            TaskFate::Stopped
            | TaskFate::Stopping
            | TaskFate::Over
            | TaskFate::Spared { .. }
            | TaskFate::Unknown => false,
        };
        let known = subject.task.tags.contains_key(SESSION_ENDED_TAG);
        let owners_word = self.request.cause.order() == Order::Together;
        if !runs_on || known || !owners_word || outcome == Outcome::Rejected {
            return;
        }
        let now = self.invocation.setting.clock.now().to_string();
        let tagging =
            self.invocation.setting.aws.tasks.tag(&subject.task.arn, SESSION_ENDED_TAG, &now);
        let limit = self.last_limit();
        let result = |tagged: &Result<(), String>| match tagged {
            Ok(()) => "tagged session-ended-at".to_owned(),
            Err(why) => why.clone(),
        };
        // Where it fails, the event is still in the queue and the next delivery tries again.
        let _tried = self.steps.measure("tag", in_time(limit, tagging), result).await;
    }

    /// Writes the receipt. Where that fails the work is done all the same, and the next delivery of
    /// the event finds it done: it is `incomplete` until it is on record.
    async fn write_receipt(&self, mut report: Report) -> Report {
        if !report.outcome.leaves_a_receipt() {
            return report;
        }
        let limit = self.last_limit();
        report.duration_ms = self.steps.elapsed_ms();
        report.steps = self.steps.taken();
        let saving = within(limit, receipt::save(&self.invocation.setting.aws.ledger, &report));
        let saved = self
            .steps
            .measure("receipt", saving, |saved| match saved {
                Ok(Ok(())) => "written".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(timed_out) => timed_out.to_string(),
            })
            .await;
        let problem = match saved {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(timed_out) => Some(format!("the receipt is not written: {timed_out}")),
        };
        if let Some(problem) = problem {
            report.notes.push(format!("{problem}; {}", self.request.cause.next()));
            report.outcome = Outcome::Incomplete;
        }
        report
    }

    fn untouched(&self, outcome: Outcome, task: Option<&TaskArn>, why: String) -> Report {
        let mut report = self.report(outcome, task);
        report.notes.push(why);
        report
    }

    fn report(&self, outcome: Outcome, task: Option<&TaskArn>) -> Report {
        let cause = &self.request.cause;
        let session: Option<SessionId> = cause.session().cloned();
        Report {
            session_id: session,
            task_arn: task.cloned(),
            outcome,
            cause: cause.clone(),
            reason: cause.reason(),
            request_id: self.request.request_id.clone(),
            at: self.invocation.setting.clock.now(),
            duration_ms: self.steps.elapsed_ms(),
            artifacts: Artifacts::Unknown,
            target: TargetFate::Untouched,
            task: TaskFate::Unknown,
            notes: Vec::new(),
            steps: self.steps.taken(),
        }
    }

    fn limit(&self, limit: Duration, reserve: Reserve) -> Duration {
        let timeouts = &self.invocation.setting.config.timeouts;
        let reserve = match reserve {
            Reserve::Receipt => timeouts.receipt,
            Reserve::StopAndReceipts => timeouts.stop + timeouts.receipt * 2,
        };
        self.invocation.deadline.limit(limit, reserve)
    }

    /// The limit of what is done last, with nothing after it.
    fn last_limit(&self) -> Duration {
        let limit = self.invocation.setting.config.timeouts.receipt;
        self.invocation.deadline.limit(limit, Duration::ZERO)
    }

    fn left(&self, reserve: Reserve) -> Duration {
        self.limit(Duration::MAX, reserve)
    }
}

/// Runs a call for at most `limit`; whatever kept it from its answer is one sentence.
async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, String> {
    match within(limit, call).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(timed_out) => Err(timed_out.to_string()),
    }
}
