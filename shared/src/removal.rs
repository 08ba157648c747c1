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
//! - [`settle`]: whose address it was, and registering again what was not ours to remove;
//! - [`recover`]: what a crash left behind.

mod deregister;
mod intent;
mod recover;
mod session_targets;
mod settle;
mod zombie_targets;

pub(crate) use intent::SessionTarget;
pub use intent::{Authority, HeldBy, Intent, IntentEntry};
pub(crate) use recover::LeftBehind;
pub use recover::RecoveredIntents;
pub use session_targets::Removed;
pub(crate) use settle::Holders;
pub(crate) use zombie_targets::remove_zombie_targets;
pub use zombie_targets::{ZombieFate, ZombieTarget};

use crate::aws::{Asked, CallError, Failure, Gather, TargetState};
use crate::context::Context;
use crate::session::{TargetAddress, TargetGroupArn};
use crate::task_snapshots::TaskSnapshots;
use session_targets::remove_session_targets;
use settle::re_register;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The removals of one invocation: its sessions share the calls.
#[derive(Debug)]
pub(crate) struct Removals {
    context: Arc<Context>,
    targets: Gather<SessionTarget, Removed>,
    states: Gather<(TargetGroupArn, TargetAddress), Result<TargetState, CallError>>,
    missing: Arc<Missing>,
}

/// Configured groups that turned out not to exist.
type Missing = Mutex<BTreeSet<TargetGroupArn>>;

impl Removals {
    pub(crate) fn new(context: &Arc<Context>, snapshots: &Arc<TaskSnapshots>) -> Self {
        let (removing, reading) = (Arc::clone(context), Arc::clone(context));
        let seen = Arc::clone(snapshots);
        let remove =
            move |asked| remove_session_targets(Arc::clone(&removing), Arc::clone(&seen), asked);
        let missing: Arc<Missing> = Arc::default();
        let found_missing = Arc::clone(&missing);
        let read =
            move |asked| read_states(Arc::clone(&reading), Arc::clone(&found_missing), asked);
        Self {
            context: Arc::clone(context),
            targets: Gather::new(remove),
            states: Gather::new(read),
            missing,
        }
    }

    /// Removes a session's target, together with others that go now.
    pub(crate) async fn remove(&self, target: SessionTarget) -> Removed {
        let unanswered =
            CallError::unanswered("DeregisterTargets", target.address.to_string(), NO_ANSWER);
        self.targets.ask(target).await.unwrap_or(Removed::Failed(unanswered))
    }

    /// Whether `address` is registered in any group.
    pub(crate) async fn is_registered(&self, address: TargetAddress) -> Result<bool, CallError> {
        let states = self.states_of(address).await?;
        Ok(states.into_iter().any(|(_, state)| state == TargetState::Registered))
    }

    /// The groups that let `address` drain now. With one group there is no question.
    pub(crate) async fn draining_in(
        &self,
        address: TargetAddress,
    ) -> Result<Vec<TargetGroupArn>, CallError> {
        if let [only] = self.context.config.scope.target_groups.as_slice() {
            return Ok(vec![only.clone()]);
        }
        let states = self.states_of(address).await?.into_iter();
        let draining = states.filter(|(_, state)| *state == TargetState::Draining);
        Ok(draining.map(|(group, _)| group).collect())
    }

    /// Registers `address` again in `groups`, and makes sure that it is seen there.
    pub(crate) async fn re_register(
        &self,
        groups: &[TargetGroupArn],
        address: TargetAddress,
    ) -> Result<(), CallError> {
        let registering = groups.iter().map(|group| re_register(&self.context, group, address));
        futures_util::future::try_join_all(registering).await?;
        Ok(())
    }

    /// Leaves it to the next sweep to register a session's target again in `groups`.
    pub(crate) async fn leave_open(
        &self,
        target: &SessionTarget,
        groups: &[TargetGroupArn],
    ) -> Result<(), CallError> {
        let entries = groups.iter().map(|group| target.entry(group)).collect();
        intent::write(&self.context, entries).await.map(|_key| ())
    }

    /// Configured groups that don't exist, as far as this invocation has met them.
    pub(crate) fn missing_groups(&self) -> BTreeSet<TargetGroupArn> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes no more, and waits for the calls that are still under way.
    pub(crate) async fn close(self) {
        self.targets.close().await;
    }

    /// `DescribeTargetHealth` of one address in every group, shared with others who ask now.
    async fn states_of(
        &self,
        address: TargetAddress,
    ) -> Result<Vec<(TargetGroupArn, TargetState)>, CallError> {
        let groups = self.context.config.scope.target_groups.iter();
        let reads = groups.map(|group| async move {
            let unanswered =
                || CallError::unanswered("DescribeTargetHealth", address.to_string(), NO_ANSWER);
            let state = self.states.ask((group.clone(), address)).await;
            Ok((group.clone(), state.unwrap_or_else(|| Err(unanswered()))?))
        });
        futures_util::future::try_join_all(reads).await
    }
}

const NO_ANSWER: &str = "the shared call ended without an answer";

async fn read_states(
    context: Arc<Context>,
    missing: Arc<Missing>,
    asked: Vec<Asked<(TargetGroupArn, TargetAddress), Result<TargetState, CallError>>>,
) {
    let mut by_group: BTreeMap<TargetGroupArn, Vec<_>> = BTreeMap::new();
    for one in asked {
        by_group.entry(one.question.0.clone()).or_default().push(one);
    }
    let (context, missing) = (&context, &missing);
    let reads = by_group.into_iter().map(|(group, asked)| async move {
        let targets: Vec<TargetAddress> = asked.iter().map(|one| one.question.1).collect();
        let mut states = context.aws.target_groups.states(&group, &targets).await;
        if states.as_ref().is_err_and(|error| error.failure == Failure::NotFound) {
            missing.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
            states = Ok(BTreeMap::new());
        }
        for one in asked {
            let state = states.clone().map(|states| {
                states.get(&one.question.1).copied().unwrap_or(TargetState::NotRegistered)
            });
            let _ = one.answer.send(state);
        }
    });
    futures_util::future::join_all(reads).await;
}
