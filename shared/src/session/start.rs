use super::task::Task;
use jiff::{SignedDuration, Timestamp};

/// The tag by which whoever gives a waiting task to a session says when that session began (RFC 3339).
pub const SESSION_STARTED_TAG: &str = "session-started-at";

/// So far ahead of ours another clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// When a session claimed `task`, as the tag `session-started-at` says: a time between the task's
/// creation and now (a little ahead counts as now). `None` where there is no such tag, or its time
/// can't be.
#[must_use]
pub fn claimed_at(task: &Task, now: Timestamp) -> Option<Timestamp> {
    let said = task.tags.get(SESSION_STARTED_TAG)?.parse::<Timestamp>().ok()?;
    let can_be = said >= task.created_at && said.duration_since(now) <= AHEAD;
    can_be.then(|| said.min(now).max(task.created_at))
}

/// When the session of `task` began: when it claimed the task, or else with the task. A task may have
/// waited for its session, so every age is that of the session.
#[must_use]
pub fn session_start(task: &Task, now: Timestamp) -> Timestamp {
    claimed_at(task, now).unwrap_or(task.created_at)
}
