//! I2, I4 and I5: once faults have ceased, nothing is left behind longer than so many sweeps.

use super::Violation;
use crate::history::{Draining, Seconds, Stack};
use session_cleanup_tests::world::{Api, World};
use std::collections::BTreeMap;

/// However long everything takes, a history ends.
const MOST_SWEEPS: usize = 200;

/// For how many sweeps what is left has been left.
pub(super) struct Leftovers {
    orphans: BTreeMap<String, usize>,
    zombies: BTreeMap<String, usize>,
    missing: BTreeMap<String, usize>,
    /// Sweeps of the salvage window.
    window: usize,
    /// Sweeps within which a live session has its target again.
    missing_for: usize,
    blast_radius_at_least: usize,
    most_orphans: usize,
    most_zombies: usize,
    sweeps: usize,
}

impl Leftovers {
    pub(super) fn new(stack: &Stack) -> Self {
        let sweeps = |Seconds(time): Seconds| -> usize {
            usize::try_from(time.div_ceil(stack.every.0)).unwrap_or(usize::MAX)
        };
        // Where an address that drains can't be registered, the delay has to be over.
        let drains_for = match stack.draining {
            Draining::Works => 0,
            Draining::IsRefused | Draining::IsIgnored => sweeps(Seconds::minutes(5)) + 1,
        };
        Self {
            orphans: BTreeMap::new(),
            zombies: BTreeMap::new(),
            missing: BTreeMap::new(),
            window: sweeps(stack.salvage_window),
            missing_for: 2 + drains_for,
            blast_radius_at_least: stack.blast_radius_at_least,
            most_orphans: 0,
            most_zombies: 0,
            sweeps: 0,
        }
    }

    /// Counts what is left after a sweep; whether nothing is, or a bound is passed.
    pub(super) fn after_a_sweep(
        &mut self,
        world: &World,
        whole: bool,
        broken: &mut Vec<Violation>,
    ) -> bool {
        self.sweeps += 1;
        let (orphans, zombies) = (world.orphans_left(), world.zombies_left());
        let mut missing = world.live_targets_missing();
        // Where an intent could not be written, nobody can know any more what was deregistered.
        if !missing.is_empty() && world.has_failed(Api::PutObject, "intents/") {
            missing.clear();
        }
        self.most_orphans = self.most_orphans.max(orphans.len());
        self.most_zombies = self.most_zombies.max(zombies.len());
        if whole {
            count(&mut self.orphans, &orphans);
            count(&mut self.zombies, &zombies);
            count(&mut self.missing, &missing);
        }
        let radius = self.blast_radius_at_least;
        let bounds = [
            (
                "I4",
                "is left behind",
                &self.orphans,
                // Each is asked, and asked again, and given up; before that a sweep must see which leases run.
                self.window + 3 + 3 * none_after(self.most_orphans, radius),
            ),
            (
                "I5",
                "is left registered",
                &self.zombies,
                3 + self.most_zombies.div_ceil(radius.max(1)),
            ),
            ("I2", "of a live session stays deregistered", &self.missing, self.missing_for),
        ];
        let mut is_over = self.sweeps >= MOST_SWEEPS;
        for (promise, what, left, bound) in bounds {
            for (name, sweeps) in left {
                if *sweeps > bound {
                    let what = format!("{name} {what} after {sweeps} whole sweeps, not {bound}");
                    broken.push(Violation::new(promise, what));
                    is_over = true;
                }
            }
        }
        let intents = world.keys("ledger").into_iter().any(|key| key.starts_with("intents/"));
        is_over
            || self.sweeps >= 2
                && orphans.is_empty()
                && zombies.is_empty()
                && missing.is_empty()
                && !intents
    }
}

/// In how many sweeps `n` orphans become none.
fn none_after(n: usize, at_least: usize) -> usize {
    let mut left = n;
    let mut sweeps = 0;
    while left > 0 {
        left = left.saturating_sub((left / 4).max(at_least).max(1));
        sweeps += 1;
    }
    sweeps
}

/// What is left once more, and nothing else.
fn count(so_far: &mut BTreeMap<String, usize>, left: &[String]) {
    let counted =
        left.iter().map(|name| (name.clone(), so_far.get(name).copied().unwrap_or(0) + 1));
    *so_far = counted.collect();
}
