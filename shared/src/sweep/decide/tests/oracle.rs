//! The table of tasks once more, as it is written.

use super::fixtures::{HOUR, MINUTE, ago, now};
use super::scene::Scene;
use crate::aws::TargetHealth;
use crate::container::Probe;
use crate::session::{
    DesiredStatus, LEASE_TAG, LastStatus, PROTECTION_TAG, SESSION_ENDED_TAG, Task,
};
use crate::sweep::decide::TaskRow;
use jiff::Timestamp;

/// Over the scene itself, not over what was read from it: every row with all of its conditions, and the
/// first that matches. It shares nothing with the code but its names.
pub(super) fn row_by_the_table(scene: &Scene, task: &Task) -> TaskRow {
    let age = |task: &Task| now().duration_since(task.created_at).unsigned_abs();
    let runs = |task: &Task| {
        task.desired_status == DesiredStatus::Running
            && matches!(task.last_status, LastStatus::Running | LastStatus::Provisioning)
    };
    let is_session = |task: &&Task| {
        ["one", "two"].contains(&task.arn.cluster().as_str())
            && task.family == "session"
            && task.group.as_deref() != Some("service:web")
    };
    let fleet: Vec<&Task> = scene.tasks.iter().filter(is_session).filter(|t| runs(t)).collect();
    let protected = |task: &Task| task.tags.contains_key(PROTECTION_TAG);
    let is_of_it = |at: &Timestamp, task: &Task| at.as_second() >= task.created_at.as_second();
    let ended = |task: &Task| {
        let at = task.tags.get(SESSION_ENDED_TAG).and_then(|at| at.parse::<Timestamp>().ok());
        at.is_some_and(|at| is_of_it(&at, task))
    };
    let named = |task: &Task| !task.environment.is_empty();
    let lease = |task: &Task| {
        let end = task.tags.get(LEASE_TAG).cloned();
        end.filter(|end| end.parse().map_or(true, |end| is_of_it(&end, task)))
    };
    let lease_end = |task: &Task| lease(task).and_then(|end| end.parse::<Timestamp>().ok());
    let running = fleet
        .iter()
        .filter(|task| lease_end(task).is_some_and(|end| end > now() && end <= now() + HOUR * 24));
    let extended = running.clone().any(|task| {
        let before = scene.suspects.leases.ends.get(&task.arn);
        before.is_some_and(|before| lease_end(task).is_some_and(|end| end > *before))
    });
    let running = running.count();
    let lapsed = fleet.iter().filter(|task| {
        lease_end(task).is_some_and(|end| end <= now())
            && !(protected(task) || ended(task) || !named(task) || age(task) > HOUR * 24)
    });
    let clusters_listed = !scene.unlisted.contains("one") && !scene.unlisted.contains("two");
    let groups_listed = !scene.unlisted.contains("a") && !scene.unlisted.contains("b");
    let healthy = scene.targets.iter().any(|((_, address), health)| {
        Some(address.ip) == task.held_address() && *health == TargetHealth::Healthy
    });
    let over_since = lease_end(task)
        .filter(|end| *end <= now())
        .map(|end| now().duration_since(end).unsigned_abs());
    let in_grace = over_since.is_none_or(|since| since <= MINUTE * 15);
    let reaped = scene.suspects.reaped_for_leases.values().filter(|at| **at >= ago(HOUR * 2));
    let lapsed = lapsed.count() + reaped.count();
    let few = lapsed <= 1 || lapsed * 4 <= lapsed + running;
    let no_longer_renewed = !in_grace && clusters_listed && extended && few;
    let never_renewed = over_since.is_some_and(|since| since > HOUR * 2);
    let forced = scene.force.as_ref().is_some_and(|force| {
        force.cluster == *task.arn.cluster() && task.created_at < force.created_before
    });
    let grown_up = age(task) > MINUTE * 10;
    let done = scene.words.get(&task.arn) == Some(&Probe::Done);
    let seen_before = scene.suspects.tasks.get(&task.arn);
    let twice = seen_before.is_some_and(|seen| seen.since <= ago(MINUTE * 5 / 2));
    let table = [
        (!runs(task), TaskRow::ToldToStop),
        (protected(task), TaskRow::Protected),
        (!named(task), TaskRow::Unidentified),
        (ended(task), TaskRow::Ended),
        (age(task) > HOUR * 24, TaskRow::BeyondHardAge),
        (lease_end(task).is_some_and(|end| end > now()), TaskRow::Leased),
        (lease(task).as_deref() == Some("soon"), TaskRow::LeaseUnreadable),
        (forced, TaskRow::Forced),
        (no_longer_renewed || never_renewed, TaskRow::LeaseExpired),
        (over_since.is_some(), TaskRow::LeaseLapsed),
        (lease(task).is_none() && age(task) > HOUR * 2, TaskRow::TooOld),
        (!healthy && groups_listed && grown_up && done && twice, TaskRow::Done),
        (!healthy && groups_listed && grown_up && done, TaskRow::SuspectedDone),
        (!healthy && groups_listed && grown_up, TaskRow::Unrouted),
        (!healthy && grown_up, TaskRow::Undecided),
    ];
    let first = table.into_iter().find(|(matches, _)| *matches);
    first.map_or(TaskRow::Live, |(_, row)| row)
}
