//! What the first act promises, held against the world's own truth.

use super::cast::Cast;
use super::owner::Owner;
use super::seen::Seen;
use super::sequential::Measured;
use crate::baseline::Baseline;
use crate::demo::local_stack::LocalStack;
use crate::demo::part::{Part, is_registered};
use crate::demo::promises::{Promise, about_the_world, is_untouched, print};
use crate::world::{Api, World};
use jiff::SignedDuration;
use serde_json::Value;
use std::time::Duration;

/// Prints each promise with what came of it; answers how many were broken.
pub(super) fn check(
    local: &LocalStack,
    cast: &Cast,
    seen: &Seen,
    owner: &Owner,
    (baseline, sequential): (&Baseline, &[Measured]),
) -> usize {
    let world = &local.world;
    let mut promises = about_the_ended(world, cast, seen);
    promises.extend(about_the_others(world, cast, seen));
    promises.extend([
        ("the completion function's binary really ran", seen.invocations >= 2),
        (
            "one intent is open, rita's: the next sweep makes sure that she is back in traffic",
            seen.open_intents == 1,
        ),
        (
            "the owner has freed alice, bob, frank and heidi on their receipts, and nobody else",
            owner.freed().iter().eq(["alice", "bob", "frank", "heidi"]),
        ),
        (
            "grace, observed: her owner was blocked for as long as her cleanup was measured to take",
            is_near(baseline.blocked("grace"), sequential),
        ),
    ]);
    promises.extend(about_the_world(world));
    print("Sessions whose end was reported", &promises, local)
}

fn about_the_ended(world: &World, cast: &Cast, seen: &Seen) -> Vec<Promise> {
    let Cast { alice, bob, carol, heidi, frank, sven, .. } = cast;
    let says = |part: &Part, name: &str| {
        let receipt = seen.receipts.get(part.task.id());
        receipt.and_then(|receipt| receipt[name].as_str()).unwrap_or_default()
    };
    let counted = |metric: &str| seen.log.iter().any(|line| line.contains(metric));
    let stopped = |part: &Part| is_called(world, Api::StopTask, part.task.arn());
    let gone = |part: &Part| !is_registered(world, part.task.address());
    let saved = |part: &Part| world.has_completed(&part.task) && seen.artifacts_of(part) >= 3;
    let clean = |part| seen.receipt(part) == "cleaned" && stopped(part) && gone(part);
    vec![
        ("alice: artifacts saved, target gone, task stopped", clean(alice) && saved(alice)),
        (
            "alice: artifacts and target were worked on at the same time",
            overlaps(&seen.receipts[alice.task.id()]),
        ),
        (
            "alice: her second event found her already clean",
            seen.outcomes.of(alice) == ["cleaned", "already_clean"],
        ),
        (
            "bob: clean, after two failed uploads",
            clean(bob) && saved(bob) && world.uploads_begun(&bob.task) == 3,
        ),
        (
            "carol: awaiting salvage, task alive, target gone",
            seen.receipt(carol) == "awaiting_salvage"
                && !world.is_stopping(&carol.task)
                && gone(carol),
        ),
        (
            "carol: her end is remembered on her task (tag session-ended-at)",
            world.tags(&carol.task).contains_key("session-ended-at"),
        ),
        (
            "carol: tried twice, then in the dead-letter queue",
            seen.outcomes.of(carol) == ["awaiting_salvage"; 2] && seen.is_given_up(carol),
        ),
        (
            "sven, whose marker can't be read: awaiting salvage and no loss, task alive, counted",
            seen.receipt(sven) == "awaiting_salvage"
                && says(sven, "artifacts").starts_with("unreadable")
                && !world.is_stopping(&sven.task)
                && counted("\"ArtifactsUnreadable\":1"),
        ),
        (
            "sven: tried twice, then in the dead-letter queue",
            seen.outcomes.of(sven) == ["awaiting_salvage"; 2] && seen.is_given_up(sven),
        ),
        ("frank: the loss is on record", seen.receipt(frank) == "artifacts_lost"),
        (
            "heidi: saved before Spot took the task, target gone",
            seen.receipt(heidi) == "cleaned" && saved(heidi) && gone(heidi),
        ),
    ]
}

fn about_the_others(world: &World, cast: &Cast, seen: &Seen) -> Vec<Promise> {
    let Cast { dave, erin, rita, .. } = cast;
    let says_why = seen.log.iter().any(|line| line.contains("runs session erin, not dave"));
    vec![
        (
            "dave: rejected twice, then in the dead-letter queue",
            seen.outcomes.of(dave) == ["rejected"; 2] && seen.is_given_up(dave),
        ),
        (
            "dave: the log says why, and there is no receipt",
            says_why && seen.receipt(dave) == "none",
        ),
        ("dave: untouched", is_untouched(world, dave)),
        (
            "rita, whose container answers 403: rejected twice, then in the dead-letter queue",
            seen.outcomes.of(rita) == ["rejected"; 2] && seen.is_given_up(rita),
        ),
        (
            "rita: her task runs on, untagged, and is back in traffic",
            !world.is_stopping(&rita.task)
                && world.tags(&rita.task).is_empty()
                && is_registered(world, rita.task.address()),
        ),
        (
            "erin, whose task dave's event names: untouched, live, in traffic",
            is_untouched(world, erin) && world.is_live(&erin.task),
        ),
    ]
}

fn is_called(world: &World, api: Api, subject: &str) -> bool {
    world.calls().iter().any(|call| call.api == api && call.is_about(subject))
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

/// The stop of the task is the last step: from the session's end to then, give or take a second.
fn is_near(blocked: Option<SignedDuration>, sequential: &[Measured]) -> bool {
    let took = sequential.iter().map(|(_, start, length)| *start + *length).max();
    match (blocked, took) {
        (Some(blocked), Some(took)) => Duration::try_from(blocked)
            .is_ok_and(|blocked| blocked.abs_diff(took) < Duration::from_secs(1)),
        (None, _) | (_, None) => false,
    }
}
