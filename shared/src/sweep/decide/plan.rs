use super::{
    Circumstances, Leases, Routed, TargetEvidence, TargetRow, TaskEvidence, TaskRow, is_longer_ago,
    remember, target_row, task_row,
};
use crate::aws::Witness;
use crate::cleanup::{SalvageWindow, Zombie};
use crate::config;
use crate::event::ForceCluster;
use crate::session::{Ended, SessionTask, TargetAddress, TargetGroupArn, TaskArn};
use crate::sweep::observe::Observation;
use crate::sweep::suspects::{Seen, Suspects};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What a sweep makes of what it saw: every task and every target that is not plainly fine.
#[derive(Debug)]
pub struct Plan {
    /// The tasks, the oldest first.
    pub tasks: Vec<TaskDecision>,
    /// The targets, those that have been suspect longest first.
    pub targets: Vec<TargetDecision>,
    /// What is true of all tasks.
    pub circumstances: Arc<Circumstances>,
    /// The most tasks that this sweep stops.
    pub most_stops: usize,
    /// The most targets of each group that it takes away.
    pub most_taken: BTreeMap<TargetGroupArn, usize>,
    /// What the next sweep must know.
    pub suspects: Suspects,
}

/// One task, and what is to be done with it.
#[derive(Debug, Clone)]
pub struct TaskDecision {
    /// The task as it was seen.
    pub task: SessionTask,
    /// What was decided.
    pub judged: Judged,
}

/// A task's row, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The row.
    pub row: TaskRow,
    /// What is known beside it.
    pub evidence: TaskEvidence,
    /// Since when it has been suspect.
    pub suspect: Option<Seen>,
    /// Since when it was asked for its artifacts in vain.
    pub vain: Option<Seen>,
    /// Whether its artifacts may be given up.
    pub salvage: SalvageWindow,
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
    pub suspect: Option<Seen>,
}

impl TargetDecision {
    /// The target, as it is taken away.
    #[must_use]
    pub fn zombie(&self) -> Zombie {
        Zombie { group: self.group.clone(), address: self.address }
    }
}

/// Everything that a decision rests on.
#[derive(Debug)]
pub struct Grounds<'a> {
    /// What was seen.
    pub seen: &'a Observation,
    /// What containers of tasks without traffic answered.
    pub witnesses: &'a BTreeMap<TaskArn, Witness>,
    /// What the sweep before suspected, as far as it still counts.
    pub suspects: &'a Suspects,
    /// What an operator has declared over.
    pub force: Option<&'a ForceCluster>,
    /// The configuration.
    pub policy: &'a config::Sweep,
    /// The time.
    pub now: Timestamp,
}

/// Decides about everything that was seen. Pure.
#[must_use]
pub fn decide(grounds: &Grounds<'_>) -> Plan {
    let Grounds { seen, policy, now, .. } = *grounds;
    let circumstances = circumstances(grounds);
    let healthy = seen.healthy();
    let mut suspects = Suspects::default();
    let mut tasks: Vec<TaskDecision> = Vec::new();
    for task in &seen.tasks {
        let judged = judge(grounds, task, &circumstances, &healthy);
        remember::task(&mut suspects, (task, &judged), circumstances.leases, policy, now);
        if judged.row.is_finding() {
            tasks.push(TaskDecision { task: task.clone(), judged });
        }
    }
    tasks.sort_by(|TaskDecision { task: one, .. }, TaskDecision { task: other, .. }| {
        (one.created_at, &one.arn).cmp(&(other.created_at, &other.arn))
    });
    let mut targets = Vec::new();
    for (group, address, health) in seen.targets() {
        let suspect = grounds.suspects.targets.get(&(group.clone(), address)).copied();
        let evidence = TargetEvidence {
            owner: seen.owner(address.ip),
            health,
            witness: seen.witnesses.get(&address).copied(),
            suspected: suspect.is_some_and(|seen| seen.is_long_enough(policy.interval, now)),
        };
        let row = target_row(&evidence);
        let target = (group.clone(), address);
        remember::target(&mut suspects, target, (row, &evidence), suspect, now);
        if row.is_finding() {
            targets.push(TargetDecision { group: group.clone(), address, row, evidence, suspect });
        }
    }
    // Stable: the groups and their targets are in order already.
    targets.sort_by_key(|decision| decision.suspect.map_or(now, |seen| seen.since));
    remember::the_unseen(&mut suspects, grounds);
    Plan {
        tasks,
        targets,
        most_stops: circumstances.leases.most,
        most_taken: seen
            .groups
            .iter()
            .filter_map(|(group, listing)| {
                let size = listing.as_ref().ok()?.len();
                Some((group.clone(), policy.blast_radius.of(size)))
            })
            .collect(),
        circumstances: Arc::new(circumstances),
        suspects,
    }
}

/// The tasks whose containers must be asked before row 9 can be decided. A healthy fleet has none.
#[must_use]
pub fn to_be_witnessed<'a>(grounds: &Grounds<'a>) -> Vec<&'a SessionTask> {
    let circumstances = circumstances(grounds);
    let healthy = grounds.seen.healthy();
    let mut at: BTreeMap<Ipv4Addr, usize> = BTreeMap::new();
    for ip in grounds.seen.tasks.iter().filter_map(|task| task.address) {
        *at.entry(ip).or_default() += 1;
    }
    let asked = |task: &&SessionTask| {
        // Where two tasks show one address, nobody could tell whose word the answer is.
        let alone = task.address.is_some_and(|ip| at.get(&ip) == Some(&1));
        alone && judge(grounds, task, &circumstances, &healthy).row == TaskRow::Unrouted
    };
    grounds.seen.tasks.iter().filter(asked).collect()
}

fn circumstances(grounds: &Grounds<'_>) -> Circumstances {
    let Grounds { seen, policy, now, .. } = *grounds;
    let live = seen.tasks.iter().filter(|task| task.shall_run).count();
    let most = policy.blast_radius.of(live);
    let leases = Leases::count(&seen.tasks, seen.all_clusters_listed(), most, policy, now);
    Circumstances { leases, force: grounds.force.cloned() }
}

fn judge(
    grounds: &Grounds<'_>,
    task: &SessionTask,
    circumstances: &Circumstances,
    healthy: &BTreeSet<Ipv4Addr>,
) -> Judged {
    let Grounds { seen, policy, now, suspects, .. } = *grounds;
    let suspect = suspects.tasks.get(&task.arn).copied();
    let routed = match task.address {
        Some(ip) if healthy.contains(&ip) => Routed::Yes,
        _ if seen.all_groups_listed() => Routed::No,
        _ => Routed::Unknown,
    };
    let evidence = TaskEvidence {
        routed,
        witness: grounds.witnesses.get(&task.arn).copied(),
        suspected: suspect.is_some_and(|seen| seen.is_long_enough(policy.interval, now)),
    };
    let vain = suspects.vain.get(&task.arn).copied();
    Judged {
        row: task_row(task, evidence, circumstances, policy, now),
        salvage: salvage_window(task, vain.as_ref(), policy, now),
        evidence,
        suspect,
        vain,
    }
}

/// The window counts from the owner's word, or from the first vain salvage; beyond the hard age it is
/// over in any case.
fn salvage_window(
    task: &SessionTask,
    vain: Option<&Seen>,
    policy: &config::Sweep,
    now: Timestamp,
) -> SalvageWindow {
    let ended = match task.ended {
        Ended::No => None,
        Ended::Since(at) => at,
    };
    let mut since = ended.into_iter().chain(vain.map(|seen| seen.since));
    let over = since.any(|since| is_longer_ago(since, policy.salvage_window, now))
        || is_longer_ago(task.created_at, policy.hard_age, now);
    if over { SalvageWindow::Over } else { SalvageWindow::Open }
}

#[cfg(test)]
mod memories;

#[cfg(test)]
mod properties;

#[cfg(test)]
mod scene;

#[cfg(test)]
mod second_opinion;

#[cfg(test)]
mod sentences;

#[cfg(test)]
mod tests;
