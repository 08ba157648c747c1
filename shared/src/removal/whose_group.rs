//! In which group a session belongs that turned out to have an address of ours to give back.

use super::intent::{HeldBy, IntentEntry, When};
use crate::aws::{CallError, Failure, TargetState};
use crate::context::Context;
use crate::session::{SessionTask, TargetAddress, TargetGroupArn};
use std::collections::{BTreeMap, BTreeSet};

/// The targets of each configured group.
pub(super) type Groups = BTreeMap<TargetGroupArn, BTreeMap<TargetAddress, TargetState>>;

/// Where a session belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GroupOf {
    /// In the group of the entry, as far as can be known.
    This,
    /// In this one, where it is registered at this address.
    Another(TargetGroupArn, TargetAddress),
    /// It is registered nowhere, and its owner may not have come to that yet.
    CantBeTold,
}

/// All configured groups; with one there is no question.
pub(super) async fn read_groups(context: &Context) -> Result<Groups, CallError> {
    let groups = &context.config.scope.target_groups;
    if groups.len() < 2 {
        return Ok(Groups::new());
    }
    let reads = groups.iter().map(|group| async move {
        match context.aws.target_groups.all_states(group).await {
            Err(error) if error.failure == Failure::NotFound => {
                Ok((group.clone(), BTreeMap::new()))
            }
            read => read.map(|states| (group.clone(), states)),
        }
    });
    Ok(futures_util::future::try_join_all(reads).await?.into_iter().collect())
}

/// Whether `holder` of an address that was removed belongs in the group of `entry`. Its owner registers it
/// after its creation, and in its own groups. So it is another tenant's where it is registered in a group
/// that is not `named` beside this one. Where it is registered nowhere, either its owner has not come to
/// that yet, or we removed it: a later look tells.
pub(super) fn group_of(
    holder: &SessionTask,
    entry: &IntentEntry,
    named: &[IntentEntry],
    groups: &Groups,
    when: When,
) -> GroupOf {
    if groups.is_empty() {
        return GroupOf::This;
    }
    let ip = entry.address.ip;
    let registered = |group: &TargetGroupArn| {
        let states = groups.get(group)?;
        let its = states.iter().filter(|(at, state)| at.ip == ip && state.is_registered());
        its.map(|(at, _)| *at).min_by_key(|at| at.port != entry.address.port)
    };
    let is_seen_here = registered(&entry.group).is_some();
    // What was removed a moment ago may be seen there still: of a zombie in each of several groups.
    let may_be_seen_still = entry.held_by == HeldBy::Nobody || is_seen_here;
    if when == When::AtOnce && may_be_seen_still {
        return GroupOf::CantBeTold;
    }
    // A session is registered at one port: what was removed at another was somebody's before it.
    let mut places = groups.keys().filter_map(|group| Some((group, registered(group)?))).peekable();
    if let Some((group, at)) = places.peek().copied()
        && places.all(|(_, at)| at.port != entry.address.port)
    {
        return GroupOf::Another(group.clone(), at);
    }
    if is_seen_here {
        return GroupOf::This;
    }
    // Of one task: an address that was two tenants' is named by both. A zombie is nobody's, and a task that
    // is registered anywhere belongs there.
    let of_one_task = |one: &&IntentEntry| match &entry.held_by {
        HeldBy::Task { .. } | HeldBy::NewHolder { .. } => one.held_by == entry.held_by,
        HeldBy::Nobody => one.group == entry.group,
    };
    let of_it = named.iter().filter(|one| one.address.ip == ip).filter(of_one_task);
    let named: BTreeSet<&TargetGroupArn> = of_it.map(|one| &one.group).collect();
    let mut others = groups.keys().filter(|group| !named.contains(group));
    if let Some((other, at)) = others.find_map(|group| Some((group, registered(group)?))) {
        return GroupOf::Another(other.clone(), at);
    }
    match when {
        When::Later if holder.running_since.is_some() => GroupOf::This,
        When::Later | When::AtOnce => GroupOf::CantBeTold,
    }
}

#[cfg(test)]
mod tests;
