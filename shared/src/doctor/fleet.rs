//! What a doctor sees of the tasks that there are, and what that says of clusters, families and identities.

use super::report::{Check, CheckKind};
use super::verdict::{asked, unanswered};
use crate::aws::CallError;
use crate::config::Config;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{ClusterName, IdentitySource, SessionTask};
use crate::sweep::observation::Observation;
use futures_util::future::join_all;

/// The session tasks that were seen. It need not be all of them.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) clusters: Vec<(ClusterName, Result<usize, CallError>)>,
    pub(super) tasks: Vec<SessionTask>,
    /// Whether there are no others.
    pub(super) is_whole: bool,
}

impl Fleet {
    /// A page of each configured cluster: a question is no sweep.
    pub(super) async fn sampled(context: &Context, deadline: Deadline) -> Self {
        let scope = &context.config.scope;
        let now = context.clock.now();
        let reads = scope.clusters.iter().map(|cluster| async move {
            let reading = context.aws.tasks.first_page(cluster);
            (cluster.clone(), asked(deadline, "ListTasks", cluster.as_str(), reading).await)
        });
        let mut fleet = Self { clusters: Vec::new(), tasks: Vec::new(), is_whole: true };
        for (cluster, page) in join_all(reads).await {
            let page = page.map(|(tasks, is_whole)| {
                fleet.is_whole &= is_whole;
                let ours = tasks.iter().filter_map(|task| SessionTask::read(task, scope, now));
                fleet.tasks.extend(ours);
                tasks.len()
            });
            fleet.is_whole &= page.is_ok();
            fleet.clusters.push((cluster, page));
        }
        fleet
    }

    /// The same with all that a sweep sees, where it saw everything.
    pub(super) fn or_all_of(self, seen: &Observation) -> Self {
        if seen.all_clusters_listed() {
            Self { tasks: seen.tasks.clone(), is_whole: true, ..self }
        } else {
            self
        }
    }

    /// Whether every cluster answered: what was not seen in one that did not proves nothing.
    pub(super) fn is_known(&self) -> bool {
        self.clusters.iter().all(|(_, page)| page.is_ok())
    }

    /// How many there are, in words.
    pub(super) fn extent(&self) -> String {
        let count = self.tasks.len();
        if self.is_whole {
            format!("{count} running session tasks")
        } else {
            format!("{count} running session tasks that were seen (a page of each cluster)")
        }
    }
}

pub(super) fn checks(fleet: &Fleet, config: &Config) -> Vec<Check> {
    let mut checks: Vec<Check> = fleet.clusters.iter().map(cluster).collect();
    if fleet.clusters.iter().any(|(_, page)| page.is_ok()) {
        checks.extend(config.scope.families.iter().map(|family| {
            let of_it = |task: &&SessionTask| family.contains(&task.neighbourhood.family);
            let count = fleet.tasks.iter().filter(of_it).count();
            of_family(&family.to_string(), count, fleet)
        }));
        checks.extend(identity(fleet, config));
    }
    checks
}

fn cluster((name, page): &(ClusterName, Result<usize, CallError>)) -> Check {
    let (kind, of) = (CheckKind::Cluster, name.as_str());
    match page {
        Ok(count) => {
            Check::green(kind, of, format!("It can be listed; {count} tasks on the first page."))
        }
        Err(error) => {
            let fix = "Take a cluster that does not exist out of the parameter Clusters; for one that does, \
                       allow ecs:ListTasks and ecs:DescribeTasks, as template.yaml does.";
            unanswered(kind, of, error, fix)
        }
    }
}

fn of_family(family: &str, count: usize, fleet: &Fleet) -> Check {
    let kind = CheckKind::Family;
    if count > 0 {
        return Check::green(
            kind,
            family,
            format!("{count} running session tasks of it were seen."),
        );
    }
    let found = format!("No running session task of it is among the {}.", fleet.extent());
    let fix = "If sessions run now, compare the parameter Families with the names of their task definitions \
               (without revision); tasks of a service are never sessions.";
    Check::yellow(kind, family, found, fix)
}

/// Tasks that name no session are reported by every sweep, and never touched.
fn identity(fleet: &Fleet, config: &Config) -> Option<Check> {
    let (kind, total) = (CheckKind::Identity, fleet.tasks.len());
    let sources: Vec<String> =
        config.scope.identity.iter().map(IdentitySource::to_string).collect();
    let of = sources.join(",");
    let nameless = fleet.tasks.iter().filter(|task| task.session.is_none()).count();
    if total == 0 {
        return None;
    }
    if nameless == 0 {
        return Some(Check::green(
            kind,
            of,
            format!("Each of the {} names its session.", fleet.extent()),
        ));
    }
    let found = format!("{nameless} of the {} name no session.", fleet.extent());
    if config.sweep.warm_pool {
        let found = format!("{found} They count as waiting in the warm pool.");
        return Some(if nameless == total {
            let fix = "If sessions run now, they don't claim their tasks as IDENTITY_SOURCES says.";
            Check::yellow(kind, of, found, fix)
        } else {
            Check::green(kind, of, found)
        });
    }
    let fix = "They are never cleaned up. Set IdentitySources to where the id is; where tasks wait for \
               sessions, set WarmPool to true.";
    Some(if nameless * 2 > total {
        Check::red(kind, of, found, fix)
    } else {
        Check::yellow(kind, of, found, fix)
    })
}
