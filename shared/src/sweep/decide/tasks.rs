use super::leases::Leases;
use crate::cleanup::OrphanCause;
use crate::clock::is_longer_ago;
use crate::config;
use crate::container::Probe;
use crate::event::ForceCluster;
use crate::session::{Lease, SessionTask};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// The rows of the table of tasks (`docs/decisions/tasks.md`), in its order. The first that matches
/// wins. Row T1, a task that is no session task, never gets here: see [`SessionTask::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskRow {
    /// Someone has told it to stop: nothing is left for a sweep.
    ToldToStop,
    /// T2: an operator keeps it.
    Protected,
    /// T3: it names no session.
    Unidentified,
    /// T3, in a warm pool: it waits for a session.
    Unclaimed,
    /// The same, for longer than any session may last.
    UnclaimedTooLong,
    /// T4: its owner has ended it, and it could not be cleaned then.
    Ended,
    /// T4a: in a warm pool, a session has claimed it and does not say since when.
    StartUnknown,
    /// T5: older than any session may get.
    BeyondHardAge,
    /// T6: its owner's lease runs.
    Leased,
    /// It has a lease whose end can't be read: not known to be over. The hard age bounds it.
    LeaseUnreadable,
    /// An operator has declared its cluster over.
    Forced,
    /// T7: its owner stopped renewing.
    LeaseExpired,
    /// T7a: its lease is over, and that does not say enough yet.
    LeaseLapsed,
    /// T8: without a lease, and older than a session may get.
    TooOld,
    /// T9: no traffic reaches it, and its container says twice that it is done.
    Done,
    /// T9a: the same, said once.
    SuspectedDone,
    /// T9b: no traffic reaches it, and its container does not say that it is done.
    Unrouted,
    /// Row T9 can't be decided: a target group was not listed.
    Undecided,
    /// T10: nothing is wrong.
    Live,
}

/// What follows from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskVerdict {
    /// Nothing is wrong with it.
    Keep,
    /// It is kept, and people should know.
    KeepAndReport,
    /// It is kept, and looked at again by the next sweep.
    Suspect,
    /// No one will end it: it is cleaned up.
    Orphan(OrphanCause),
}

impl TaskRow {
    /// What follows.
    #[must_use]
    pub fn verdict(self) -> TaskVerdict {
        match self {
            Self::ToldToStop | Self::Unclaimed | Self::Leased | Self::Live => TaskVerdict::Keep,
            Self::Protected
            | Self::Unidentified
            | Self::UnclaimedTooLong
            | Self::StartUnknown
            | Self::LeaseUnreadable
            | Self::LeaseLapsed
            | Self::Unrouted
            | Self::Undecided => TaskVerdict::KeepAndReport,
            Self::SuspectedDone => TaskVerdict::Suspect,
            Self::Ended => TaskVerdict::Orphan(OrphanCause::Ended),
            Self::BeyondHardAge | Self::TooOld => TaskVerdict::Orphan(OrphanCause::TooOld),
            Self::LeaseExpired => TaskVerdict::Orphan(OrphanCause::LeaseExpired),
            Self::Done => TaskVerdict::Orphan(OrphanCause::Done),
            Self::Forced => TaskVerdict::Orphan(OrphanCause::Forced),
        }
    }

    /// Whether no one will end it.
    #[must_use]
    pub fn is_orphan(self) -> bool {
        matches!(self.verdict(), TaskVerdict::Orphan(_))
    }

    /// Whether people should know.
    #[must_use]
    pub fn is_finding(self) -> bool {
        self.verdict() != TaskVerdict::Keep
    }

    /// Whether a sweep that found no more than this is worth a record: a task that an operator protects is no news.
    #[must_use]
    pub fn is_news(self) -> bool {
        self != Self::Protected
    }

    /// Whether it rests on what a task's container answered to our own health check. Such a row is
    /// decided by an answer, and the answer is asked for again right before anything is done.
    #[must_use]
    pub fn rests_on_probe(self) -> bool {
        match self {
            Self::Done | Self::SuspectedDone | Self::Unrouted => true,
            Self::ToldToStop
            | Self::Protected
            | Self::Unidentified
            | Self::Unclaimed
            | Self::UnclaimedTooLong
            | Self::StartUnknown
            | Self::Ended
            | Self::BeyondHardAge
            | Self::Leased
            | Self::LeaseUnreadable
            | Self::Forced
            | Self::LeaseExpired
            | Self::LeaseLapsed
            | Self::TooOld
            | Self::Undecided
            | Self::Live => false,
        }
    }

    /// Whether it is acted on only when two sweeps saw it: what they see may pass.
    #[must_use]
    pub fn needs_two_sweeps(self) -> bool {
        match self {
            Self::Done | Self::SuspectedDone => true,
            Self::ToldToStop
            | Self::Protected
            | Self::Unidentified
            | Self::Unclaimed
            | Self::UnclaimedTooLong
            | Self::StartUnknown
            | Self::Ended
            | Self::BeyondHardAge
            | Self::Leased
            | Self::LeaseUnreadable
            | Self::Forced
            | Self::LeaseExpired
            | Self::LeaseLapsed
            | Self::TooOld
            | Self::Unrouted
            | Self::Undecided
            | Self::Live => false,
        }
    }

    /// Its place in the table and its name, as people see them.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::ToldToStop => "T0 told_to_stop",
            Self::Protected => "T2 protected",
            Self::Unidentified => "T3 unidentified",
            Self::Unclaimed => "T3 unclaimed",
            Self::UnclaimedTooLong => "T3 unclaimed_too_long",
            Self::StartUnknown => "T4a start_unknown",
            Self::Ended => "T4 ended",
            Self::BeyondHardAge => "T5 beyond_hard_age",
            Self::Leased => "T6 leased",
            Self::LeaseUnreadable => "T6 lease_unreadable",
            Self::Forced => "TF forced",
            Self::LeaseExpired => "T7 lease_expired",
            Self::LeaseLapsed => "T7a lease_lapsed",
            Self::TooOld => "T8 too_old",
            Self::Done => "T9 done",
            Self::SuspectedDone => "T9a suspected_done",
            Self::Unrouted => "T9b unrouted",
            Self::Undecided => "T9 undecided",
            Self::Live => "T10 live",
        }
    }
}

impl fmt::Display for TaskRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Whether traffic reaches a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// It is healthy in a target group.
    Yes,
    /// It is healthy in none, and all were listed.
    No,
    /// It was seen healthy in none, and not all were listed.
    Unknown,
    /// Nothing routes to sessions here: no target groups are configured.
    Nowhere,
}

/// What is known of one task beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskEvidence {
    /// Whether traffic reaches it.
    pub routed: Routed,
    /// What its container answered us; `None` when it was not asked or has no address.
    pub probe: Option<Probe>,
    /// Whether an earlier sweep, long enough ago, had the same answer.
    pub suspected: bool,
    /// Since when sweeps have seen it claimed without a start; `None`: they have not.
    pub claimed_since: Option<Timestamp>,
}

/// What is true of all tasks of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// What all leases together say.
    pub leases: Leases,
    /// What an operator has declared over.
    pub force: Option<ForceCluster>,
}

/// Finds the row of a session task.
#[must_use]
pub fn task_row(
    task: &SessionTask,
    evidence: TaskEvidence,
    circumstances: &Circumstances,
    policy: &config::Sweep,
    now: Timestamp,
) -> TaskRow {
    let is_older_than = |limit| is_longer_ago(task.started_at(), limit, now);
    if !task.shall_run {
        return TaskRow::ToldToStop;
    }
    if task.protected {
        return TaskRow::Protected;
    }
    if task.session.is_none() {
        return match policy.warm_pool {
            false => TaskRow::Unidentified,
            true if is_older_than(policy.hard_age) => TaskRow::UnclaimedTooLong,
            true => TaskRow::Unclaimed,
        };
    }
    if task.ended.is_word() {
        return TaskRow::Ended;
    }
    let was_claimed = evidence.claimed_since.unwrap_or(now);
    let hard_age = SignedDuration::try_from(policy.hard_age).unwrap_or(SignedDuration::MAX);
    if policy.warm_pool && task.claimed_at.is_none() && now.duration_since(was_claimed) < hard_age {
        return TaskRow::StartUnknown;
    }
    if is_older_than(policy.hard_age) {
        return TaskRow::BeyondHardAge;
    }
    match task.lease {
        Lease::Until(end) if end > now => return TaskRow::Leased,
        Lease::Unreadable => return TaskRow::LeaseUnreadable,
        Lease::Until(_) | Lease::None | Lease::Stale => {}
    }
    if circumstances.force.as_ref().is_some_and(|force| force.means(task)) {
        return TaskRow::Forced;
    }
    match task.lease {
        Lease::Until(end) => {
            let in_any_case = is_longer_ago(end, policy.max_session_age, now);
            let by_itself = is_longer_ago(end, policy.lease_grace, now);
            return if in_any_case || (by_itself && circumstances.leases.are_renewed()) {
                TaskRow::LeaseExpired
            } else {
                TaskRow::LeaseLapsed
            };
        }
        Lease::None | Lease::Stale if is_older_than(policy.max_session_age) => {
            return TaskRow::TooOld;
        }
        Lease::None | Lease::Stale | Lease::Unreadable => {}
    }
    if !is_older_than(policy.start_up_grace) {
        return TaskRow::Live;
    }
    match (evidence.routed, evidence.probe) {
        (Routed::Yes | Routed::Nowhere, _) => TaskRow::Live,
        (Routed::Unknown, _) => TaskRow::Undecided,
        (Routed::No, Some(Probe::Done)) if evidence.suspected => TaskRow::Done,
        (Routed::No, Some(Probe::Done)) => TaskRow::SuspectedDone,
        (
            Routed::No,
            Some(Probe::Active | Probe::Answers | Probe::Silent | Probe::Blind) | None,
        ) => TaskRow::Unrouted,
    }
}
