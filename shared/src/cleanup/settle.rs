//! Finding out, after targets were taken away, whether they were the right ones; those that were not
//! are registered again. The same for both functions, at once and after a crash.

use super::intent::{FOLDER, Ground, Intent, IntentEntry, TakenFrom};
use super::setting::Setting;
use super::sightings::Sightings;
use crate::aws::{CallError, Sighting};
use crate::deadline::within;
use crate::session::{DesiredStatus, Ended, SESSION_ENDED_TAG, SessionTask, Task, TaskArn};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most intents that one sweep settles: they are held in memory, and read one by one.
const MOST_INTENTS: usize = 500;

/// How many of them are read at once.
const INTENTS_AT_ONCE: usize = 16;

/// What was found out about one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The task still holds its address, so it held it then: the right target was taken.
    WasOurs,
    /// The address had become another live session's, or the task is none that is known to be over:
    /// it is registered again.
    PutBack,
    /// The address is no longer the task's, and no live session task had it then.
    Nobodys,
}

/// One entry that is to be settled.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) entry: IntentEntry,
    /// By when it was taken away: a session that was created later registers by itself, later.
    pub(crate) taken_at: Timestamp,
}

/// Who settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The plan that took the target away, right after.
    AtOnce,
    /// A later sweep: nobody is at work any more.
    Later,
}

/// The live session tasks that an address may belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owners<'a> {
    /// They are listed once an address is no longer its task's.
    ToBeListed,
    /// They have been listed since.
    Listed(&'a [SessionTask]),
    /// They could not be listed.
    Unknown(&'a CallError),
}

/// Finds out, for each entry, whether the right target was taken, and registers those again that
/// were not.
pub(crate) async fn settle(
    setting: &Setting,
    sightings: &Sightings,
    open: &[Open],
    owners: Owners<'_>,
    when: When,
) -> Vec<Result<Settled, CallError>> {
    let found = look_at_tasks(sightings, open).await;
    let first: Vec<Result<Found, CallError>> =
        open.iter().map(|one| judge(&one.entry, &found, when)).collect();
    let listed = match owners {
        Owners::ToBeListed if first.contains(&Ok(Found::AskOwners)) => {
            sightings.session_tasks(setting, DesiredStatus::Running).await.map(|tasks| {
                let scope = &setting.config.scope;
                tasks.iter().filter_map(|task| SessionTask::read(task, scope)).collect()
            })
        }
        Owners::ToBeListed | Owners::Listed(_) => Ok(Vec::new()),
        Owners::Unknown(error) => Err(error.clone()),
    };
    let owners = match (owners, &listed) {
        (Owners::Listed(owners), _) => Ok(owners),
        (_, Ok(listed)) => Ok(listed.as_slice()),
        (_, Err(error)) => Err(error),
    };
    let mut settled = Vec::new();
    for (one, found) in open.iter().zip(first) {
        settled.push(match (found, owners) {
            (Err(error), _) => Err(error),
            (Ok(Found::WasOurs), _) => Ok(Settled::WasOurs),
            (Ok(Found::GoesOn), _) => register_again(setting, &one.entry, None).await,
            (Ok(Found::AskOwners), Err(error)) => Err(error.clone()),
            (Ok(Found::AskOwners), Ok(owners)) => {
                match owners.iter().find(|task| was_the_owner(task, one)) {
                    Some(owner) => return_to(setting, sightings, one, &owner.arn).await,
                    None => Ok(Settled::Nobodys),
                }
            }
        });
    }
    settled
}

/// What a look at the task says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    WasOurs,
    /// Nothing had confirmed that it is over, and it runs on: it gets its traffic back.
    GoesOn,
    AskOwners,
}

async fn look_at_tasks(
    sightings: &Sightings,
    open: &[Open],
) -> BTreeMap<TaskArn, Result<Sighting, CallError>> {
    let tasks: Vec<TaskArn> = open
        .iter()
        .filter_map(|one| match &one.entry.from {
            TakenFrom::Task { arn, .. } => Some(arn.clone()),
            TakenFrom::Nobody => None,
        })
        .collect();
    let looks = sightings.look(&tasks).await;
    tasks.into_iter().zip(looks).collect()
}

fn judge(
    entry: &IntentEntry,
    looks: &BTreeMap<TaskArn, Result<Sighting, CallError>>,
    when: When,
) -> Result<Found, CallError> {
    let TakenFrom::Task { arn, ground, .. } = &entry.from else { return Ok(Found::AskOwners) };
    let task = match looks.get(arn) {
        Some(Ok(sighting)) => sighting.task.as_ref(),
        Some(Err(error)) => return Err(error.clone()),
        None => None,
    };
    let Some(task) = task.filter(|task| task.held_address() == Some(entry.address.ip)) else {
        return Ok(Found::AskOwners);
    };
    Ok(match (ground, when) {
        (Ground::GivenUp, When::Later) if goes_on(task) => Found::GoesOn,
        (Ground::OwnersWord | Ground::Confirmed | Ground::GivenUp, _) => Found::WasOurs,
    })
}

/// Whether a session runs on that its owner has not ended.
fn goes_on(task: &Task) -> bool {
    task.shall_run() && !task.tags.contains_key(SESSION_ENDED_TAG)
}

/// A live session task, not ended, other than the one that is cleaned up, that had the address when
/// it was taken away.
fn was_the_owner(task: &SessionTask, open: &Open) -> bool {
    let cleaned_up = match &open.entry.from {
        TakenFrom::Task { arn, .. } => Some(arn),
        TakenFrom::Nobody => None,
    };
    Some(&task.arn) != cleaned_up
        && task.address == Some(open.entry.address.ip)
        && task.shall_run
        && task.ended == Ended::No
        && task.created_at < open.taken_at
}

/// A listing takes time, and is a moment old: the owner is looked at once more, so that no target is
/// registered for a task that has left its address since.
async fn return_to(
    setting: &Setting,
    sightings: &Sightings,
    open: &Open,
    owner: &TaskArn,
) -> Result<Settled, CallError> {
    let sighting = sightings.look_at(owner).await?;
    let scope = &setting.config.scope;
    let task = sighting.task.and_then(|task| SessionTask::read(&task, scope));
    if task.is_some_and(|task| was_the_owner(&task, open)) {
        register_again(setting, &open.entry, Some(owner)).await
    } else {
        Ok(Settled::Nobodys)
    }
}

async fn register_again(
    setting: &Setting,
    entry: &IntentEntry,
    owner: Option<&TaskArn>,
) -> Result<Settled, CallError> {
    setting.aws.target_groups.register(&entry.group, &[entry.address]).await?;
    let owner = owner.map(tracing::field::display);
    tracing::warn!(
        address = %entry.address, group = %entry.group, owner, taken_from = ?entry.from,
        "a live session had lost its target; it is registered again"
    );
    setting.metrics.put_back();
    Ok(Settled::PutBack)
}

/// What a sweep did about the intents that were left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SettledIntents {
    /// Intents that are settled, and deleted.
    pub settled: usize,
    /// Targets that were registered again.
    pub put_back: usize,
    /// Intents that stay, and why.
    pub problems: Vec<String>,
}

/// The intents that were left behind: those older than the longest that a function may run. Younger
/// ones may still be at work.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    intents: Vec<(String, Vec<Open>)>,
    problems: Vec<String>,
}

impl LeftBehind {
    /// Reads them from the ledger, for at most `limit`.
    pub(crate) async fn read(setting: &Setting, limit: Duration) -> Self {
        within(limit, Self::read_all(setting)).await.unwrap_or_else(|timed_out| Self {
            problems: vec![format!(
                "intents are not read: {timed_out}; the next sweep tries again"
            )],
            ..Self::default()
        })
    }

    async fn read_all(setting: &Setting) -> Self {
        let ledger = &setting.aws.ledger;
        let age = setting.config.sweep.longest_invocation;
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        let mut found = Self::default();
        let mut keys = match ledger.keys(FOLDER).await {
            Ok(keys) => keys,
            Err(error) => {
                found.problems.push(format!("{error}; the next sweep tries again"));
                return found;
            }
        };
        if keys.len() > MOST_INTENTS {
            let waiting = keys.len() - MOST_INTENTS;
            found.problems.push(format!("{waiting} intents wait for the next sweeps"));
            // At random, so that those which can't be settled keep no others waiting for ever.
            fastrand::shuffle(&mut keys);
            keys.truncate(MOST_INTENTS);
        }
        let reads = keys.into_iter().map(|key| {
            async move {
                let read = ledger.read::<Intent>(&key).await;
                (key, read)
            }
            .boxed()
        });
        let mut reads = stream::iter(reads).buffered(INTENTS_AT_ONCE);
        while let Some((key, read)) = reads.next().await {
            let intent = match read {
                Ok(Some(stored)) => stored.document,
                Ok(None) => continue,
                Err(error) => {
                    found.problems.push(format!("{error}; the next sweep tries again"));
                    continue;
                }
            };
            let after = |time| intent.written_at.saturating_add(time).unwrap_or(Timestamp::MAX);
            if after(age) < setting.clock.now() {
                let taken_at = after(longest_taking(setting).min(age));
                let open = |entry| Open { entry, taken_at };
                found.intents.push((key, intent.entries.into_iter().map(open).collect()));
            }
        }
        found
    }

    /// Settles them, all by one look at their tasks, and deletes those that are settled whole; for at
    /// most `limit`.
    pub(crate) async fn settle(
        self,
        setting: &Setting,
        sightings: &Sightings,
        owners: Owners<'_>,
        limit: Duration,
    ) -> SettledIntents {
        let settling = self.settle_all(setting, sightings, owners);
        within(limit, settling).await.unwrap_or_else(|timed_out| SettledIntents {
            problems: vec![format!("not all are settled: {timed_out}; the next sweep goes on")],
            ..SettledIntents::default()
        })
    }

    async fn settle_all(
        self,
        setting: &Setting,
        sightings: &Sightings,
        owners: Owners<'_>,
    ) -> SettledIntents {
        let mut done = SettledIntents { problems: self.problems, ..SettledIntents::default() };
        let open: Vec<Open> = self.intents.iter().flat_map(|(_, open)| open.clone()).collect();
        let mut answers = settle(setting, sightings, &open, owners, When::Later).await.into_iter();
        for (key, open) in self.intents {
            let answers: Vec<_> = answers.by_ref().take(open.len()).collect();
            done.put_back += answers.iter().filter(|one| **one == Ok(Settled::PutBack)).count();
            match answers.into_iter().find_map(Result::err) {
                Some(error) => {
                    done.problems.push(format!("{key} is not settled: {error}; it stays"));
                }
                None => delete(setting, &key, &mut done).await,
            }
        }
        done
    }
}

/// From an intent to the last moment at which what it names was taken away: writing it, the attempts
/// for as long as they are repeated, and the last of them. No longer, or a session that got the address
/// afterwards would be registered in a group that it never was in.
fn longest_taking(setting: &Setting) -> SignedDuration {
    let taking = setting.config.timeouts.target * 2 + Duration::from_secs(10);
    SignedDuration::try_from(taking).unwrap_or(SignedDuration::MAX)
}

async fn delete(setting: &Setting, key: &str, done: &mut SettledIntents) {
    match setting.aws.ledger.delete(key).await {
        Ok(()) => done.settled += 1,
        Err(error) => done.problems.push(format!("{error}; the next sweep deletes it")),
    }
}
