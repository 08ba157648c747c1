use super::error::EventError;
use super::fields::Fields;
use super::task_change::NotOurs;
use crate::config::Config;
use crate::session::{Scope, SessionId, TaskArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `detail-type: "Session Ended"`: the owner's word that a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnded {
    /// The session.
    pub session: SessionId,
    /// The task that ran it.
    pub task: TaskReference,
    /// When the session ended: the earlier of `ended_at` and the envelope's `time`, for an owner's
    /// clock may be fast. Without a task, one that was created later is not meant.
    pub at: Timestamp,
    /// The same by its owner's clock alone, which may be wrong: to be compared with what else it says.
    pub ended_at: Option<Timestamp>,
    /// When its owner said so: the envelope's `time`, which AWS sets where the owner does not.
    pub said_at: Timestamp,
    /// How it ended, as the owner says.
    pub reason: Option<EndReason>,
    /// The owner's own id, for its logs and ours.
    pub request_id: Option<String>,
}

/// How an event says which task it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskReference {
    /// By its ARN.
    Arn(TaskArn),
    /// Not at all: the task is searched for by the session's id.
    ByIdentity,
}

/// How a session ended, as its owner says. It changes nothing of the cleanup; the receipt keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// It did what it was for.
    Completed,
    /// It went wrong.
    Failed,
    /// Its user cancelled it.
    Cancelled,
    /// It took too long.
    TimedOut,
}

pub(super) fn parse(
    detail: &Fields<'_>,
    sent_at: Timestamp,
    config: &Config,
) -> Result<Result<SessionEnded, NotOurs>, EventError> {
    let session = SessionId::parse(detail.text("session_id")?)
        .map_err(|problem| detail.error("session_id", problem.to_string()))?;
    let ended_at = detail.optional_timestamp("ended_at");
    let (task, ended_at) = match detail.optional_text("task_arn")? {
        Some(text) => {
            let task = our_task(text, &config.scope);
            let task = task.map_err(|problem| detail.error("task_arn", problem))?;
            if !config.scope.clusters.contains(task.cluster()) {
                let reason = format!("{task} of session {session} runs in no configured cluster");
                return Ok(Err(NotOurs { reason }));
            }
            (TaskReference::Arn(task), usable(ended_at))
        }
        None => match ended_at? {
            Some(at) => (TaskReference::ByIdentity, Some(at)),
            None => return Err(detail.error("ended_at", "without `task_arn` it is required")),
        },
    };
    let reason = match detail.optional_text("reason")? {
        None => None,
        Some("completed") => Some(EndReason::Completed),
        Some("failed") => Some(EndReason::Failed),
        Some("cancelled") => Some(EndReason::Cancelled),
        Some("timed_out") => Some(EndReason::TimedOut),
        Some(_) => {
            let words = "it must be completed, failed, cancelled or timed_out";
            return Err(detail.error("reason", words));
        }
    };
    let request_id = detail.optional_text("request_id")?.map(str::to_owned);
    let at = ended_at.map_or(sent_at, |at| at.min(sent_at));
    Ok(Ok(SessionEnded { session, task, at, ended_at, said_at: sent_at, reason, request_id }))
}

/// Beside a task that is named, a time that can't be used is no reason to leave the session as it is.
fn usable(ended_at: Result<Option<Timestamp>, EventError>) -> Option<Timestamp> {
    ended_at.unwrap_or_else(|error| {
        tracing::warn!(%error, "the envelope's time is used instead");
        None
    })
}

/// A task of our partition, Region and account, before any call is made with it.
fn our_task(text: &str, scope: &Scope) -> Result<TaskArn, String> {
    let (arn, home) = TaskArn::parse(text).map_err(|problem| problem.to_string())?;
    if home != scope.home {
        return Err(format!("it is of {home}, and ours is {}", scope.home));
    }
    Ok(arn)
}
