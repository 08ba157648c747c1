//! Finding out, after targets were removed, whether they were the right ones; those that were not are
//! registered again. The same for both functions, at once and after a crash.

use super::intent::{Authority, HeldBy, IntentEntry};
use crate::aws::{CallError, TargetState, TaskSnapshot};
use crate::context::Context;
use crate::metrics::Metric;
use crate::session::{
    DesiredStatus, EndedTag, SessionTask, TargetAddress, TargetGroupArn, Task, TaskArn,
};
use crate::task_snapshots::TaskSnapshots;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What was found out about one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The task still holds its address, so it held it then: the right target was removed.
    WasOurs,
    /// The address had become another live session's, or the task is none that is known to be over:
    /// it is registered again.
    ReRegistered,
    /// The address is no longer the task's, and no live session task held it then.
    Nobodys,
}

/// One entry that is to be settled.
#[derive(Debug, Clone)]
pub(super) struct OpenEntry {
    pub(super) entry: IntentEntry,
    /// By when it was removed: a session that was created later registers by itself, later.
    pub(super) removed_by: Timestamp,
}

/// Who settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// The cleanup that removed the target, right after.
    AtOnce,
    /// A later sweep: nobody is at work any more.
    Later,
}

/// The live session tasks that an address may belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holders<'a> {
    /// They are listed once an address is no longer its task's.
    ToBeListed,
    /// They have been listed since.
    Listed(&'a [SessionTask]),
    /// They could not be listed.
    Unknown(&'a CallError),
}

/// Finds out, for each entry, whether the right target was removed, and registers those again that
/// were not.
pub(super) async fn settle(
    context: &Context,
    snapshots: &TaskSnapshots,
    open: &[OpenEntry],
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
        Holders::ToBeListed if first.contains(&Ok(Finding::AskHolders)) => {
            listed = snapshots.list(DesiredStatus::Running).await.map(|tasks| {
                let scope = &context.config.scope;
                tasks.iter().filter_map(|task| SessionTask::read(task, scope, now)).collect()
            });
            listed.as_deref()
        }
        Holders::ToBeListed => Ok([].as_slice()),
    };
    let mut settled = Vec::new();
    for (one, found) in open.iter().zip(first) {
        settled.push(match (found, holders) {
            (Err(error), _) => Err(error),
            (Ok(Finding::WasOurs), _) => Ok(Settled::WasOurs),
            (Ok(Finding::GoesOn), _) => give_back(context, &one.entry, None).await,
            (Ok(Finding::AskHolders), Err(error)) => Err(error.clone()),
            (Ok(Finding::AskHolders), Ok(holders)) => {
                match holders.iter().find(|task| held_it_then(task, one)) {
                    Some(holder) => return_to(context, snapshots, one, &holder.arn).await,
                    None => Ok(Settled::Nobodys),
                }
            }
        });
    }
    settled
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
    let tasks: Vec<TaskArn> = open
        .iter()
        .filter_map(|one| match &one.entry.held_by {
            HeldBy::Task { arn, .. } => Some(arn.clone()),
            HeldBy::Nobody => None,
        })
        .collect();
    let shown = snapshots.take_all(&tasks).await;
    tasks.into_iter().zip(shown).collect()
}

fn judge(
    entry: &IntentEntry,
    shown: &BTreeMap<TaskArn, Result<TaskSnapshot, CallError>>,
    when: When,
    now: Timestamp,
) -> Result<Finding, CallError> {
    let HeldBy::Task { arn, authority, .. } = &entry.held_by else {
        return Ok(Finding::AskHolders);
    };
    let task = match shown.get(arn) {
        Some(Ok(snapshot)) => snapshot.task.as_ref(),
        Some(Err(error)) => return Err(error.clone()),
        None => None,
    };
    let Some(task) = task.filter(|task| task.held_address() == Some(entry.address.ip)) else {
        return Ok(Finding::AskHolders);
    };
    Ok(match (authority, when) {
        (Authority::OwnersWord | Authority::GivenUp, When::Later) if goes_on(task, now) => {
            Finding::GoesOn
        }
        (Authority::OwnersWord | Authority::Confirmed | Authority::GivenUp, _) => Finding::WasOurs,
    })
}

/// Whether a session runs on that its owner has not ended.
fn goes_on(task: &Task, now: Timestamp) -> bool {
    task.shall_run() && !EndedTag::of(task, now).is_word()
}

/// A live session task, not ended, other than the one that is cleaned up, that held the address when
/// it was removed.
fn held_it_then(task: &SessionTask, open: &OpenEntry) -> bool {
    let cleaned_up = match &open.entry.held_by {
        HeldBy::Task { arn, .. } => Some(arn),
        HeldBy::Nobody => None,
    };
    Some(&task.arn) != cleaned_up
        && task.address == Some(open.entry.address.ip)
        && task.shall_run
        && !task.ended.is_word()
        && task.created_at < open.removed_by
}

/// A listing takes time, and is a moment old: the holder is asked for once more, so that no target is
/// registered for a task that has left its address since.
async fn return_to(
    context: &Context,
    snapshots: &TaskSnapshots,
    open: &OpenEntry,
    holder: &TaskArn,
) -> Result<Settled, CallError> {
    let snapshot = snapshots.take(holder).await?;
    let scope = &context.config.scope;
    let task = snapshot.task.and_then(|task| SessionTask::read(&task, scope, context.clock.now()));
    if task.is_some_and(|task| held_it_then(&task, open)) {
        give_back(context, &open.entry, Some(holder)).await
    } else {
        Ok(Settled::Nobodys)
    }
}

async fn give_back(
    context: &Context,
    entry: &IntentEntry,
    holder: Option<&TaskArn>,
) -> Result<Settled, CallError> {
    re_register(context, &entry.group, entry.address).await?;
    let holder = holder.map(tracing::field::display);
    tracing::warn!(
        address = %entry.address, group = %entry.group, holder, held_by = ?entry.held_by,
        "a live session had lost its target; it is registered again"
    );
    Ok(Settled::ReRegistered)
}

/// Registers `address` again in `group`, and makes sure that it is seen there: AWS documents that an
/// address can't be registered again before its deregistration delay is over, and not what its API
/// answers until then.
pub(super) async fn re_register(
    context: &Context,
    group: &TargetGroupArn,
    address: TargetAddress,
) -> Result<(), CallError> {
    let target_groups = &context.aws.target_groups;
    target_groups.register(group, &[address]).await?;
    match target_groups.states(group, &[address]).await?.get(&address) {
        Some(TargetState::Registered) => {
            context.metrics.count(Metric::RE_REGISTRATIONS, &[]);
            Ok(())
        }
        Some(TargetState::Draining | TargetState::NotRegistered) | None => {
            let resource = format!("{address} in {group}");
            let answer =
                "it is not seen registered: it drains until its deregistration delay is over";
            Err(CallError::unanswered("RegisterTargets", resource, answer))
        }
    }
}
