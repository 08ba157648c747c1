//! What the demo promises, held against the world's own truth.

use super::local_stack::LocalStack;
use super::part::{Part, is_registered};
use crate::world::World;

pub(super) type Promise = (&'static str, bool);

/// Prints each promise with what came of it; answers how many were broken.
pub(super) fn print(act: &str, promises: &[Promise], local: &LocalStack) -> usize {
    for (promise, kept) in promises {
        println!("  {} {promise}", if *kept { "kept  " } else { "BROKEN" });
    }
    for violation in local.world.violations() {
        println!("         {violation}");
    }
    println!();
    local.page().promises(act, promises);
    promises.iter().filter(|(_, kept)| !kept).count()
}

/// What must be true of every world at every end.
pub(super) fn about_the_world(world: &World) -> [Promise; 2] {
    [
        ("no live session has lost its target", world.live_targets_missing().is_empty()),
        ("no invariant of the world was violated", world.violations().is_empty()),
    ]
}

/// Whether nobody has asked, stopped or tagged a session, or cut it off.
pub(super) fn is_untouched(world: &World, part: &Part) -> bool {
    !world.is_stopping(&part.task)
        && is_registered(world, part.task.address())
        && acts(world, 0, part) == 0
}

/// How many calls since the first `since` were to change something about a session.
pub(super) fn acts(world: &World, since: usize, part: &Part) -> usize {
    let address = format!("{}:", part.task.address());
    let calls = world.calls().into_iter().skip(since);
    calls
        .filter(|call| call.api.changes_something())
        .filter(|call| call.is_about(part.task.arn()) || call.is_about(&address))
        .count()
}
