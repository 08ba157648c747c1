use super::forecast::{NextRow, next_row};
use super::judge_task::{JudgedTask, circumstances, judge};
use super::known::Known;
use super::neighbours::Neighbours;
use super::next_suspects;
use super::targets::{TargetEvidence, TargetRow, target_row};
use super::tasks::{Circumstances, TaskRow};
use crate::aws::TargetHealth;
use crate::removal::ZombieTarget;
use crate::session::{Neighbourhood, SessionTask, TargetAddress, TargetGroupArn, TaskArn};
use crate::sweep::suspects::{SeenSince, Suspects, Unfinished};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What a sweep makes of what it saw: every task and every target that is not plainly fine.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tasks, the oldest first.
    pub tasks: Vec<TaskDecision>,
    /// The targets, those that have been suspect longest first.
    pub targets: Vec<TargetDecision>,
    /// How many tasks of a warm pool wait for a session.
    pub unclaimed: usize,
    /// Who may be asked whether a route is whole, by the neighbourhoods of orphans.
    pub neighbours: BTreeMap<Neighbourhood, Vec<Ipv4Addr>>,
    /// What is true of all tasks.
    pub circumstances: Arc<Circumstances>,
    /// The blast radius among tasks.
    pub stop_limit: usize,
    /// The blast radius among the targets of each group.
    pub removal_limits: BTreeMap<TargetGroupArn, usize>,
    /// What the next sweep must know.
    pub suspects: Suspects,
}

/// One task, and what is to be done with it.
#[derive(Debug, Clone)]
pub struct TaskDecision {
    /// The task as it was seen.
    pub task: SessionTask,
    /// What was decided.
    pub judged: JudgedTask,
    /// What time alone makes of it.
    pub next: Option<NextRow>,
}

/// One target, and what is to be done with it.
#[derive(Debug, Clone)]
pub struct TargetDecision {
    /// The group that holds it.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
    /// Its row.
    pub row: TargetRow,
    /// What it rests on.
    pub evidence: TargetEvidence,
    /// Since when it has been suspect.
    pub suspect: Option<SeenSince>,
}

impl Plan {
    /// The orphans, in the order in which they are worked on: who has been one longest without being
    /// tried comes first, so that none takes another's turn for ever.
    #[must_use]
    pub fn orphans(&self) -> Vec<&TaskDecision> {
        let orphans = self.tasks.iter().filter(|decision| decision.judged.row.is_orphan());
        let mut orphans: Vec<&TaskDecision> = orphans.collect();
        orphans.sort_by_key(|decision| decision.judged.turn);
        orphans
    }

    /// What the next sweep must know should this one not live to tell what it did: whoever may be stopped for a
    /// lease counts as stopped, no orphan is known to be on record, and what is registered where a zombie was has not
    /// been seen yet.
    #[must_use]
    pub fn suspects_while_acting(&self, now: Timestamp) -> Suspects {
        let mut suspects = self.suspects.clone();
        let victims = self.tasks.iter().filter(|one| one.judged.row == TaskRow::LeaseExpired);
        for victim in victims {
            suspects.reaped_for_leases.entry(victim.task.arn.clone()).or_insert(now);
        }
        for zombie in self.targets.iter().filter(|one| one.row == TargetRow::Zombie) {
            suspects.targets.remove(&(zombie.group.clone(), zombie.address));
        }
        let begun = self.orphans().into_iter().filter_map(|one| one.begun(now));
        suspects.unfinished.extend(begun);
        suspects
    }
}

impl TaskDecision {
    /// Its cleanup, as one that is begun and not on record yet.
    pub(in crate::sweep) fn begun(&self, at: Timestamp) -> Option<(TaskArn, Unfinished)> {
        let session = self.task.session.clone()?;
        Some((self.task.arn.clone(), Unfinished { session, at }))
    }
}

impl TargetDecision {
    /// The target, as it is removed.
    #[must_use]
    pub fn zombie(&self) -> ZombieTarget {
        ZombieTarget { group: self.group.clone(), address: self.address }
    }
}

/// Decides about everything that was seen. Pure.
#[must_use]
pub fn decide(known: &Known<'_>) -> Plan {
    let Known { seen, policy, now, .. } = *known;
    let circumstances = circumstances(known);
    let healthy = seen.healthy();
    let live = seen.tasks.iter().filter(|task| task.shall_run).count();
    let mut suspects = Suspects::default();
    let mut tasks: Vec<TaskDecision> = Vec::new();
    let (mut neighbours, mut unclaimed) = (Neighbours::default(), 0);
    for task in &seen.tasks {
        let judged = judge(known, task, &circumstances, &healthy);
        next_suspects::task(&mut suspects, (task, &judged), &circumstances.leases, policy, now);
        next_suspects::tried(&mut suspects, (task, &judged), known.suspects);
        unclaimed +=
            usize::from(matches!(judged.row, TaskRow::Unclaimed | TaskRow::UnclaimedTooLong));
        next_suspects::under_way(&mut suspects, task, known);
        next_suspects::claimed(&mut suspects, task, known);
        neighbours.see(task, &judged);
        if judged.row.is_finding() || !task.odd_tags().is_empty() {
            let next = next_row(task, judged.evidence, &circumstances, policy, now);
            tasks.push(TaskDecision { task: task.clone(), judged, next });
        }
    }
    tasks.sort_by(|TaskDecision { task: one, .. }, TaskDecision { task: other, .. }| {
        (one.created_at, &one.arn).cmp(&(other.created_at, &other.arn))
    });
    let mut targets = Vec::new();
    for (group, address, health) in seen.targets() {
        let decision = decide_target(known, group, address, health);
        let TargetDecision { row, evidence, suspect, .. } = &decision;
        let target = (group.clone(), address);
        next_suspects::target(&mut suspects, target, (*row, evidence), *suspect, now);
        if row.is_finding() {
            targets.push(decision);
        }
    }
    // Stable: the groups and their targets are in order already.
    targets.sort_by_key(|decision| decision.suspect.map_or(now, |seen| seen.since));
    next_suspects::the_unseen(&mut suspects, known);
    next_suspects::leases(&mut suspects, known);
    next_suspects::unfinished(&mut suspects, known);
    Plan {
        tasks,
        targets,
        stop_limit: policy.blast_radius.of(live),
        removal_limits: seen
            .groups
            .iter()
            .filter_map(|(group, listing)| {
                let size = listing.as_ref().ok()?.len();
                Some((group.clone(), policy.blast_radius.of(size)))
            })
            .collect(),
        unclaimed,
        neighbours: neighbours.of_orphans(),
        circumstances: Arc::new(circumstances),
        suspects,
    }
}

/// Decides about one task that was seen, by itself. What all leases together say is known to a sweep alone:
/// a lease that has lapsed says by itself no more than that.
#[must_use]
pub fn decide_task(known: &Known<'_>, task: &SessionTask) -> TaskDecision {
    let circumstances = circumstances(known);
    let judged = judge(known, task, &circumstances, &known.seen.healthy());
    let next = next_row(task, judged.evidence, &circumstances, known.policy, known.now);
    TaskDecision { task: task.clone(), judged, next }
}

/// Decides about one target.
#[must_use]
pub fn decide_target(
    known: &Known<'_>,
    group: &TargetGroupArn,
    address: TargetAddress,
    health: TargetHealth,
) -> TargetDecision {
    let Known { seen, policy, now, .. } = *known;
    let suspect = known.suspects.targets.get(&(group.clone(), address)).copied();
    let evidence = TargetEvidence {
        holder: seen.holder(address.ip),
        health,
        probe: seen.probes.get(&address).copied(),
        route_is_whole: seen.whole_routes.contains(group),
        suspected: suspect.is_some_and(|seen| seen.is_long_enough(policy.interval, now)),
    };
    let row = target_row(&evidence);
    TargetDecision { group: group.clone(), address, row, evidence, suspect }
}

/// The tasks whose containers must be asked before their rows can be decided. A healthy fleet has
/// none.
#[must_use]
pub fn to_be_probed<'a>(known: &Known<'a>) -> Vec<&'a SessionTask> {
    let circumstances = circumstances(known);
    let healthy = known.seen.healthy();
    let mut at: BTreeMap<Ipv4Addr, usize> = BTreeMap::new();
    for ip in known.seen.tasks.iter().filter_map(|task| task.address) {
        *at.entry(ip).or_default() += 1;
    }
    let asked = |task: &&SessionTask| {
        // Where two tasks show one address, nobody could tell whose word the answer is.
        let alone = task.address.is_some_and(|ip| at.get(&ip) == Some(&1));
        alone && judge(known, task, &circumstances, &healthy).row.rests_on_probe()
    };
    known.seen.tasks.iter().filter(asked).collect()
}
