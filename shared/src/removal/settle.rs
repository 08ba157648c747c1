//! Finding out, after targets were removed, whether they were the right ones; those that were not are
//! registered again. The same for both functions, at once and after a crash.

use super::intent::{self, Authority, HeldBy, IntentEntry, OpenEntry, When};
use super::re_register::{Back, Owner, re_register};
use super::whose_group::{GroupOf, Groups, group_of, read_groups};
use crate::aws::{CallError, TaskSnapshot};
use crate::context::Context;
use crate::session::{DesiredStatus, EndedTag, SessionTask, TargetAddress, Task, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::OnceCell;

/// What was found out about one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    /// The task still holds its address, so it held it then: the right target was removed.
    WasOurs,
    /// The address had become another live session's, or the task is none that is known to be over:
    /// it is registered again.
    ReRegistered,
    /// It is a live session's, and it is registered as it should be.
    InPlace,
    /// The address had become another live session's, which has its target in another group.
    Elsewhere {
        /// For people.
        why: String,
    },
    /// The address is no longer the task's, and no live session task held it then.
    Nobodys,
}

/// The live session tasks that an address may belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holders<'a> {
    /// They are listed once an address is no longer its task's.
    ToBeListed,
    /// The same, but for these tasks: they are known to hold other addresses.
    ToBeListedBut(&'a BTreeSet<TaskArn>),
    /// They have been listed since.
    Listed(&'a [SessionTask]),
    /// They could not be listed.
    Unknown(&'a CallError),
}

/// Finds out, for each entry, whether the right target was removed, and registers those again that
/// were not. `named` is all that the intents name: also where nothing could be removed.
pub(super) async fn settle(
    context: &Context,
    snapshots: &TaskSnapshots,
    (open, named): (&[OpenEntry], &[IntentEntry]),
    holders: Holders<'_>,
    when: When,
) -> Vec<Result<Settled, CallError>> {
    let shown = show_tasks(snapshots, open).await;
    let now = context.clock.now();
    let first: Vec<Result<Finding, CallError>> =
        open.iter().map(|one| judge(&one.entry, &shown, when, now)).collect();
    let listed: Result<Vec<SessionTask>, CallError>;
    let holders = match holders {
        Holders::Listed(holders) => Ok(holders),
        Holders::Unknown(error) => Err(error),
        Holders::ToBeListed | Holders::ToBeListedBut(_)
            if !first.contains(&Ok(Finding::AskHolders)) =>
        {
            Ok([].as_slice())
        }
        Holders::ToBeListed => {
            listed = list(context, snapshots, &BTreeSet::new()).await;
            listed.as_deref()
        }
        Holders::ToBeListedBut(known) => {
            listed = list(context, snapshots, known).await;
            listed.as_deref()
        }
    };
    let (groups, mut kept_for) = (OnceCell::new(), BTreeSet::new());
    let mut settled = Vec::new();
    for (one, found) in open.iter().zip(first) {
        settled.push(match (found, holders) {
            (Err(error), _) => Err(error),
            (Ok(Finding::WasOurs), _) => Ok(Settled::WasOurs),
            (Ok(Finding::GoesOn), _) => {
                give_back(context, &one.entry, Owner::of(&one.entry, named), when).await
            }
            (Ok(Finding::AskHolders), Err(error)) => Err(error.clone()),
            (Ok(Finding::AskHolders), Ok(holders)) => {
                match holders.iter().find(|task| held_it_then(task, one)) {
                    Some(holder) => {
                        let reading = groups.get_or_try_init(|| read_groups(context));
                        match reading.await {
                            Ok(groups) => {
                                let seen = Seen { named, groups, when };
                                return_to(context, snapshots, one, &holder.arn, seen, &mut kept_for)
                                    .await
                            }
                            Err(error) => Err(error),
                        }
                    }
                    None => Ok(Settled::Nobodys),
                }
            }
        });
    }
    settled
}

async fn list(
    context: &Context,
    snapshots: &TaskSnapshots,
    known: &BTreeSet<TaskArn>,
) -> Result<Vec<SessionTask>, CallError> {
    let tasks = snapshots.list_but(DesiredStatus::Running, known).await?;
    let (scope, now) = (&context.config.scope, context.clock.now());
    Ok(tasks.iter().filter_map(|task| SessionTask::read(task, scope, now)).collect())
}

/// What a snapshot of the task says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    WasOurs,
    /// Nothing has confirmed that it is over, and it runs on: it gets its traffic back.
    GoesOn,
    AskHolders,
}

async fn show_tasks(
    snapshots: &TaskSnapshots,
    open: &[OpenEntry],
) -> BTreeMap<TaskArn, Result<TaskSnapshot, CallError>> {
    let tasks = open.iter().filter_map(|one| one.entry.held_by.task().cloned());
    let tasks: Vec<TaskArn> = tasks.collect();
    let shown = snapshots.take_all(&tasks).await;
    tasks.into_iter().zip(shown).collect()
}

fn judge(
    entry: &IntentEntry,
    shown: &BTreeMap<TaskArn, Result<TaskSnapshot, CallError>>,
    when: When,
    now: Timestamp,
) -> Result<Finding, CallError> {
    let Some(arn) = entry.held_by.task() else { return Ok(Finding::AskHolders) };
    let task = match shown.get(arn) {
        Some(Ok(snapshot)) => snapshot.task.as_ref(),
        Some(Err(error)) => return Err(error.clone()),
        None => None,
    };
    let Some(task) = task.filter(|task| task.held_address() == Some(entry.address.ip)) else {
        return Ok(Finding::AskHolders);
    };
    let may_go_on = match &entry.held_by {
        HeldBy::Task { authority: Authority::OwnersWord | Authority::GivenUp, .. }
        | HeldBy::NewHolder { .. } => when == When::Later,
        HeldBy::Task { authority: Authority::Confirmed, .. } | HeldBy::Nobody => false,
    };
    Ok(if may_go_on && goes_on(task, now) { Finding::GoesOn } else { Finding::WasOurs })
}

/// Whether a session runs on that its owner has not ended.
fn goes_on(task: &Task, now: Timestamp) -> bool {
    task.shall_run() && !EndedTag::of(task, now).is_word()
}

/// ECS says by its clock when a task was created, and the removal is timed by ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// A live session task, not ended, other than the one that is cleaned up, that held the address when
/// it was removed.
fn held_it_then(task: &SessionTask, open: &OpenEntry) -> bool {
    Some(&task.arn) != open.entry.held_by.task()
        && task.address == Some(open.entry.address.ip)
        && task.shall_run
        && !task.ended.is_word()
        && task.created_at.duration_since(open.removed_by) < CLOCKS_APART
}

/// What else is known when an address turns out to be another session's.
#[derive(Clone, Copy)]
struct Seen<'a> {
    /// All that the intents name.
    named: &'a [IntentEntry],
    groups: &'a Groups,
    when: When,
}

/// A listing takes time, and is a moment old: the holder is asked for once more, so that no target is
/// registered for a task that has left its address since. And none is registered in another's group.
async fn return_to(
    context: &Context,
    snapshots: &TaskSnapshots,
    open: &OpenEntry,
    holder: &TaskArn,
    seen: Seen<'_>,
    kept_for: &mut BTreeSet<TargetAddress>,
) -> Result<Settled, CallError> {
    let snapshot = snapshots.take(holder).await?;
    let scope = &context.config.scope;
    let task = snapshot.task.and_then(|task| SessionTask::read(&task, scope, context.clock.now()));
    let Some(task) = task.filter(|task| held_it_then(task, open)) else {
        return Ok(Settled::Nobodys);
    };
    let IntentEntry { group, address, .. } = &open.entry;
    match group_of(&task, &open.entry, seen.named, seen.groups, seen.when) {
        GroupOf::This => {
            if seen.when == When::Later && open.entry.held_by == HeldBy::Nobody {
                Box::pin(keep_for(context, &task, open, seen, kept_for)).await?;
            }
            let owner = Owner::Another { holder, named: seen.named };
            give_back(context, &open.entry, owner, seen.when).await
        }
        GroupOf::Another(other, at) => {
            let why = format!(
                "{address} was removed from {group} and is {holder}'s now, which is registered as {at} \
                 in {other}: it is not registered in {group}"
            );
            tracing::warn!("{why}");
            Ok(Settled::Elsewhere { why })
        }
        GroupOf::CantBeTold => {
            let answer = format!(
                "it is {holder}'s now, which is registered nowhere yet: its group is unknown, and the \
                 next sweep checks again"
            );
            Err(CallError::unanswered("RegisterTargets", format!("{address} in {group}"), answer))
        }
    }
}

/// A zombie's address may have been removed from several groups, and be registered again in all of them. One may take
/// it before the others do: so that this is not taken for its owner's doing, it is written down before.
async fn keep_for(
    context: &Context,
    holder: &SessionTask,
    OpenEntry { entry, removed_by }: &OpenEntry,
    seen: Seen<'_>,
    kept_for: &mut BTreeSet<TargetAddress>,
) -> Result<(), CallError> {
    if kept_for.contains(&entry.address) {
        return Ok(());
    }
    let of_it = seen.named.iter().filter(|one| {
        one.address == entry.address
            && one.held_by == HeldBy::Nobody
            && group_of(holder, one, seen.named, seen.groups, seen.when) == GroupOf::This
    });
    let held_by = HeldBy::NewHolder { arn: holder.arn.clone() };
    let entries: Vec<IntentEntry> =
        of_it.map(|one| IntentEntry { held_by: held_by.clone(), ..one.clone() }).collect();
    if entries.len() < 2 {
        return Ok(());
    }
    // As of then: it waits for no invocation to end.
    intent::write_as_of(context, *removed_by, entries).await?;
    kept_for.insert(entry.address);
    Ok(())
}

async fn give_back(
    context: &Context,
    entry: &IntentEntry,
    owner: Owner<'_>,
    when: When,
) -> Result<Settled, CallError> {
    match re_register(context, entry, when, owner).await? {
        Back::InPlace => Ok(Settled::InPlace),
        Back::Registered => {
            let holder = match owner {
                Owner::TheSame => None,
                Owner::Another { holder, .. } => Some(tracing::field::display(holder)),
            };
            tracing::warn!(
                address = %entry.address, group = %entry.group, holder, held_by = ?entry.held_by,
                "a live session had lost its target; it is registered again"
            );
            Ok(Settled::ReRegistered)
        }
    }
}

#[cfg(test)]
mod tests;
