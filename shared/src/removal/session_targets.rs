//! Sessions' targets: those of a whole batch are removed together.

use super::deregister::{Deregistered, OfTaskInGroup, deregister};
use super::intent::{self, Authority, SessionTarget};
use super::settle::{Holders, OpenEntry, Settled, When, settle};
use crate::aws::{Asked, CallError, Failure, TargetState};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What came of removing a session's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is out of these groups, and it was ours.
    From(Vec<TargetGroupArn>),
    /// No group held it.
    NotRegistered,
    /// The task no longer holds the address: whoever has it keeps, or got back, its target.
    TakenOver,
    /// Nothing was done: the intent can't be written, and we only infer that the session is over.
    Waits(CallError),
    /// Not known, or not done.
    Failed(CallError),
}

/// Removes all targets of `asked`: intent, one `DeregisterTargets` a group, and one snapshot of the
/// tasks to see whether the addresses were still theirs. Everyone is answered before the intent is
/// deleted, so that nobody waits for that.
pub(super) async fn remove_session_targets(
    context: Arc<Context>,
    snapshots: Arc<TaskSnapshots>,
    asked: Vec<Asked<SessionTarget, Removed>>,
) {
    let targets: Vec<SessionTarget> = asked.iter().map(|one| one.question.clone()).collect();
    let (answers, settled) = remove(&context, &snapshots, &targets).await;
    for (one, answer) in asked.into_iter().zip(answers) {
        // One who has given up no longer listens.
        let _ = one.answer.send(answer);
    }
    if let Some(key) = settled
        && let Err(error) = context.aws.ledger.delete(&key).await
    {
        tracing::warn!(%error, "a settled intent stays behind; the next sweep deletes it");
    }
}

/// The answers in the order of `targets`, and the key of the intent when nothing of it is open.
async fn remove(
    context: &Context,
    snapshots: &TaskSnapshots,
    targets: &[SessionTarget],
) -> (Vec<Removed>, Option<String>) {
    let mut failed: BTreeMap<&TaskArn, Removed> = BTreeMap::new();
    let mut entries = Vec::new();
    // Groups don't fail together: what can't be read is said in the end, and the others' targets go.
    let mut unread: Option<CallError> = None;
    for (group, held) in registrations(context, targets).await {
        match held {
            Ok(held) => entries.extend(held.into_iter().map(|target| (group.clone(), target))),
            Err(error) => unread = unread.or(Some(error)),
        }
    }

    let intent = write_intent(context, &entries).await;
    if let Err(error) = &intent {
        tracing::error!(%error, "no intent can be written; only what its owner ended is removed");
        let waits = |target: &SessionTarget| target.authority != Authority::OwnersWord;
        for (_, target) in entries.extract_if(.., |(_, target)| waits(target)) {
            failed.insert(&target.task, Removed::Waits(error.clone()));
        }
    }

    let deadline = Deadline::after(context.config.timeouts.target);
    let mut by_group: BTreeMap<TargetGroupArn, Vec<SessionTarget>> = BTreeMap::new();
    for (group, target) in &entries {
        by_group.entry(group.clone()).or_default().push((*target).clone());
    }
    let answered = by_group
        .iter()
        .map(|(group, targets)| deregister(context, snapshots, group, targets, deadline));
    let answered: Vec<OfTaskInGroup> = futures_util::future::join_all(answered).await.concat();

    // Those without an answer are asked about too: they may be gone all the same.
    let attempted: Vec<(&SessionTarget, OpenEntry)> = entries
        .iter()
        .filter_map(|(group, target)| {
            let (_, _, how) = answered.iter().find(|(t, g, _)| *t == target.task && g == group)?;
            let removed_by = how.attempted_until(&context.clock)?;
            Some((*target, OpenEntry { entry: target.entry(group), removed_by }))
        })
        .collect();
    let to_settle: Vec<OpenEntry> = attempted.iter().map(|(_, open)| open.clone()).collect();
    let outcomes = settle(context, snapshots, &to_settle, Holders::ToBeListed, When::AtOnce).await;
    let mut settled: ByEntry<Result<Settled, CallError>> = BTreeMap::new();
    for ((target, open), outcome) in attempted.iter().zip(outcomes) {
        settled.insert((target.task.clone(), open.entry.group.clone()), outcome);
    }

    let is_open = settled.values().any(Result::is_err)
        || attempted.iter().any(|(target, _)| target.authority == Authority::GivenUp)
        || answered.iter().any(|(_, _, how)| matches!(how, Deregistered::Unanswered(_)));
    let answers = targets
        .iter()
        .map(|target| match failed.get(&target.task) {
            Some(failure) => failure.clone(),
            None => match (answer(target, &answered, &settled), &unread) {
                (Removed::From(_) | Removed::NotRegistered, Some(error)) => {
                    Removed::Failed(error.clone())
                }
                (answer, _) => answer,
            },
        })
        .collect();
    (answers, intent.ok().flatten().filter(|_| !is_open))
}

/// What was found out, by task and group.
type ByEntry<T> = BTreeMap<(TaskArn, TargetGroupArn), T>;

/// What one task is told.
fn answer(
    target: &SessionTarget,
    answered: &[OfTaskInGroup],
    settled: &ByEntry<Result<Settled, CallError>>,
) -> Removed {
    let mut from = Vec::new();
    let mut taken_over = false;
    for (task, group, how) in answered.iter().filter(|(task, _, _)| *task == target.task) {
        let settled = settled.get(&(task.clone(), group.clone()));
        match (how, settled) {
            (Deregistered::NotDone(error), _)
            | (_, Some(Err(error)))
            | (Deregistered::Unanswered(error), Some(Ok(Settled::WasOurs)) | None) => {
                return Removed::Failed(error.clone());
            }
            (Deregistered::Answered(_), Some(Ok(Settled::WasOurs)) | None) => {
                from.push(group.clone());
            }
            (Deregistered::NoGroup, _) => {}
            (Deregistered::NotOurs, _)
            | (_, Some(Ok(Settled::ReRegistered | Settled::Nobodys))) => taken_over = true,
        }
    }
    match (taken_over, from.is_empty()) {
        (true, _) => Removed::TakenOver,
        (false, true) => Removed::NotRegistered,
        (false, false) => Removed::From(from),
    }
}

/// Which targets are in which group. With one group nothing is read: deregistering what isn't there
/// changes nothing. With several, only real registrations are removed, so that none is registered
/// again in a group that it never was in.
async fn registrations<'a>(
    context: &Context,
    targets: &'a [SessionTarget],
) -> Vec<(TargetGroupArn, Result<Vec<&'a SessionTarget>, CallError>)> {
    let groups = &context.config.scope.target_groups;
    if let [only] = groups.as_slice() {
        return vec![(only.clone(), Ok(targets.iter().collect()))];
    }
    let addresses: Vec<TargetAddress> = targets.iter().map(|target| target.address).collect();
    let reads = groups.iter().map(|group| async {
        let states = context.aws.target_groups.states(group, &addresses).await;
        let held = states.map(|states| {
            let is_held = |target: &&SessionTarget| {
                states.get(&target.address) == Some(&TargetState::Registered)
            };
            targets.iter().filter(is_held).collect()
        });
        (group.clone(), held)
    });
    let read = futures_util::future::join_all(reads).await;
    read.into_iter().filter(|(_, held)| !is_gone(held)).collect()
}

/// Whether there is no such group.
fn is_gone<T>(answer: &Result<T, CallError>) -> bool {
    answer.as_ref().is_err_and(|error| error.failure == Failure::NotFound)
}

/// The intent's key; `None` when there is nothing to remove.
async fn write_intent(
    context: &Context,
    entries: &[(TargetGroupArn, &SessionTarget)],
) -> Result<Option<String>, CallError> {
    if entries.is_empty() {
        return Ok(None);
    }
    let entries = entries.iter().map(|(group, target)| target.entry(group)).collect();
    // A ledger that does not answer must not use up the time of the deregistration.
    let deadline = Deadline::after(context.config.timeouts.target / 4);
    let writing = intent::write(context, entries);
    CallError::answered_by(deadline, "PutObject", "an intent in the ledger", writing)
        .await
        .map(Some)
}
