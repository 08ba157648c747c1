//! What goes on after faults have ceased, sweep by sweep: each must have seen what was there before it and after it.

use super::Must;
use crate::history::Stack;
use crate::play::logbook::Invoked;
use jiff::{SignedDuration, Timestamp};
use session_cleanup_tests::world::{Noteworthy, World};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Name = (Noteworthy, String);

/// A history has hardly more at once.
const MOST_SESSIONS: usize = 28;

/// What was there at the last look, and how many sweeps in a row have seen it.
pub(crate) struct Standing {
    half_an_interval: SignedDuration,
    warm_pool: bool,
    /// So many sweeps may pass before it is an orphan's turn.
    turns: usize,
    there: BTreeSet<Name>,
    looked_at: Timestamp,
    seen: BTreeMap<Name, Seen>,
    musts: Vec<Must>,
}

/// Sweeps within half an interval count as one.
struct Seen {
    times: usize,
    last: Timestamp,
}

impl Standing {
    pub(crate) fn since_now(world: &World, stack: &Stack) -> Self {
        let half = Duration::from(stack.every) / 2;
        Self {
            half_an_interval: SignedDuration::try_from(half).expect("a short time"),
            warm_pool: stack.warm_pool,
            turns: MOST_SESSIONS.div_ceil(stack.blast_radius_at_least),
            there: world.noteworthy(),
            looked_at: world.now(),
            seen: BTreeMap::new(),
            musts: Vec::new(),
        }
    }

    /// A sweep that saw everything is over.
    pub(crate) fn after_a_sweep(&mut self, world: &World, sweep: &Invoked) {
        let there = world.noteworthy();
        if sweep.began >= self.looked_at {
            let stayed: BTreeSet<Name> = there.intersection(&self.there).cloned().collect();
            self.seen.retain(|name, _| stayed.contains(name));
            for name in stayed {
                self.count(name, sweep);
            }
        }
        self.there = there;
        self.looked_at = world.now();
    }

    fn count(&mut self, name: Name, sweep: &Invoked) {
        let none = Seen { times: 0, last: Timestamp::MIN };
        let seen = self.seen.entry(name.clone()).or_insert(none);
        if sweep.began.duration_since(seen.last) < self.half_an_interval {
            return;
        }
        (seen.times, seen.last) = (seen.times + 1, sweep.began);
        let (what, name) = name;
        let Some((alarm, sweeps)) = self.rings_after(what) else { return };
        if self.seen.get(&(what, name.clone())).is_some_and(|seen| seen.times == sweeps) {
            let why = format!("{what:?} {name} was there at {sweeps} sweeps in a row");
            self.musts.push(Must::ring(alarm, (sweep.began, sweep.ended), why));
        }
    }

    /// After so many sweeps in a row.
    fn rings_after(&self, what: Noteworthy) -> Option<(&'static [&'static str], usize)> {
        match what {
            // They wait for a session.
            Noteworthy::Unidentified if self.warm_pool => None,
            Noteworthy::Unidentified => Some((&["UnidentifiedTasksAlarm"], 2)),
            Noteworthy::Misrouted => Some((&["MisroutedTargetsAlarm"], 1)),
            // Whoever is asked says so, and the blast radius bounds who is asked.
            Noteworthy::Reused => Some((&["TasksReusedAlarm"], self.turns)),
            Noteworthy::LeasesLapse => Some((&["LeasesLapsingAlarm"], 1)),
            // The first suspects it.
            Noteworthy::Zombie => Some((&["ZombiesRemainAlarm"], 3)),
        }
    }

    pub(super) fn musts(&self) -> &[Must] {
        &self.musts
    }
}
