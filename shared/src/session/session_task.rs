use super::arn::TaskArn;
use super::id::SessionId;
use super::identity::IdentitySource;
use super::scope::Scope;
use super::task::{SESSION_ENDED_TAG, Stage, Task};
use jiff::Timestamp;
use std::net::Ipv4Addr;

/// The tag by which an operator keeps a task from ever being reaped: `true`.
pub const PROTECTION_TAG: &str = "cleanup-protection";

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
    /// Its address, while it holds it.
    pub address: Option<Ipv4Addr>,
    /// Whether it runs or is on its way there, and nobody has told it to stop.
    pub shall_run: bool,
    /// Whether it has, or had, a container.
    pub started: bool,
    /// Whether an operator protects it.
    pub protected: bool,
    /// Whether its owner has ended it, and since when it waits for its cleanup.
    pub ended: EndedTag,
    /// Its owner's lease.
    pub lease: Lease,
}

/// Whether the owner of a session has ended it (the tag `session-ended-at`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedTag {
    /// Not that we know.
    Absent,
    /// Since then.
    At(Timestamp),
    /// It has, and the tag's value is no time.
    Unreadable,
}

impl EndedTag {
    /// When the tag was set, where it has one that can be read.
    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// A session's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// It has none.
    None,
    /// It ends, or ended, then.
    Until(Timestamp),
    /// It has one, and its end can't be read: it is not known to be over.
    Unreadable,
}

impl SessionTask {
    /// What `task` shows, where it is a session task.
    #[must_use]
    pub fn read(task: &Task, scope: &Scope) -> Option<Self> {
        scope.is_session_task(task).then(|| Self {
            arn: task.arn.clone(),
            session: IdentitySource::identify(&scope.identity, task),
            created_at: task.created_at,
            address: task.held_address(),
            shall_run: task.shall_run(),
            started: task.stage() != Stage::NeverStarted,
            protected: task.tags.get(PROTECTION_TAG).is_some_and(|value| value == "true"),
            ended: match task.tags.get(SESSION_ENDED_TAG) {
                None => EndedTag::Absent,
                Some(at) => at.parse().map_or(EndedTag::Unreadable, EndedTag::At),
            },
            lease: match task.tags.get(LEASE_TAG).map(|end| end.parse()) {
                None => Lease::None,
                Some(Ok(end)) => Lease::Until(end),
                Some(Err(_)) => Lease::Unreadable,
            },
        })
    }
}

#[cfg(test)]
mod tests;
