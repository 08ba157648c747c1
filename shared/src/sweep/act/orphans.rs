use super::acted::Acted;
use crate::cleanup::{Cause, CleanupReport, Delivery, Invocation, OrphanCause, Request, Routes};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::TaskReference;
use crate::session::{Review, SessionTask, TargetAddress, Task, TaskArn};
use crate::spawned_cleanup::SpawnedCleanup;
use crate::sweep::decide::{
    Allowance, Circumstances, JudgedTask, Plan, TaskDecision, TaskRow, TaskVerdict, task_row,
};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Cleans orphans up, those first that have waited longest, each through the one cleanup function: as many at once as
/// AWS's rate of `StopTask` and the blast radius allow. One that can't be reaped makes room for the
/// next.
pub(super) async fn reap(
    invocation: &Arc<Invocation>,
    plan: &Plan,
    deadline: Deadline,
    request_id: &str,
) -> BTreeMap<TaskArn, Acted<CleanupReport>> {
    let context = invocation.context();
    let mut allowance = Allowance::new(plan.stop_limit);
    let routes = Arc::new(routes(plan, context));
    let victims = plan.orphans().into_iter();
    let mut waiting: VecDeque<Victim> =
        victims.filter_map(|decision| Victim::of(decision, plan, &routes)).collect();
    let mut under_way = FuturesUnordered::new();
    let mut acts = BTreeMap::new();
    loop {
        let free = waiting.len().min(allowance.free());
        let goes_on = free > 0 && deadline.leaves_time_for(context.config.longest_reaping());
        tokio::select! {
            biased;
            turns = context.aws.tasks.pace().stops(free), if goes_on => {
                for victim in waiting.drain(..allowance.begin(turns)) {
                    under_way.push(victim.reap(invocation, request_id).boxed());
                }
            }
            Some((task, acted)) = under_way.next() => {
                allowance.end(may_be_touched(&acted));
                acts.insert(task, acted);
            }
            else => break,
        }
    }
    acts.extend(waiting.into_iter().map(|one| (one.task.arn, Acted::left_over(&allowance))));
    acts
}

fn routes(plan: &Plan, context: &Context) -> Routes {
    let port = context.config.container.port;
    let neighbours = plan.neighbours.iter().map(|(neighbourhood, addresses)| {
        let addresses = addresses.iter().map(|ip| TargetAddress { ip: *ip, port });
        (neighbourhood.clone(), addresses.collect())
    });
    Routes::new(neighbours.collect())
}

fn may_be_touched(acted: &Acted<CleanupReport>) -> bool {
    match acted {
        Acted::Worked(report) => report.touched_its_task(),
        Acted::Panicked(_) => true,
        Acted::Spared(_)
        | Acted::NotSeen(_)
        | Acted::Waits
        | Acted::WouldWait
        | Acted::NotPlanned
        | Acted::OutOfTime => false,
    }
}

/// One orphan, and all that is needed to decide its row again.
struct Victim {
    task: SessionTask,
    cause: OrphanCause,
    judged: JudgedTask,
    circumstances: Arc<Circumstances>,
    routes: Arc<Routes>,
}

impl Victim {
    fn of(decision: &TaskDecision, plan: &Plan, routes: &Arc<Routes>) -> Option<Self> {
        let TaskVerdict::Orphan(cause) = decision.judged.row.verdict() else { return None };
        Some(Self {
            task: decision.task.clone(),
            cause,
            judged: decision.judged,
            circumstances: Arc::clone(&plan.circumstances),
            routes: Arc::clone(routes),
        })
    }

    /// Its probe once more where its row rests on one, and then its cleanup.
    async fn reap(
        mut self,
        invocation: &Arc<Invocation>,
        request_id: &str,
    ) -> (TaskArn, Acted<CleanupReport>) {
        let arn = self.task.arn.clone();
        if self.judged.row.rests_on_probe()
            && let Err(why) = self.probe_again(invocation.context()).await
        {
            return (arn, Acted::Spared(why));
        }
        let Some(session) = self.task.session.clone() else {
            return (arn, Acted::Spared("it names no session".to_owned()));
        };
        let (cause, salvage, routes) = (self.cause, self.judged.salvage, Arc::clone(&self.routes));
        let (used, writes_from) = (self.judged.used, self.task.writes_from);
        let review = self.review(Arc::clone(invocation.context()));
        let cause = Cause::Orphan { session, writes_from, cause, salvage, review, routes, used };
        let task = TaskReference::Arn(arn.clone());
        let request = Request { task, cause, request_id: None, delivery: Delivery::First };
        match SpawnedCleanup::start(invocation, request, request_id).report().await {
            Ok(report) => (arn, Acted::Worked(report)),
            Err(panic) => {
                tracing::error!(task_arn = %arn, error = %panic, "a cleanup ended badly");
                (arn, Acted::Panicked(panic.to_string()))
            }
        }
    }

    /// Asks its container once more, and decides its row by the answer; or what keeps it.
    async fn probe_again(&mut self, context: &Context) -> Result<(), String> {
        let ip = self.task.address.ok_or("it has no address")?;
        let address = TargetAddress { ip, port: context.config.container.port };
        let answer = context.containers.probe(address, self.task.session.as_ref()).await;
        let answer = answer.ok_or("its container could not be asked once more")?;
        self.judged.evidence.probe = Some(answer);
        let row = self.row_of(&self.task, context);
        if row == self.judged.row {
            Ok(())
        } else {
            Err(format!("asked once more, its container says {answer}, so that its row is {row}"))
        }
    }

    fn row_of(&self, task: &SessionTask, context: &Context) -> TaskRow {
        let (evidence, circumstances) = (self.judged.evidence, &self.circumstances);
        task_row(task, evidence, circumstances, &context.config.sweep, context.clock.now())
    }

    /// The same function, on what a fresh snapshot shows. What it was seen with beside itself still
    /// holds: its container has just been asked again at the address that it must still have.
    fn review(self, context: Arc<Context>) -> Review {
        Review::new(move |task: &Task| {
            let Some(now) = SessionTask::read(task, &context.config.scope, context.clock.now())
            else {
                return Err("it is no session task any longer".to_owned());
            };
            if now.address != self.task.address && self.judged.row.rests_on_probe() {
                return Err("its address has changed since it was asked".to_owned());
            }
            if self.judged.salvage.is_over && now.ended.is_word() && !self.task.ended.is_word() {
                return Err("its owner has just ended it: its salvage window begins now".to_owned());
            }
            let row = self.row_of(&now, &context);
            if row.is_orphan() {
                Ok(())
            } else {
                Err(format!("looked at once more, its row is {row}: it is kept"))
            }
        })
    }
}
