use super::tasks::{Circumstances, TaskEvidence, TaskRow, task_row};
use crate::config;
use crate::session::{Lease, SessionTask};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The row that a task gets if nothing happens but that time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextRow {
    /// From when on.
    pub from: Timestamp,
    /// The row.
    pub row: TaskRow,
}

/// What time alone makes of a task; `None` where it changes nothing. The table itself says it: it is asked
/// at each moment at which one of its limits is reached.
#[must_use]
pub fn next_row(
    task: &SessionTask,
    evidence: TaskEvidence,
    circumstances: &Circumstances,
    policy: &config::Sweep,
    now: Timestamp,
) -> Option<NextRow> {
    // The next sweep will remember it as claimed since now.
    let claimed_since = evidence.claimed_since.unwrap_or(now);
    let evidence = TaskEvidence { claimed_since: Some(claimed_since), ..evidence };
    let row_at = |at| task_row(task, evidence, circumstances, policy, at);
    let row = row_at(now);
    let started = task.started_at();
    let of_the_start = [policy.start_up_grace, policy.max_session_age, policy.hard_age];
    let mut limits: Vec<Option<Timestamp>> =
        of_the_start.into_iter().map(|limit| after(started, limit)).collect();
    limits.push(after(claimed_since, policy.hard_age));
    if let Lease::Until(end) = task.lease {
        let of_the_lease = [Duration::ZERO, policy.lease_grace, policy.max_session_age];
        limits.extend(of_the_lease.into_iter().map(|limit| after(end, limit)));
    }
    let mut limits: Vec<Timestamp> =
        limits.into_iter().flatten().filter(|limit| *limit >= now).collect();
    limits.sort_unstable();
    limits.into_iter().find_map(|from| {
        // The table says *more than*: the limit itself is not beyond it.
        let beyond = row_at(from.checked_add(SignedDuration::from_nanos(1)).ok()?);
        (beyond != row).then_some(NextRow { from, row: beyond })
    })
}

fn after(since: Timestamp, limit: Duration) -> Option<Timestamp> {
    since.checked_add(limit).ok()
}
