//! `DeregisterTargets`, repeated only while the address is known to be the task's.

use super::intent::{Registration, SessionTarget};
use crate::aws::retry::pauses;
use crate::aws::{CallError, Failure};
use crate::clock::Clock;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{TargetAddress, TargetGroupArn, Task, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use backon::BackoffBuilder;
use jiff::Timestamp;
use std::time::Duration;

/// How the deregistration of one target ended.
#[derive(Debug, Clone)]
pub(super) enum Deregistered {
    /// The load balancer answered, at this time.
    Answered(Timestamp),
    /// An attempt had no answer: it may have been done, or may yet be.
    Unanswered(CallError),
    /// Nothing was done: the load balancer refused or throttled it, or ECS could not be asked.
    NotDone(CallError),
    /// Nothing was done: a snapshot shows that the task no longer holds the address.
    NotOurs,
    /// There is no such group: nothing is registered in it.
    NoGroup,
}

impl Deregistered {
    /// Until when an attempt may have taken effect, if there was one that may.
    pub(super) fn attempted_until(&self, clock: &Clock) -> Option<Timestamp> {
        match self {
            Self::Answered(at) => Some(*at),
            Self::Unanswered(_) => Some(clock.now()),
            Self::NotDone(_) | Self::NotOurs | Self::NoGroup => None,
        }
    }
}

/// How it ended for a task's target at a place.
pub(super) type OfTask = (TaskArn, Registration, Deregistered);

/// `DeregisterTargets` of one group, all targets in one call, each at its `address`; a call that is refused for one target
/// is repeated singly. It is repeated only for tasks that a new snapshot shows holding their address:
/// meanwhile it may have become someone else's.
pub(super) async fn deregister(
    context: &Context,
    snapshots: &TaskSnapshots,
    group: &TargetGroupArn,
    targets: &[SessionTarget],
    deadline: Deadline,
) -> Vec<OfTask> {
    let ended = |target: &SessionTarget, how: Deregistered| {
        let at = Registration { group: group.clone(), address: target.address };
        (target.task.clone(), at, how)
    };
    let mut pauses = pauses(Duration::from_millis(300), Duration::from_secs(3)).build();
    let mut open: Vec<SessionTarget> = targets.to_vec();
    let mut done = Vec::new();
    let mut unanswered: Option<CallError> = None;
    let mut must_check =
        open.iter().any(|target| !snapshots.show_holding(&target.task, target.address.ip));
    loop {
        if must_check {
            let (holders, lost) = apart(snapshots, open).await;
            open = holders;
            for (target, why) in lost {
                let how = unanswered.clone().map_or(why, Deregistered::Unanswered);
                done.push(ended(&target, how));
            }
        }
        if open.is_empty() {
            return done;
        }
        let addresses: Vec<TargetAddress> = open.iter().map(|target| target.address).collect();
        let error = match context.aws.target_groups.deregister(group, &addresses).await {
            Ok(()) => {
                let now = context.clock.now();
                done.extend(open.iter().map(|one| ended(one, Deregistered::Answered(now))));
                return done;
            }
            Err(error) => error,
        };
        if error.failure == Failure::NotFound {
            done.extend(open.iter().map(|target| ended(target, Deregistered::NoGroup)));
            return done;
        }
        if error.is_refused() && open.len() > 1 {
            let singly = open.iter().map(|target| {
                let one = std::slice::from_ref(target);
                Box::pin(deregister(context, snapshots, group, one, deadline))
            });
            done.extend(futures_util::future::join_all(singly).await.into_iter().flatten());
            return done;
        }
        tracing::warn!(%error, "the target is not deregistered");
        if error.failure == Failure::Unknown {
            unanswered = Some(error.clone());
        }
        let pause = pauses.next().unwrap_or_default();
        if error.is_refused() || !deadline.leaves_time_for(pause) {
            let how = unanswered.map_or(Deregistered::NotDone(error), Deregistered::Unanswered);
            done.extend(open.iter().map(|target| ended(target, how.clone())));
            return done;
        }
        tokio::time::sleep(pause).await;
        must_check = true;
    }
}

/// Those whose tasks hold their addresses by a new snapshot and are not to go on by it, and the others, each with
/// what that means.
async fn apart(
    snapshots: &TaskSnapshots,
    targets: Vec<SessionTarget>,
) -> (Vec<SessionTarget>, Vec<(SessionTarget, Deregistered)>) {
    let tasks: Vec<TaskArn> = targets.iter().map(|target| target.task.clone()).collect();
    let shown = snapshots.take_all(&tasks).await;
    let (mut holders, mut lost) = (Vec::new(), Vec::new());
    for (target, snapshot) in targets.into_iter().zip(shown) {
        match snapshot {
            Err(error) => lost.push((target, Deregistered::NotDone(error))),
            Ok(snapshot) => {
                let task = snapshot.task;
                let held = task.as_ref().and_then(Task::held_address);
                // Who has been told to stop is no orphan any longer either, and its target goes.
                let runs_on = task.as_ref().filter(|task| task.shall_run());
                let review = target.review.as_ref().zip(runs_on);
                let reviewed = review.map_or(Ok(()), |(review, task)| review.of(task));
                match reviewed {
                    Ok(()) if held == Some(target.address.ip) => holders.push(target),
                    Ok(()) => lost.push((target, Deregistered::NotOurs)),
                    Err(why) => {
                        let address = target.address.to_string();
                        let error = CallError::unanswered("DeregisterTargets", address, why);
                        lost.push((target, Deregistered::NotDone(error)));
                    }
                }
            }
        }
    }
    (holders, lost)
}
