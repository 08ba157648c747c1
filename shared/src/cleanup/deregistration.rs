//! `DeregisterTargets`, repeated only while the address is known to be the task's.

use super::intent::Ground;
use super::setting::Setting;
use super::sightings::Sightings;
use crate::aws::retry::pauses;
use crate::aws::{CallError, Failure};
use crate::session::{SessionId, TargetAddress, TargetGroupArn, TaskArn};
use backon::BackoffBuilder;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// One task's target, to be taken out of every group that holds it.
#[derive(Debug, Clone)]
pub(super) struct Taking {
    pub(super) task: TaskArn,
    pub(super) session: SessionId,
    pub(super) address: TargetAddress,
    /// On what ground it is taken away.
    pub(super) ground: Ground,
}

/// How the deregistration of one target ended.
#[derive(Debug, Clone)]
pub(super) enum Deregistered {
    /// The load balancer answered, at this time.
    Done(Timestamp),
    /// An attempt had no answer: it may have been done, or may yet be.
    Unanswered(CallError),
    /// Nothing was done: the load balancer refused or throttled it, or we could not look.
    NotDone(CallError),
    /// Nothing was done: a look showed that the task no longer holds the address.
    NotOurs,
}

impl Deregistered {
    /// Until when an attempt may have taken effect, if there was one that may.
    pub(super) fn attempted_until(&self, setting: &Setting) -> Option<Timestamp> {
        match self {
            Self::Done(at) => Some(*at),
            Self::Unanswered(_) => Some(setting.clock.now()),
            Self::NotDone(_) | Self::NotOurs => None,
        }
    }
}

/// `DeregisterTargets` of one group, all targets in one call; a call that is refused for one target
/// is repeated singly. It is repeated only for tasks that a new look shows holding their address:
/// meanwhile it may have become someone else's.
pub(super) async fn deregister(
    setting: &Setting,
    sightings: &Sightings,
    group: &TargetGroupArn,
    takings: &[Taking],
    limit: Duration,
) -> Vec<(TaskArn, TargetGroupArn, Deregistered)> {
    let ended = |taking: &Taking, how: Deregistered| (taking.task.clone(), group.clone(), how);
    let give_up_at = Instant::now() + limit;
    let mut pauses = pauses(Duration::from_millis(300), Duration::from_secs(3)).build();
    let mut open: Vec<Taking> = takings.to_vec();
    let mut done = Vec::new();
    let mut unanswered: Option<CallError> = None;
    let mut must_look =
        open.iter().any(|taking| !sightings.show_holding(&taking.task, taking.address.ip));
    loop {
        if must_look {
            for (taking, why) in keep_holders(sightings, &mut open).await {
                let how = unanswered.clone().map_or(why, Deregistered::Unanswered);
                done.push(ended(&taking, how));
            }
        }
        if open.is_empty() {
            return done;
        }
        let addresses: Vec<TargetAddress> = open.iter().map(|taking| taking.address).collect();
        let error = match setting.aws.target_groups.deregister(group, &addresses).await {
            Ok(()) => {
                let now = setting.clock.now();
                done.extend(open.iter().map(|taking| ended(taking, Deregistered::Done(now))));
                return done;
            }
            Err(error) => error,
        };
        if error.is_refused() && open.len() > 1 {
            let left = give_up_at.saturating_duration_since(Instant::now());
            let singly = open.iter().map(|taking| {
                let one = std::slice::from_ref(taking);
                Box::pin(deregister(setting, sightings, group, one, left))
            });
            done.extend(futures_util::future::join_all(singly).await.into_iter().flatten());
            return done;
        }
        tracing::warn!(%error, "the target is not deregistered");
        if error.failure == Failure::Unknown {
            unanswered = Some(error.clone());
        }
        let pause = pauses.next().unwrap_or_default();
        if error.is_refused() || Instant::now() + pause >= give_up_at {
            let how = unanswered.map_or(Deregistered::NotDone(error), Deregistered::Unanswered);
            done.extend(open.iter().map(|taking| ended(taking, how.clone())));
            return done;
        }
        tokio::time::sleep(pause).await;
        must_look = true;
    }
}

/// Keeps those whose tasks hold their addresses by a new look; the others are returned, each with
/// what that means.
async fn keep_holders(
    sightings: &Sightings,
    takings: &mut Vec<Taking>,
) -> Vec<(Taking, Deregistered)> {
    let tasks: Vec<TaskArn> = takings.iter().map(|taking| taking.task.clone()).collect();
    let looks = sightings.look(&tasks).await;
    let mut lost = Vec::new();
    let mut kept = Vec::new();
    for (taking, look) in std::mem::take(takings).into_iter().zip(looks) {
        match look {
            Err(error) => lost.push((taking, Deregistered::NotDone(error))),
            Ok(sighting) => {
                let held = sighting.task.and_then(|task| task.held_address());
                if held == Some(taking.address.ip) {
                    kept.push(taking);
                } else {
                    lost.push((taking, Deregistered::NotOurs));
                }
            }
        }
    }
    *takings = kept;
    lost
}
