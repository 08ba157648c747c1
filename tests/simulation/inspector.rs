//! Whoever asks why gets an answer that is true, and nothing changes for it.

mod addresses;
mod reads;
mod sessions;
mod sweeps;
mod tasks;
mod widget;

use crate::invoke::ask;
use serde_json::{Value, json};
use session_cleanup_tests::world::World;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// Asks why, and demands that the answer fits a terminal.
async fn explain(world: &World, about: &str) -> Value {
    let answer = ask(world, &json!({ "explain": about })).await;
    let text = text(&answer);
    for line in text.lines() {
        assert!(line.chars().count() <= 120, "{line:?} is wider than a terminal");
    }
    println!("{text}");
    answer
}

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap_or_else(|| panic!("no text: {answer:#}"))
}

fn says(answer: &Value, part: &str) {
    // Lines are broken wherever the page needs it.
    let flat: Vec<&str> = text(answer).split_whitespace().collect();
    let wanted: Vec<&str> = part.split_whitespace().collect();
    assert!(flat.join(" ").contains(&wanted.join(" ")), "no {part:?} in\n{}", text(answer));
}
