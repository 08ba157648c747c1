use std::fmt;

/// What became of a session's task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskFate {
    /// We stopped it, or it was over after a stop of ours whose answer was lost.
    Stopped,
    /// We are about to stop it.
    ToBeStopped,
    /// It was stopping or had stopped without us.
    StoppedByOthers,
    /// It was left running.
    Running {
        /// Why.
        why: String,
    },
    /// It should be stopped, and runs on.
    NotStopped {
        /// What kept us from it.
        why: String,
    },
    /// A stop was sent and not answered: it may have been one.
    StopUnanswered {
        /// What came instead of an answer.
        why: String,
    },
    /// It is no orphan any longer, and runs on.
    Spared {
        /// What keeps it.
        why: String,
    },
    /// The same, and a stop that was sent before had no answer: it may have been one.
    SparedInDoubt {
        /// What keeps it.
        why: String,
    },
    /// Nothing is known of it.
    Unknown,
}

impl TaskFate {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Stopped | Self::StoppedByOthers => true,
            Self::ToBeStopped
            | Self::Running { .. }
            | Self::NotStopped { .. }
            | Self::StopUnanswered { .. }
            | Self::Spared { .. }
            | Self::SparedInDoubt { .. }
            | Self::Unknown => false,
        }
    }

    /// Whether it runs on, as far as is known.
    #[must_use]
    pub fn runs_on(&self) -> bool {
        match self {
            Self::Running { .. }
            | Self::NotStopped { .. }
            | Self::StopUnanswered { .. }
            | Self::Spared { .. }
            | Self::SparedInDoubt { .. } => true,
            Self::Stopped | Self::ToBeStopped | Self::StoppedByOthers | Self::Unknown => false,
        }
    }

    /// Whether we stopped it, or may have.
    #[must_use]
    pub fn may_be_our_stop(&self) -> bool {
        match self {
            Self::Stopped
            | Self::ToBeStopped
            | Self::StopUnanswered { .. }
            | Self::SparedInDoubt { .. } => true,
            Self::StoppedByOthers
            | Self::Running { .. }
            | Self::NotStopped { .. }
            | Self::Spared { .. }
            | Self::Unknown => false,
        }
    }

    /// Whether it was left running because its artifacts are not confirmed.
    pub(super) fn was_left_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// Whether it turned out to be no orphan any longer.
    pub(super) fn is_spared(&self) -> bool {
        matches!(self, Self::Spared { .. } | Self::SparedInDoubt { .. })
    }
}

impl fmt::Display for TaskFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::ToBeStopped => f.write_str("to_be_stopped"),
            Self::StoppedByOthers => f.write_str("stopped_by_others"),
            Self::Running { why } => write!(f, "running: {why}"),
            Self::NotStopped { why } => write!(f, "not_stopped: {why}"),
            Self::StopUnanswered { why } => write!(f, "stop_unanswered: {why}"),
            Self::Spared { why } => write!(f, "spared: {why}"),
            Self::SparedInDoubt { why } => {
                write!(f, "spared, though a stop was sent and not answered: {why}")
            }
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
