use super::task::{SESSION_ENDED_TAG, Task};
use jiff::{SignedDuration, Timestamp};

/// The tag by which whoever gives a waiting task to a session says when that session began (RFC 3339).
pub const SESSION_STARTED_TAG: &str = "session-started-at";

/// So far ahead of ours another clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// So far apart an owner's clock and that of S3 may be in any case.
const APART: SignedDuration = SignedDuration::from_secs(5);

/// No clock is so far ahead.
const FAR_AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// When a session claimed `task`, as the tag `session-started-at` says: a time between the task's
/// creation and now (a little ahead counts as now). `None` where there is no such tag, or its time
/// can't be.
#[must_use]
pub fn claimed_at(task: &Task, now: Timestamp) -> Option<Timestamp> {
    said(task, now).map(|said| said.min(now).max(task.created_at))
}

/// When the session of `task` began, as its owner says by its own clock, whether that can be or not.
#[must_use]
pub fn said_start(task: &Task) -> Option<Timestamp> {
    task.tags.get(SESSION_STARTED_TAG)?.parse().ok()
}

fn said(task: &Task, now: Timestamp) -> Option<Timestamp> {
    let said = said_start(task)?;
    // Times in tags are often whole seconds: one that was claimed as soon as it was there says the second of its creation.
    let is_possible = said.as_second() >= task.created_at.as_second();
    (is_possible && said.duration_since(now) <= AHEAD).then_some(said)
}

/// When the session of `task` began: when it claimed the task, or else with the task. A task may have
/// waited for its session, so every age is that of the session.
#[must_use]
pub fn session_start(task: &Task, now: Timestamp) -> Timestamp {
    claimed_at(task, now).unwrap_or(task.created_at)
}

/// An end of the session of `task`, which [`writes_from`] then, as it is noted `now`: the very start, where that was
/// ahead of our clock when the end was seen. Before it the end would be another's once our clock is where its owner's
/// was. A start that is further ahead than any clock is never read.
#[must_use]
pub fn end_seen(task: &Task, writes_from: Timestamp, now: Timestamp) -> Timestamp {
    let said = said_start(task).filter(|said| said.duration_since(now) <= FAR_AHEAD);
    let was_ahead = |said: &Timestamp| *said > now || said.duration_since(writes_from) > APART;
    said.filter(was_ahead).unwrap_or(now)
}

fn is_noted_as_end(said: Timestamp, task: &Task) -> bool {
    let ended = task.tags.get(SESSION_ENDED_TAG).and_then(|at| at.parse::<Timestamp>().ok());
    ended == Some(said)
}

/// From when on what lies where the session of `task` writes is its own: from its start, and as S3's clock is another,
/// some seconds before. A start that is ahead of us shows that its owner's clock is: it had begun already when it wrote,
/// so much earlier at most. So does an end that was seen before it ([`end_seen`]).
#[must_use]
pub fn writes_from(task: &Task, now: Timestamp) -> Timestamp {
    let Some(said) = said(task, now) else { return task.created_at };
    let at_most = if said > now || is_noted_as_end(said, task) { AHEAD } else { APART };
    said.checked_sub(at_most).map_or(task.created_at, |at| at.max(task.created_at))
}
