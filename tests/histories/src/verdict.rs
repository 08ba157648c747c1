//! Whether the promises were kept, by the world's own truth.

mod artifacts;
mod leftovers;

use crate::history::Stack;
use crate::play::Actor;
use leftovers::Leftovers;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_cleanup_tests::world::World;
use std::fmt;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// Which: `I1` to `I8` of `docs/decisions/invariants.md`, or `panic`.
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

/// Judges a history from the moment at which faults cease.
pub(crate) struct Verdict {
    pub(crate) broken: Vec<Violation>,
    leftovers: Leftovers,
    discards: bool,
    looked_away: bool,
}

impl Verdict {
    pub(crate) fn new(stack: &Stack, looked_away: bool) -> Self {
        Self {
            broken: Vec::new(),
            leftovers: Leftovers::new(stack),
            looked_away,
            discards: stack.artifacts == crate::history::Artifacts::Discarded,
        }
    }

    /// A sweep is over; whether everything is as it shall be, or will never be.
    pub(crate) fn is_settled_after(&mut self, world: &World, whole: bool) -> bool {
        self.leftovers.after_a_sweep(world, whole, &mut self.broken)
    }

    /// The end of the history.
    pub(crate) fn conclude(
        &mut self,
        world: &World,
        everyone: &[Actor],
        acknowledged: &[&Value],
        dead_letters: &[&Value],
    ) {
        // What the world saw call by call: "I1: what".
        for violation in world.violations() {
            let (promise, what) = violation.split_once(": ").unwrap_or(("I1", &violation));
            self.broken.push(Violation::new(promise, what));
        }
        let ends =
            artifacts::Ends { everyone, looked_away: self.looked_away, acknowledged, dead_letters };
        if !self.discards {
            artifacts::judge_losses(world, &ends, &mut self.broken);
        }
        artifacts::judge_events(world, &ends, &mut self.broken);
    }
}
