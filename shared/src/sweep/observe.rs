//! What a sweep looks at: targets first, then tasks, so that every target that was seen belongs to a
//! task that had already started when tasks are listed. All pages, or it is unknown.

use super::decide::Owner;
use crate::aws::{CallError, TargetHealth, Witness, answered_within};
use crate::cleanup::Setting;
use crate::config::Scope;
use crate::deadline::{Deadline, within};
use crate::session::{
    ClusterName, DesiredStatus, SessionId, SessionTask, TargetAddress, TargetGroupArn, Task,
    TaskArn,
};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

/// How many addresses are asked at once whether anyone answers there.
const WITNESSES_AT_ONCE: usize = 128;

/// How many clusters are listed at once. An account may have thousands: each that waits for its turn
/// to call ECS has reserved it, and a listing that is cut short must not leave a debt of turns behind
/// that keeps every orphan waiting.
const CLUSTERS_AT_ONCE: usize = 16;

/// What a sweep saw. A listing that failed or was cut short is an error: what rests on it is unknown.
#[derive(Debug, Default)]
pub struct Observation {
    /// The targets of each configured group.
    pub groups: BTreeMap<TargetGroupArn, Result<BTreeMap<TargetAddress, TargetHealth>, CallError>>,
    /// The configured clusters, and whether each was listed whole.
    pub clusters: BTreeMap<ClusterName, Result<(), CallError>>,
    /// Whether the account's other clusters were listed whole; `None` when nothing hung on them.
    pub others: Option<Result<(), CallError>>,
    /// The session tasks that were seen.
    pub tasks: Vec<SessionTask>,
    /// What our own health checks came to.
    pub witnesses: BTreeMap<TargetAddress, Witness>,
    /// How many addresses should have been asked, had there been time.
    pub unasked: usize,
    owners: BTreeMap<Ipv4Addr, Owners>,
}

/// The tasks that were seen with the address of a target: one of ours, and one of a stranger. Two
/// networks may have the same addresses.
#[derive(Debug, Default)]
struct Owners {
    ours: Option<TaskArn>,
    stranger: Option<TaskArn>,
}

impl Observation {
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

    /// The addresses that are healthy in any group.
    #[must_use]
    pub fn healthy(&self) -> BTreeSet<Ipv4Addr> {
        let healthy = self.targets().filter(|(_, _, health)| *health == TargetHealth::Healthy);
        healthy.map(|(_, address, _)| address.ip).collect()
    }

    /// Who has an address.
    #[must_use]
    pub fn owner(&self, ip: Ipv4Addr) -> Owner {
        let elsewhere = |task: &TaskArn| {
            let cluster = task.cluster();
            (!self.clusters.contains_key(cluster)).then(|| cluster.clone())
        };
        let seen = self.owners.get(&ip);
        if let Some(task) = seen.and_then(|owners| owners.ours.clone()) {
            return Owner::OfOurs { elsewhere: elsewhere(&task), task };
        }
        if let Some(task) = seen.and_then(|owners| owners.stranger.clone()) {
            return Owner::Stranger { elsewhere: elsewhere(&task), task };
        }
        match &self.others {
            _ if !self.all_clusters_listed() => Owner::Unknown,
            Some(Err(_)) => Owner::Unknown,
            Some(Ok(())) => Owner::Nobody,
            None => Owner::NobodyOfOurs,
        }
    }

    /// Takes in one task of a listing, as an owner of one of the `wanted` addresses too.
    pub(super) fn see(&mut self, task: &Task, scope: &Scope, wanted: &BTreeSet<Ipv4Addr>) {
        // It is listed as running: a word that we don't know does not say otherwise.
        let may_run = task.desired_status != DesiredStatus::Stopped;
        if let Some(ip) = task.address.filter(|ip| may_run && wanted.contains(ip)) {
            let owners = self.owners.entry(ip).or_default();
            let ours = scope.families.contains(&task.family);
            let place = if ours { &mut owners.ours } else { &mut owners.stranger };
            // One of a configured cluster says more than one of another.
            let better = place.as_ref().is_none_or(|known| {
                !scope.clusters.contains(known.cluster())
                    && scope.clusters.contains(task.arn.cluster())
            });
            if better {
                *place = Some(task.arn.clone());
            }
        }
        self.tasks.extend(SessionTask::read(task, scope));
    }
}

/// Looks at everything that decisions rest on, until `end`.
pub(super) async fn observe(setting: &Setting, end: Deadline) -> Observation {
    let groups = groups(setting, end.left()).await;
    let mut seen = Observation { groups, ..Observation::default() };
    // Those that the load balancer has no answer from are asked while tasks are listed.
    let unanswered: BTreeSet<TargetAddress> = seen
        .targets()
        .filter(|(_, _, health)| health.is_unanswered())
        .map(|(_, address, _)| address)
        .collect();
    let at = unanswered.iter().map(|address| (*address, None)).collect();
    // Half of the time: where they are many and slow, other clusters can still be listed.
    let asking = witness_all(setting, at, end.left() / 2);
    let (witnesses, ()) = tokio::join!(asking, clusters(setting, &mut seen, end));
    seen.unasked = unanswered.len().saturating_sub(witnesses.len());
    seen.witnesses = witnesses;

    let fate_depends = unanswered.iter().any(|address| {
        matches!(seen.owner(address.ip), Owner::NobodyOfOurs)
            && seen.witnesses.get(address) == Some(&Witness::Silent)
    });
    if fate_depends {
        let listed = other_clusters(setting, &mut seen, end).await;
        seen.others = Some(listed);
    }
    seen
}

async fn groups(
    setting: &Setting,
    limit: Duration,
) -> BTreeMap<TargetGroupArn, Result<BTreeMap<TargetAddress, TargetHealth>, CallError>> {
    let reads = setting.config.scope.target_groups.iter().map(|group| async move {
        let listing = setting.aws.target_groups.list(group);
        let listing = answered_within(limit, "DescribeTargetHealth", group.as_str(), listing);
        (group.clone(), listing.await)
    });
    futures_util::future::join_all(reads).await.into_iter().collect()
}

/// The configured clusters, side by side; all families, for any task may own a target's address.
async fn clusters(setting: &Setting, seen: &mut Observation, end: Deadline) {
    let clusters = setting.config.scope.clusters.iter().cloned().collect();
    seen.clusters = list(setting, seen, clusters, end).await;
}

async fn other_clusters(
    setting: &Setting,
    seen: &mut Observation,
    end: Deadline,
) -> Result<(), CallError> {
    let listing = setting.aws.tasks.clusters();
    let all = answered_within(end.left(), "ListClusters", "the account", listing).await?;
    let configured = &setting.config.scope.clusters;
    let others = all.into_iter().filter(|cluster| !configured.contains(cluster)).collect();
    list(setting, seen, others, end).await.into_values().collect()
}

/// Lists clusters side by side, each whole or not at all.
async fn list(
    setting: &Setting,
    seen: &mut Observation,
    clusters: Vec<ClusterName>,
    end: Deadline,
) -> BTreeMap<ClusterName, Result<(), CallError>> {
    let wanted: BTreeSet<Ipv4Addr> = seen.targets().map(|(_, address, _)| address.ip).collect();
    let shared = std::sync::Mutex::new(seen);
    let listings = clusters.into_iter().map(|cluster| {
        let (shared, wanted) = (&shared, &wanted);
        async move {
            let take = |task: Task, _seen_at| {
                let mut seen = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                seen.see(&task, &setting.config.scope, wanted);
            };
            let cut_short = |problem: &str| {
                let problem = format!("the listing was cut short: {problem}");
                Err(CallError::unanswered("ListTasks", format!("cluster {cluster}"), problem))
            };
            if end.left().is_zero() {
                let listed = cut_short("there was no time to begin it");
                return (cluster, listed);
            }
            let tasks = &setting.aws.tasks;
            let listing = tasks.each(&cluster, None, DesiredStatus::Running, take);
            let listed = within(end.left(), listing)
                .await
                .unwrap_or_else(|timed_out| cut_short(&timed_out.to_string()));
            (cluster, listed)
        }
        .boxed()
    });
    let listings: Vec<_> = listings.collect();
    stream::iter(listings).buffer_unordered(CLUSTERS_AT_ONCE).collect().await
}

/// Asks at each address whether anyone answers there; where it is known, as which session. Those that
/// there is no time for are left out.
pub(super) async fn witness_all(
    setting: &Setting,
    at: Vec<(TargetAddress, Option<SessionId>)>,
    limit: Duration,
) -> BTreeMap<TargetAddress, Witness> {
    let containers = &setting.aws.containers;
    let asking: Vec<_> = at
        .into_iter()
        .map(|(address, session)| {
            async move { (address, containers.witness(address, session.as_ref()).await) }.boxed()
        })
        .collect();
    let answers = stream::iter(asking).buffer_unordered(WITNESSES_AT_ONCE);
    answers.take_until(tokio::time::sleep(limit)).collect().await
}
