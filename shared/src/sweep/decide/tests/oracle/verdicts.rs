//! All that is concluded from one world, in a form in which both sides can say it.

use super::world::{Seen, Target, World};
use super::{limits, memories, targets, tasks};
use crate::sweep::decide::{TargetRow, TaskRow};
use std::collections::BTreeMap;

/// A target: its group, address and port.
pub(super) type Key = (usize, u8, u16);

pub(super) fn key(target: &Target) -> Key {
    (target.group, target.ip, target.port)
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdicts {
    /// Of each session task that was seen.
    pub(super) rows: BTreeMap<String, TaskRow>,
    pub(super) windows: BTreeMap<String, Window>,
    /// What orphans have used, in thousandths of vCPU hours.
    pub(super) used: BTreeMap<String, i64>,
    /// Whatever people should hear of, the oldest first.
    pub(super) findings: Vec<String>,
    /// In the order in which they are worked on.
    pub(super) orphans: Vec<String>,
    pub(super) stop_limit: usize,
    pub(super) unclaimed: usize,
    pub(super) lapsing: bool,
    /// Whose containers are asked.
    pub(super) asked: Vec<String>,
    /// By family and subnet.
    pub(super) neighbours: BTreeMap<(usize, usize), Vec<u8>>,
    /// Of each target that was seen.
    pub(super) targets: BTreeMap<Key, TargetRow>,
    pub(super) target_findings: Vec<Key>,
    /// Those that have been suspect longest first.
    pub(super) zombies: Vec<Key>,
    pub(super) removal_limits: BTreeMap<usize, usize>,
    pub(super) doubtful_routes: [bool; 2],
    pub(super) registered_tasks: [Vec<(u8, u16)>; 2],
    /// In the mode `report`: tasks and targets that would have to wait.
    pub(super) waiting: (Vec<String>, Vec<Key>),
    pub(super) is_order_accepted: bool,
    pub(super) next: Memories,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) is_over: bool,
    pub(super) is_beyond_hard_age: bool,
    pub(super) was_blind_before: bool,
    pub(super) under_way_at: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Memories {
    pub(super) suspects: BTreeMap<String, Seen>,
    pub(super) failing: BTreeMap<String, Seen>,
    pub(super) reused: BTreeMap<String, Seen>,
    pub(super) blind: BTreeMap<String, Seen>,
    pub(super) tried: BTreeMap<String, i64>,
    pub(super) under_way: BTreeMap<String, i64>,
    pub(super) claimed: BTreeMap<String, i64>,
    pub(super) reaped: BTreeMap<String, i64>,
    pub(super) leases: BTreeMap<String, i64>,
    pub(super) leases_seen: Option<i64>,
    pub(super) targets: BTreeMap<Key, Seen>,
}

/// What the oracle says.
pub(super) fn of(world: &World) -> Verdicts {
    let mut verdicts = Verdicts {
        rows: memories::rows(world, true),
        lapsing: tasks::fleet(world).many_have_lapsed,
        is_order_accepted: tasks::order_before(world).is_some(),
        doubtful_routes: targets::doubtful_routes(world),
        registered_tasks: [0, 1].map(|group| targets::registered_tasks(group, world)),
        removal_limits: limits::removal_limits(world),
        asked: limits::asked(world, &memories::rows(world, false)),
        ..Verdicts::default()
    };
    let (mut findings, mut live) = (Vec::new(), 0);
    for task in world.listed() {
        let Some(row) = verdicts.rows.get(&task.id).copied() else { continue };
        live += usize::from(tasks::shall_run(task));
        verdicts.windows.insert(task.id.clone(), limits::window(task, row, world));
        let used = limits::used(task, row, world);
        verdicts.used.extend(used.map(|used| (task.id.clone(), used)));
        let is_unclaimed = [TaskRow::Unclaimed, TaskRow::UnclaimedTooLong].contains(&row);
        verdicts.unclaimed += usize::from(is_unclaimed);
        if !tasks::is_plainly_fine(row) || tasks::has_odd_tags(task) {
            let arn = format!("{}/{}", task.cluster_name(), task.id);
            findings.push((task.created, arn, task.id.clone()));
        }
    }
    findings.sort_unstable();
    verdicts.findings = findings.into_iter().map(|(_, _, id)| id).collect();
    verdicts.stop_limit = limits::limit(live, world);
    verdicts.orphans = limits::orphans(world, &verdicts.rows);
    verdicts.neighbours = limits::neighbours(world, &verdicts.rows);
    of_targets(world, &mut verdicts);
    verdicts.waiting = limits::waiting(&verdicts);
    verdicts.next = memories::next(world, &verdicts);
    verdicts
}

fn of_targets(world: &World, verdicts: &mut Verdicts) {
    let mut findings = Vec::new();
    for target in world.registered() {
        let row = targets::row(target, world);
        verdicts.targets.insert(key(target), row);
        if ![TargetRow::Held, TargetRow::Draining].contains(&row) {
            let suspect = tasks::counts(target.suspect, world);
            findings.push((suspect.map_or(0, |seen| seen.since), key(target)));
        }
    }
    findings.sort_unstable();
    verdicts.target_findings = findings.into_iter().map(|(_, key)| key).collect();
    verdicts.zombies = limits::zombies(world, &verdicts.targets);
}
