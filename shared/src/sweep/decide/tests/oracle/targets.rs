//! The table of targets once more, from the page.

use super::tasks::{
    counts, held_address, is_family_of_sessions, is_session_task, is_twice, never_started,
    shall_run,
};
use super::world::{Listing, Target, World};
use crate::aws::{TargetHealth, Unhealthy};
use crate::container::Probe;
use crate::session::DesiredStatus;
use crate::sweep::decide::TargetRow;

/// What we hear at a target, as far as it may be believed.
pub(super) fn believed(target: &Target, world: &World) -> Option<Probe> {
    let answer = world.answer_at(target.ip, target.port);
    if answer == Some(Probe::Blind) && world.whole_routes[target.group] {
        return Some(Probe::Silent);
    }
    answer
}

/// Whether a task holds its address, of which families and in which clusters.
fn is_held(target: &Target, of_sessions: bool, configured: bool, world: &World) -> bool {
    world.listed().any(|task| {
        task.address == Some(target.ip)
            && task.desired != DesiredStatus::Stopped
            && is_family_of_sessions(task) == of_sessions
            && (task.cluster < 2) == configured
    })
}

/// The first row that matches.
pub(super) fn row(target: &Target, world: &World) -> TargetRow {
    if is_held(target, true, true, world) {
        return TargetRow::Held;
    }
    if is_held(target, true, false, world) {
        return TargetRow::HeldElsewhere;
    }
    if is_held(target, false, true, world) {
        return TargetRow::Misrouted;
    }
    if is_held(target, false, false, world) {
        return TargetRow::MisroutedElsewhere;
    }
    if target.health == TargetHealth::Draining {
        return TargetRow::Draining;
    }
    if may_be_held(world) {
        return TargetRow::Undecided;
    }
    let answer = believed(target, world);
    let is_dead = target.is_unanswered() && answer == Some(Probe::Silent);
    if is_dead && world.others.is_none() {
        return TargetRow::Undecided;
    }
    if is_dead && is_twice(counts(target.suspect, world), world) {
        return TargetRow::Zombie;
    }
    if is_dead {
        return TargetRow::Suspected;
    }
    if [Some(Probe::Active), Some(Probe::Done), Some(Probe::Answers)].contains(&answer) {
        return TargetRow::Foreign;
    }
    let answers_the_load_balancer = [
        TargetHealth::Healthy,
        TargetHealth::Initial,
        TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
    ];
    if answers_the_load_balancer.contains(&target.health) {
        return TargetRow::Foreign;
    }
    TargetRow::Unclear
}

/// Whether someone may hold an address whom nobody saw.
fn may_be_held(world: &World) -> bool {
    !world.all_clusters_listed()
        || world.unreadable
        || world.others.is_some_and(|listing| listing != Listing::Whole)
}

/// The groups whose routes must be known before the fate of a target is: nobody was reached there, and nobody
/// is seen to hold it.
pub(super) fn doubtful_routes(world: &World) -> [bool; 2] {
    [0, 1].map(|group| {
        world.registered().any(|target| {
            let nobody = !world.listed().any(|task| {
                task.address == Some(target.ip) && task.desired != DesiredStatus::Stopped
            });
            target.group == group
                && target.is_unanswered()
                && world.answer_at(target.ip, target.port) == Some(Probe::Blind)
                && nobody
                && !may_be_held(world)
        })
    })
}

/// The addresses in a group at which a session task that runs should answer, the healthy ones first.
pub(super) fn registered_tasks(group: usize, world: &World) -> Vec<(u8, u16)> {
    let is_a_tasks = |target: &&Target| {
        world.listed().any(|task| {
            is_session_task(task)
                && shall_run(task)
                && !never_started(task)
                && held_address(task) == Some(target.ip)
        })
    };
    let mut registered: Vec<(bool, u8, u16)> = world
        .registered()
        .filter(|target| target.group == group && target.health != TargetHealth::Draining)
        .filter(is_a_tasks)
        .map(|target| (target.health != TargetHealth::Healthy, target.ip, target.port))
        .collect();
    registered.sort_unstable();
    registered.into_iter().map(|(_, ip, port)| (ip, port)).collect()
}
