//! What a sweep saw. Data alone: looking is [`super::observe`]'s, and deciding is `decide`'s.

use crate::aws::{CallError, TargetHealth};
use crate::container::Probe;
use crate::session::{
    ClusterName, DesiredStatus, Scope, SessionTask, TargetAddress, TargetGroupArn, Task, TaskArn,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What a sweep saw. A listing that failed or was cut short is an error: what rests on it is unknown.
#[derive(Debug, Default)]
pub struct Observation {
    /// The targets of each configured group.
    pub groups: Groups,
    /// The configured clusters, and whether each was listed whole.
    pub clusters: BTreeMap<ClusterName, Result<(), CallError>>,
    /// Whether the account's other clusters were listed whole; `None` when nothing hung on them.
    pub others: Option<Result<(), CallError>>,
    /// The session tasks that were seen.
    pub tasks: Vec<SessionTask>,
    /// How many tasks were looked at, strangers' among them.
    pub looked_at: usize,
    /// What our own health checks came to.
    pub probes: BTreeMap<TargetAddress, Probe>,
    /// The groups to whose targets packets of ours are known to get.
    pub whole_routes: BTreeSet<TargetGroupArn>,
    /// How many addresses should have been asked, had there been time.
    pub unasked: usize,
    /// Tasks that can't be read, one sentence each: any of them may hold any address.
    pub unreadable: Vec<String>,
    /// Configured clusters and groups that don't exist: nothing is there, and people should know.
    pub missing: Vec<String>,
    /// The tasks that were seen with an address, where a target's fate may depend on who has come since: a
    /// task keeps its address for life.
    pub addressed: Option<Arc<BTreeSet<TaskArn>>>,
    holders: BTreeMap<Ipv4Addr, Holders>,
}

/// The tasks that were seen to hold the address of a target: one of ours, and one of a stranger. Two
/// networks may have the same addresses.
#[derive(Debug, Default)]
struct Holders {
    ours: Option<TaskArn>,
    stranger: Option<TaskArn>,
}

/// The targets of each group, where it was listed.
pub type Groups =
    BTreeMap<TargetGroupArn, Result<BTreeMap<TargetAddress, TargetHealth>, CallError>>;

impl Observation {
    /// One that has seen the targets, and nothing else yet.
    pub(crate) fn of_groups(groups: Groups) -> Self {
        Self { groups, ..Self::default() }
    }

    /// Whether every configured group was listed.
    #[must_use]
    pub fn all_groups_listed(&self) -> bool {
        self.groups.values().all(Result::is_ok)
    }

    /// Whether every configured cluster was listed whole.
    #[must_use]
    pub fn all_clusters_listed(&self) -> bool {
        self.clusters.values().all(Result::is_ok)
    }

    /// The listings that are missing, one sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let groups = self.groups.values().filter_map(|listing| listing.as_ref().err());
        let clusters = self.clusters.values().filter_map(|listing| listing.as_ref().err());
        let others = self.others.iter().filter_map(|listing| listing.as_ref().err());
        groups.chain(clusters).chain(others).map(CallError::to_string).collect()
    }

    /// Every target with its group.
    pub fn targets(&self) -> impl Iterator<Item = (&TargetGroupArn, TargetAddress, TargetHealth)> {
        self.groups.iter().flat_map(|(group, listing)| {
            let targets = listing.iter().flatten();
            targets.map(move |(address, health)| (group, *address, *health))
        })
    }

    /// The groups with a target at which nobody was reached, and that nobody is seen to hold: its fate hangs
    /// on whether packets of ours get there.
    #[must_use]
    pub fn doubtful_routes(&self) -> BTreeSet<TargetGroupArn> {
        let doubtful = self.targets().filter(|(_, address, health)| {
            health.is_unanswered()
                && self.probes.get(address) == Some(&Probe::Blind)
                && matches!(self.holder(address.ip), Holder::NobodyOfOurs | Holder::Nobody)
        });
        doubtful.map(|(group, _, _)| group.clone()).collect()
    }

    /// The session tasks that are registered in a group, at what address; those first that the load
    /// balancer calls healthy.
    #[must_use]
    pub fn registered_tasks(&self, group: &TargetGroupArn) -> Vec<TargetAddress> {
        let live = self.tasks.iter().filter(|task| task.started && task.shall_run);
        let held: BTreeSet<Ipv4Addr> = live.filter_map(|task| task.address).collect();
        let targets = self.groups.get(group).into_iter().flatten().flatten();
        let mut registered: Vec<(&TargetAddress, &TargetHealth)> = targets
            .filter(|(address, health)| {
                held.contains(&address.ip) && **health != TargetHealth::Draining
            })
            .collect();
        registered.sort_by_key(|(_, health)| **health != TargetHealth::Healthy);
        registered.into_iter().map(|(address, _)| *address).collect()
    }

    /// The addresses that are healthy in any group.
    #[must_use]
    pub fn healthy(&self) -> BTreeSet<Ipv4Addr> {
        let healthy = self.targets().filter(|(_, _, health)| *health == TargetHealth::Healthy);
        healthy.map(|(_, address, _)| address.ip).collect()
    }

    /// Who holds an address.
    #[must_use]
    pub fn holder(&self, ip: Ipv4Addr) -> Holder {
        let elsewhere = |task: &TaskArn| {
            let cluster = task.cluster();
            (!self.clusters.contains_key(cluster)).then(|| cluster.clone())
        };
        let seen = self.holders.get(&ip);
        if let Some(task) = seen.and_then(|holders| holders.ours.clone()) {
            return Holder::OfOurs { elsewhere: elsewhere(&task), task };
        }
        if let Some(task) = seen.and_then(|holders| holders.stranger.clone()) {
            return Holder::Stranger { elsewhere: elsewhere(&task), task };
        }
        match &self.others {
            _ if !self.all_clusters_listed() || !self.unreadable.is_empty() => Holder::Unknown,
            Some(Err(_)) => Holder::Unknown,
            Some(Ok(())) => Holder::Nobody,
            None => Holder::NobodyOfOurs,
        }
    }

    /// Takes in one task of a listing, as the holder of one of the `wanted` addresses too.
    pub(crate) fn see(
        &mut self,
        task: &Task,
        scope: &Scope,
        wanted: &BTreeSet<Ipv4Addr>,
        now: Timestamp,
    ) {
        self.looked_at += 1;
        if let Some(addressed) = self.addressed.as_mut().filter(|_| task.address.is_some()) {
            Arc::make_mut(addressed).insert(task.arn.clone());
        }
        // It is listed as running: a word that we don't know does not say otherwise.
        let may_run = task.desired_status != DesiredStatus::Stopped;
        if let Some(ip) = task.address.filter(|ip| may_run && wanted.contains(ip)) {
            let holders = self.holders.entry(ip).or_default();
            let ours = scope.is_family_of_sessions(&task.family);
            let place = if ours { &mut holders.ours } else { &mut holders.stranger };
            // One of a configured cluster says more than one of another.
            let better = place.as_ref().is_none_or(|known| {
                !scope.clusters.contains(known.cluster())
                    && scope.clusters.contains(task.arn.cluster())
            });
            if better {
                *place = Some(task.arn.clone());
            }
        }
        self.tasks.extend(SessionTask::read(task, scope, now));
    }
}

/// Who holds the address of a target: a task with `desiredStatus` RUNNING, of any family, in any
/// cluster of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A task of a configured family.
    OfOurs {
        /// The task.
        task: TaskArn,
        /// Where it runs, if that is no configured cluster.
        elsewhere: Option<ClusterName>,
    },
    /// Any other task.
    Stranger {
        /// The task.
        task: TaskArn,
        /// Where it runs, if that is no configured cluster.
        elsewhere: Option<ClusterName>,
    },
    /// No task of the account; every cluster was listed whole.
    Nobody,
    /// No task of the configured clusters, which were listed whole; the others were not asked.
    NobodyOfOurs,
    /// No task that was seen; not every task was.
    Unknown,
}
