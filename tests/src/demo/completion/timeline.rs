//! One cleanup as bars, beside the sequential way.

use super::sequential::Measured;
use serde_json::Value;
use std::fmt::Write as _;

const WIDTH: u128 = 60;

/// The steps of a receipt and those of the sequential way, on one scale.
pub(super) fn draw(receipt: &Value, sequential: &[Measured]) -> String {
    let number = |value: &Value| u128::from(value.as_u64().unwrap_or_default());
    let parallel: Vec<(&str, u128, u128)> = receipt["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|step| {
            let name = step["name"].as_str().unwrap_or("?");
            (name, number(&step["started_ms"]), number(&step["duration_ms"]))
        })
        .collect();
    let end = |steps: &[(&str, u128, u128)]| steps.iter().map(|step| step.1 + step.2).max();
    let took = end(&parallel).unwrap_or(1);
    let longest = end(sequential).unwrap_or(1);
    let scale = took.max(longest).max(1);
    let mut text = String::new();
    let mut bars = |title: &str, steps: &[(&str, u128, u128)], took: u128| {
        let _ = writeln!(text, "{title}");
        for (name, start, length) in steps {
            let from = start * WIDTH / scale;
            let to = ((start + length) * WIDTH).div_ceil(scale).max(from + 1);
            let bar: String =
                (0..WIDTH).map(|at| if (from..to).contains(&at) { '#' } else { '.' }).collect();
            let _ = writeln!(text, "  {name:<14} {bar} {}", seconds(*length));
        }
        let _ = writeln!(text, "  {:<14} {:60} {}\n", "in all", "", seconds(took));
    };
    bars("alice, by the function (bars from her receipt's measured steps):", &parallel, took);
    bars("grace, today's way, one after the other (measured in this run):", sequential, longest);
    let saved = longest.saturating_sub(took);
    let _ = writeln!(text, "  Side by side, the same work took {} less.", seconds(saved).trim());
    text
}

fn seconds(milliseconds: u128) -> String {
    format!("{:2}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}
