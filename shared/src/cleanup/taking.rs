//! Taking targets away, and putting back what was not ours to take: the same few lines for a whole
//! batch, and for both functions.

use super::deregistration::{Deregistered, Taking, deregister};
use super::intent::{self, Ground, IntentEntry, TakenFrom};
use super::setting::Setting;
use super::settle::{Open, Owners, Settled, When, settle};
use super::sightings::Sightings;
use crate::aws::{Asked, CallError, TargetState, answered_within};
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is out of these groups, and it was ours.
    Away(Vec<TargetGroupArn>),
    /// No group held it.
    NotRegistered,
    /// The task no longer holds the address: whoever has it keeps, or got back, its target.
    Lost,
    /// Nothing was done: the intent can't be written, and we only infer that the session is over.
    Waits(CallError),
    /// Not known, or not done.
    Failed(CallError),
}

/// Takes all targets of `asked` away: intent, one `DeregisterTargets` a group, and one look at the
/// tasks to see whether the addresses were still theirs. Everyone is answered before the intent is
/// deleted, so that nobody waits for that.
pub(super) async fn take_away(
    setting: Arc<Setting>,
    sightings: Arc<Sightings>,
    asked: Vec<Asked<Taking, Taken>>,
) {
    let takings: Vec<Taking> = asked.iter().map(|one| one.question.clone()).collect();
    let (answers, written) = take(&setting, &sightings, &takings).await;
    for (one, answer) in asked.into_iter().zip(answers) {
        // One who has given up no longer listens.
        let _ = one.answer.send(answer);
    }
    if let Some(key) = written
        && let Err(error) = setting.aws.ledger.delete(&key).await
    {
        tracing::warn!(%error, "a settled intent stays behind; the next sweep deletes it");
    }
}

/// The answers in the order of `takings`, and the key of the intent when nothing of it is open.
async fn take(
    setting: &Setting,
    sightings: &Sightings,
    takings: &[Taking],
) -> (Vec<Taken>, Option<String>) {
    let mut failed: BTreeMap<&TaskArn, Taken> = BTreeMap::new();
    let mut entries = Vec::new();
    for (group, held) in registrations(setting, takings).await {
        match held {
            Ok(held) => entries.extend(held.into_iter().map(|taking| (group.clone(), taking))),
            Err(error) => {
                let failure = Taken::Failed(error);
                failed.extend(takings.iter().map(|taking| (&taking.task, failure.clone())));
            }
        }
    }
    entries.retain(|(_, taking)| !failed.contains_key(&taking.task));

    let documents = entries.iter().map(|(group, taking)| entry(group, taking)).collect::<Vec<_>>();
    let intent = write_intent(setting, documents).await;
    if let Err(error) = &intent {
        tracing::error!(%error, "no intent can be written; only what its owner ended is taken away");
        let waits = |taking: &Taking| taking.ground != Ground::OwnersWord;
        for (_, taking) in entries.extract_if(.., |(_, taking)| waits(taking)) {
            failed.insert(&taking.task, Taken::Waits(error.clone()));
        }
    }

    let limit = setting.config.timeouts.target;
    let mut by_group: BTreeMap<TargetGroupArn, Vec<Taking>> = BTreeMap::new();
    for (group, taking) in &entries {
        by_group.entry(group.clone()).or_default().push((*taking).clone());
    }
    let answered = by_group
        .iter()
        .map(|(group, takings)| deregister(setting, sightings, group, takings, limit));
    let answered: Vec<(TaskArn, TargetGroupArn, Deregistered)> =
        futures_util::future::join_all(answered).await.concat();

    // Those without an answer are looked at too: they may be gone all the same.
    let attempted: Vec<(&Taking, Open)> = entries
        .iter()
        .filter_map(|(group, taking)| {
            let (_, _, how) = answered.iter().find(|(t, g, _)| *t == taking.task && g == group)?;
            let taken_at = how.attempted_until(setting)?;
            Some((*taking, Open { entry: entry(group, taking), taken_at }))
        })
        .collect();
    let to_settle: Vec<Open> = attempted.iter().map(|(_, open)| open.clone()).collect();
    let outcomes = settle(setting, sightings, &to_settle, Owners::ToBeListed, When::AtOnce).await;
    let mut settled: ByEntry<Result<Settled, CallError>> = BTreeMap::new();
    for ((taking, open), outcome) in attempted.iter().zip(outcomes) {
        settled.insert((taking.task.clone(), open.entry.group.clone()), outcome);
    }

    let open = settled.values().any(Result::is_err)
        || attempted.iter().any(|(taking, _)| taking.ground == Ground::GivenUp)
        || answered.iter().any(|(_, _, how)| matches!(how, Deregistered::Unanswered(_)));
    let answers = takings
        .iter()
        .map(|taking| match failed.get(&taking.task) {
            Some(failure) => failure.clone(),
            None => answer(taking, &answered, &settled),
        })
        .collect();
    (answers, intent.ok().flatten().filter(|_| !open))
}

/// What was found out, by task and group.
type ByEntry<T> = BTreeMap<(TaskArn, TargetGroupArn), T>;

/// What one task is told.
fn answer(
    taking: &Taking,
    answered: &[(TaskArn, TargetGroupArn, Deregistered)],
    settled: &ByEntry<Result<Settled, CallError>>,
) -> Taken {
    let mut away = Vec::new();
    let mut taken_over = false;
    for (task, group, how) in answered.iter().filter(|(task, _, _)| *task == taking.task) {
        let settled = settled.get(&(task.clone(), group.clone()));
        match (how, settled) {
            (Deregistered::NotDone(error), _)
            | (_, Some(Err(error)))
            | (Deregistered::Unanswered(error), Some(Ok(Settled::WasOurs)) | None) => {
                return Taken::Failed(error.clone());
            }
            (Deregistered::Done(_), Some(Ok(Settled::WasOurs)) | None) => away.push(group.clone()),
            (Deregistered::NotOurs, _) | (_, Some(Ok(Settled::PutBack | Settled::Nobodys))) => {
                taken_over = true;
            }
        }
    }
    match (taken_over, away.is_empty()) {
        (true, _) => Taken::Lost,
        (false, true) => Taken::NotRegistered,
        (false, false) => Taken::Away(away),
    }
}

fn entry(group: &TargetGroupArn, taking: &Taking) -> IntentEntry {
    IntentEntry {
        group: group.clone(),
        address: taking.address,
        from: TakenFrom::Task {
            arn: taking.task.clone(),
            session: taking.session.clone(),
            ground: taking.ground,
        },
    }
}

/// Which targets are in which group. With one group nothing is read: taking away what isn't there
/// changes nothing. With several, only real registrations are taken away, so that none is put back
/// into a group that it never was in.
async fn registrations<'a>(
    setting: &Setting,
    takings: &'a [Taking],
) -> Vec<(TargetGroupArn, Result<Vec<&'a Taking>, CallError>)> {
    let groups = &setting.config.scope.target_groups;
    if let [only] = groups.as_slice() {
        return vec![(only.clone(), Ok(takings.iter().collect()))];
    }
    let addresses: Vec<TargetAddress> = takings.iter().map(|taking| taking.address).collect();
    let reads = groups.iter().map(|group| async {
        let states = setting.aws.target_groups.states(group, &addresses).await;
        let held = states.map(|states| {
            let is_held =
                |taking: &&Taking| states.get(&taking.address) == Some(&TargetState::Registered);
            takings.iter().filter(is_held).collect()
        });
        (group.clone(), held)
    });
    futures_util::future::join_all(reads).await
}

/// The intent's key; `None` when there is nothing to take.
async fn write_intent(
    setting: &Setting,
    entries: Vec<IntentEntry>,
) -> Result<Option<String>, CallError> {
    if entries.is_empty() {
        return Ok(None);
    }
    // A ledger that does not answer must not use up the time of the deregistration.
    let limit = setting.config.timeouts.target / 4;
    let writing = intent::write(setting, entries);
    answered_within(limit, "PutObject", "an intent in the ledger", writing).await.map(Some)
}
