//! What a crash left behind: intents of a function that died between the deregistration and the
//! question whose target it was. The next sweep asks it.

use super::intent::{FOLDER, HeldBy, Intent, IntentEntry, OpenEntry, When};
use super::settle::{Holders, Settled, settle};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many intents one sweep settles: they are held in memory, and read one by one.
const INTENTS_A_SWEEP: usize = 500;

/// How many of them are read at once.
const INTENTS_AT_ONCE: usize = 16;

/// What a sweep did about the intents that were left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecoveredIntents {
    /// Intents that are settled, and deleted.
    pub settled: usize,
    /// Targets that were registered again.
    pub re_registered: usize,
    /// Intents that stay: whether a live session is without its target is not known, or it can't be
    /// registered again yet.
    pub pending: usize,
    /// Intents that stay, and why.
    pub problems: Vec<String>,
}

/// The intents that were left behind: those older than the longest that a function may run. Younger
/// ones may still be at work.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    intents: Vec<(String, Vec<OpenEntry>)>,
    problems: Vec<String>,
    /// Whether there is another that AWS did not show: it may name the same addresses.
    is_one_unread: bool,
}

impl LeftBehind {
    /// Reads them from the ledger, until `deadline`.
    pub(crate) async fn read(context: &Context, deadline: Deadline) -> Self {
        deadline.run(Self::read_all(context)).await.unwrap_or_else(|timed_out| Self {
            problems: vec![format!(
                "intents are not read: {timed_out}; the next sweep tries again"
            )],
            ..Self::default()
        })
    }

    /// Those that name `task`; the others are the next sweep's.
    pub(crate) fn about(self, task: &TaskArn) -> Self {
        let is_about = |open: &OpenEntry| open.entry.held_by.task() == Some(task);
        let intents = self.intents.into_iter().filter(|(_, open)| open.iter().any(is_about));
        Self { intents: intents.collect(), ..self }
    }

    async fn read_all(context: &Context) -> Self {
        let ledger = &context.aws.ledger;
        let age = context.config.sweep.longest_invocation;
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        let mut found = Self::default();
        let mut keys = match ledger.keys(FOLDER).await {
            Ok(keys) => keys,
            Err(error) => {
                found.problems.push(format!("{error}; the next sweep tries again"));
                return found;
            }
        };
        let waiting = keys.len().saturating_sub(INTENTS_A_SWEEP);
        if waiting > 0 {
            found.problems.push(format!("{waiting} intents wait for the next sweeps"));
            // At random, so that those which can't be settled keep no others waiting for ever.
            fastrand::shuffle(&mut keys);
            keys.truncate(INTENTS_A_SWEEP);
        }
        let reads = keys.into_iter().map(|key| {
            async move {
                let read = ledger.read::<Intent>(&key).await;
                (key, read)
            }
            .boxed()
        });
        let mut reads = stream::iter(reads).buffered(INTENTS_AT_ONCE);
        let mut read_whole: Vec<(String, Intent)> = Vec::new();
        while let Some((key, read)) = reads.next().await {
            let intent = match read {
                Ok(Some(stored)) => stored.document,
                Ok(None) => continue,
                Err(error) => {
                    // What is no intent stays none.
                    found.is_one_unread |= !error.is_unreadable();
                    found.problems.push(format!("{error}; the next sweep tries again"));
                    continue;
                }
            };
            read_whole.push((key, intent));
        }
        let newest = newest(&read_whole);
        for (key, intent) in read_whole {
            let after = |time| intent.written_at.saturating_add(time).unwrap_or(Timestamp::MAX);
            if after(age) < context.clock.now() {
                let removed_by = after(longest_removal(context).min(age));
                // What a newer intent names is that one's to settle.
                let is_last = |entry: &IntentEntry| {
                    newest.get(&(entry.group.clone(), entry.address)) == Some(&intent.written_at)
                };
                let open = |entry| OpenEntry { entry, removed_by };
                let entries = intent.entries.into_iter().filter(is_last).map(open);
                found.intents.push((key, entries.collect()));
            }
        }
        found
    }

    /// Settles them, all by one snapshot of their tasks, and deletes those that are settled whole;
    /// until `deadline`.
    pub(crate) async fn settle(
        self,
        context: &Context,
        snapshots: &TaskSnapshots,
        holders: Holders<'_>,
        deadline: Deadline,
    ) -> RecoveredIntents {
        let pending = self.intents.len();
        let settling = self.settle_all(context, snapshots, holders);
        deadline.run(settling).await.unwrap_or_else(|timed_out| RecoveredIntents {
            pending,
            problems: vec![format!("not all are settled: {timed_out}; the next sweep goes on")],
            ..RecoveredIntents::default()
        })
    }

    async fn settle_all(
        mut self,
        context: &Context,
        snapshots: &TaskSnapshots,
        holders: Holders<'_>,
    ) -> RecoveredIntents {
        let pending = self.leave_out_what_depends_on_others(context);
        let mut done =
            RecoveredIntents { pending, problems: self.problems, ..RecoveredIntents::default() };
        let open: Vec<OpenEntry> = self.intents.iter().flat_map(|(_, open)| open.clone()).collect();
        let named: Vec<IntentEntry> = open.iter().map(|one| one.entry.clone()).collect();
        let settling = settle(context, snapshots, (&open, &named), holders, When::Later);
        let mut answers = settling.await.into_iter();
        for (key, open) in self.intents {
            let answers: Vec<_> = answers.by_ref().take(open.len()).collect();
            done.re_registered +=
                answers.iter().filter(|one| **one == Ok(Settled::ReRegistered)).count();
            for answer in answers.iter().flatten() {
                match answer {
                    Settled::Elsewhere { why } => done.problems.push(why.clone()),
                    Settled::WasOurs
                    | Settled::ReRegistered
                    | Settled::InPlace
                    | Settled::Nobodys => {}
                }
            }
            match answers.into_iter().find_map(Result::err) {
                Some(error) => {
                    done.pending += 1;
                    done.problems.push(format!("{key} is not settled: {error}; it stays"));
                }
                None => delete(context, &key, &mut done).await,
            }
        }
        done
    }

    /// In which of several groups the new holder of a zombie's address belongs is told by all that name it. How many
    /// are left out.
    fn leave_out_what_depends_on_others(&mut self, context: &Context) -> usize {
        if !self.is_one_unread || context.config.scope.target_groups.len() < 2 {
            return 0;
        }
        let before = self.intents.len();
        let is_nobodys = |open: &OpenEntry| open.entry.held_by == HeldBy::Nobody;
        self.intents.retain(|(_, open)| !open.iter().any(is_nobodys));
        before - self.intents.len()
    }
}

/// When each target was named last.
fn newest(intents: &[(String, Intent)]) -> BTreeMap<(TargetGroupArn, TargetAddress), Timestamp> {
    let mut newest = BTreeMap::new();
    for (_, intent) in intents {
        for entry in &intent.entries {
            let at =
                newest.entry((entry.group.clone(), entry.address)).or_insert(intent.written_at);
            *at = intent.written_at.max(*at);
        }
    }
    newest
}

/// From an intent to the last moment at which what it names was removed: writing it, the attempts for
/// as long as they are repeated, and the last of them. No longer, or a session that got the address
/// afterwards would be registered in a group that it never was in.
fn longest_removal(context: &Context) -> SignedDuration {
    let removal = context.config.timeouts.target * 2 + Duration::from_secs(10);
    SignedDuration::try_from(removal).unwrap_or(SignedDuration::MAX)
}

async fn delete(context: &Context, key: &str, done: &mut RecoveredIntents) {
    match context.aws.ledger.delete(key).await {
        Ok(()) => done.settled += 1,
        Err(error) => done.problems.push(format!("{error}; the next sweep deletes it")),
    }
}
