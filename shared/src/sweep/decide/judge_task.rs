use super::known::Known;
use super::leases::Leases;
use super::tasks::{Circumstances, Routed, TaskEvidence, TaskRow, TaskVerdict, task_row};
use crate::cleanup::{OrphanCause, SalvageWindow};
use crate::clock::is_longer_ago;
use crate::config;
use crate::session::{Lease, SessionTask, Used};
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
    /// Since when its container says that it runs another session.
    pub reused: Option<SeenSince>,
    /// Since when nobody has reached it, nor anyone behind the same route.
    pub blind: Option<SeenSince>,
    /// Whether its artifacts may be given up.
    pub salvage: SalvageWindow,
    /// Since when it is an orphan, or when it was worked on last: who waited longest comes first.
    pub turn: Timestamp,
    /// What it has used since it became an orphan, where it is one and ECS says how large it is.
    pub used: Option<Used>,
}

/// What is true of all tasks.
pub(super) fn circumstances(known: &Known<'_>) -> Circumstances {
    let Known { seen, suspects, policy, now, .. } = *known;
    let leases = Leases::count(&seen.tasks, seen.all_clusters_listed(), suspects, policy, now);
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
        _ if seen.groups.is_empty() => Routed::Nowhere,
        Some(ip) if healthy.contains(&ip) => Routed::Yes,
        _ if seen.all_groups_listed() => Routed::No,
        _ => Routed::Unknown,
    };
    let evidence = TaskEvidence {
        routed,
        probe: known.probes.get(&task.arn).copied(),
        claimed_since: suspects.claimed.get(&task.arn).copied(),
        suspected: suspect.is_some_and(|seen| seen.is_long_enough(policy.interval, now)),
    };
    let row = task_row(task, evidence, circumstances, policy, now);
    let was_live_until = live_all_the_same(task, row, &circumstances.leases, policy);
    let salvage_failing = suspects.failed_salvages.get(&task.arn).copied();
    let salvage_failing = salvage_failing.and_then(|seen| match was_live_until {
        Some(until) => {
            (seen.last >= until).then(|| SeenSince { since: seen.since.max(until), ..seen })
        }
        None => Some(seen),
    });
    let reused = suspects.reused.get(&task.arn).copied();
    let blind = suspects.blind.get(&task.arn).copied();
    let under_way = suspects.under_way.get(&task.arn).copied();
    let aged_since = aged_since(task, evidence, policy, now);
    let since = orphan_since(task, row, suspect.as_ref(), aged_since, policy).min(now);
    let tried = suspects.tried.get(&task.arn).copied();
    JudgedTask {
        row,
        turn: tried.map_or(since, |tried| tried.max(since)),
        used: task
            .size
            .and_then(|size| Some(size.during(now.duration_since(became(row, since, now)?)))),
        salvage: salvage_window(
            task,
            [salvage_failing.as_ref(), reused.as_ref(), blind.as_ref()],
            under_way,
            aged_since,
            policy,
            now,
        ),
        reused,
        blind,
        evidence,
        suspect,
        salvage_failing,
    }
}

/// Until when a session whose lease is over was live all the same, where renewal looks broken: what was asked of it
/// before says nothing.
fn live_all_the_same(
    task: &SessionTask,
    row: TaskRow,
    leases: &Leases,
    policy: &config::Sweep,
) -> Option<Timestamp> {
    match task.lease {
        Lease::Until(end) if row == TaskRow::LeaseExpired && leases.are_lapsing() => {
            end.checked_add(policy.max_session_age).ok()
        }
        Lease::Until(_) | Lease::None | Lease::Stale | Lease::Unreadable => None,
    }
}

/// Since when its hard age is counted: in a warm pool, where a session does not say when it began, from when
/// it was seen first.
fn aged_since(
    task: &SessionTask,
    evidence: TaskEvidence,
    policy: &config::Sweep,
    now: Timestamp,
) -> Timestamp {
    if has_no_start(task, policy) {
        evidence.claimed_since.unwrap_or(now)
    } else {
        task.started_at()
    }
}

/// Whether it is of a warm pool, and its session does not say when it began.
fn has_no_start(task: &SessionTask, policy: &config::Sweep) -> bool {
    policy.warm_pool && task.claimed_at.is_none()
}

/// The window counts from the owner's word, or else from the first failed salvage, or from the hard age: who was tried
/// before its owner ended it has its whole window all the same. As long as its
/// container says that its upload is under way, only from the hard age. Nothing is
/// given up before two sweeps have asked in vain: after an outage everybody gets a fair try. And one whose
/// container said once that it runs another session is given up for nothing but its age.
fn salvage_window(
    task: &SessionTask,
    [failing, reused, blind]: [Option<&SeenSince>; 3],
    under_way: Option<Timestamp>,
    aged_since: Timestamp,
    policy: &config::Sweep,
    now: Timestamp,
) -> SalvageWindow {
    let at_last = policy.hard_age.saturating_add(policy.salvage_window);
    let is_beyond_hard_age = is_longer_ago(aged_since, at_last, now);
    let ended = task.ended.at().filter(|at| *at <= now);
    let begins = ended.or(failing.map(|seen| seen.since));
    let begins = begins.map(|at| under_way.map_or(at, |told| at.max(told)));
    let has_passed = begins.is_some_and(|at| is_longer_ago(at, policy.salvage_window, now));
    let twice = |seen: &SeenSince| seen.is_long_enough(policy.interval, now);
    let asked_in_vain = failing.is_some_and(twice) || reused.is_some_and(twice);
    let is_due = is_beyond_hard_age || (has_passed && reused.is_none());
    let was_blind_before = blind.is_some_and(twice);
    SalvageWindow {
        is_over: asked_in_vain && is_due,
        is_beyond_hard_age,
        was_blind_before,
        under_way_at: under_way,
    }
}

/// Since when it is an orphan, if it is one. One that an operator declares over is one from now on.
fn became(row: TaskRow, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    match row.verdict() {
        TaskVerdict::Orphan(OrphanCause::Forced) => Some(now),
        TaskVerdict::Orphan(
            OrphanCause::Ended
            | OrphanCause::TooOld
            | OrphanCause::LeaseExpired
            | OrphanCause::Done,
        ) => Some(since),
        TaskVerdict::Keep | TaskVerdict::KeepAndReport | TaskVerdict::Suspect => None,
    }
}

/// Since when it is an orphan: the first of all that has made it one, for it keeps its turn when a row above takes it
/// over. For rows that are none, when it was made.
fn orphan_since(
    task: &SessionTask,
    row: TaskRow,
    suspect: Option<&SeenSince>,
    aged_since: Timestamp,
    policy: &config::Sweep,
) -> Timestamp {
    let after = |since: Timestamp, limit| since.checked_add(limit).unwrap_or(since);
    let by_its_row = match row {
        TaskRow::Ended => task.ended.at(),
        TaskRow::LeaseExpired => match task.lease {
            Lease::Until(end) => Some(after(end, policy.lease_grace)),
            Lease::None | Lease::Stale | Lease::Unreadable => None,
        },
        TaskRow::Done => suspect.map(|seen| seen.since),
        TaskRow::BeyondHardAge | TaskRow::TooOld => None,
        TaskRow::ToldToStop
        | TaskRow::Protected
        | TaskRow::Unidentified
        | TaskRow::Unclaimed
        | TaskRow::UnclaimedTooLong
        | TaskRow::StartUnknown
        | TaskRow::Leased
        | TaskRow::LeaseUnreadable
        | TaskRow::Forced
        | TaskRow::LeaseLapsed
        | TaskRow::SuspectedDone
        | TaskRow::Unrouted
        | TaskRow::Undecided
        | TaskRow::Live => return task.started_at(),
    };
    let by_its_age = match task.lease {
        // Row T4a has kept it until then.
        _ if has_no_start(task, policy) => None,
        Lease::None | Lease::Stale => Some(after(aged_since, policy.max_session_age)),
        Lease::Until(end) => Some(after(end, policy.max_session_age)),
        Lease::Unreadable => None,
    };
    let beyond_hard_age = after(aged_since, policy.hard_age);
    by_its_row.into_iter().chain(by_its_age).fold(beyond_hard_age, Timestamp::min)
}
