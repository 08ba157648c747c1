//! The limits on harm once more: who comes first, who has to wait, and when artifacts are given up.

use super::memories::tried;
use super::tasks::{
    Lease, counts, ended, fleet, held_address, is_claimed_without_a_start, is_orphan,
    is_plainly_fine, is_routed, is_session_task, is_twice, lease, never_started, shall_run, start,
};
use super::verdicts::{Key, Verdicts, Window, key};
use super::world::{SECOND, Seen, Target, Task, World};
use crate::sweep::decide::{TargetRow, TaskRow};
use std::collections::BTreeMap;

/// So many, or so large a part, whichever is more.
pub(super) fn limit(of: usize, world: &World) -> usize {
    (of * world.limits.percent / 100).max(world.limits.at_least)
}

/// Since when its age is counted that no session may exceed.
fn aged_since(task: &Task, world: &World) -> i64 {
    if is_claimed_without_a_start(task, world) {
        task.memory.claimed.unwrap_or(0)
    } else {
        start(task)
    }
}

/// Since when it has been an orphan: the first of all that has made it one.
fn orphan_since(task: &Task, row: TaskRow, world: &World) -> i64 {
    let limits = world.limits;
    if row == TaskRow::Forced {
        return start(task);
    }
    // At the latest now.
    let mut since = vec![0, aged_since(task, world) + limits.hard_age];
    since.extend(ended(task));
    if !is_claimed_without_a_start(task, world) {
        match lease(task) {
            Lease::None => since.push(start(task) + limits.max_age),
            Lease::Until(end) => since.push(end + limits.max_age),
            Lease::Unreadable => {}
        }
    }
    if let (TaskRow::LeaseExpired, Lease::Until(end)) = (row, lease(task)) {
        since.push(end + limits.lease_grace);
    }
    if row == TaskRow::Done {
        since.extend(counts(task.memory.suspect, world).map(|seen| seen.since));
    }
    since.into_iter().min().unwrap_or_default()
}

/// The orphans: who has been one longest without being tried comes first; then the oldest.
pub(super) fn orphans(world: &World, rows: &BTreeMap<String, TaskRow>) -> Vec<String> {
    let mut orphans: Vec<(i64, i64, String, String)> = Vec::new();
    for task in world.listed() {
        let Some(row) = rows.get(&task.id).copied().filter(|row| is_orphan(*row)) else { continue };
        let since = orphan_since(task, row, world);
        let turn = tried(task, world).map_or(since, |tried| tried.max(since));
        let arn = format!("{}/{}", task.cluster_name(), task.id);
        orphans.push((turn, task.created, arn, task.id.clone()));
    }
    orphans.sort_unstable();
    orphans.into_iter().map(|(_, _, _, id)| id).collect()
}

/// What an orphan has used since it became one, in thousandths of vCPU hours: each has one vCPU.
pub(super) fn used(task: &Task, row: TaskRow, world: &World) -> Option<i64> {
    if !is_orphan(row) || !task.has_size {
        return None;
    }
    let since = if row == TaskRow::Forced { 0 } else { orphan_since(task, row, world) };
    Some((-since).max(0) / SECOND * 1_000 / 3_600)
}

/// Since when it has been asked in vain. Where so many leases have lapsed that renewal looks broken, its session was
/// live until its own had been over for the age of a session.
pub(super) fn failing(task: &Task, row: TaskRow, world: &World) -> Option<Seen> {
    let failing = counts(task.memory.failing, world)?;
    let was_live_until = match lease(task) {
        Lease::Until(end) if row == TaskRow::LeaseExpired && fleet(world).many_have_lapsed => {
            end + world.limits.max_age
        }
        Lease::Until(_) | Lease::None | Lease::Unreadable => i64::MIN,
    };
    let since = failing.since.max(was_live_until);
    (failing.last >= was_live_until).then_some(Seen { since, ..failing })
}

/// When the artifacts of a task are given up.
pub(super) fn window(task: &Task, row: TaskRow, world: &World) -> Window {
    let limits = world.limits;
    let memory = task.memory;
    let failing = failing(task, row, world);
    let reused = memory.reused;
    let blind = counts(memory.blind, world);
    let is_beyond_hard_age = -aged_since(task, world) > limits.hard_age + limits.salvage;
    // The owner's word counts, and what was tried before it does not.
    let begins = match ended(task) {
        Some(at) if at <= 0 => Some(at),
        Some(_) | None => failing.map(|seen| seen.since),
    };
    // With each 202 it begins anew.
    let begins = begins.map(|at| memory.under_way.map_or(at, |told| told.max(at)));
    let has_passed = begins.is_some_and(|at| -at > limits.salvage);
    let asked_in_vain = is_twice(failing, world) || is_twice(reused, world);
    // One that runs another session is given up for its age alone.
    let is_due = is_beyond_hard_age || (has_passed && reused.is_none());
    Window {
        is_over: asked_in_vain && is_due,
        is_beyond_hard_age,
        was_blind_before: is_twice(blind, world),
        under_way_at: memory.under_way,
    }
}

/// The zombies of each group, those that have been suspect longest first.
pub(super) fn zombies(world: &World, rows: &BTreeMap<Key, TargetRow>) -> Vec<Key> {
    let mut zombies: Vec<(i64, Key)> = Vec::new();
    for target in world.registered() {
        if rows.get(&key(target)) == Some(&TargetRow::Zombie) {
            let suspect = counts(target.suspect, world);
            zombies.push((suspect.map_or(0, |seen| seen.since), key(target)));
        }
    }
    zombies.sort_unstable();
    zombies.into_iter().map(|(_, key)| key).collect()
}

/// In the mode `report`: what `enforce` would leave to the next sweep.
pub(super) fn waiting(verdicts: &Verdicts) -> (Vec<String>, Vec<Key>) {
    let mut tasks: Vec<String> =
        verdicts.orphans.iter().skip(verdicts.stop_limit).cloned().collect();
    let mut targets = Vec::new();
    for (group, limit) in &verdicts.removal_limits {
        let of_it = verdicts.zombies.iter().filter(|(of, _, _)| of == group);
        targets.extend(of_it.skip(*limit).copied());
    }
    tasks.sort();
    targets.sort_unstable();
    (tasks, targets)
}

/// The limits of the groups that were listed.
pub(super) fn removal_limits(world: &World) -> BTreeMap<usize, usize> {
    let listed =
        [0, 1].into_iter().filter(|group| world.has_groups && world.groups[*group].is_whole());
    let size = |group| world.registered().filter(|target: &&Target| target.group == group).count();
    listed.map(|group| (group, limit(size(group), world))).collect()
}

/// Whose containers are asked for their word: those whose rows hang on it, and whose address is theirs alone.
pub(super) fn asked(world: &World, unasked: &BTreeMap<String, TaskRow>) -> Vec<String> {
    let seen: Vec<&Task> = world.listed().filter(|task| is_session_task(task)).collect();
    let alone = |task: &Task| {
        let at = held_address(task);
        at.is_some() && seen.iter().filter(|other| held_address(other) == at).count() == 1
    };
    let mut asked = Vec::new();
    for task in &seen {
        if unasked.get(&task.id) == Some(&TaskRow::Unrouted) && alone(task) {
            asked.push(task.id.clone());
        }
    }
    asked
}

/// Who could say whether the route to an orphan is whole: up to five of its family and subnet, those first that
/// should answer.
pub(super) fn neighbours(
    world: &World,
    rows: &BTreeMap<String, TaskRow>,
) -> BTreeMap<(usize, usize), Vec<u8>> {
    let mut neighbours = BTreeMap::new();
    for orphan in world.listed() {
        if !rows.get(&orphan.id).is_some_and(|row| is_orphan(*row)) {
            continue;
        }
        let (mut likely, mut others) = (Vec::new(), Vec::new());
        for task in world.listed() {
            let Some(row) = rows.get(&task.id) else { continue };
            let is_near = (task.family, task.subnet) == (orphan.family, orphan.subnet);
            let Some(ip) = held_address(task) else { continue };
            if !is_near || !shall_run(task) || never_started(task) {
                continue;
            }
            if is_routed(task, world) || is_plainly_fine(*row) {
                likely.push(ip);
            } else {
                others.push(ip);
            }
        }
        likely.extend(others);
        likely.truncate(5);
        neighbours.insert((orphan.family, orphan.subnet), likely);
    }
    neighbours
}
