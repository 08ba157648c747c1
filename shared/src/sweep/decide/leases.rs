use crate::clock::is_longer_ago;
use crate::config;
use crate::session::{Lease, SessionTask, TaskArn};
use crate::sweep::suspects::Suspects;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// What a sweep saw of all leases together. When many lapse it is the renewal that is broken, not the
/// sessions that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// Leases that are over, of tasks whose fate may hang on them.
    pub lapsed: usize,
    /// Leases that run. One that ends later than any session may get was set once and forgotten, and is
    /// not counted.
    pub running: usize,
    /// Of those that run, how many have been extended since everything was listed last: someone renews
    /// them.
    pub extended: usize,
    /// Tasks that were stopped for their lapsed leases within the age that a session may get: where
    /// renewal is broken, leases may lapse one after the other.
    pub reaped: usize,
    /// Whether every configured cluster was listed whole.
    pub all_listed: bool,
}

/// So large a part of the leased tasks may lapse before it looks like a failure of the renewal; of few,
/// one. It is a part of those that are leased: a fleet of others says nothing of the owners that renew.
const MAY_LAPSE: usize = 4;

impl Leases {
    /// Counts those of `tasks`, with what the sweeps before have seen and done.
    pub fn count<'a>(
        tasks: impl IntoIterator<Item = &'a SessionTask>,
        all_listed: bool,
        before: &Suspects,
        policy: &config::Sweep,
        now: Timestamp,
    ) -> Self {
        let mut leases = Self { lapsed: 0, running: 0, extended: 0, reaped: 0, all_listed };
        let mut lapsed: BTreeSet<&TaskArn> = BTreeSet::new();
        for task in tasks.into_iter().filter(|task| task.shall_run) {
            if let Some(end) = running_lease(task, policy, now) {
                leases.running += 1;
                let known = before.leases.ends.get(&task.arn);
                leases.extended += usize::from(known.is_some_and(|known| end > *known));
                continue;
            }
            let decided_before = task.protected
                || task.session.is_none()
                || task.ended.is_word()
                || is_longer_ago(task.started_at(), policy.hard_age, now);
            if matches!(task.lease, Lease::Until(end) if end <= now) && !decided_before {
                lapsed.insert(&task.arn);
            }
        }
        leases.lapsed = lapsed.len();
        let reaped = before.reaped_for_leases.iter().filter(|(task, at)| {
            !is_longer_ago(**at, policy.max_session_age, now) && !lapsed.contains(task)
        });
        leases.reaped = reaped.count();
        leases
    }

    /// Whether a single lease that lapsed speaks for itself.
    #[must_use]
    pub fn are_renewed(&self) -> bool {
        self.all_listed && self.extended > 0 && !self.are_lapsing()
    }

    /// Whether so many have lapsed that renewal looks broken.
    #[must_use]
    pub fn are_lapsing(&self) -> bool {
        let lapsed = self.lapsed + self.reaped;
        self.lapsed > 0 && lapsed > ((lapsed + self.running) / MAY_LAPSE).max(1)
    }
}

/// The end of a lease that runs, and that someone must renew: one that ends later than any session may
/// get proves nothing.
pub(super) fn running_lease(
    task: &SessionTask,
    policy: &config::Sweep,
    now: Timestamp,
) -> Option<Timestamp> {
    let hard_age = SignedDuration::try_from(policy.hard_age).unwrap_or(SignedDuration::MAX);
    match task.lease {
        Lease::Until(end) if end > now && end.duration_since(now) <= hard_age => Some(end),
        Lease::Until(_) | Lease::None | Lease::Stale | Lease::Unreadable => None,
    }
}
