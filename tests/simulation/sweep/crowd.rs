//! What tests of whole fleets say again and again.

use crate::invoke::{MetricLines, function_with, invoke_reaper, target_in, task_in};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, SessionBuilder, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// Sessions that are too old, each a minute younger than the one before.
pub(super) fn too_old(
    world: &World,
    name: &str,
    count: u32,
    behaves: impl Fn(SessionBuilder) -> SessionBuilder,
) -> Vec<TaskHandle> {
    let start = |number: u32| {
        let age = MINUTE * (720 - number);
        behaves(world.session(&format!("{name}-{number}")).started_ago(age)).start()
    };
    (0..count).map(start).collect()
}

/// Sessions with nothing wrong about them.
pub(super) fn healthy(world: &World, count: usize) -> Vec<TaskHandle> {
    (0..count).map(|number| world.session(&format!("healthy-{number}")).start()).collect()
}

/// A session whose owner extends its lease, as the sweep before has seen: a lapsed one speaks for itself.
pub(super) fn renewing(world: &World, name: &str) -> TaskHandle {
    let session = world.session(name).started_ago(HOUR * 5).renewed_for(HOUR * 10).start();
    let now = world.now().to_string();
    let memory = json!({
        "tasks": [], "targets": [], "failed_salvages": [],
        "leases_seen_at": now, "leases": [{ "task": session.arn(), "at": now }],
    });
    world.put_object("ledger", "suspects.json", memory.to_string());
    session
}

/// Addresses in a target group that no task has.
pub(super) fn left_targets(world: &World, group: &str, count: u8) -> Vec<Ipv4Addr> {
    let addresses: Vec<Ipv4Addr> =
        (1..=count).map(|number| Ipv4Addr::new(127, 0, 99, number)).collect();
    for address in &addresses {
        world.leave_target(group, *address);
    }
    addresses
}

/// One sweep that acts, with variables of its own; its report, and its metrics.
pub(super) async fn enforce_with(
    world: &World,
    caller: &str,
    variables: &[(&str, &str)],
) -> (Value, MetricLines) {
    let (context, metrics) = function_with(world, caller, variables);
    (invoke_reaper(&context, &json!({ "mode": "enforce" })).await, metrics)
}

/// The sum of a metric.
pub(super) fn metric(lines: &MetricLines, name: &str) -> u64 {
    let lines = lines.lock().unwrap();
    let figures = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line[name].as_u64()
    });
    figures.sum()
}

/// The number of a task's row, and what was done.
pub(super) fn task_row<'a>(report: &'a Value, task: &TaskHandle) -> (&'a str, &'a str) {
    of(task_in(report, task))
}

/// The number of a target's row, and what was done.
pub(super) fn target_row(report: &Value, address: Ipv4Addr) -> (&str, &str) {
    of(target_in(report, address))
}

fn of(finding: &Value) -> (&str, &str) {
    let text = |field: &str| finding[field].as_str().unwrap_or("none");
    (text("row"), text("action"))
}

/// The tasks of `tasks` that are being stopped, or have stopped.
pub(super) fn stopped<'a>(world: &World, tasks: &'a [TaskHandle]) -> Vec<&'a str> {
    let stopping = tasks.iter().filter(|task| world.is_stopping(task));
    stopping.map(TaskHandle::session_id).collect()
}

/// Whether a report warns of this.
pub(super) fn warns(report: &Value, warning: &str) -> bool {
    report["warnings"].as_array().expect("a report").iter().any(|known| known == warning)
}

/// Whether one of a list of sentences contains this.
pub(super) fn says(sentences: &Value, text: &str) -> bool {
    let mut sentences = sentences.as_array().expect("a list of sentences").iter();
    sentences.any(|sentence| sentence.as_str().unwrap().contains(text))
}

/// How many calls of these operations there were.
pub(super) fn calls_of(world: &World, apis: &[Api]) -> usize {
    apis.iter().map(|api| world.count(*api)).sum()
}

/// The calls by which a sweep changes a fleet.
pub(super) const ACTS: [Api; 5] = [
    Api::StopTask,
    Api::ContainerComplete,
    Api::DeregisterTargets,
    Api::TagResource,
    Api::UntagResource,
];
