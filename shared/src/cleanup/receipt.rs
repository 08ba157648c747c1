use super::{Artifacts, Cause, Outcome, Step, TargetFate, TaskFate};
use crate::aws::{CallError, Failure, Ledger, Stored};
use crate::event::EndReason;
use crate::session::{SessionId, TaskArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt::Display;

/// What one plan did. As an object in the ledger (`receipts/{task_id}.json`) it is the task's
/// *receipt*: a record for people and for duplicates. No decision to stop anything rests on it.
#[derive(Debug, Clone, Serialize)]
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
    #[serde(serialize_with = "as_words")]
    pub artifacts: Artifacts,
    /// What became of the target.
    #[serde(serialize_with = "as_words")]
    pub target: TargetFate,
    /// What became of the task.
    #[serde(serialize_with = "as_words")]
    pub task: TaskFate,
    /// What went wrong and what happens next, one sentence each.
    pub notes: Vec<String>,
    /// The measured steps.
    pub steps: Vec<Step>,
}

impl Report {
    /// Whether the container was asked for its artifacts, and they are not confirmed while its task
    /// still runs.
    #[must_use]
    pub fn salvage_was_vain(&self) -> bool {
        matches!(self.artifacts, Artifacts::Unconfirmed { .. } | Artifacts::WrongContainer)
    }
}

/// As it reads in logs, too.
fn as_words<S: Serializer>(fate: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fate)
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
            done => return done.map(drop),
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
            done => return done.map(drop),
        }
    }
}
