//! Registering an address again, and knowing that it is.

use super::intent::{HeldBy, IntentEntry, When};
use crate::aws::{CallError, TargetState};
use crate::context::Context;
use crate::metrics::Metric;
use crate::session::{TargetAddress, TaskArn};

/// How an address came to be where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// It was registered again, and is seen registered.
    Registered,
    /// Nothing is missing: a look that is late enough shows it registered, or it never was a target at
    /// this port.
    InPlace,
}

/// Whose the target is that is registered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// That of the task whose it was.
    TheSame,
    /// That of the task that has the address now: it may have registered it at another port.
    Another {
        /// The task.
        holder: &'a TaskArn,
        /// All that was removed. Two ports of one address may be those of its last and its new holder, and none of
        /// them tells that the other is not needed: it may be there because we registered it again.
        named: &'a [IntentEntry],
    },
}

impl<'a> Owner<'a> {
    /// That of whoever goes on.
    pub(super) fn of(entry: &'a IntentEntry, named: &'a [IntentEntry]) -> Self {
        match &entry.held_by {
            // The port is that of whoever had the address before it.
            HeldBy::NewHolder { arn } => Self::Another { holder: arn, named },
            HeldBy::Task { .. } | HeldBy::Nobody => Self::TheSame,
        }
    }
}

/// Registers a target again, and makes sure that it is seen to have come back.
///
/// AWS documents that an address can't be registered again before its deregistration delay is over, and
/// not what its API answers until then. And a read may show a target as it was before the last change, also
/// after another that showed it as it is. So *seen registered* proves something only where the last change was
/// long ago: [`When::AtOnce`] the intent stays, whatever is seen, and the next sweep looks again. What is seen
/// `initial` after it was seen out is reported as back until then.
///
/// # Errors
/// [`CallError`] when it is not registered, or not known to be: its intent stays, and the next sweep looks
/// again.
pub(super) async fn re_register(
    context: &Context,
    entry: &IntentEntry,
    when: When,
    owner: Owner<'_>,
) -> Result<Back, CallError> {
    let IntentEntry { group, address, assumed, .. } = entry;
    let target_groups = &context.aws.target_groups;
    // Where nothing can be read it is registered all the same: a session may wait for its traffic.
    let before = target_groups.all_states(group).await.ok();
    if let Some(states) = &before {
        let is_here = states.get(address).is_some_and(|state| state.is_registered());
        let is_in_place = if *assumed {
            // What is seen at the assumed port may be what was registered there again before.
            is_elsewhere(states.iter(), *address)
                || !states.contains_key(address) && states.keys().any(|at| at.ip == address.ip)
        } else {
            match owner {
                Owner::TheSame => false,
                Owner::Another { named, .. } => {
                    let others = states.iter().filter(|(at, _)| !is_named(named, entry, **at));
                    !is_here && is_elsewhere(others, *address)
                }
            }
        };
        if is_in_place || when == When::Later && is_here {
            return Ok(Back::InPlace);
        }
    }
    let unseen = |answer: &str| {
        let resource = format!("{address} in {group}");
        CallError::unanswered("RegisterTargets", resource, answer)
    };
    if !context.config.scope.target_groups.contains(group) {
        return Err(unseen(
            "the group has been taken out of TARGET_GROUP_ARNS, and nothing is written to any other: \
             register it by hand",
        ));
    }
    target_groups.register(group, *address).await?;
    let was_out =
        before.is_some_and(|states| states.get(address).is_none_or(|state| !state.is_registered()));
    let state = target_groups.states(group, &[*address]).await?.get(address).copied();
    if state.is_some_and(TargetState::is_registered) {
        context.metrics.count(Metric::RE_REGISTRATIONS, &[]);
    }
    match (state, when) {
        (Some(TargetState::Registered | TargetState::Initial), When::Later) => Ok(Back::Registered),
        (Some(TargetState::Initial), When::AtOnce) if was_out => Ok(Back::Registered),
        (Some(TargetState::Registered | TargetState::Initial), When::AtOnce) => Err(unseen(
            "it is seen registered, as it was before: that may be an old answer, and is looked at again",
        )),
        (Some(TargetState::Draining | TargetState::NotRegistered) | None, _) => Err(unseen(
            "it is not seen registered: it drains until its deregistration delay is over",
        )),
    }
}

/// Whether the address is registered at another port.
fn is_elsewhere<'a>(
    states: impl Iterator<Item = (&'a TargetAddress, &'a TargetState)>,
    address: TargetAddress,
) -> bool {
    let mut registered = states.filter(|(_, state)| state.is_registered());
    registered.any(|(at, _)| at.ip == address.ip && at.port != address.port)
}

/// Whether `at` was removed together with `entry`, of the same group and from the same holder; what a new holder has may
/// be back from any removal.
fn is_named(named: &[IntentEntry], entry: &IntentEntry, at: TargetAddress) -> bool {
    let is_of_it = |one: &&IntentEntry| match &entry.held_by {
        HeldBy::NewHolder { .. } => true,
        HeldBy::Task { .. } | HeldBy::Nobody => one.held_by == entry.held_by,
    };
    let mut of_it = named.iter().filter(|one| one.group == entry.group).filter(is_of_it);
    of_it.any(|one| one.address == at)
}
