//! Sessions' targets: those of a whole batch are removed together.

use super::deregister::{Deregistered, OfTask, deregister};
use super::intent::{self, Authority, IntentEntry, OpenEntry, Registration, SessionTarget, When};
use super::settle::{Holders, Settled, settle};
use crate::aws::{Asked, CallError, Failure};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{TargetGroupArn, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What an invocation has deregistered, or tried to, of each task.
pub(super) type Attempted = Mutex<BTreeMap<TaskArn, Vec<IntentEntry>>>;

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
/// deleted, so that nobody waits for that. It is deleted once no container can say any more that it
/// runs another session: until then it is what a crash would leave to go by.
pub(super) async fn remove_session_targets(
    context: Arc<Context>,
    snapshots: Arc<TaskSnapshots>,
    attempted: Arc<Attempted>,
    asked: Vec<Asked<SessionTarget, Removed>>,
) {
    let targets: Vec<SessionTarget> = asked.iter().map(|one| one.question.clone()).collect();
    let (answers, settled) = remove(&context, &snapshots, &attempted, &targets).await;
    for (one, answer) in asked.into_iter().zip(answers) {
        // One who has given up no longer listens.
        let _ = one.answer.send(answer);
    }
    if let Some(key) = settled
        && all_are_settled(&targets).await
        && let Err(error) = context.aws.ledger.delete(&key).await
    {
        tracing::warn!(%error, "a settled intent stays behind; the next sweep deletes it");
    }
}

async fn all_are_settled(targets: &[SessionTarget]) -> bool {
    let words = targets.iter().map(SessionTarget::is_settled);
    futures_util::future::join_all(words).await.into_iter().all(|settled| settled)
}

/// The answers in the order of `targets`, and the key of the intent when nothing of it is open.
async fn remove(
    context: &Context,
    snapshots: &TaskSnapshots,
    attempted: &Attempted,
    targets: &[SessionTarget],
) -> (Vec<Removed>, Option<String>) {
    let mut failed: BTreeMap<&TaskArn, Removed> = BTreeMap::new();
    let mut entries = Vec::new();
    // Groups don't fail together: what can't be read is said in the end, and the others' targets go.
    let mut unread: Option<CallError> = None;
    for held in registrations(context, targets).await {
        match held {
            Ok(held) => entries.extend(held),
            Err(error) => unread = unread.or(Some(error)),
        }
    }

    let intent = write_intent(context, &entries).await;
    if let Err(error) = &intent {
        tracing::error!(
            %error,
            "no intent can be written; only targets of sessions that an owner or ECS reported as ended are deregistered"
        );
        let waits = |target: &SessionTarget| target.authority != Authority::OwnersWord;
        for place in entries.extract_if(.., |place: &mut Place<'_>| waits(place.target)) {
            failed.insert(&place.target.task, Removed::Waits(error.clone()));
        }
    }

    let deadline = Deadline::after(context.config.timeouts.target);
    let mut by_group: BTreeMap<TargetGroupArn, Vec<SessionTarget>> = BTreeMap::new();
    for Place { at, target, .. } in &entries {
        let target = SessionTarget { address: at.address, ..(*target).clone() };
        by_group.entry(at.group.clone()).or_default().push(target);
    }
    {
        let mut attempted = attempted.lock().unwrap_or_else(PoisonError::into_inner);
        for place in &entries {
            attempted.entry(place.target.task.clone()).or_default().push(place.entry());
        }
    }
    let answered = by_group
        .iter()
        .map(|(group, targets)| deregister(context, snapshots, group, targets, deadline));
    let answered: Vec<OfTask> = futures_util::future::join_all(answered).await.concat();

    forget_what_was_not_done(context, attempted, &entries, &answered);

    // Those without an answer are asked about too: they may be gone all the same.
    let (places, to_settle): (Vec<&Place<'_>>, Vec<OpenEntry>) = entries
        .iter()
        .filter_map(|place| {
            let Place { at, target, .. } = place;
            let (_, _, how) = answered.iter().find(|(t, a, _)| *t == target.task && a == at)?;
            let removed_by = how.attempted_until(&context.clock)?;
            Some((place, OpenEntry { entry: place.entry(), removed_by }))
        })
        .unzip();
    // Who has an address by now may be in each group that the task was in, also where nothing was removed.
    let named: Vec<IntentEntry> = entries.iter().map(Place::entry).collect();
    let settling = (to_settle.as_slice(), named.as_slice());
    let outcomes = settle(context, snapshots, settling, Holders::ToBeListed, When::AtOnce).await;
    let mut settled: ByEntry<Result<Settled, CallError>> = BTreeMap::new();
    for (Place { at, target, .. }, outcome) in places.iter().zip(outcomes) {
        settled.insert((target.task.clone(), at.clone()), outcome);
    }

    // What is registered again is looked at once more, by the next sweep.
    let is_open = settled.values().any(|one| matches!(one, Err(_) | Ok(Settled::ReRegistered)))
        || places.iter().any(|place| place.target.authority == Authority::GivenUp)
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

/// What certainly was not deregistered is not registered again.
fn forget_what_was_not_done(
    context: &Context,
    attempted: &Attempted,
    entries: &[Place<'_>],
    answered: &[OfTask],
) {
    let was_not_done = |place: &&Place<'_>| {
        let mut answers = answered.iter();
        let of_it = answers.find(|(task, at, _)| *task == place.target.task && *at == place.at);
        of_it.is_some_and(|(_, _, how)| how.attempted_until(&context.clock).is_none())
    };
    let mut attempted = attempted.lock().unwrap_or_else(PoisonError::into_inner);
    for place in entries.iter().filter(was_not_done) {
        let Some(known) = attempted.get_mut(&place.target.task) else { continue };
        // An earlier round may have done it.
        if let Some(last) = known.iter().rposition(|one| *one == place.entry()) {
            known.remove(last);
        }
    }
}

/// What was found out, by task and place.
type ByEntry<T> = BTreeMap<(TaskArn, Registration), T>;

/// What one task is told.
fn answer(
    target: &SessionTarget,
    answered: &[OfTask],
    settled: &ByEntry<Result<Settled, CallError>>,
) -> Removed {
    let mut from = Vec::new();
    let mut taken_over = false;
    for (task, at, how) in answered.iter().filter(|(task, _, _)| *task == target.task) {
        let settled = settled.get(&(task.clone(), at.clone()));
        match (how, settled) {
            (Deregistered::NotDone(error), _)
            | (_, Some(Err(error)))
            | (Deregistered::Unanswered(error), Some(Ok(Settled::WasOurs)) | None) => {
                return Removed::Failed(error.clone());
            }
            (Deregistered::Answered(_), Some(Ok(Settled::WasOurs)) | None) => {
                from.push(at.group.clone());
            }
            (Deregistered::NoGroup, _) => {}
            (Deregistered::NotOurs, _)
            | (
                _,
                Some(Ok(
                    Settled::ReRegistered
                    | Settled::InPlace
                    | Settled::Nobodys
                    | Settled::Elsewhere { .. },
                )),
            ) => taken_over = true,
        }
    }
    match (taken_over, from.is_empty()) {
        (true, _) => Removed::TakenOver,
        (false, true) => Removed::NotRegistered,
        (false, false) => Removed::From(from),
    }
}

/// Where which target is to be deregistered, group by group. Health is read first: only real registrations
/// are removed, at whatever port, so that none is registered again in a group that it never was in. Where
/// the only group can't be read, the configured port is assumed, and the target goes all the same.
async fn registrations<'a>(
    context: &Context,
    targets: &'a [SessionTarget],
) -> Vec<Result<Vec<Place<'a>>, CallError>> {
    let groups = &context.config.scope.target_groups;
    let (unseen, seen): (Vec<_>, Vec<_>) =
        targets.iter().partition(|target| target.seen.is_empty());
    let at = |target: &'a SessionTarget| {
        let place = move |at: &Registration| Place { at: at.clone(), target, assumed: false };
        target.seen.iter().map(place)
    };
    let mut found = vec![Ok(seen.into_iter().flat_map(at).collect())];
    if unseen.is_empty() {
        return found;
    }
    let reads = groups.iter().map(|group| read(context, group, &unseen));
    let read = futures_util::future::join_all(reads).await;
    found.extend(read.into_iter().filter(|held| !is_gone(held)));
    if let ([only], [_, unread @ Err(_)]) = (groups.as_slice(), found.as_mut_slice()) {
        let assumed = |target: &'a SessionTarget| Place {
            at: Registration { group: only.clone(), address: target.address },
            target,
            assumed: true,
        };
        *unread = Ok(unseen.into_iter().map(assumed).collect());
    }
    found
}

/// A place where a target is to be deregistered.
#[derive(Debug, Clone)]
struct Place<'a> {
    at: Registration,
    target: &'a SessionTarget,
    /// Whether nobody has seen it registered there.
    assumed: bool,
}

impl Place<'_> {
    fn entry(&self) -> IntentEntry {
        self.target.entry(&self.at, self.assumed)
    }
}

/// The registrations of `targets` in a group, at whatever port.
async fn read<'a>(
    context: &Context,
    group: &TargetGroupArn,
    targets: &[&'a SessionTarget],
) -> Result<Vec<Place<'a>>, CallError> {
    let states = context.aws.target_groups.all_states(group).await?;
    let registered = states.into_iter().filter(|(_, state)| state.is_registered());
    let held = registered.flat_map(|(address, _)| {
        let owners = targets.iter().filter(move |target| target.address.ip == address.ip);
        owners.map(move |target| Place {
            at: Registration { group: group.clone(), address },
            target,
            assumed: false,
        })
    });
    Ok(held.collect())
}

/// Whether there is no such group.
fn is_gone<T>(answer: &Result<T, CallError>) -> bool {
    answer.as_ref().is_err_and(|error| error.failure == Failure::NotFound)
}

/// The intent's key; `None` when there is nothing to remove.
async fn write_intent(
    context: &Context,
    entries: &[Place<'_>],
) -> Result<Option<String>, CallError> {
    if entries.is_empty() {
        return Ok(None);
    }
    let entries = entries.iter().map(Place::entry).collect();
    // A ledger that does not answer must not use up the time of the deregistration.
    let deadline = Deadline::after(context.config.timeouts.target / 4);
    let writing = intent::write(context, entries);
    CallError::answered_by(deadline, "PutObject", "an intent in the ledger", writing)
        .await
        .map(Some)
}
