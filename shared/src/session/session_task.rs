use super::arn::TaskArn;
use super::id::SessionId;
use super::identity::IdentitySource;
use super::neighbourhood::Neighbourhood;
use super::scope::Scope;
use super::size::TaskSize;
use super::start::{claimed_at, session_start, writes_from};
use super::task::{SESSION_ENDED_TAG, Stage, Task};
use jiff::Timestamp;
use std::net::Ipv4Addr;

/// The tag with the end of a session's lease (RFC 3339), which its owner keeps extending.
pub const LEASE_TAG: &str = "lease-expires-at";

/// What a sweep knows of a session task: enough to decide, and small, for there may be many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTask {
    /// Its ARN.
    pub arn: TaskArn,
    /// The session that it runs; `None`: unidentified.
    pub session: Option<SessionId>,
    /// When `RunTask` made it.
    pub created_at: Timestamp,
    /// When a session claimed it, where it had waited for one and that is told.
    pub claimed_at: Option<Timestamp>,
    /// From when on what lies where its session writes is its own.
    pub writes_from: Timestamp,
    /// Its address, while it holds it.
    pub address: Option<Ipv4Addr>,
    /// Whom packets of ours reach by the same route.
    pub neighbourhood: Neighbourhood,
    /// Whether it runs or is on its way there, and nobody has told it to stop.
    pub shall_run: bool,
    /// Whether it has, or had, a container.
    pub started: bool,
    /// When it was RUNNING: all its containers had started.
    pub running_since: Option<Timestamp>,
    /// Whether an operator protects it.
    pub protected: bool,
    /// Whether its owner has ended it, and since when it waits for its cleanup.
    pub ended: EndedTag,
    /// Its owner's lease.
    pub lease: Lease,
    /// How large it is, where ECS says so.
    pub size: Option<TaskSize>,
}

/// Whether the owner of a session has ended it (the tag `session-ended-at`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedTag {
    /// Not that we know.
    Absent,
    /// Since then.
    At(Timestamp),
    /// From before the start of the session: copied from another. It says nothing.
    Stale,
    /// The tag's value is no time. It says nothing.
    Unreadable,
}

impl EndedTag {
    /// What the tags of `task` say at `now`.
    #[must_use]
    pub fn of(task: &Task, now: Timestamp) -> Self {
        match task.tags.get(SESSION_ENDED_TAG).map(|at| at.parse::<Timestamp>()) {
            None => Self::Absent,
            Some(Ok(at)) if is_before_its_start(at, task, now) => Self::Stale,
            Some(Ok(at)) => Self::At(at),
            Some(Err(_)) => Self::Unreadable,
        }
    }

    /// When the owner's word was noted, if it says anything.
    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Absent | Self::Stale | Self::Unreadable => None,
        }
    }

    /// Whether it says that the owner has ended the session.
    #[must_use]
    pub fn is_word(self) -> bool {
        self.at().is_some()
    }
}

/// Tags may be copied, with everything else of a task, by whoever resumes a session. Times in tags
/// are often whole seconds.
fn is_before_its_start(at: Timestamp, task: &Task, now: Timestamp) -> bool {
    at.as_second() < session_start(task, now).as_second()
}

/// A session's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// It has none.
    None,
    /// It ends, or ended, then.
    Until(Timestamp),
    /// It ended before the session began: copied from another. It counts as none.
    Stale,
    /// It has one, and its end can't be read: it is not known to be over.
    Unreadable,
}

impl Lease {
    /// What the tags of `task` say at `now`.
    #[must_use]
    pub fn of(task: &Task, now: Timestamp) -> Self {
        match task.tags.get(LEASE_TAG).map(|end| end.parse::<Timestamp>()) {
            None => Self::None,
            Some(Ok(end)) if is_before_its_start(end, task, now) => Self::Stale,
            Some(Ok(end)) => Self::Until(end),
            Some(Err(_)) => Self::Unreadable,
        }
    }
}

impl SessionTask {
    /// When its session began: what every age is counted from.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.claimed_at.unwrap_or(self.created_at)
    }

    /// The tags whose values can't be about this session, or can't be read: people should know.
    #[must_use]
    pub fn odd_tags(&self) -> Vec<&'static str> {
        let ended = match self.ended {
            EndedTag::Stale | EndedTag::Unreadable => Some(SESSION_ENDED_TAG),
            EndedTag::Absent | EndedTag::At(_) => None,
        };
        let lease = match self.lease {
            Lease::Stale | Lease::Unreadable => Some(LEASE_TAG),
            Lease::None | Lease::Until(_) => None,
        };
        ended.into_iter().chain(lease).collect()
    }

    /// What `task` shows at `now`, where it is a session task.
    #[must_use]
    pub fn read(task: &Task, scope: &Scope, now: Timestamp) -> Option<Self> {
        scope.is_session_task(task).then(|| Self {
            arn: task.arn.clone(),
            session: IdentitySource::identify(&scope.identity, task),
            created_at: task.created_at,
            claimed_at: claimed_at(task, now),
            writes_from: writes_from(task, now),
            address: task.held_address(),
            neighbourhood: task.neighbourhood(),
            shall_run: task.shall_run(),
            started: task.stage() != Stage::NeverStarted,
            running_since: task.started_at,
            protected: task.is_protected(),
            ended: EndedTag::of(task, now),
            lease: Lease::of(task, now),
            size: task.size,
        })
    }
}

#[cfg(test)]
mod tests;
