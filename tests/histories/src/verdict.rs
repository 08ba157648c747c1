//! Whether the promises were kept, by the world's own truth.

mod alarms;
mod artifacts;
mod leftovers;
mod several;

use crate::history::{Artifacts, History, Stack};
use crate::play::Actor;
use crate::play::logbook::Logbook;
use crate::queue::Queue;
use alarms::Standing;
use jiff::Timestamp;
use leftovers::Leftovers;
use serde::{Deserialize, Serialize};
use session_cleanup_tests::world::World;
use std::collections::BTreeMap;
use std::fmt;
use tokio::time::Instant;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// Which: `I1` to `I8` of `docs/decisions/invariants.md`, `panic`, or `alarm` with its name.
    pub promise: String,
    /// How.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(promise: &str, what: impl Into<String>) -> Self {
        Self { promise: promise.to_owned(), what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.promise, self.what)
    }
}

/// A history at its end.
pub(crate) struct Ended<'a> {
    pub(crate) history: &'a History,
    pub(crate) world: &'a World,
    pub(crate) everyone: &'a [Actor],
    pub(crate) logbook: &'a Logbook,
    /// In front of the completion function: of events, and of tasks that are being stopped.
    pub(crate) queues: [&'a Queue; 2],
    /// Its beginning, in the world's time.
    pub(crate) began: Timestamp,
    pub(crate) began_at: Instant,
}

/// Judges a history from the moment at which faults cease.
pub(crate) struct Verdict {
    pub(crate) broken: Vec<Violation>,
    leftovers: Leftovers,
    standing: Standing,
    /// In how many histories (here one) each alarm had to ring, and in how many it rang.
    pub(crate) alarms: BTreeMap<String, (usize, usize)>,
    discards: bool,
    looked_away: bool,
}

impl Verdict {
    pub(crate) fn new(world: &World, stack: &Stack, looked_away: bool) -> Self {
        Self {
            broken: Vec::new(),
            leftovers: Leftovers::new(stack),
            standing: Standing::since_now(world, stack),
            alarms: BTreeMap::new(),
            looked_away,
            discards: stack.artifacts == Artifacts::Discarded,
        }
    }

    /// A sweep is over; whether everything is as it shall be, or will never be.
    pub(crate) fn is_settled_after(
        &mut self,
        world: &World,
        logbook: &Logbook,
        whole: bool,
    ) -> bool {
        if let Some(sweep) = logbook.invocations.last().filter(|_| whole) {
            self.standing.after_a_sweep(world, sweep);
        }
        self.leftovers.after_a_sweep(world, whole, &mut self.broken)
    }

    /// The end of the history.
    pub(crate) fn conclude(&mut self, ended: &Ended<'_>) {
        let world = ended.world;
        // What the world saw call by call: "I1: what".
        for violation in world.violations() {
            let (promise, what) = violation.split_once(": ").unwrap_or(("I1", &violation));
            self.broken.push(Violation::new(promise, what));
        }
        let acknowledged = ended.queues.iter().flat_map(|queue| queue.acknowledged());
        let dead_letters = ended.queues.iter().flat_map(|queue| queue.dead_letters());
        let ends = artifacts::Ends {
            everyone: ended.everyone,
            looked_away: self.looked_away,
            acknowledged: &acknowledged.collect::<Vec<_>>(),
            dead_letters: &dead_letters.map(|(_, event)| event).collect::<Vec<_>>(),
        };
        artifacts::judge_words(world, &ends, &mut self.broken);
        if !self.discards {
            artifacts::judge_losses(world, &ends, &mut self.broken);
        }
        artifacts::judge_dead_letters(world, &ends, &mut self.broken);
        artifacts::judge_events(world, &ends, &mut self.broken);
        if !self.looked_away {
            several::judge(ended, &mut self.broken);
        }
        self.alarms = alarms::judge(ended, &self.standing, self.looked_away, &mut self.broken);
    }
}
