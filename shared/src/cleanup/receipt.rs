use super::{Cause, Step};
use crate::aws::{CallError, Failure, Ledger, Stored};
use crate::event::EndReason;
use crate::session::{SessionId, TaskArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Artifacts confirmed, target gone, task stopped.
    Cleaned,
    /// An earlier plan has already finished this task.
    AlreadyClean,
    /// The upload is not confirmed yet: the task still runs, and it will be tried again.
    AwaitingSalvage,
    /// The task is gone and its marker is in S3, but nobody vouches for the rest.
    ArtifactsUnverified,
    /// The task is gone, or was stopped after the salvage window, without its artifacts.
    ArtifactsLost,
    /// Something on AWS's side failed, and it will be tried again.
    Incomplete,
    /// It was not ours to clean: nothing was done, or what was done has been undone.
    Rejected,
}

impl Outcome {
    /// Receipts only move forward: to a higher rank. Outcomes without a rank write no receipt.
    fn rank(self) -> Option<u8> {
        match self {
            Self::AwaitingSalvage | Self::Incomplete => Some(0),
            Self::ArtifactsLost => Some(1),
            Self::ArtifactsUnverified => Some(2),
            Self::Cleaned => Some(3),
            Self::AlreadyClean | Self::Rejected => None,
        }
    }

    /// Whether it is put on record.
    #[must_use]
    pub fn leaves_a_receipt(self) -> bool {
        self.rank().is_some()
    }

    /// Whether a receipt with this outcome says that the task is finished with.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Cleaned | Self::ArtifactsUnverified | Self::ArtifactsLost => true,
            Self::AlreadyClean | Self::AwaitingSalvage | Self::Incomplete | Self::Rejected => false,
        }
    }

    /// Whether the event must be delivered again (and end in the dead-letter queue in the end).
    #[must_use]
    pub fn fails_its_event(self) -> bool {
        match self {
            Self::AwaitingSalvage | Self::Incomplete | Self::Rejected => true,
            Self::Cleaned
            | Self::AlreadyClean
            | Self::ArtifactsUnverified
            | Self::ArtifactsLost => false,
        }
    }

    /// The outcome as it stands in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleaned => "cleaned",
            Self::AlreadyClean => "already_clean",
            Self::AwaitingSalvage => "awaiting_salvage",
            Self::ArtifactsUnverified => "artifacts_unverified",
            Self::ArtifactsLost => "artifacts_lost",
            Self::Incomplete => "incomplete",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one plan did. As an object in the ledger (`receipts/{task_id}.json`) it is the task's
/// *receipt*: a record for people and for duplicates. No decision to stop anything rests on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The session; unknown when the task could not be identified.
    pub session_id: Option<SessionId>,
    /// The task; unknown when none was found.
    pub task_arn: Option<TaskArn>,
    /// What became of it.
    pub outcome: Outcome,
    /// On whose word.
    pub cause: Cause,
    /// How the session ended, as its owner says.
    pub reason: Option<EndReason>,
    /// The producer's id of the request.
    pub request_id: Option<String>,
    /// When the plan ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What is known of the artifacts.
    pub artifacts: String,
    /// What became of the target.
    pub target: String,
    /// What became of the task.
    pub task: String,
    /// What went wrong and what happens next, one sentence each.
    pub notes: Vec<String>,
    /// The measured steps.
    pub steps: Vec<Step>,
}

/// What later plans read of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Receipt {
    pub(super) session_id: SessionId,
    pub(super) outcome: Outcome,
}

fn key(task: &TaskArn) -> String {
    format!("receipts/{}.json", task.id())
}

/// The receipt of `task`, if there is one.
pub(super) async fn read(
    ledger: &Ledger,
    task: &TaskArn,
) -> Result<Option<Stored<Receipt>>, CallError> {
    ledger.read(&key(task)).await
}

/// Writes `report` as the receipt of its task, unless there is one that is further along. One call
/// where there is none yet.
pub(super) async fn save(ledger: &Ledger, report: &Report) -> Result<(), CallError> {
    let (Some(task), Some(rank)) = (&report.task_arn, report.outcome.rank()) else {
        return Ok(());
    };
    let key = key(task);
    loop {
        match ledger.create(&key, report).await {
            Err(error) if error.failure == Failure::Conflict => {}
            done => return done,
        }
        let Some(Stored { document, etag }) = ledger.read::<Receipt>(&key).await? else {
            continue;
        };
        let further = document.outcome.rank().is_some_and(|known| known > rank);
        if further || (document.outcome == report.outcome && report.outcome.is_final()) {
            return Ok(());
        }
        match ledger.replace(&key, report, &etag).await {
            Err(error) if error.failure == Failure::Conflict => {}
            done => return done,
        }
    }
}
