//! One cleanup as bars, beside the sequential way.

use super::sequential::Measured;
use crate::demo::page::Lane;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

const WIDTH: u128 = 60;

/// The steps of a receipt, and those of the sequential way.
pub(super) fn ways(receipt: &Value, sequential: &[Measured]) -> [Lane; 2] {
    let time = |value: &Value| Duration::from_millis(value.as_u64().unwrap_or_default());
    let steps = receipt["steps"].as_array().into_iter().flatten().map(|step| {
        let name = step["name"].as_str().unwrap_or("?").to_owned();
        (name, time(&step["started_ms"]), time(&step["duration_ms"]))
    });
    let ours = Lane { title: "alice, by the function", steps: steps.collect() };
    let steps =
        sequential.iter().map(|(name, start, length)| ((*name).to_owned(), *start, *length));
    [ours, Lane { title: "grace, today's way, one after the other", steps: steps.collect() }]
}

/// Both on one scale.
pub(super) fn draw([ours, sequential]: &[Lane; 2]) -> String {
    let scale = ours.took().max(sequential.took()).as_millis().max(1);
    let mut text = String::new();
    let mut bars = |lane: &Lane, from: &str| {
        let _ = writeln!(text, "{} ({from}):", lane.title);
        for (name, start, length) in &lane.steps {
            let from = start.as_millis() * WIDTH / scale;
            let to = ((*start + *length).as_millis() * WIDTH).div_ceil(scale).max(from + 1);
            let bar: String =
                (0..WIDTH).map(|at| if (from..to).contains(&at) { '#' } else { '.' }).collect();
            let _ = writeln!(text, "  {name:<14} {bar} {}", seconds(*length));
        }
        let _ = writeln!(text, "  {:<14} {:60} {}\n", "in all", "", seconds(lane.took()));
    };
    bars(ours, "bars from her receipt's measured steps");
    bars(sequential, "measured in this run");
    let saved = sequential.took().saturating_sub(ours.took());
    let _ = writeln!(text, "  Side by side, the same work took {} less.", seconds(saved).trim());
    text
}

fn seconds(time: Duration) -> String {
    format!("{:2}.{:02} s", time.as_secs(), time.subsec_millis() / 10)
}
