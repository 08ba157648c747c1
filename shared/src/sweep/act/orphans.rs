use super::Done;
use crate::aws::Witness;
use crate::cleanup::{Cause, Invocation, Report, Request, Review, Running, Setting, TaskFate};
use crate::deadline::Deadline;
use crate::event::TaskReference;
use crate::session::{SessionTask, TargetAddress, Task, TaskArn};
use crate::sweep::decide::{
    Allowance, Circumstances, Plan, TaskDecision, TaskEvidence, TaskVerdict, task_row,
};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Cleans orphans up, the oldest first, each through the one cleanup function: as many at once as
/// AWS's rate of `StopTask` and the blast radius allow. One that can't be reaped makes room for the
/// next.
pub(in crate::sweep) async fn reap(
    invocation: &Arc<Invocation>,
    plan: &Plan,
    deadline: Deadline,
    request_id: &str,
) -> BTreeMap<TaskArn, Done<Report>> {
    let setting = invocation.setting();
    let mut allowance = Allowance::new(plan.most_stops);
    let mut waiting: VecDeque<Victim> =
        plan.tasks.iter().filter_map(|decision| Victim::of(decision, plan)).collect();
    let mut under_way = FuturesUnordered::new();
    let mut done = BTreeMap::new();
    loop {
        let free = waiting.len().min(allowance.free());
        let goes_on = free > 0 && deadline.left() > longest_plan(setting);
        tokio::select! {
            biased;
            turns = setting.aws.tasks.pace().stops(free), if goes_on => {
                for victim in waiting.drain(..allowance.begin(turns)) {
                    under_way.push(victim.reap(invocation, request_id).boxed());
                }
            }
            Some((task, outcome)) = under_way.next() => {
                allowance.end(was_stopped(&outcome));
                done.insert(task, outcome);
            }
            else => break,
        }
    }
    done.extend(waiting.into_iter().map(|one| (one.task.arn, Done::left_over(&allowance))));
    done
}

/// The longest that one plan may take; none is begun with less time left.
pub(in crate::sweep) fn longest_plan(setting: &Setting) -> Duration {
    let timeouts = &setting.config.timeouts;
    let witness = setting.config.container.witness_timeout;
    let until_stopped = timeouts.identify + timeouts.upload + timeouts.target + timeouts.stop;
    witness + until_stopped + timeouts.receipt * 2
}

fn was_stopped(outcome: &Done<Report>) -> bool {
    match outcome {
        Done::Worked(report) => match report.task {
            TaskFate::Stopped | TaskFate::Stopping | TaskFate::StopUnanswered { .. } => true,
            TaskFate::Over
            | TaskFate::Running { .. }
            | TaskFate::NotStopped { .. }
            | TaskFate::Spared { .. }
            | TaskFate::Unknown => false,
        },
        Done::Panicked(_) => true,
        Done::Spared(_) | Done::Waits | Done::OutOfTime => false,
    }
}

/// One orphan, and all that is needed to decide its row again.
struct Victim {
    task: SessionTask,
    cause: crate::cleanup::OrphanCause,
    salvage: crate::cleanup::SalvageWindow,
    evidence: TaskEvidence,
    circumstances: Arc<Circumstances>,
}

impl Victim {
    fn of(decision: &TaskDecision, plan: &Plan) -> Option<Self> {
        let TaskVerdict::Orphan(cause) = decision.judged.row.verdict() else { return None };
        Some(Self {
            task: decision.task.clone(),
            cause,
            salvage: decision.judged.salvage,
            evidence: decision.judged.evidence,
            circumstances: Arc::clone(&plan.circumstances),
        })
    }

    /// Its witness once more where its row rests on one, and then its plan.
    async fn reap(self, invocation: &Arc<Invocation>, request_id: &str) -> (TaskArn, Done<Report>) {
        let arn = self.task.arn.clone();
        if let Some(why) = self.witness_keeps_it(invocation.setting()).await {
            return (arn, Done::Spared(why));
        }
        let Some(session) = self.task.session.clone() else {
            return (arn, Done::Spared("it names no session".to_owned()));
        };
        let cause = Cause::Orphan {
            session,
            cause: self.cause,
            salvage: self.salvage,
            review: self.review(invocation),
        };
        let task = TaskReference::Arn(arn.clone());
        let request = Request { task, cause, request_id: None };
        match Running::start(invocation, request, request_id).ended().await {
            Ok(report) => (arn, Done::Worked(report)),
            Err(panic) => {
                tracing::error!(task_arn = %arn, error = %panic, "a plan ended badly");
                (arn, Done::Panicked(panic.to_string()))
            }
        }
    }

    async fn witness_keeps_it(&self, setting: &Setting) -> Option<String> {
        if self.cause != crate::cleanup::OrphanCause::Done {
            return None;
        }
        let Some(ip) = self.task.address else { return Some("it has no address".to_owned()) };
        let address = TargetAddress { ip, port: setting.config.container.port };
        match setting.aws.containers.witness(address, self.task.session.as_ref()).await {
            Witness::Done => None,
            changed @ (Witness::Active | Witness::Answers | Witness::Silent) => {
                Some(format!("asked once more, its container is no longer done, but {changed}"))
            }
        }
    }

    /// The same function, on what a fresh look shows. What it was seen with beside itself still
    /// holds: its witness has just been asked again at the address that it must still have.
    fn review(&self, invocation: &Arc<Invocation>) -> Review {
        let config = invocation.setting().config.clone();
        let clock = invocation.setting().clock.clone();
        let (seen, evidence) = (self.task.clone(), self.evidence);
        let circumstances = Arc::clone(&self.circumstances);
        Review::new(move |task: &Task| {
            let Some(now) = SessionTask::read(task, &config.scope) else {
                return Err("it is no session task any longer".to_owned());
            };
            if now.address != seen.address && evidence.witness.is_some() {
                return Err("its address has changed since it was asked".to_owned());
            }
            let row = task_row(&now, evidence, &circumstances, &config.sweep, clock.now());
            match row.verdict() {
                TaskVerdict::Orphan(_) => Ok(()),
                TaskVerdict::Keep | TaskVerdict::Report | TaskVerdict::Suspect => {
                    Err(format!("looked at once more, its row is {}: it is kept", row.number()))
                }
            }
        })
    }
}
