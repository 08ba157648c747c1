use super::task::Task;
use jiff::{SignedDuration, Timestamp};

/// The tag by which whoever gives a waiting task to a session says when that session began (RFC 3339).
pub const SESSION_STARTED_TAG: &str = "session-started-at";

/// So far ahead of ours another clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// When the session of `task` began: the tag `session-started-at` where it lies between the task's
/// creation and now (a little ahead counts as now), or else the task's creation. A task may have waited
/// for its session, so every age is that of the session.
#[must_use]
pub fn session_start(task: &Task, now: Timestamp) -> Timestamp {
    let tag = task.tags.get(SESSION_STARTED_TAG);
    let said = tag.and_then(|text| text.parse::<Timestamp>().ok());
    said.filter(|at| *at >= task.created_at && at.duration_since(now) <= AHEAD)
        .map_or(task.created_at, |at| at.min(now).max(task.created_at))
}
