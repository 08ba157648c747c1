use super::{Leases, is_longer_ago};
use crate::aws::Witness;
use crate::cleanup::OrphanCause;
use crate::config;
use crate::event::ForceCluster;
use crate::session::{Ended, Lease, SessionTask};
use jiff::Timestamp;
use serde::Serialize;

/// The rows of table 5.1, in its order. The first that matches wins. Row 1, a task that is no session
/// task, never gets here: see [`SessionTask::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRow {
    /// Someone has told it to stop: nothing is left for a sweep.
    Ending,
    /// 2: an operator keeps it.
    Protected,
    /// 3: it names no session.
    Unidentified,
    /// 4: its owner has ended it, and it could not be cleaned then.
    Ended,
    /// 5: older than any session may get.
    BeyondHardAge,
    /// 6: its owner's lease runs.
    Leased,
    /// It has a lease whose end can't be read: not known to be over. The hard age bounds it.
    LeaseUnreadable,
    /// An operator has declared its cluster over.
    Forced,
    /// 7: its owner stopped renewing.
    LeaseExpired,
    /// 7a: its lease is over, and that does not say enough yet.
    LeaseLapsed,
    /// 8: without a lease, and older than a session may get.
    TooOld,
    /// 9: no traffic reaches it, and its container says twice that it is done.
    Done,
    /// 9a: the same, said once.
    SuspectedDone,
    /// 9b: no traffic reaches it, and its container does not say that it is done.
    Unrouted,
    /// Row 9 can't be decided: a target group was not listed.
    Undecided,
    /// 10: nothing is wrong.
    Live,
}

/// What follows from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskVerdict {
    /// Nothing is wrong with it.
    Keep,
    /// It is kept, and people should know.
    Report,
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
            Self::Ending | Self::Leased | Self::Live => TaskVerdict::Keep,
            Self::Protected
            | Self::Unidentified
            | Self::LeaseUnreadable
            | Self::LeaseLapsed
            | Self::Unrouted
            | Self::Undecided => TaskVerdict::Report,
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

    /// The row's place in the table, for people; those beside the table have a word of their own.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::Ending => "ending",
            Self::Protected => "2",
            Self::Unidentified => "3",
            Self::Ended => "4",
            Self::BeyondHardAge => "5",
            Self::Leased => "6",
            Self::LeaseUnreadable => "6, unreadable",
            Self::Forced => "forced",
            Self::LeaseExpired => "7",
            Self::LeaseLapsed => "7a",
            Self::TooOld => "8",
            Self::Done => "9",
            Self::SuspectedDone => "9a",
            Self::Unrouted => "9b",
            Self::Undecided => "9, undecided",
            Self::Live => "10",
        }
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
}

/// What is known of one task beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskEvidence {
    /// Whether traffic reaches it.
    pub routed: Routed,
    /// What its container answered us; `None` when it was not asked or has no address.
    pub witness: Option<Witness>,
    /// Whether an earlier sweep, long enough ago, had the same answer.
    pub suspected: bool,
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
    let is_older_than = |limit| is_longer_ago(task.created_at, limit, now);
    if !task.shall_run {
        return TaskRow::Ending;
    }
    if task.protected {
        return TaskRow::Protected;
    }
    if task.session.is_none() {
        return TaskRow::Unidentified;
    }
    if task.ended != Ended::No {
        return TaskRow::Ended;
    }
    if is_older_than(policy.hard_age) {
        return TaskRow::BeyondHardAge;
    }
    match task.lease {
        Lease::Until(end) if end > now => return TaskRow::Leased,
        Lease::Unreadable => return TaskRow::LeaseUnreadable,
        Lease::Until(_) | Lease::None => {}
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
        Lease::None if is_older_than(policy.max_session_age) => return TaskRow::TooOld,
        Lease::None | Lease::Unreadable => {}
    }
    if !is_older_than(policy.start_up_grace) {
        return TaskRow::Live;
    }
    match (evidence.routed, evidence.witness) {
        (Routed::Yes, _) => TaskRow::Live,
        (Routed::Unknown, _) => TaskRow::Undecided,
        (Routed::No, Some(Witness::Done)) if evidence.suspected => TaskRow::Done,
        (Routed::No, Some(Witness::Done)) => TaskRow::SuspectedDone,
        (Routed::No, Some(Witness::Active | Witness::Answers | Witness::Silent) | None) => {
            TaskRow::Unrouted
        }
    }
}

#[cfg(test)]
mod tests;
