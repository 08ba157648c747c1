//! Removing targets from their groups, with undo. Both functions do it in the same way.
//!
//! ```text
//! intent → deregister → whose was it? ──┬── ours: the intent is deleted
//!                                       └── another live session's: registered again
//! ```
//!
//! - [`intent`]: what is about to be done, written down first;
//! - [`deregister`]: `DeregisterTargets`, repeated only while the address is known to be the task's;
//! - [`session_targets`] and [`zombie_targets`]: what is removed, and why it may be;
//! - [`settle`]: whose address it was, and giving back what was not ours to remove;
//! - [`whose_group`]: in which group its new holder belongs;
//! - [`re_register`]: registering it again, and knowing that it is;
//! - [`recover`]: what a crash left behind.

mod deregister;
mod intent;
mod re_register;
mod recover;
mod session_targets;
mod settle;
mod whose_group;
mod zombie_targets;

pub use intent::{Authority, HeldBy, Intent, IntentEntry};
pub(crate) use intent::{ContainersWord, Registration, SessionTarget};
pub(crate) use recover::LeftBehind;
pub use recover::RecoveredIntents;
pub use session_targets::Removed;
pub(crate) use settle::Holders;
pub(crate) use zombie_targets::remove_zombie_targets;
pub use zombie_targets::{ZombieFate, ZombieTarget};

use crate::aws::{Asked, CallError, Failure, Gather, TargetState};
use crate::context::Context;
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use intent::When;
use re_register::{Owner, re_register};
use session_targets::{Attempted, remove_session_targets};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// The removals of one invocation: its sessions share the calls.
#[derive(Debug)]
pub(crate) struct Removals {
    context: Arc<Context>,
    targets: Gather<SessionTarget, Removed>,
    states: Gather<TargetGroupArn, Result<Arc<States>, CallError>>,
    attempted: Arc<Attempted>,
    missing: Arc<Missing>,
}

/// All addresses of a group.
type States = BTreeMap<TargetAddress, TargetState>;

/// Configured groups that turned out not to exist.
type Missing = Mutex<BTreeSet<TargetGroupArn>>;

impl Removals {
    pub(crate) fn new(context: &Arc<Context>, snapshots: &Arc<TaskSnapshots>) -> Self {
        let (removing, reading) = (Arc::clone(context), Arc::clone(context));
        let attempted: Arc<Attempted> = Arc::default();
        let (seen, attempts) = (Arc::clone(snapshots), Arc::clone(&attempted));
        let remove = move |asked| {
            let (context, seen) = (Arc::clone(&removing), Arc::clone(&seen));
            remove_session_targets(context, seen, Arc::clone(&attempts), asked)
        };
        let missing: Arc<Missing> = Arc::default();
        let found_missing = Arc::clone(&missing);
        let read =
            move |asked| read_states(Arc::clone(&reading), Arc::clone(&found_missing), asked);
        Self {
            context: Arc::clone(context),
            targets: Gather::new(remove),
            states: Gather::new(read),
            attempted,
            missing,
        }
    }

    /// Removes a session's target, together with others that go now.
    pub(crate) async fn remove(&self, target: SessionTarget) -> Removed {
        let unanswered =
            CallError::unanswered("DeregisterTargets", target.address.to_string(), NO_ANSWER);
        self.targets.ask(target).await.unwrap_or(Removed::Failed(unanswered))
    }

    /// Where an address is registered and does not drain, at whatever port. `DescribeTargetHealth` of
    /// every group, shared with others who ask now.
    pub(crate) async fn registrations(&self, ip: Ipv4Addr) -> Result<Vec<Registration>, CallError> {
        let groups = self.context.config.scope.target_groups.iter();
        let reads = groups.map(|group| async move {
            let unanswered =
                || CallError::unanswered("DescribeTargetHealth", group.as_str(), NO_ANSWER);
            let states = self.states.ask(group.clone()).await;
            let states = states.unwrap_or_else(|| Err(unanswered()))?;
            let of_it = states.iter().filter(move |(address, _)| address.ip == ip);
            let registered = of_it.filter(|(_, state)| state.is_registered());
            let at = |(address, _): (&TargetAddress, &TargetState)| Registration {
                group: group.clone(),
                address: *address,
            };
            Ok::<Vec<Registration>, CallError>(registered.map(at).collect())
        });
        Ok(futures_util::future::try_join_all(reads).await?.concat())
    }

    /// Whether this invocation has deregistered, or tried to, any target of `task`.
    pub(crate) fn has_attempted(&self, task: &TaskArn) -> bool {
        !self.attempts(task).is_empty()
    }

    /// Registers again whatever this invocation has deregistered, or tried to, of `task`: where it is
    /// not known what was done, all that its intents name. Registering what is registered changes
    /// nothing.
    pub(crate) async fn re_register(&self, task: &TaskArn) -> Result<(), CallError> {
        let attempts = self.attempts(task);
        let again = |entry| re_register(&self.context, entry, When::AtOnce, Owner::TheSame);
        let registering = attempts.iter().map(again);
        // One group's failure keeps no other's target.
        let registered = futures_util::future::join_all(registering).await;
        registered.into_iter().try_for_each(|back| back.map(|_back| ()))
    }

    fn attempts(&self, task: &TaskArn) -> Vec<IntentEntry> {
        let attempted = self.attempted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempts: Vec<IntentEntry> = Vec::new();
        for entry in attempted.get(task).into_iter().flatten() {
            // A later one has seen more than the first.
            attempts.retain(|known| (&known.group, known.address) != (&entry.group, entry.address));
            attempts.push(entry.clone());
        }
        attempts
    }

    /// Configured groups that don't exist, as far as this invocation has met them.
    pub(crate) fn missing_groups(&self) -> BTreeSet<TargetGroupArn> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes no more, and waits for the calls that are still under way.
    pub(crate) async fn close(self) {
        self.targets.close().await;
    }
}

const NO_ANSWER: &str = "the shared call ended without an answer";

async fn read_states(
    context: Arc<Context>,
    missing: Arc<Missing>,
    asked: Vec<Asked<TargetGroupArn, Result<Arc<States>, CallError>>>,
) {
    let mut by_group: BTreeMap<TargetGroupArn, Vec<_>> = BTreeMap::new();
    for one in asked {
        by_group.entry(one.question.clone()).or_default().push(one.answer);
    }
    let (context, missing) = (&context, &missing);
    let reads = by_group.into_iter().map(|(group, answers)| async move {
        let mut states = context.aws.target_groups.all_states(&group).await;
        if states.as_ref().is_err_and(|error| error.failure == Failure::NotFound) {
            missing.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
            states = Ok(States::new());
        }
        let states = states.map(Arc::new);
        for answer in answers {
            // One who has given up no longer listens.
            let _ = answer.send(states.clone());
        }
    });
    futures_util::future::join_all(reads).await;
}

#[cfg(test)]
mod tests;
