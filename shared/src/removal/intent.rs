//! Intents: what we are about to remove from target groups, written down before it is done, so that a
//! crash right after can be put right by someone else.

use crate::aws::CallError;
use crate::context::Context;
use crate::session::{Review, SessionId, TargetAddress, TargetGroupArn, TaskArn};
use futures_util::future::Shared;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::Not;
use tokio::sync::oneshot;

pub(super) const FOLDER: &str = "intents/";

/// One object of the ledger: everything that one round of calls removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was written.
    pub written_at: Timestamp,
    /// What is removed.
    pub entries: Vec<IntentEntry>,
}

/// One target to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentEntry {
    /// The group that holds it.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
    /// Who had the address.
    #[serde(alias = "from")]
    pub held_by: HeldBy,
    /// Whether nobody had seen it registered: where the only group can't be read, it is deregistered at the
    /// configured port all the same.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub assumed: bool,
}

/// Who had the address of a target when it was decided to remove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// The task that is cleaned up.
    Task {
        /// The task.
        arn: TaskArn,
        /// Its session.
        session: SessionId,
        /// On what authority its target is removed.
        #[serde(alias = "ground")]
        authority: Authority,
    },
    /// No task of the account: a zombie target.
    Nobody,
    /// A session's task that turned out to have a zombie's address since: it is registered again in every group of
    /// the intent, and that it is in one of them says nothing of the others.
    NewHolder {
        /// The task.
        arn: TaskArn,
    },
}

impl HeldBy {
    /// The task.
    pub(super) fn task(&self) -> Option<&TaskArn> {
        match self {
            Self::Task { arn, .. } | Self::NewHolder { arn } => Some(arn),
            Self::Nobody => None,
        }
    }
}

/// On what authority a session's target is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Its owner, or ECS, said that it is over: it is removed even if no intent can be written.
    OwnersWord,
    /// Our inference, and its container has confirmed that it is done.
    Confirmed,
    /// Our inference, and nothing confirms it: its artifacts are given up. The intent stays until the
    /// next sweep has seen what became of the task.
    GivenUp,
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

impl Intent {
    /// A key of its own for each intent, in the order of time.
    fn key(&self) -> String {
        let seconds = self.written_at.as_second();
        format!("{FOLDER}{seconds}-{:016x}.json", fastrand::u64(..))
    }
}

/// Writes an intent for `entries`; the answer is its key.
pub(super) async fn write(
    context: &Context,
    entries: Vec<IntentEntry>,
) -> Result<String, CallError> {
    write_as_of(context, context.clock.now(), entries).await
}

/// The same for what was removed before: it takes the place of older intents that name the same.
pub(super) async fn write_as_of(
    context: &Context,
    written_at: Timestamp,
    entries: Vec<IntentEntry>,
) -> Result<String, CallError> {
    let intent = Intent { written_at, entries };
    let key = intent.key();
    context.aws.ledger.create(&key, &intent).await.map(|_etag| key)
}

/// An address that is registered in a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Registration {
    pub(crate) group: TargetGroupArn,
    pub(crate) address: TargetAddress,
}

/// What a task's container has said while its target was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainersWord {
    /// It was not that, or nothing of it was removed.
    Settled,
    /// It runs another session, and its target is registered again: the next sweep makes sure that it is.
    AnotherSession,
}

/// One task's target, to be removed from every group that holds it.
#[derive(Debug, Clone)]
pub(crate) struct SessionTarget {
    pub(crate) task: TaskArn,
    pub(crate) session: SessionId,
    /// Its address, with the configured port.
    pub(crate) address: TargetAddress,
    /// On what authority it is removed.
    pub(crate) authority: Authority,
    /// Where nothing has confirmed that it is over: what may show that it goes on.
    pub(crate) review: Option<Review>,
    /// Where it was seen registered, at whatever port; empty: nobody has looked.
    pub(crate) seen: Vec<Registration>,
    /// Until its container has spoken, its intent stays.
    pub(crate) word: Shared<oneshot::Receiver<ContainersWord>>,
}

impl SessionTarget {
    /// What an intent says of its registration at `at`.
    pub(super) fn entry(&self, at: &Registration, assumed: bool) -> IntentEntry {
        IntentEntry {
            group: at.group.clone(),
            address: at.address,
            held_by: HeldBy::Task {
                arn: self.task.clone(),
                session: self.session.clone(),
                authority: self.authority,
            },
            assumed,
        }
    }

    /// Waits for its container's word; whether nothing is to be registered again. One whose cleanup
    /// ended without a word (a panic) has said nothing.
    pub(super) async fn is_settled(&self) -> bool {
        self.word.clone().await == Ok(ContainersWord::Settled)
    }
}

#[cfg(test)]
mod tests;
