//! What the sweep before suspected. A state that may pass is acted on only when two consecutive sweeps
//! saw it, at least half an interval apart; the memory is one object of the ledger, `suspects.json`.

mod in_a_row;

pub use in_a_row::{Before, InARow};

use crate::session::{SessionId, TargetAddress, TargetGroupArn, TaskArn};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A memory older than so many intervals counts no more: sweeps have not been consecutive.
const INTERVALS: i32 = 3;

/// Since when something has been so, without a sweep in between that saw otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSince {
    /// The first of these sweeps.
    pub since: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// A cleanup that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Whose.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
}

/// What a sweep suspects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Tasks whose containers say that they are done (row T9a).
    pub tasks: BTreeMap<TaskArn, SeenSince>,
    /// Targets that nobody holds and nobody answers at.
    pub targets: BTreeMap<(TargetGroupArn, TargetAddress), SeenSince>,
    /// Orphans that were asked for their artifacts without success: their salvage window goes on since
    /// then.
    pub failed_salvages: BTreeMap<TaskArn, SeenSince>,
    /// Orphans whose containers said that they run another session: nobody but the hard age ends them.
    pub reused: BTreeMap<TaskArn, SeenSince>,
    /// Orphans that nobody reached, nor anyone behind the same route.
    pub blind: BTreeMap<TaskArn, SeenSince>,
    /// Orphans that were worked on and run on, and when last: who waited longer comes first.
    pub tried: BTreeMap<TaskArn, Timestamp>,
    /// Orphans whose containers said that their uploads were under way, and when last: their salvage windows
    /// begin anew then.
    pub under_way: BTreeMap<TaskArn, Timestamp>,
    /// The leases that ran when everything was listed last.
    pub leases: SeenLeases,
    /// Tasks of a warm pool that were seen claimed by a session that does not say since when, and when first.
    pub claimed: BTreeMap<TaskArn, Timestamp>,
    /// Tasks that were stopped because their leases had lapsed, and when.
    pub reaped_for_leases: BTreeMap<TaskArn, Timestamp>,
    /// Orphans whose cleanups were begun and are not known to be on record: what a sweep was at that died, or could not
    /// write a receipt, the next finishes.
    pub unfinished: BTreeMap<TaskArn, Unfinished>,
    /// How many sweeps in a row had the same trouble.
    pub in_a_row: InARow,
    /// When a sweep began last that counted in a row: others soon after it did not.
    pub counted_at: Option<Timestamp>,
    /// When the sweep began that has written this.
    pub swept_at: Option<Timestamp>,
    /// Its Lambda request id.
    pub swept_by: Option<String>,
    /// How much that sweep found: where it is nothing, no report follows. `None`: a version before did not say.
    pub found: Option<usize>,
}

/// The leases that ran at the last sweep that had listed everything: whether they are extended shows
/// whether renewal works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenLeases {
    /// When they were seen; `None`: never.
    pub at: Option<Timestamp>,
    /// When they ended then.
    pub ends: BTreeMap<TaskArn, Timestamp>,
}

/// So many leases are remembered at most: any of them that is extended shows that renewal works.
const LEASES: usize = 1_000;

impl SeenLeases {
    /// Those of `running` that are remembered from `now` on.
    #[must_use]
    pub fn new(running: impl IntoIterator<Item = (TaskArn, Timestamp)>, now: Timestamp) -> Self {
        let mut ends: BTreeMap<TaskArn, Timestamp> = running.into_iter().collect();
        if let Some(beyond) = ends.keys().nth(LEASES).cloned() {
            ends.split_off(&beyond);
        }
        Self { at: Some(now), ends }
    }
}

impl Suspects {
    /// The same where a sweep can't write down what it does: as if nobody were known to renew leases. One owner
    /// after the other would be stopped for a lease, and each sweep would take its own for the first.
    #[must_use]
    pub fn without_leases(&self) -> Self {
        Self { leases: SeenLeases::default(), ..self.clone() }
    }

    /// Those that still count: seen at most three intervals ago. What a container has said of itself counts on: it is
    /// no state that may pass.
    #[must_use]
    pub fn still_fresh(mut self, interval: Duration, now: Timestamp) -> Self {
        let longest = longest_gap(interval);
        let fresh = |seen: &SeenSince| now.duration_since(seen.last) <= longest;
        self.tasks.retain(|_, seen| fresh(seen));
        self.targets.retain(|_, seen| fresh(seen));
        self.failed_salvages.retain(|_, seen| fresh(seen));
        self.blind.retain(|_, seen| fresh(seen));
        self.tried.retain(|_, at| now.duration_since(*at) <= longest);
        if self.leases.at.is_some_and(|at| now.duration_since(at) > longest) {
            self.leases = SeenLeases::default();
        }
        self
    }

    /// That some of them count no more, because the sweep before was too long ago: sweeps fail, or come
    /// less often than their interval says.
    #[must_use]
    pub fn too_old(&self, interval: Duration, now: Timestamp) -> Option<String> {
        let forgets = self.clone().still_fresh(interval, now) != *self;
        let ago = now.duration_since(self.last_sweep()?);
        let is_long_ago = ago > longest_gap(interval);
        (forgets && is_long_ago).then(|| {
            format!(
                "the sweep before was {} min ago, and SWEEP_INTERVAL says {interval:?}: its suspects have \
                 expired, so no condition counts as seen twice",
                ago.as_mins()
            )
        })
    }

    /// When a sweep counted last; versions before took each for one.
    #[must_use]
    pub fn counted_at(&self) -> Option<Timestamp> {
        self.counted_at.or(self.swept_at)
    }

    /// When the sweep before was; versions before did not say so themselves.
    fn last_sweep(&self) -> Option<Timestamp> {
        let tasks = self.tasks.values().chain(self.failed_salvages.values());
        let seen = tasks.chain(self.reused.values()).chain(self.blind.values());
        let seen = seen.chain(self.targets.values());
        self.swept_at.or_else(|| seen.map(|seen| seen.last).chain(self.leases.at).max())
    }
}

/// Sweeps that are further apart don't follow each other: what must be seen twice never is.
#[must_use]
pub fn longest_gap(interval: Duration) -> SignedDuration {
    let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
    interval.checked_mul(INTERVALS).unwrap_or(SignedDuration::MAX)
}

impl SeenSince {
    /// Seen now, and for the first time unless `before` says otherwise.
    #[must_use]
    pub fn again(before: Option<&Self>, now: Timestamp) -> Self {
        Self { since: before.map_or(now, |seen| seen.since), last: now }
    }

    /// Whether the first of these sweeps is at least half an interval ago.
    #[must_use]
    pub fn is_long_enough(&self, interval: Duration, now: Timestamp) -> bool {
        let half = SignedDuration::try_from(interval / 2).unwrap_or(SignedDuration::MAX);
        now.duration_since(self.since) >= half
    }
}

#[cfg(test)]
pub(super) mod tests;
