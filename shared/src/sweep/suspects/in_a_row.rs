use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many sweeps in a row had the same trouble. Alarms on what may pass rest on these counts, so that they
/// ring whatever the interval between two sweeps is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InARow {
    /// Could not list everything.
    pub incomplete: u32,
    /// Stopped before their deadlines with work left.
    pub truncated: u32,
    /// Had other problems.
    pub problems: u32,
    /// Saw targets at which something answers that no task has.
    pub foreign: u32,
    /// Saw tasks that name no session.
    pub unidentified: u32,
    /// Left orphans running.
    pub orphans: u32,
    /// Left zombie targets registered.
    pub zombies: u32,
    /// Left tasks running whose artifacts are confirmed.
    pub run_on: u32,
    /// Left intents open.
    pub pending: u32,
}

/// What is known of the sweeps before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// So much, and when the last one was that counted.
    Known(InARow, Option<Timestamp>),
    /// Nothing: the memory can't be read.
    Unknown,
}

impl Before {
    /// When the last sweep counted, if one at `now` does not: two within half an interval count as one. One
    /// that died between them, or others on order, do not hide that they follow each other; nor does one whose
    /// clock was ahead.
    #[must_use]
    pub fn counted_just(self, interval: Duration, now: Timestamp) -> Option<Timestamp> {
        let half = SignedDuration::try_from(interval / 2).unwrap_or(SignedDuration::MAX);
        match self {
            Self::Known(_, at) => at.filter(|at| *at <= now && now.duration_since(*at) < half),
            Self::Unknown => None,
        }
    }
}

impl InARow {
    /// The counts after a sweep at `now` that had `trouble`: 1 of each kind that it had. Where nothing is known
    /// of those before, what is wrong now is taken for the second time.
    #[must_use]
    pub fn after(before: Before, trouble: Self, interval: Duration, now: Timestamp) -> Self {
        let counted_just = before.counted_just(interval, now).is_some();
        let count = |of: fn(&Self) -> u32| match before {
            _ if of(&trouble) == 0 => 0,
            Before::Unknown => TWICE,
            Before::Known(counts, _) if counted_just => of(&counts).max(1),
            Before::Known(counts, _) => of(&counts).saturating_add(1),
        };
        Self {
            incomplete: count(|counts| counts.incomplete),
            truncated: count(|counts| counts.truncated),
            problems: count(|counts| counts.problems),
            foreign: count(|counts| counts.foreign),
            unidentified: count(|counts| counts.unidentified),
            orphans: count(|counts| counts.orphans),
            zombies: count(|counts| counts.zombies),
            run_on: count(|counts| counts.run_on),
            pending: count(|counts| counts.pending),
        }
    }

    /// The same after a problem that the next sweep can't know of: it is taken for the second time.
    #[must_use]
    pub fn with_an_unrecorded_problem(self) -> Self {
        Self { problems: self.problems.max(TWICE), ..self }
    }
}

/// What alarms wait for.
const TWICE: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(10);
    const PROBLEM: InARow = InARow {
        incomplete: 0,
        truncated: 0,
        problems: 1,
        foreign: 0,
        unidentified: 0,
        orphans: 0,
        zombies: 0,
        run_on: 0,
        pending: 0,
    };

    fn minutes(count: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(count)
    }

    fn problems(before: Before, now: Timestamp) -> u32 {
        InARow::after(before, PROBLEM, INTERVAL, now).problems
    }

    #[test]
    fn each_sweep_adds_one_however_far_apart_they_are_and_a_good_one_ends_the_row() {
        let mut counts = InARow::default();
        for (number, at) in [(1, 0), (2, 5), (3, 600), (4, 100_000)] {
            let last = Some(minutes(at - 5));
            counts = InARow::after(Before::Known(counts, last), PROBLEM, INTERVAL, minutes(at));
            assert_eq!(counts, InARow { problems: number, ..InARow::default() });
        }
        let good = InARow::default();
        let before = Before::Known(counts, Some(minutes(0)));
        assert_eq!(InARow::after(before, good, INTERVAL, minutes(10)), InARow::default());
    }

    /// A stack may be upgraded, and rolled back.
    #[test]
    fn counts_of_a_version_before_or_after_are_read() {
        let before: InARow = serde_json::from_str(r#"{"problems": 3}"#).unwrap();
        assert_eq!(before, InARow { problems: 3, ..InARow::default() });
        let after: InARow = serde_json::from_str(r#"{"orphans": 2, "of_tomorrow": 9}"#).unwrap();
        assert_eq!(after, InARow { orphans: 2, ..InARow::default() });
    }

    #[test]
    fn two_sweeps_within_half_an_interval_count_as_one() {
        let once = InARow { problems: 1, ..InARow::default() };
        assert_eq!(problems(Before::Known(once, Some(minutes(0))), minutes(4)), 1);
        assert_eq!(problems(Before::Known(InARow::default(), Some(minutes(0))), minutes(4)), 1);
        assert_eq!(problems(Before::Known(once, Some(minutes(0))), minutes(5)), 2);
    }

    /// Many sweeps, each ordered soon after the one before: the trouble lasts all the same.
    #[test]
    fn sweeps_that_follow_each_other_fast_count_once_in_half_an_interval() {
        let (mut counts, mut counted_at) = (InARow::default(), None);
        let mut rows = Vec::new();
        for at in (0..=12).step_by(2) {
            let (before, now) = (Before::Known(counts, counted_at), minutes(at));
            counts = InARow::after(before, PROBLEM, INTERVAL, now);
            counted_at = before.counted_just(INTERVAL, now).or(Some(now));
            rows.push(counts.problems);
        }
        assert_eq!(rows, [1, 1, 1, 2, 2, 2, 3]);
    }

    #[test]
    fn what_can_not_be_remembered_rings_at_once() {
        assert_eq!(problems(Before::Unknown, minutes(0)), 2);
        assert_eq!(InARow::default().with_an_unrecorded_problem().problems, 2);
    }
}
