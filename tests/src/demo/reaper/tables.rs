//! What the reaper found, and what became of it.

use super::cast::Cast;
use super::sweep::Sweep;
use crate::demo::part::Part;
use crate::demo::tables::{table, target, task};
use crate::world::{TaskHandle, World};
use comfy_table::Table;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everyone as the world has them, with what a report says.
pub(super) fn found(world: &World, cast: &Cast, sweep: &Sweep) -> Table {
    rows(world, cast, &[sweep], why_found)
}

/// The same after the act: the last that the sweeps which acted said of each.
pub(super) fn became(world: &World, cast: &Cast, sweeps: &[&Sweep]) -> Table {
    rows(world, cast, sweeps, what_came)
}

fn rows(
    world: &World,
    cast: &Cast,
    sweeps: &[&Sweep],
    why: fn(&Value, Timestamp) -> String,
) -> Table {
    let header = ["who", "story", "task", "target", "row", "action", "why"];
    let mut table = table(&header);
    let now = world.now();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or("-").to_owned();
    let says = |finding: &Value| {
        let words = ["row", "action"].map(|name| text(finding, name));
        words.into_iter().chain([why(finding, now)]).collect::<Vec<_>>()
    };
    for part in cast.parts() {
        let known = [
            part.task.session_id().to_owned(),
            part.story.to_owned(),
            task(world, &part.task),
            target(world, part.task.address()),
        ];
        table.add_row(
            known.into_iter().chain(says(last_said(sweeps, |sweep| finding(sweep, part)))),
        );
    }
    table.add_row(storm(world, cast, sweeps));
    for left in cast.targets() {
        let known = [
            left.address.to_string(),
            left.story.to_owned(),
            "-".to_owned(),
            target(world, left.address),
        ];
        table.add_row(
            known.into_iter().chain(says(last_said(sweeps, |sweep| sweep.target(left.address)))),
        );
    }
    table
}

fn last_said<'a>(sweeps: &[&'a Sweep], of: impl Fn(&'a Sweep) -> &'a Value) -> &'a Value {
    let mut said = sweeps.iter().rev().map(|sweep| of(sweep));
    said.find(|finding| !finding.is_null()).unwrap_or(&Value::Null)
}

/// Those that ended in an outage, in one row: how many of them are what.
fn storm(world: &World, cast: &Cast, sweeps: &[&Sweep]) -> [String; 7] {
    let counted = |words: &dyn Fn(&TaskHandle) -> String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for task in &cast.storm {
            *counts.entry(words(task)).or_default() += 1;
        }
        let counts = counts.iter().map(|(word, count)| format!("{count} x {word}"));
        counts.collect::<Vec<_>>().join(", ")
    };
    let said = |name: &'static str| {
        counted(&|one| {
            let finding = last_said(sweeps, |sweep| sweep.task(one));
            finding[name].as_str().unwrap_or("-").to_owned()
        })
    };
    [
        format!("{} more", cast.storm.len()),
        "ended in an outage".to_owned(),
        counted(&|one| task(world, one)),
        counted(&|one| target(world, one.address())),
        said("row"),
        said("action"),
        "-".to_owned(),
    ]
}

/// What is said of a task, or of its target where nothing is said of the task.
fn finding<'a>(sweep: &'a Sweep, part: &Part) -> &'a Value {
    match sweep.task(&part.task) {
        Value::Null => sweep.target(part.task.address()),
        finding => finding,
    }
}

/// What a finding rests on, in a few words.
fn why_found(finding: &Value, now: Timestamp) -> String {
    let evidence = &finding["evidence"];
    let probe = finding["probe"].as_str().or(evidence["probe"].as_str()).unwrap_or("not asked");
    let age = |name: &str| {
        let since = evidence[name].as_str().and_then(|text| text.parse().ok());
        since.map_or("?".to_owned(), |since| spoken(now.duration_since(since)))
    };
    let row = finding["row"].as_str().and_then(|row| row.split(' ').next_back());
    match row {
        Some("ended") => format!("ended {} ago", age("session_ended_at")),
        Some("too_old" | "beyond_hard_age") => format!("created {} ago", age("created_at")),
        Some("lease_expired") => format!("lease over for {}", age("lease_expires_at")),
        Some("done" | "unrouted") => format!("no traffic, it says: {probe}"),
        Some("protected") => "tag cleanup-protection".to_owned(),
        Some("misrouted") => "another family's task".to_owned(),
        Some("zombie" | "foreign") => format!("no task holds it, it says: {probe}"),
        Some(other) => other.to_owned(),
        None => "not in the report".to_owned(),
    }
}

/// What came of it, or what kept it.
fn what_came(finding: &Value, now: Timestamp) -> String {
    match finding["cleanup"]["outcome"].as_str() {
        Some(outcome) => outcome.to_owned(),
        None => why_found(finding, now),
    }
}

fn spoken(age: SignedDuration) -> String {
    match (age.as_hours(), age.as_mins()) {
        (0, 0) => format!("{} s", age.as_secs()),
        (0, minutes) => format!("{minutes} min"),
        (hours, _) => format!("{hours} h"),
    }
}
