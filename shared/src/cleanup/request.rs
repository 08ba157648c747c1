use super::routes::Routes;
use crate::event::{EndReason, SessionEnded, TaskChange, TaskReference};
use crate::session::{Review, SessionId, Used};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What one cleanup is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which task.
    pub task: TaskReference,
    /// On whose word, and what that word said.
    pub cause: Cause,
    /// The owner's id of the request, for logs and receipt.
    pub request_id: Option<String>,
    /// Whether its event was delivered before.
    pub delivery: Delivery,
}

impl Request {
    /// Whether a sweep wants it, and no event does: nothing is delivered again, and whoever runs on is spared.
    #[must_use]
    pub fn is_of_a_sweep(&self) -> bool {
        match (&self.cause, self.delivery) {
            (Cause::Orphan { .. }, _) | (_, Delivery::Resumed) => true,
            (
                Cause::SessionEnded { .. } | Cause::TaskChanged { .. },
                Delivery::First | Delivery::Repeated,
            ) => false,
        }
    }

    /// What happens next where something is left to do, for notes.
    pub(super) fn next(&self) -> &'static str {
        if self.is_of_a_sweep() {
            "the next sweep tries again"
        } else {
            "the event is delivered again, and the reaper takes over after that"
        }
    }
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Not that we know.
    First,
    /// The queue has delivered it before: its receipt may say what came of that.
    Repeated,
    /// No queue did: a sweep finishes what a sweep before it has begun.
    Resumed,
}

/// On whose word a session is cleaned up.
#[derive(Debug, Clone)]
pub enum Cause {
    /// Its owner said that it is over.
    SessionEnded {
        /// The session that the owner named; the task must agree.
        session: SessionId,
        /// The moment the owner spoke of; a task created later is another one.
        at: Timestamp,
        /// The same by its owner's clock alone.
        ended_at: Option<Timestamp>,
        /// When the owner said so.
        said_at: Timestamp,
        /// How it ended.
        reason: Option<EndReason>,
    },
    /// ECS said that its task died or is dying.
    TaskChanged {
        /// The version of the task that the event showed: ECS must show one at least as new.
        version: i64,
        /// Whether the event itself says that the task ends.
        says_end: bool,
        /// When the event was made, if it says so.
        at: Option<Timestamp>,
        /// The session by what the event shows of the task: for when ECS has forgotten it.
        shows: Option<SessionId>,
        /// When the task was created, by what the event shows: for then, too.
        created_at: Option<Timestamp>,
    },
    /// Nobody will end it any more: our own inference.
    Orphan {
        /// The session that the sweep saw in the task.
        session: SessionId,
        /// From when on what lies where it writes is its own, by what the sweep saw.
        writes_from: Timestamp,
        /// The row of the sweep's table that found it.
        cause: OrphanCause,
        /// Whether its artifacts may be given up.
        salvage: SalvageWindow,
        /// Decides its row again, right before anything is done to it.
        review: Review,
        /// What the sweep knows of the ways to its tasks.
        routes: Arc<Routes>,
        /// What it has used since it became an orphan, as far as the sweep knows.
        used: Option<Used>,
    },
}

/// Why a sweep calls a task an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanCause {
    /// Its owner ended the session, and it could not be cleaned then.
    Ended,
    /// It is older than a session may get.
    TooOld,
    /// Its owner stopped renewing its lease.
    LeaseExpired,
    /// Its container says that it is done.
    Done,
    /// An operator has declared its cluster over.
    Forced,
}

/// Whether artifacts are still waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalvageWindow {
    /// The window has passed, and two sweeps have asked in vain: what is not confirmed is given up.
    pub is_over: bool,
    /// The hard age has passed by the window, too: a task is stopped then even if nobody reaches it, or
    /// if it says that it runs another session.
    pub is_beyond_hard_age: bool,
    /// An earlier sweep has not reached it either: nobody is given up for one bad moment of the network.
    pub was_blind_before: bool,
    /// When its container said last, to a sweep, that its upload was under way: the window begins anew then.
    pub under_way_at: Option<Timestamp>,
}

impl SalvageWindow {
    /// The task is not stopped before its artifacts are confirmed.
    pub const OPEN: Self = Self {
        is_over: false,
        is_beyond_hard_age: false,
        was_blind_before: false,
        under_way_at: None,
    };
}

/// In which order a cleanup's two lanes begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The session is known to be over: both at once.
    Together,
    /// It is our inference: the target is deregistered only once the container has confirmed, so that a
    /// session that turns out to be alive keeps its traffic.
    ArtifactsFirst,
}

impl Cause {
    pub(super) fn order(&self) -> Order {
        match self {
            Self::SessionEnded { .. } | Self::TaskChanged { .. } => Order::Together,
            Self::Orphan { .. } => Order::ArtifactsFirst,
        }
    }

    pub(super) fn salvage_window(&self) -> SalvageWindow {
        match self {
            Self::SessionEnded { .. } | Self::TaskChanged { .. } => SalvageWindow::OPEN,
            Self::Orphan { salvage, .. } => *salvage,
        }
    }

    /// The session that the task must run, where the cause names one.
    #[must_use]
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Self::SessionEnded { session, .. } | Self::Orphan { session, .. } => Some(session),
            Self::TaskChanged { .. } => None,
        }
    }

    /// The session by what an event of ECS shows of the task.
    pub(super) fn shown_session(&self) -> Option<&SessionId> {
        match self {
            Self::TaskChanged { shows, .. } => shows.as_ref(),
            Self::SessionEnded { .. } | Self::Orphan { .. } => None,
        }
    }

    /// When the task was created, by what an event of ECS shows of it.
    pub(super) fn shown_creation(&self) -> Option<Timestamp> {
        match self {
            Self::TaskChanged { created_at, .. } => *created_at,
            Self::SessionEnded { .. } | Self::Orphan { .. } => None,
        }
    }

    pub(super) fn review(&self) -> Option<&Review> {
        match self {
            Self::Orphan { review, .. } => Some(review),
            Self::SessionEnded { .. } | Self::TaskChanged { .. } => None,
        }
    }

    pub(super) fn routes(&self) -> Option<&Arc<Routes>> {
        match self {
            Self::Orphan { routes, .. } => Some(routes),
            Self::SessionEnded { .. } | Self::TaskChanged { .. } => None,
        }
    }

    pub(super) fn used(&self) -> Option<Used> {
        match self {
            Self::Orphan { used, .. } => *used,
            Self::SessionEnded { .. } | Self::TaskChanged { .. } => None,
        }
    }

    pub(super) fn reason(&self) -> Option<EndReason> {
        match self {
            Self::SessionEnded { reason, .. } => *reason,
            Self::TaskChanged { .. } | Self::Orphan { .. } => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SessionEnded { .. } => "ended",
            Self::TaskChanged { .. } => "task_changed",
            Self::Orphan { cause: OrphanCause::Ended, .. } => "orphan_ended",
            Self::Orphan { cause: OrphanCause::TooOld, .. } => "orphan_too_old",
            Self::Orphan { cause: OrphanCause::LeaseExpired, .. } => "orphan_lease_expired",
            Self::Orphan { cause: OrphanCause::Done, .. } => "orphan_done",
            Self::Orphan { cause: OrphanCause::Forced, .. } => "orphan_forced",
        })
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<SessionEnded> for Request {
    fn from(event: SessionEnded) -> Self {
        let SessionEnded { session, task, at, ended_at, said_at, reason, request_id } = event;
        let cause = Cause::SessionEnded { session, at, ended_at, said_at, reason };
        Self { task, cause, request_id, delivery: Delivery::First }
    }
}

impl From<TaskChange> for Request {
    fn from(event: TaskChange) -> Self {
        let TaskChange { task, version, says_end, at, session: shows, created_at } = event;
        Self {
            task: TaskReference::Arn(task),
            cause: Cause::TaskChanged { version, says_end, at, shows, created_at },
            request_id: None,
            delivery: Delivery::First,
        }
    }
}
