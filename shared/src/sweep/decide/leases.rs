use crate::clock::is_longer_ago;
use crate::config;
use crate::session::{Lease, SessionTask};
use jiff::Timestamp;

/// What a sweep saw of all leases together. When many lapse at once it is the renewal that is
/// broken, not the sessions that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// Leases that are over, of tasks whose fate may hang on them.
    pub lapsed: usize,
    /// Whether any lease lies in the future: someone still renews.
    pub some_run: bool,
    /// Whether every configured cluster was listed whole.
    pub all_listed: bool,
    /// How many may lapse at once before it looks like a failure of the renewal.
    pub limit: usize,
}

impl Leases {
    /// Counts those of `tasks`.
    pub fn count<'a>(
        tasks: impl IntoIterator<Item = &'a SessionTask>,
        all_listed: bool,
        limit: usize,
        policy: &config::Sweep,
        now: Timestamp,
    ) -> Self {
        let mut leases = Self { lapsed: 0, some_run: false, all_listed, limit };
        for task in tasks.into_iter().filter(|task| task.shall_run) {
            let Lease::Until(end) = task.lease else { continue };
            if end > now {
                leases.some_run = true;
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
        self.all_listed && self.some_run && !self.are_lapsing()
    }

    /// Whether so many have lapsed that renewal looks broken.
    #[must_use]
    pub fn are_lapsing(&self) -> bool {
        self.lapsed > self.limit
    }
}
