//! What a sweep looks at: targets first, then tasks, so that every target that was seen belongs to a
//! task that had already started when tasks are listed. All pages, or it is unknown.

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
use std::sync::{Mutex, PoisonError};

/// How many addresses are asked at once whether anyone answers there.
const PROBES_AT_ONCE: usize = 128;

/// How many clusters are listed at once. An account may have thousands: each that waits for its turn
/// to call ECS has reserved it, and a listing that is cut short must not leave a debt of turns behind
/// that keeps every orphan waiting.
const CLUSTERS_AT_ONCE: usize = 16;

/// Looks at everything that decisions rest on, until `deadline`.
pub(super) async fn observe(context: &Context, deadline: Deadline) -> Observation {
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
    let at = unanswered.iter().map(|address| (*address, None)).collect();
    // Half of the time: where they are many and slow, other clusters can still be listed.
    let asking = probe_all(context, at, deadline.at_most(deadline.left() / 2));
    let (probes, ()) = tokio::join!(asking, clusters(context, &mut seen, deadline));
    seen.unasked = unanswered.len().saturating_sub(probes.len());
    seen.probes = probes;

    let fate_depends = unanswered.iter().any(|address| {
        matches!(seen.holder(address.ip), Holder::NobodyOfOurs)
            && seen.probes.get(address) == Some(&Probe::Silent)
    });
    if fate_depends {
        let listed = other_clusters(context, &mut seen, deadline).await;
        seen.others = Some(listed);
    }
    seen
}

async fn groups(
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
async fn clusters(context: &Context, seen: &mut Observation, deadline: Deadline) {
    let clusters = context.config.scope.clusters.iter().cloned().collect();
    let listed = list(context, seen, clusters, deadline).await.into_iter();
    let listed = listed.map(|(cluster, listing)| (cluster, or_nothing(listing, &mut seen.missing)));
    seen.clusters = listed.collect();
}

async fn other_clusters(
    context: &Context,
    seen: &mut Observation,
    deadline: Deadline,
) -> Result<(), CallError> {
    let listing = context.aws.tasks.clusters();
    let all = CallError::answered_by(deadline, "ListClusters", "the account", listing).await?;
    let configured = &context.config.scope.clusters;
    let others = all.into_iter().filter(|cluster| !configured.contains(cluster)).collect();
    // One that was deleted since it was listed has no task either.
    let mut listed = list(context, seen, others, deadline).await.into_values();
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

/// Lists clusters side by side, each whole or not at all.
async fn list(
    context: &Context,
    seen: &mut Observation,
    clusters: Vec<ClusterName>,
    deadline: Deadline,
) -> BTreeMap<ClusterName, Result<(), CallError>> {
    let wanted: BTreeSet<Ipv4Addr> = seen.targets().map(|(_, address, _)| address.ip).collect();
    let shared = Mutex::new(seen);
    let listings = clusters.into_iter().map(|cluster| {
        let (shared, wanted) = (&shared, &wanted);
        async move {
            let take = |task: Task, _seen_at| {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.see(&task, &context.config.scope, wanted);
            };
            let cut_short = |problem: &str| {
                let problem = format!("the listing was cut short: {problem}");
                Err(CallError::unanswered("ListTasks", format!("cluster {cluster}"), problem))
            };
            if deadline.left().is_zero() {
                let listed = cut_short("there was no time to begin it");
                return (cluster, listed);
            }
            let tasks = &context.aws.tasks;
            let listing = tasks.each(&cluster, None, DesiredStatus::Running, take);
            let listed = deadline
                .run(listing)
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
