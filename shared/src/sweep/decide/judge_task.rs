use super::known::Known;
use super::leases::Leases;
use super::tasks::{Circumstances, Routed, TaskEvidence, TaskRow, task_row};
use crate::cleanup::SalvageWindow;
use crate::clock::is_longer_ago;
use crate::config;
use crate::session::SessionTask;
use crate::sweep::suspects::SeenSince;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// A task's row, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedTask {
    /// The row.
    pub row: TaskRow,
    /// What is known beside it.
    pub evidence: TaskEvidence,
    /// Since when it has been suspect.
    pub suspect: Option<SeenSince>,
    /// Since when it has been asked for its artifacts without success.
    pub salvage_failing: Option<SeenSince>,
    /// Whether its artifacts may be given up.
    pub salvage: SalvageWindow,
}

/// What is true of all tasks.
pub(super) fn circumstances(known: &Known<'_>) -> Circumstances {
    let Known { seen, policy, now, .. } = *known;
    let leases = Leases::count(&seen.tasks, seen.all_clusters_listed(), policy, now);
    Circumstances { leases, force: known.force.cloned() }
}

/// Finds the row of a task from everything that is known; `healthy` are the addresses that traffic
/// reaches.
pub(super) fn judge(
    known: &Known<'_>,
    task: &SessionTask,
    circumstances: &Circumstances,
    healthy: &BTreeSet<Ipv4Addr>,
) -> JudgedTask {
    let Known { seen, policy, now, suspects, .. } = *known;
    let suspect = suspects.tasks.get(&task.arn).copied();
    let routed = match task.address {
        Some(ip) if healthy.contains(&ip) => Routed::Yes,
        _ if seen.all_groups_listed() => Routed::No,
        _ => Routed::Unknown,
    };
    let evidence = TaskEvidence {
        routed,
        probe: known.probes.get(&task.arn).copied(),
        suspected: suspect.is_some_and(|seen| seen.is_long_enough(policy.interval, now)),
    };
    let salvage_failing = suspects.failed_salvages.get(&task.arn).copied();
    JudgedTask {
        row: task_row(task, evidence, circumstances, policy, now),
        salvage: salvage_window(task, salvage_failing.as_ref(), policy, now),
        evidence,
        suspect,
        salvage_failing,
    }
}

/// The window counts from the owner's word, or from the first failed salvage; beyond the hard age it
/// is over in any case.
fn salvage_window(
    task: &SessionTask,
    failing: Option<&SeenSince>,
    policy: &config::Sweep,
    now: Timestamp,
) -> SalvageWindow {
    let mut since = task.ended.at().into_iter().chain(failing.map(|seen| seen.since));
    let over = since.any(|since| is_longer_ago(since, policy.salvage_window, now))
        || is_longer_ago(task.created_at, policy.hard_age, now);
    if over { SalvageWindow::Over } else { SalvageWindow::Open }
}
