use std::fmt;

/// What became of a session's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetFate {
    /// It is draining, or in no group.
    Gone,
    /// The address is no longer the task's: what is registered there is the reaper's to judge.
    TakenOver,
    /// It was deregistered from the task of another session, and is registered again.
    ReRegistered,
    /// It was left alone: nothing had confirmed that the session is over.
    Kept,
    /// Nothing was done about it.
    Untouched,
    /// The task never had an address.
    NeverHadOne,
    /// The task is over; a leftover target is the reaper's.
    LeftToReaper,
    /// Nothing routes to sessions here: no target groups are configured.
    NotRouted,
    /// It may still be registered.
    Unverified {
        /// What kept it from being deregistered.
        why: String,
    },
    /// It may still be missing from a group of another session's.
    NotReRegistered {
        /// What kept it from being registered again.
        why: String,
    },
}

impl TargetFate {
    /// Whether nothing is left to do about it.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::Gone
            | Self::TakenOver
            | Self::NeverHadOne
            | Self::LeftToReaper
            | Self::NotRouted => true,
            Self::ReRegistered
            | Self::Kept
            | Self::Untouched
            | Self::Unverified { .. }
            | Self::NotReRegistered { .. } => false,
        }
    }

    /// Whether it was, or may have been, deregistered.
    pub(super) fn may_have_been_touched(&self) -> bool {
        match self {
            Self::Gone
            | Self::TakenOver
            | Self::ReRegistered
            | Self::Unverified { .. }
            | Self::NotReRegistered { .. } => true,
            Self::Kept
            | Self::Untouched
            | Self::NeverHadOne
            | Self::LeftToReaper
            | Self::NotRouted => false,
        }
    }
}

impl fmt::Display for TargetFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("gone"),
            Self::TakenOver => f.write_str("taken_over"),
            Self::ReRegistered => f.write_str("re_registered"),
            Self::Kept => f.write_str("kept"),
            Self::Untouched => f.write_str("untouched"),
            Self::NeverHadOne => f.write_str("never_had_one"),
            Self::LeftToReaper => f.write_str("left_to_reaper"),
            Self::NotRouted => f.write_str("not_routed"),
            Self::Unverified { why } => write!(f, "unverified: {why}"),
            Self::NotReRegistered { why } => write!(f, "not_re_registered: {why}"),
        }
    }
}
