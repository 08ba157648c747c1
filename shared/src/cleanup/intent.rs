//! Intents: what we are about to take out of target groups, written down before it is done, so that
//! a crash right after can be put right by someone else.

use super::setting::Setting;
use super::sightings::Sightings;
use crate::aws::CallError;
use crate::session::{
    DesiredStatus, SESSION_ENDED_TAG, SessionId, TargetAddress, TargetGroupArn, Task, TaskArn,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const FOLDER: &str = "intents/";

/// One object of the ledger: everything that one call round takes away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was written.
    pub written_at: Timestamp,
    /// What is taken away.
    pub entries: Vec<IntentEntry>,
}

/// One target to be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentEntry {
    /// The group that it is taken out of.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
    /// The task that held the address.
    pub task: TaskArn,
    /// The session of that task.
    pub session: SessionId,
}

impl Intent {
    /// A key of its own for each intent, in the order of time.
    pub(super) fn key(&self) -> String {
        let seconds = self.written_at.as_second();
        format!("{FOLDER}{seconds}-{:016x}.json", fastrand::u64(..))
    }
}

/// What was found out about one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The task still holds its address, so it held it then: the right target was taken.
    WasOurs,
    /// The address had become another live session's: it is registered again.
    PutBack,
    /// The address is no longer the task's, and no live session task had it then.
    Nobodys,
}

/// Finds out, for each entry, whether the right target was taken, and registers those again that
/// were not. `taken_at` is when the load balancer had answered: a session that was created later
/// registers by itself, later.
pub(super) async fn settle(
    setting: &Setting,
    sightings: &Sightings,
    entries: &[(IntentEntry, Timestamp)],
) -> Vec<Result<Settled, CallError>> {
    let tasks: Vec<TaskArn> = entries.iter().map(|(entry, _)| entry.task.clone()).collect();
    let looks = sightings.look(&tasks).await;
    let still_ours: Vec<Result<bool, CallError>> = entries
        .iter()
        .zip(looks)
        .map(|((entry, _), look)| {
            let held = look?.task.and_then(|task| task.held_address());
            Ok(held == Some(entry.address.ip))
        })
        .collect();
    let owners = if still_ours.contains(&Ok(false)) {
        sightings.session_tasks(setting, DesiredStatus::Running).await
    } else {
        Ok(Vec::new())
    };
    let mut settled = Vec::new();
    for ((entry, taken_at), still_ours) in entries.iter().zip(still_ours) {
        settled.push(match (still_ours, &owners) {
            (Err(error), _) => Err(error),
            (Ok(true), _) => Ok(Settled::WasOurs),
            (Ok(false), Err(error)) => Err(error.clone()),
            (Ok(false), Ok(owners)) => return_to_owner(setting, entry, *taken_at, owners).await,
        });
    }
    settled
}

async fn return_to_owner(
    setting: &Setting,
    entry: &IntentEntry,
    taken_at: Timestamp,
    owners: &[Task],
) -> Result<Settled, CallError> {
    let Some(owner) = owners.iter().find(|task| was_the_owner(task, entry, taken_at)) else {
        return Ok(Settled::Nobodys);
    };
    setting.aws.target_groups.register(&entry.group, &[entry.address]).await?;
    tracing::warn!(
        address = %entry.address, group = %entry.group, owner = %owner.arn, taken_for = %entry.task,
        "the address had become another session's; its target is registered again"
    );
    setting.metrics.put_back();
    Ok(Settled::PutBack)
}

/// A live session task, not ended, other than the one that is cleaned up, that had the address when
/// it was taken away.
fn was_the_owner(task: &Task, entry: &IntentEntry, taken_at: Timestamp) -> bool {
    task.arn != entry.task
        && task.held_address() == Some(entry.address.ip)
        && task.desired_status == DesiredStatus::Running
        && !task.tags.contains_key(SESSION_ENDED_TAG)
        && task.created_at < taken_at
}

/// Settles the intents that a crash left behind: those older than `longest_invocation`, the longest
/// that a function may run. Younger ones may still be at work.
///
/// Returns how many were settled.
///
/// # Errors
/// [`CallError`] when the ledger can't be listed. An intent that can't be settled now stays, and is
/// logged; the next call tries again.
pub async fn settle_intents(
    setting: &Setting,
    longest_invocation: Duration,
) -> Result<usize, CallError> {
    let ledger = &setting.aws.ledger;
    let age = SignedDuration::try_from(longest_invocation).unwrap_or(SignedDuration::MAX);
    let sightings = Sightings::new(&setting.aws.tasks);
    let mut count = 0;
    for key in ledger.keys(FOLDER).await? {
        let intent: Intent = match ledger.read(&key).await {
            Ok(Some(stored)) => stored.document,
            Ok(None) => continue,
            Err(error) => {
                tracing::error!(%error, "an intent can't be read; the next sweep tries again");
                continue;
            }
        };
        let taken_at = intent.written_at.saturating_add(age).unwrap_or(Timestamp::MAX);
        if taken_at >= setting.clock.now() {
            continue;
        }
        let entries: Vec<_> = intent.entries.into_iter().map(|entry| (entry, taken_at)).collect();
        let settled: Result<Vec<Settled>, CallError> =
            settle(setting, &sightings, &entries).await.into_iter().collect();
        let done = match settled {
            Ok(_) => ledger.delete(&key).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => count += 1,
            Err(error) => {
                tracing::error!(%error, %key, "an intent is not settled; the next sweep tries again");
            }
        }
    }
    Ok(count)
}

/// Writes an intent for `entries`; the answer is its key.
pub(super) async fn write(
    setting: &Setting,
    entries: Vec<IntentEntry>,
) -> Result<String, CallError> {
    let intent = Intent { written_at: setting.clock.now(), entries };
    let key = intent.key();
    setting.aws.ledger.create(&key, &intent).await.map(|()| key)
}
