use super::invocation::Invocation;
use super::receipt::{self, OnRecord};
use crate::aws::{CallError, Marker};
use crate::session::{SessionId, Task, TaskArn};
use jiff::Timestamp;

/// From when on what lies where a session writes is its own.
pub(super) struct WritesFrom {
    at: Timestamp,
    /// Whether a tag said so, by its owner's clock.
    is_said: bool,
}

impl WritesFrom {
    pub(super) fn of(at: Timestamp, task: Option<&Task>) -> Self {
        Self { at, is_said: task.is_some_and(|task| at > task.created_at) }
    }
}

/// Whether there is a marker of the session that `task` runs.
///
/// Where its owner's clock is ahead, a marker may be older than the start that a tag says. While that start was ahead
/// of our clock, too, this could be seen, and then it was written down with the session's name.
pub(super) async fn marker(
    invocation: &Invocation,
    session: &SessionId,
    task: &TaskArn,
    from: WritesFrom,
) -> Result<Marker, CallError> {
    let aws = &invocation.context().aws;
    let marker = aws.artifacts.marker(session, from.at).await?;
    let older = match marker {
        Marker::OfAnEarlierSession(at) if from.is_said => at,
        Marker::Present | Marker::Absent | Marker::OfAnEarlierSession(_) => return Ok(marker),
    };
    Ok(match Box::pin(receipt::session_of(&aws.ledger, task, None)).await? {
        // S3 tells whole seconds.
        OnRecord::Session(named, Some(from))
            if named == *session && older.as_second() >= from.as_second() =>
        {
            Marker::Present
        }
        OnRecord::Session(..) | OnRecord::NoSession | OnRecord::Nothing => marker,
    })
}
