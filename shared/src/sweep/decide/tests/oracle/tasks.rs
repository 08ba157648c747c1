//! The table of tasks once more, from the page: one `if` a row.

use super::world::{HOUR, Listing, MINUTE, Named, SECOND, Said, Seen, Task, World};
use crate::aws::TargetHealth;
use crate::container::Probe;
use crate::session::{DesiredStatus, LastStatus};
use crate::sweep::decide::TaskRow;

/// What is true of all tasks of a world.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fleet {
    pub(super) renewal_works: bool,
    pub(super) many_have_lapsed: bool,
}

/// A lease, once it is known whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    None,
    Until(i64),
    Unreadable,
}

pub(super) fn is_session_task(task: &Task) -> bool {
    task.cluster < 2 && is_family_of_sessions(task) && !task.of_a_service
}

pub(super) fn is_family_of_sessions(task: &Task) -> bool {
    task.family < 2
}

pub(super) fn shall_run(task: &Task) -> bool {
    task.desired == DesiredStatus::Running
        && [
            LastStatus::Provisioning,
            LastStatus::Pending,
            LastStatus::Activating,
            LastStatus::Running,
        ]
        .contains(&task.last)
}

/// No container of it has ever run.
pub(super) fn never_started(task: &Task) -> bool {
    !task.has_started && [LastStatus::Provisioning, LastStatus::Pending].contains(&task.last)
}

pub(super) fn is_identified(task: &Task) -> bool {
    match task.named {
        Named::InTheEnvironment | Named::ByTag | Named::ByTagBesideNonsense => true,
        Named::Nowhere | Named::ByNonsense => false,
    }
}

/// The address, as long as its network interface is its own.
pub(super) fn held_address(task: &Task) -> Option<u8> {
    match task.last {
        LastStatus::Provisioning
        | LastStatus::Pending
        | LastStatus::Activating
        | LastStatus::Running
        | LastStatus::Deactivating
        | LastStatus::Stopping => task.address,
        LastStatus::Deprovisioning
        | LastStatus::Stopped
        | LastStatus::Deleted
        | LastStatus::Unrecognised => None,
    }
}

/// A start that can be: not before the task, by whole seconds, and not in the future, but for clocks that are a little
/// ahead.
pub(super) fn usable_start(created: i64, said: Said) -> Option<i64> {
    let Said::At(at, _) = said else { return None };
    if at.div_euclid(SECOND) < created.div_euclid(SECOND) || at > 5 * MINUTE {
        return None;
    }
    Some(at.min(0).max(created))
}

pub(super) fn start_of(created: i64, said: Said) -> i64 {
    usable_start(created, said).unwrap_or(created)
}

pub(super) fn start(task: &Task) -> i64 {
    start_of(task.created, task.start)
}

fn age(task: &Task) -> i64 {
    -start(task)
}

/// Whole seconds count.
pub(super) fn is_copied(at: i64, task: &Task) -> bool {
    at.div_euclid(SECOND) < start(task).div_euclid(SECOND)
}

pub(super) fn ended(task: &Task) -> Option<i64> {
    match task.ended {
        Said::At(at, _) if !is_copied(at, task) => Some(at),
        Said::At(..) | Said::Nothing | Said::Nonsense(_) => None,
    }
}

pub(super) fn lease(task: &Task) -> Lease {
    match task.lease {
        Said::Nothing => Lease::None,
        Said::At(end, _) if is_copied(end, task) => Lease::None,
        Said::At(end, _) => Lease::Until(end),
        Said::Nonsense(_) => Lease::Unreadable,
    }
}

/// A tag that is another session's, or that nobody can read.
/// Whoever writes anything but a no there means it.
pub(super) fn is_protected(task: &Task) -> bool {
    task.protection.is_some_and(|value| !["", "false", "no", "off", "0"].contains(&value))
}

pub(super) fn has_odd_tags(task: &Task) -> bool {
    [task.ended, task.lease].into_iter().any(|said| match said {
        Said::Nothing => false,
        Said::At(at, _) => is_copied(at, task),
        Said::Nonsense(_) => true,
    })
}

/// The lease of one that is to be renewed: it runs, and not beyond what any session may get.
pub(super) fn renewable(task: &Task, world: &World) -> Option<i64> {
    match lease(task) {
        Lease::Until(end) if end > 0 && end <= world.limits.hard_age => Some(end),
        Lease::Until(_) | Lease::None | Lease::Unreadable => None,
    }
}

/// In a pool, one that a session has claimed without saying when.
pub(super) fn is_claimed_without_a_start(task: &Task, world: &World) -> bool {
    world.limits.warm_pool && usable_start(task.created, task.start).is_none()
}

/// A memory counts for three intervals.
pub(super) fn counts(seen: Option<Seen>, world: &World) -> Option<Seen> {
    seen.filter(|seen| -seen.last <= 3 * world.limits.interval)
}

/// Two sweeps, at least half an interval apart.
pub(super) fn is_twice(seen: Option<Seen>, world: &World) -> bool {
    seen.is_some_and(|seen| -seen.since * 2 >= world.limits.interval)
}

pub(super) fn fleet(world: &World) -> Fleet {
    let limits = world.limits;
    let (mut leased, mut lapsed, mut was_extended) = (0, 0, false);
    let mut counted = Vec::new();
    for task in world.listed().filter(|task| is_session_task(task) && shall_run(task)) {
        if let Some(end) = renewable(task, world) {
            leased += 1;
            let memory_counts = world.leases_seen.is_some_and(|at| -at <= 3 * limits.interval);
            if memory_counts && task.memory.lease.is_some_and(|before| end > before) {
                was_extended = true;
            }
        }
        if let Lease::Until(end) = lease(task) {
            let hangs_on_it = !is_protected(task)
                && is_identified(task)
                && ended(task).is_none()
                && age(task) <= limits.hard_age;
            if end <= 0 && hangs_on_it {
                leased += 1;
                lapsed += 1;
                counted.push(&task.id);
            }
        }
    }
    let lapsed_now = lapsed;
    for task in &world.tasks {
        let reaped = task.memory.reaped.is_some_and(|at| -at <= limits.max_age);
        if reaped && !counted.contains(&&task.id) {
            leased += 1;
            lapsed += 1;
        }
    }
    let few = lapsed <= 1 || lapsed * 4 <= leased;
    let many_have_lapsed = lapsed_now > 0 && !few;
    Fleet {
        renewal_works: world.all_clusters_listed() && was_extended && !many_have_lapsed,
        many_have_lapsed,
    }
}

/// Whether the load balancer calls its address healthy anywhere.
pub(super) fn is_routed(task: &Task, world: &World) -> bool {
    let Some(ip) = held_address(task) else { return false };
    world.registered().any(|target| target.ip == ip && target.health == TargetHealth::Healthy)
}

/// What an operator may order: with `enforce` only, of a configured cluster, and of the last 15 minutes.
pub(super) fn order_before(world: &World) -> Option<(usize, i64)> {
    let order = world.order?;
    let Said::At(before, _) = order.created_before else { return None };
    let is_recent = before <= 0 && -before <= HOUR / 4;
    (order.enforces && order.cluster < 2 && is_recent).then_some((order.cluster, before))
}

/// The first row that matches, for a task whose container gives this answer.
pub(super) fn row(task: &Task, answer: Option<Probe>, fleet: Fleet, world: &World) -> TaskRow {
    let limits = world.limits;
    let age = age(task);
    if !shall_run(task) {
        return TaskRow::ToldToStop;
    }
    if is_protected(task) {
        return TaskRow::Protected;
    }
    if !is_identified(task) && !limits.warm_pool {
        return TaskRow::Unidentified;
    }
    if !is_identified(task) && age > limits.hard_age {
        return TaskRow::UnclaimedTooLong;
    }
    if !is_identified(task) {
        return TaskRow::Unclaimed;
    }
    if ended(task).is_some() {
        return TaskRow::Ended;
    }
    let claimed_for = task.memory.claimed.map_or(0, |since| -since);
    if is_claimed_without_a_start(task, world) && claimed_for < limits.hard_age {
        return TaskRow::StartUnknown;
    }
    if age > limits.hard_age {
        return TaskRow::BeyondHardAge;
    }
    if matches!(lease(task), Lease::Until(end) if end > 0) {
        return TaskRow::Leased;
    }
    if lease(task) == Lease::Unreadable {
        return TaskRow::LeaseUnreadable;
    }
    if order_before(world).is_some_and(|(at, before)| at == task.cluster && start(task) < before) {
        return TaskRow::Forced;
    }
    if let Lease::Until(end) = lease(task) {
        if -end > limits.lease_grace && fleet.renewal_works {
            return TaskRow::LeaseExpired;
        }
        if -end > limits.max_age {
            return TaskRow::LeaseExpired;
        }
        return TaskRow::LeaseLapsed;
    }
    if age > limits.max_age {
        return TaskRow::TooOld;
    }
    if !world.has_groups || age <= limits.start_up_grace || is_routed(task, world) {
        return TaskRow::Live;
    }
    if !world.all_groups_listed() {
        return TaskRow::Undecided;
    }
    if answer == Some(Probe::Done) && is_twice(counts(task.memory.suspect, world), world) {
        return TaskRow::Done;
    }
    if answer == Some(Probe::Done) {
        return TaskRow::SuspectedDone;
    }
    TaskRow::Unrouted
}

pub(super) fn is_orphan(row: TaskRow) -> bool {
    [
        TaskRow::Ended,
        TaskRow::BeyondHardAge,
        TaskRow::Forced,
        TaskRow::LeaseExpired,
        TaskRow::TooOld,
        TaskRow::Done,
    ]
    .contains(&row)
}

/// Those that nobody need hear of.
pub(super) fn is_plainly_fine(row: TaskRow) -> bool {
    [TaskRow::ToldToStop, TaskRow::Unclaimed, TaskRow::Leased, TaskRow::Live].contains(&row)
}

/// A listing of which nothing, or not all, was seen.
pub(super) fn is_unlisted(task: &Task, world: &World) -> bool {
    task.cluster < 2
        && match world.clusters[task.cluster] {
            Listing::CutShort | Listing::Failed => true,
            Listing::Whole | Listing::Gone => false,
        }
}
