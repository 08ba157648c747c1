//! What the demo promises, held against the world's own truth.

use super::cast::{Cast, Part};
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an operator could see in the end.
pub(super) struct Seen {
    pub(super) receipts: BTreeMap<String, Value>,
    pub(super) duplicate: String,
    pub(super) dead_letters: Vec<String>,
    pub(super) invocations: usize,
    pub(super) intents: BTreeMap<String, Value>,
    pub(super) artifacts: Vec<String>,
    pub(super) log: Vec<String>,
}

impl Seen {
    /// How many objects of a session are in S3.
    pub(super) fn artifacts_of(&self, part: &Part) -> usize {
        let folder = format!("{}/", part.task.session_id());
        self.artifacts.iter().filter(|key| key.starts_with(&folder)).count()
    }

    fn outcome(&self, part: &Part) -> &str {
        let receipt = self.receipts.get(part.task.id());
        receipt.and_then(|receipt| receipt["outcome"].as_str()).unwrap_or("none")
    }

    fn is_dead_letter(&self, part: &Part) -> bool {
        let id = format!("\"{}\"", part.task.session_id());
        self.dead_letters.iter().any(|letter| letter.contains(&id))
    }
}

/// Prints each promise with what came of it; answers how many were broken.
pub(super) fn check(world: &World, cast: &Cast, seen: &Seen) -> usize {
    let group = world.setup().target_groups[0].clone();
    let registered = |part: &Part| world.registered(&group).contains(&part.task.address());
    let stopped = |part: &Part| world.is_stopping(&part.task);
    let Cast { alice, bob, carol, dave, erin, frank, heidi, .. } = cast;
    let clean = |part| seen.outcome(part) == "cleaned" && stopped(part) && !registered(part);
    let overlaps = overlaps(&seen.receipts[alice.task.id()]);
    let promises = [
        ("alice: artifacts saved, target gone, task stopped", clean(alice)),
        ("alice: artifacts and target were worked on at the same time", overlaps),
        ("alice: her second event found her already clean", !seen.duplicate.is_empty()),
        ("alice: her report is in S3", seen.artifacts_of(alice) >= 3),
        ("bob: clean after two failed uploads", clean(bob) && seen.artifacts_of(bob) >= 3),
        (
            "carol: awaiting salvage, task alive",
            seen.outcome(carol) == "awaiting_salvage" && !stopped(carol),
        ),
        ("carol: target gone", !registered(carol)),
        (
            "carol: her end is remembered on her task",
            world.tags(&carol.task).contains_key("session-ended-at"),
        ),
        ("carol: tried again, then in the dead-letter queue", seen.is_dead_letter(carol)),
        (
            "dave: rejected, in the dead-letter queue",
            seen.is_dead_letter(dave) && seen.outcome(dave) == "none",
        ),
        (
            "dave: the log says why",
            seen.log.iter().any(|line| line.contains("runs session erin, not dave")),
        ),
        ("dave: nothing of his was touched", !stopped(dave) && registered(dave)),
        ("erin: lives on, and gets her traffic", world.is_live(&erin.task) && registered(erin)),
        ("erin: her container was never called", world.completion_calls(&erin.task).is_empty()),
        ("frank: his loss is on record", seen.outcome(frank) == "artifacts_lost"),
        (
            "heidi: saved before Spot takes her task",
            seen.outcome(heidi) == "cleaned" && !registered(heidi),
        ),
        ("no intent is left open", seen.intents.is_empty()),
        ("the function's binary really ran", seen.invocations >= 2),
        ("no live session has lost its target", world.live_targets_missing().is_empty()),
    ];
    let mut broken = 0;
    for (promise, kept) in promises {
        println!("  {} {promise}", if kept { "kept  " } else { "BROKEN" });
        broken += usize::from(!kept);
    }
    let violations = world.violations();
    println!(
        "  {} no invariant of the world was violated",
        if violations.is_empty() { "kept  " } else { "BROKEN" }
    );
    for violation in &violations {
        println!("         {violation}");
    }
    println!();
    broken + violations.len()
}

/// Whether the deregistration began before the upload had ended.
fn overlaps(receipt: &Value) -> bool {
    let step = |name: &str| {
        let steps = receipt["steps"].as_array()?;
        let step = steps.iter().find(|step| step["name"] == name)?;
        let start = step["started_ms"].as_u64()?;
        Some((start, start + step["duration_ms"].as_u64()?))
    };
    match (step("artifacts"), step("deregister")) {
        (Some(artifacts), Some(deregister)) => {
            deregister.0 < artifacts.1 && artifacts.0 < deregister.1
        }
        _ => false,
    }
}
