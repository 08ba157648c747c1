//! The sessions before and after.

use super::cast::Cast;
use super::seen::Seen;
use crate::demo::part::Part;
use crate::demo::tables::{table, target, task};
use crate::world::World;
use comfy_table::Table;

/// The sessions as they were started.
pub(super) fn before(world: &World, cast: &Cast) -> Table {
    let mut table = table(&["session", "story", "address", "task", "target"]);
    for part in cast.parts() {
        table.add_row([
            part.task.session_id().to_owned(),
            part.story.to_owned(),
            part.task.address().to_string(),
            task(world, &part.task),
            target(world, part.task.address()),
        ]);
    }
    table
}

/// What became of them: task and target as the world knows them, the outcomes as the log does.
pub(super) fn after(world: &World, cast: &Cast, seen: &Seen) -> Table {
    let mut table = table(&["session", "story", "task", "target", "in S3", "outcome", "time"]);
    for part in cast.parts() {
        let receipt = seen.receipts.get(part.task.id());
        let time = receipt.and_then(|receipt| receipt["duration_ms"].as_u64());
        table.add_row([
            part.task.session_id().to_owned(),
            part.story.to_owned(),
            task(world, &part.task),
            target(world, part.task.address()),
            seen.artifacts_of(part).to_string(),
            outcome(part, seen),
            time.map_or("-".to_owned(), |ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100)),
        ]);
    }
    table
}

/// Each delivery's outcome, and where the event ended if none was the last word.
fn outcome(part: &Part, seen: &Seen) -> String {
    let mut words: Vec<String> = Vec::new();
    for same in seen.outcomes.of(part).chunk_by(|one, next| one == next) {
        let times = if same.len() > 1 { format!(" x{}", same.len()) } else { String::new() };
        words.push(format!("{}{times}", same[0]));
    }
    if seen.is_given_up(part) {
        words.push("DLQ".to_owned());
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}
