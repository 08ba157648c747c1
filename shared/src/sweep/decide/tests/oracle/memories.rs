//! What the next sweep must know: what was seen to be so goes on, what was seen to be otherwise is dropped, and
//! what could not be seen stays as it was.

use super::limits::failing;
use super::targets::believed;
use super::tasks::{
    self, Lease, counts, ended, fleet, is_claimed_without_a_start, is_identified, is_orphan,
    is_protected, is_unlisted, lease, renewable, shall_run,
};
use super::verdicts::{Memories, Verdicts, key};
use super::world::{Seen, Target, Task, World};
use crate::container::Probe;
use crate::sweep::decide::{TargetRow, TaskRow};

/// What both tables leave behind.
pub(super) fn next(world: &World, verdicts: &Verdicts) -> Memories {
    let mut next = Memories::default();
    for task in &world.tasks {
        match verdicts.rows.get(&task.id) {
            Some(row) => of_a_seen_task(task, *row, world, &mut next),
            None => of_an_unseen_task(task, world, &mut next),
        }
    }
    for target in &world.targets {
        let seen = of_a_target(target, world, verdicts);
        next.targets.extend(seen.map(|seen| (key(target), seen)));
    }
    let forgotten = world.leases_seen.is_none_or(|at| -at > 3 * world.limits.interval);
    next.leases_seen = if world.all_clusters_listed() {
        Some(0)
    } else {
        world.leases_seen.filter(|_| !forgotten)
    };
    next
}

fn of_a_seen_task(task: &Task, row: TaskRow, world: &World, next: &mut Memories) {
    let limits = world.limits;
    let id = || task.id.clone();
    let suspect = counts(task.memory.suspect, world);
    let blind = counts(task.memory.blind, world);
    let salvages = [failing(task, row, world), task.memory.reused, blind];
    let no_word = matches!(task.word, None | Some(Probe::Blind));
    let rests_on_a_word = [TaskRow::Done, TaskRow::SuspectedDone, TaskRow::Unrouted].contains(&row);
    let is_unknown = row == TaskRow::Undecided || (rests_on_a_word && no_word);
    if [TaskRow::Done, TaskRow::SuspectedDone].contains(&row) {
        next.suspects.insert(id(), seen_again(suspect));
    } else if is_unknown {
        next.suspects.extend(suspect.map(|seen| (id(), seen)));
    }
    // Beyond its grace it hangs on the other leases, and they may say so again, unless so many have lapsed that it is live.
    let is_live = world.all_clusters_listed() && fleet(world).many_have_lapsed;
    let hangs_on_others = row == TaskRow::LeaseLapsed
        && !is_live
        && matches!(lease(task), Lease::Until(end) if -end > limits.lease_grace);
    let goes_on = is_orphan(row) || (hangs_on_others && world.all_clusters_listed());
    let places = [&mut next.failing, &mut next.reused, &mut next.blind];
    for (place, seen) in places.into_iter().zip(salvages) {
        let Some(seen) = seen else { continue };
        if goes_on {
            place.insert(id(), Seen { last: 0, ..seen });
        } else if is_unknown || hangs_on_others {
            place.insert(id(), seen);
        }
    }
    if let Some(said) = task.memory.reused {
        next.reused.entry(id()).or_insert(said);
    }
    let remembered = next.failing.contains_key(&task.id) || next.reused.contains_key(&task.id);
    let tried = tried(task, world).filter(|_| is_orphan(row) || remembered);
    next.tried.extend(tried.map(|at| (id(), at)));
    let under_way = task.memory.under_way.filter(|at| -at <= limits.salvage);
    next.under_way.extend(under_way.map(|at| (id(), at)));
    if is_claimed_without_a_start(task, world) && is_identified(task) && shall_run(task) {
        next.claimed.insert(id(), task.memory.claimed.unwrap_or(0));
    }
    let running = renewable(task, world).filter(|_| shall_run(task));
    let is_spared = shall_run(task) && (ended(task).is_some() || is_protected(task));
    if running.is_none() && !is_spared {
        old_reaped(task, world, next);
    }
    if world.all_clusters_listed() {
        next.leases.extend(running.map(|end| (id(), end)));
    } else {
        old_lease(task, world, next);
    }
}

fn of_an_unseen_task(task: &Task, world: &World, next: &mut Memories) {
    old_reaped(task, world, next);
    if !world.all_clusters_listed() {
        old_lease(task, world, next);
    }
    if !is_unlisted(task, world) && !world.unreadable {
        return;
    }
    let id = || task.id.clone();
    let memory = task.memory;
    next.suspects.extend(counts(memory.suspect, world).map(|seen| (id(), seen)));
    next.failing.extend(counts(memory.failing, world).map(|seen| (id(), seen)));
    let reused = memory.reused.filter(|seen| -seen.last <= 2 * world.limits.hard_age);
    next.reused.extend(reused.map(|seen| (id(), seen)));
    next.blind.extend(counts(memory.blind, world).map(|seen| (id(), seen)));
    next.tried.extend(tried(task, world).map(|at| (id(), at)));
    next.under_way.extend(memory.under_way.map(|at| (id(), at)));
    let claimed = memory.claimed.filter(|since| -since <= 2 * world.limits.hard_age);
    next.claimed.extend(claimed.map(|since| (id(), since)));
}

fn old_reaped(task: &Task, world: &World, next: &mut Memories) {
    let old = task.memory.reaped.filter(|at| -at <= world.limits.max_age);
    next.reaped.extend(old.map(|at| (task.id.clone(), at)));
}

fn old_lease(task: &Task, world: &World, next: &mut Memories) {
    let is_fresh = world.leases_seen.is_some_and(|at| -at <= 3 * world.limits.interval);
    let before = task.memory.lease.filter(|_| is_fresh);
    next.leases.extend(before.map(|end| (task.id.clone(), end)));
}

pub(super) fn tried(task: &Task, world: &World) -> Option<i64> {
    task.memory.tried.filter(|at| -at <= 3 * world.limits.interval)
}

fn of_a_target(target: &Target, world: &World, verdicts: &Verdicts) -> Option<Seen> {
    let suspect = counts(target.suspect, world);
    let Some(row) = verdicts.targets.get(&key(target)) else {
        let is_unlisted = world.has_groups && !world.groups[target.group].is_whole();
        return suspect.filter(|_| is_unlisted);
    };
    match row {
        TargetRow::Suspected | TargetRow::Zombie => Some(seen_again(suspect)),
        TargetRow::Undecided | TargetRow::Unclear => suspect.filter(|_| {
            let nobody = [None, Some(Probe::Silent), Some(Probe::Blind)];
            target.is_unanswered() && nobody.contains(&believed(target, world))
        }),
        TargetRow::Held
        | TargetRow::HeldElsewhere
        | TargetRow::Misrouted
        | TargetRow::MisroutedElsewhere
        | TargetRow::Draining
        | TargetRow::Foreign => None,
    }
}

fn seen_again(before: Option<Seen>) -> Seen {
    Seen { since: before.map_or(0, |seen| seen.since), last: 0 }
}

/// The rows of all tasks that were seen; here because the memory is kept by them.
pub(super) fn rows(world: &World, words: bool) -> std::collections::BTreeMap<String, TaskRow> {
    let fleet = tasks::fleet(world);
    let seen = world.listed().filter(|task| tasks::is_session_task(task));
    let row = |task: &Task| tasks::row(task, task.word.filter(|_| words), fleet, world);
    seen.map(|task| (task.id.clone(), row(task))).collect()
}
