use crate::clock::is_longer_ago;
use crate::config;
use crate::session::{Lease, SessionTask};
use jiff::{SignedDuration, Timestamp};

/// What a sweep saw of all leases together. When many lapse at once it is the renewal that is
/// broken, not the sessions that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// Leases that are over, of tasks whose fate may hang on them.
    pub lapsed: usize,
    /// Leases that run, and that someone must have renewed: one that ends later than any session may
    /// get was set once and forgotten, and proves nothing.
    pub renewed: usize,
    /// Whether every configured cluster was listed whole.
    pub all_listed: bool,
}

/// So large a part of the leased tasks may lapse at once before it looks like a failure of the
/// renewal; of few, one. It is a part of those that are leased: a fleet of others says nothing of the
/// owners that renew.
const MAY_LAPSE: usize = 4;

impl Leases {
    /// Counts those of `tasks`.
    pub fn count<'a>(
        tasks: impl IntoIterator<Item = &'a SessionTask>,
        all_listed: bool,
        policy: &config::Sweep,
        now: Timestamp,
    ) -> Self {
        let hard_age = SignedDuration::try_from(policy.hard_age).unwrap_or(SignedDuration::MAX);
        let mut leases = Self { lapsed: 0, renewed: 0, all_listed };
        for task in tasks.into_iter().filter(|task| task.shall_run) {
            let Lease::Until(end) = task.lease else { continue };
            if end > now {
                leases.renewed += usize::from(end.duration_since(now) <= hard_age);
                continue;
            }
            let decided_before = task.protected
                || task.session.is_none()
                || task.ended.is_word()
                || is_longer_ago(task.created_at, policy.hard_age, now);
            if !decided_before {
                leases.lapsed += 1;
            }
        }
        leases
    }

    /// Whether a single lease that lapsed speaks for itself.
    #[must_use]
    pub fn are_renewed(&self) -> bool {
        self.all_listed && self.renewed > 0 && !self.are_lapsing()
    }

    /// Whether so many have lapsed that renewal looks broken.
    #[must_use]
    pub fn are_lapsing(&self) -> bool {
        self.lapsed > ((self.lapsed + self.renewed) / MAY_LAPSE).max(1)
    }
}
