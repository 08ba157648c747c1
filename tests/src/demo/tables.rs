//! The sessions before and after.

use super::cast::{Cast, Part};
use super::promises::Seen;
use crate::world::World;
use comfy_table::{ContentArrangement, Table, presets::ASCII_MARKDOWN};

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table
}

fn target(world: &World, part: &Part) -> String {
    let health = world.health(&world.setup().target_groups[0], part.task.address());
    health.reason.filter(|_| health.state == "unused").unwrap_or(health.state)
}

/// The sessions as they were started.
pub(super) fn before(world: &World, cast: &Cast) -> Table {
    let mut table = table(&["session", "story", "address", "task", "target"]);
    for part in cast.parts() {
        table.add_row([
            part.task.session_id().to_owned(),
            part.story.to_owned(),
            part.task.address().to_string(),
            format!("{:?}", world.phase(&part.task)).to_uppercase(),
            target(world, part),
        ]);
    }
    table
}

/// What became of them.
pub(super) fn after(world: &World, cast: &Cast, seen: &Seen) -> Table {
    let mut table = table(&["session", "story", "task", "target", "artifacts", "outcome", "time"]);
    for part in cast.parts() {
        let receipt = seen.receipts.get(part.task.id());
        let outcome = receipt.and_then(|receipt| receipt["outcome"].as_str());
        let time = receipt.and_then(|receipt| receipt["duration_ms"].as_u64());
        let outcome = match (outcome, part.task.session_id()) {
            (Some("awaiting_salvage"), _) => "awaiting_salvage, dead letter".to_owned(),
            (Some(outcome), _) => outcome.to_owned(),
            (None, "dave") => "rejected, dead letter".to_owned(),
            (None, "grace") => "(by its owner)".to_owned(),
            (None, _) => "untouched".to_owned(),
        };
        table.add_row([
            part.task.session_id().to_owned(),
            part.story.to_owned(),
            format!("{:?}", world.phase(&part.task)).to_uppercase(),
            target(world, part),
            format!("{} in S3", seen.artifacts_of(part)),
            outcome,
            time.map_or("-".to_owned(), |ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100)),
        ]);
    }
    table
}
