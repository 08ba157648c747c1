//! What the third act promises, held against the world's own truth.

use super::cast::Cast;
use super::finding;
use crate::demo::local_stack::LocalStack;
use crate::demo::part::Part;
use crate::demo::promises::{Promise, about_the_world, print};
use crate::world::{Api, Call};
use serde_json::Value;
use std::collections::BTreeMap;

/// Prints each promise with what came of it; answers how many were broken.
pub(super) fn check(
    local: &LocalStack,
    cast: &Cast,
    receipts: &BTreeMap<String, Value>,
    report: &Value,
    calls: &[Call],
) -> usize {
    let world = &local.world;
    let Cast { waiting, tom, ursula, victor, wendy, xenia } = cast;
    let receipt = |part: &Part| {
        let mut found = receipts.values();
        found.find(|receipt| receipt["task_arn"] == part.task.arn()).unwrap_or(&Value::Null)
    };
    let saved = |part: &Part| {
        receipt(part)["outcome"] == "cleaned"
            && world.has_completed(&part.task)
            && world.is_stopping(&part.task)
    };
    let untouched = |part: &Part| {
        let mut about = calls.iter().filter(|call| call.is_about(part.task.arn()));
        !world.is_stopping(&part.task)
            && about.all(|call| call.api == Api::DescribeTasks)
            && world.completion_calls(&part.task).is_empty()
    };
    let row =
        |part: &Part| finding(report, part.task.arn()).and_then(|finding| finding["row"].as_str());
    let of_load_balancers = calls.iter().any(|call| Api::ELB.contains(&call.api));
    let promises: Vec<Promise> = vec![
        ("tom, ended by his owner: artifacts saved, task stopped", saved(tom)),
        (
            "tom: his receipt says that nothing routes to him",
            receipt(tom)["target"] == "not_routed",
        ),
        ("ursula, whose container crashed: the loss is on record", {
            receipt(ursula)["outcome"] == "artifacts_lost"
        }),
        (
            "victor, whom nobody will end: found by his age, saved, stopped",
            row(victor) == Some("T8 too_old") && saved(victor),
        ),
        (
            "wendy: her session is two minutes old, though her task is five hours: untouched",
            untouched(wendy) && world.is_live(&wendy.task),
        ),
        (
            "xenia, whose claim does not say since when: kept, and reported",
            row(xenia) == Some("T4a start_unknown") && untouched(xenia),
        ),
        (
            "those that wait: untouched, and no finding",
            waiting.iter().all(|part| untouched(part) && row(part).is_none()),
        ),
        ("the load balancer was not called at all", !of_load_balancers),
    ];
    let [_, unviolated] = about_the_world(world);
    print("A warm pool", &[promises, vec![unviolated]].concat(), local)
}
