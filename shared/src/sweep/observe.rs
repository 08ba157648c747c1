//! What a sweep looks at: targets first, then tasks, so that every target that was seen belongs to a
//! task that had already started when tasks are listed. All pages, or it is unknown.

use super::decide::NEIGHBOURS;
use super::observation::{Holder, Observation};
use crate::aws::{CallError, Failure, TargetHealth};
use crate::container::Probe;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{
    ClusterName, DesiredStatus, SessionId, SessionTask, TargetAddress, TargetGroupArn, Task,
    TaskArn,
};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many addresses are asked at once whether anyone answers there.
const PROBES_AT_ONCE: usize = 128;

/// How many clusters are listed at once. An account may have thousands: each that waits for its turn
/// to call ECS has reserved it, and a listing that is cut short must not leave a debt of turns behind
/// that keeps every orphan waiting.
const CLUSTERS_AT_ONCE: usize = 16;

/// Looks at everything that decisions rest on, until `deadline`.
pub(crate) async fn observe(context: &Context, deadline: Deadline) -> Observation {
    let mut missing = Vec::new();
    let groups = groups(context, deadline).await.into_iter();
    let groups = groups.map(|(group, listing)| (group, or_nothing(listing, &mut missing)));
    let mut seen = Observation::of_groups(groups.collect());
    seen.missing = missing;
    // Those that the load balancer has no answer from are asked while tasks are listed.
    let unanswered: BTreeSet<TargetAddress> = seen
        .targets()
        .filter(|(_, _, health)| health.is_unanswered())
        .map(|(_, address, _)| address)
        .collect();
    seen.addressed = (!unanswered.is_empty()).then(Arc::default);
    let at = unanswered.iter().map(|address| (*address, None)).collect();
    let wanted: BTreeSet<Ipv4Addr> = seen.targets().map(|(_, address, _)| address.ip).collect();
    // Half of the time: where they are many and slow, other clusters can still be listed.
    let asking = probe_all(context, at, deadline.at_most(deadline.left() / 2));
    let (probes, ()) = tokio::join!(asking, clusters(context, &mut seen, &wanted, deadline));
    seen.unasked = unanswered.len().saturating_sub(probes.len());
    seen.probes = probes;
    seen.whole_routes = whole_routes(context, &seen, deadline).await;

    let fate_depends = seen.targets().any(|(group, address, health)| {
        let probe = seen.probes.get(&address);
        let is_whole = seen.whole_routes.contains(group);
        health.is_unanswered()
            && matches!(seen.holder(address.ip), Holder::NobodyOfOurs)
            && probe.map(|probe| probe.by_route(is_whole)) == Some(Probe::Silent)
    });
    if fate_depends {
        let listed = other_clusters(context, &mut seen, &wanted, deadline).await;
        seen.others = Some(listed);
    }
    seen
}

/// Looks for the holders of targets in the account's other clusters, too, where one is not seen in ours: also
/// where no target's fate hangs on it.
pub(crate) async fn observe_elsewhere(
    context: &Context,
    seen: &mut Observation,
    deadline: Deadline,
) {
    let wanted: BTreeSet<Ipv4Addr> = seen
        .targets()
        .map(|(_, address, _)| address.ip)
        .filter(|ip| matches!(seen.holder(*ip), Holder::NobodyOfOurs))
        .collect();
    if !wanted.is_empty() {
        let listed = other_clusters(context, seen, &wanted, deadline).await;
        seen.others = Some(listed);
    }
}

/// The groups to whose targets packets of ours get, of those whose fate hangs on it: a task that is
/// registered there answers. Where there is none, the load balancer and ECS agree already.
async fn whole_routes(
    context: &Context,
    seen: &Observation,
    deadline: Deadline,
) -> BTreeSet<TargetGroupArn> {
    let doubtful = seen.doubtful_routes().into_iter();
    let neighbours: BTreeMap<TargetGroupArn, Vec<TargetAddress>> = doubtful
        .map(|group| {
            let mut registered = seen.registered_tasks(&group);
            registered.truncate(NEIGHBOURS);
            (group, registered)
        })
        .collect();
    let asked: BTreeSet<TargetAddress> = neighbours.values().flatten().copied().collect();
    let at = asked.into_iter().map(|address| (address, None)).collect();
    let answers = probe_all(context, at, deadline).await;
    let is_whole = |neighbours: &Vec<TargetAddress>| {
        let mut answers = neighbours.iter().filter_map(|address| answers.get(address));
        neighbours.is_empty() || answers.any(|answer| answer.shows_a_route())
    };
    let whole = neighbours.into_iter().filter(|(_, neighbours)| is_whole(neighbours));
    whole.map(|(group, _)| group).collect()
}

/// The targets of every configured group, each read whole or not at all.
pub(crate) async fn groups(
    context: &Context,
    deadline: Deadline,
) -> BTreeMap<TargetGroupArn, Result<BTreeMap<TargetAddress, TargetHealth>, CallError>> {
    let reads = context.config.scope.target_groups.iter().map(|group| async move {
        let listing = context.aws.target_groups.list(group);
        let listing =
            CallError::answered_by(deadline, "DescribeTargetHealth", group.as_str(), listing);
        (group.clone(), listing.await)
    });
    futures_util::future::join_all(reads).await.into_iter().collect()
}

/// The configured clusters, side by side; all families, for any task may hold a target's address.
async fn clusters(
    context: &Context,
    seen: &mut Observation,
    wanted: &BTreeSet<Ipv4Addr>,
    deadline: Deadline,
) {
    let clusters = context.config.scope.clusters.iter().cloned().collect();
    let listed = list(context, seen, clusters, (wanted, &BTreeSet::new()), deadline).await;
    let listed = listed.into_iter();
    let listed = listed.map(|(cluster, listing)| (cluster, or_nothing(listing, &mut seen.missing)));
    seen.clusters = listed.collect();
}

async fn other_clusters(
    context: &Context,
    seen: &mut Observation,
    wanted: &BTreeSet<Ipv4Addr>,
    deadline: Deadline,
) -> Result<(), CallError> {
    other_clusters_but(context, seen, (wanted, &BTreeSet::new()), deadline).await
}

async fn other_clusters_but(
    context: &Context,
    seen: &mut Observation,
    wanted_and_known: (&BTreeSet<Ipv4Addr>, &BTreeSet<TaskArn>),
    deadline: Deadline,
) -> Result<(), CallError> {
    let listing = context.aws.tasks.clusters();
    let all = CallError::answered_by(deadline, "ListClusters", "the account", listing).await?;
    let configured = &context.config.scope.clusters;
    let others = all.into_iter().filter(|cluster| !configured.contains(cluster)).collect();
    // One that was deleted since it was listed has no task either.
    let mut listed = list(context, seen, others, wanted_and_known, deadline).await.into_values();
    listed.try_for_each(|listing| or_nothing(listing, &mut Vec::new()))
}

/// What does not exist has nothing in it: that is a fact, and no listing is missing.
fn or_nothing<T: Default>(
    listing: Result<T, CallError>,
    missing: &mut Vec<String>,
) -> Result<T, CallError> {
    match listing {
        Err(error) if error.failure == Failure::NotFound => {
            missing.push(format!("{error}; take it out of the configuration"));
            Ok(T::default())
        }
        listing => listing,
    }
}

/// Who holds any of `wanted` now, in any cluster of the account: those who have come since `known` tasks
/// were seen with other addresses.
pub(super) async fn newcomers(
    context: &Context,
    wanted: &BTreeSet<Ipv4Addr>,
    known: &BTreeSet<TaskArn>,
    deadline: Deadline,
) -> Observation {
    let mut seen = Observation::default();
    let clusters = context.config.scope.clusters.iter().cloned().collect();
    let listed = list(context, &mut seen, clusters, (wanted, known), deadline).await;
    let listed = listed.into_iter();
    seen.clusters =
        listed.map(|(cluster, listing)| (cluster, or_nothing(listing, &mut Vec::new()))).collect();
    seen.others = Some(other_clusters_but(context, &mut seen, (wanted, known), deadline).await);
    seen
}

/// Lists clusters side by side, each whole or not at all; of each those who hold `wanted` addresses, without
/// those who are `known`.
async fn list(
    context: &Context,
    seen: &mut Observation,
    clusters: Vec<ClusterName>,
    (wanted, known): (&BTreeSet<Ipv4Addr>, &BTreeSet<TaskArn>),
    deadline: Deadline,
) -> BTreeMap<ClusterName, Result<(), CallError>> {
    let shared = Mutex::new(seen);
    let listings = clusters.into_iter().map(|cluster| {
        let shared = &shared;
        async move {
            let take = |task: Task, _seen_at| {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.see(&task, &context.config.scope, wanted, context.clock.now());
            };
            let cut_short = |problem: &str| {
                let problem = format!("the listing was cut short: {problem}");
                Err(CallError::unanswered("ListTasks", format!("cluster {cluster}"), problem))
            };
            if deadline.left().is_zero() {
                let listed = cut_short("there was no time to begin it").map(drop);
                return (cluster, listed);
            }
            let tasks = &context.aws.tasks;
            let listing = tasks.each_but(&cluster, None, DesiredStatus::Running, known, take);
            let listed = deadline.run(listing).await;
            let listed = listed.unwrap_or_else(|timed_out| cut_short(&timed_out.to_string()));
            let listed = listed.map(|unreadable| {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.unreadable.extend(unreadable.iter().map(CallError::to_string));
            });
            (cluster, listed)
        }
        .boxed()
    });
    let listings: Vec<_> = listings.collect();
    stream::iter(listings).buffer_unordered(CLUSTERS_AT_ONCE).collect().await
}

/// Asks at each address whether anyone answers there; where it is known, as which session. Those that
/// could not be asked, for lack of time or of a connection, are left out.
pub(super) async fn probe_all(
    context: &Context,
    at: Vec<(TargetAddress, Option<SessionId>)>,
    deadline: Deadline,
) -> BTreeMap<TargetAddress, Probe> {
    let containers = &context.containers;
    let asking: Vec<_> = at
        .into_iter()
        .map(|(address, session)| {
            async move { Some((address, containers.probe(address, session.as_ref()).await?)) }
                .boxed()
        })
        .collect();
    let answers = stream::iter(asking).buffer_unordered(PROBES_AT_ONCE);
    let answers = answers.take_until(tokio::time::sleep(deadline.left()));
    answers.filter_map(futures_util::future::ready).collect().await
}

/// Asks the containers of tasks, each as its own session; the answers, and how many there was no time
/// to ask.
pub(super) async fn probe_tasks(
    context: &Context,
    tasks: Vec<&SessionTask>,
    deadline: Deadline,
) -> (BTreeMap<TaskArn, Probe>, usize) {
    let port = context.config.container.port;
    let asked: Vec<(&TaskArn, TargetAddress, Option<SessionId>)> = tasks
        .into_iter()
        .filter_map(|task| {
            let ip = task.address.filter(|_| task.started)?;
            Some((&task.arn, TargetAddress { ip, port }, task.session.clone()))
        })
        .collect();
    let at = asked.iter().map(|(_, address, session)| (*address, session.clone())).collect();
    let answers = probe_all(context, at, deadline).await;
    let unasked = asked.len().saturating_sub(answers.len());
    let by_task = asked.into_iter().filter_map(|(task, address, _)| {
        answers.get(&address).map(|answer| (task.clone(), *answer))
    });
    (by_task.collect(), unasked)
}
