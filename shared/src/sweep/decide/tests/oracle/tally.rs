//! How often each row, limit and cause was met: what no case reaches is not tested.

use super::limits;
use super::tasks::{Lease, ended, is_session_task, lease, start};
use super::verdicts::Verdicts;
use super::world::{Listing, Said, World};
use crate::sweep::decide::{TargetRow, TaskRow, TaskVerdict};
use std::collections::BTreeMap;

/// Every row of the table of tasks; a new one does not compile in [`next`] before it is in the chain.
fn task_rows() -> impl Iterator<Item = TaskRow> {
    use TaskRow as Row;
    let next = |row: &Row| match row {
        Row::ToldToStop => Some(Row::Protected),
        Row::Protected => Some(Row::Unidentified),
        Row::Unidentified => Some(Row::Unclaimed),
        Row::Unclaimed => Some(Row::UnclaimedTooLong),
        Row::UnclaimedTooLong => Some(Row::Ended),
        Row::Ended => Some(Row::StartUnknown),
        Row::StartUnknown => Some(Row::BeyondHardAge),
        Row::BeyondHardAge => Some(Row::Leased),
        Row::Leased => Some(Row::LeaseUnreadable),
        Row::LeaseUnreadable => Some(Row::Forced),
        Row::Forced => Some(Row::LeaseExpired),
        Row::LeaseExpired => Some(Row::LeaseLapsed),
        Row::LeaseLapsed => Some(Row::TooOld),
        Row::TooOld => Some(Row::Done),
        Row::Done => Some(Row::SuspectedDone),
        Row::SuspectedDone => Some(Row::Unrouted),
        Row::Unrouted => Some(Row::Undecided),
        Row::Undecided => Some(Row::Live),
        Row::Live => None,
    };
    std::iter::successors(Some(Row::ToldToStop), next)
}

/// The same for targets.
fn target_rows() -> impl Iterator<Item = TargetRow> {
    use TargetRow as Row;
    let next = |row: &Row| match row {
        Row::Held => Some(Row::HeldElsewhere),
        Row::HeldElsewhere => Some(Row::Misrouted),
        Row::Misrouted => Some(Row::MisroutedElsewhere),
        Row::MisroutedElsewhere => Some(Row::Draining),
        Row::Draining => Some(Row::Undecided),
        Row::Undecided => Some(Row::Suspected),
        Row::Suspected => Some(Row::Zombie),
        Row::Zombie => Some(Row::Foreign),
        Row::Foreign => Some(Row::Unclear),
        Row::Unclear => None,
    };
    std::iter::successors(Some(Row::Held), next)
}

#[derive(Debug)]
pub(super) struct Tally(BTreeMap<String, u64>);

/// What time is measured against, beside the rows.
const BORDERS: [&str; 12] = [
    "start-up grace",
    "maximum session age",
    "hard age",
    "hard age and salvage window",
    "end of a lease",
    "lease grace",
    "maximum session age after a lease",
    "hard age ahead of a lease",
    "salvage window",
    "half an interval",
    "three intervals",
    "start of the session",
];
const LIMITS: [&str; 14] = [
    "more orphans than the limit",
    "as many orphans as the limit",
    "more zombies than the limit",
    "a part of the fleet is more than the least",
    "leases lapse",
    "one lease speaks for itself",
    "a salvage window is over",
    "a salvage window is over by the hard age",
    "an order is accepted",
    "an order is refused",
    "a cluster is cut short",
    "a cluster failed",
    "a cluster is gone",
    "a group failed",
];

impl Tally {
    pub(super) fn new() -> Self {
        let mut tally = Self(BTreeMap::new());
        for row in task_rows() {
            tally.add(row.label(), 0);
            if let TaskVerdict::Orphan(cause) = row.verdict() {
                tally.add(&format!("cause {cause:?}"), 0);
            }
        }
        for row in target_rows() {
            tally.add(row.label(), 0);
        }
        for name in BORDERS {
            for beside in ["one second before", "exactly at", "one second after"] {
                tally.add(&format!("{beside} {name}"), 0);
            }
        }
        for name in LIMITS {
            tally.add(name, 0);
        }
        tally
    }

    fn add(&mut self, name: &str, count: u64) {
        match self.0.get_mut(name) {
            Some(known) => *known += count,
            None => {
                self.0.insert(name.to_owned(), count);
            }
        }
    }

    fn note(&mut self, name: &str, is_so: bool) {
        assert!(self.0.contains_key(name), "{name} is not in the lists");
        self.add(name, u64::from(is_so));
    }

    fn border(&mut self, name: &str, passed: i64, limit: i64) {
        for (beside, by) in [("one second before", -1), ("exactly at", 0), ("one second after", 1)]
        {
            if passed - limit == by * super::world::SECOND {
                self.note(&format!("{beside} {name}"), true);
            }
        }
    }

    pub(super) fn take(&mut self, world: &World, verdicts: &Verdicts) {
        for row in verdicts.rows.values() {
            self.note(row.label(), true);
            if let TaskVerdict::Orphan(cause) = row.verdict() {
                self.note(&format!("cause {cause:?}"), true);
            }
        }
        for row in verdicts.targets.values() {
            self.note(row.label(), true);
        }
        self.take_limits(world, verdicts);
        self.take_borders(world);
    }

    fn take_limits(&mut self, world: &World, verdicts: &Verdicts) {
        let orphans = verdicts.orphans.len();
        self.note("more orphans than the limit", orphans > verdicts.stop_limit);
        self.note("as many orphans as the limit", orphans == verdicts.stop_limit);
        self.note("more zombies than the limit", !verdicts.waiting.1.is_empty());
        let is_part = limits::limit(0, world) < verdicts.stop_limit;
        self.note("a part of the fleet is more than the least", is_part);
        self.note("leases lapse", verdicts.lapsing);
        let by_itself = world.listed().any(|task| {
            let soon = |end: i64| -end <= world.limits.max_age;
            verdicts.rows.get(&task.id) == Some(&TaskRow::LeaseExpired)
                && matches!(lease(task), Lease::Until(end) if soon(end))
        });
        self.note("one lease speaks for itself", by_itself);
        let over = |by_age: bool| {
            let is_so = |window: &&super::verdicts::Window| {
                window.is_over && window.is_beyond_hard_age == by_age
            };
            verdicts.windows.values().any(|window| is_so(&window))
        };
        self.note("a salvage window is over", over(false));
        self.note("a salvage window is over by the hard age", over(true));
        let is_given = world.order.is_some();
        self.note("an order is accepted", verdicts.is_order_accepted);
        self.note("an order is refused", is_given && !verdicts.is_order_accepted);
        self.note("a cluster is cut short", world.clusters.contains(&Listing::CutShort));
        self.note("a cluster failed", world.clusters.contains(&Listing::Failed));
        self.note("a cluster is gone", world.clusters.contains(&Listing::Gone));
        self.note("a group failed", world.groups.contains(&Listing::Failed));
    }

    fn take_borders(&mut self, world: &World) {
        let limits = world.limits;
        for task in world.listed().filter(|task| is_session_task(task)) {
            let age = -start(task);
            self.border("start-up grace", age, limits.start_up_grace);
            self.border("maximum session age", age, limits.max_age);
            self.border("hard age", age, limits.hard_age);
            self.border("hard age and salvage window", age, limits.hard_age + limits.salvage);
            if let Lease::Until(end) = lease(task) {
                self.border("end of a lease", -end, 0);
                self.border("lease grace", -end, limits.lease_grace);
                self.border("maximum session age after a lease", -end, limits.max_age);
                self.border("hard age ahead of a lease", end, limits.hard_age);
            }
            if let Some(ended) = ended(task) {
                self.border("salvage window", -ended, limits.salvage);
            }
            if let Said::At(at, _) = task.ended {
                self.border("start of the session", at, start(task));
            }
            if let Some(suspect) = task.memory.suspect {
                self.border("half an interval", -suspect.since, limits.interval / 2);
                self.border("three intervals", -suspect.last, limits.interval * 3);
            }
        }
    }

    /// Each with its count, and those that no case has met.
    pub(super) fn lines_and_unmet(&self) -> (Vec<String>, Vec<String>) {
        let lines = self.0.iter().map(|(name, count)| format!("{count:>9}  {name}"));
        let unmet = self.0.iter().filter(|(_, count)| **count == 0);
        (lines.collect(), unmet.map(|(name, _)| name.clone()).collect())
    }
}
