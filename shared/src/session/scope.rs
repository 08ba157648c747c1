use super::arn::{ClusterName, Home, TargetGroupArn};
use super::family::Families;
use super::identity::IdentitySource;
use super::task::Task;
use std::collections::BTreeSet;

/// What belongs to us: everything outside is never written to.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Partition, Region and account, as the ARNs of clusters and target groups name them.
    pub home: Home,
    /// Clusters in which session tasks run.
    pub clusters: BTreeSet<ClusterName>,
    /// Families of session tasks.
    pub families: BTreeSet<Families>,
    /// Where a task says which session it runs, first found wins.
    pub identity: Vec<IdentitySource>,
    /// The container that runs the session, where no environment override says which.
    pub session_container: Option<String>,
    /// Target groups that session tasks are registered in; none, where no load balancer routes to them.
    pub target_groups: Vec<TargetGroupArn>,
}

impl Scope {
    /// Whether a load balancer routes to sessions here.
    #[must_use]
    pub fn routes_traffic(&self) -> bool {
        !self.target_groups.is_empty()
    }

    /// Whether tasks of `family` run sessions.
    #[must_use]
    pub fn is_family_of_sessions(&self, family: &str) -> bool {
        self.families.iter().any(|families| families.contains(family))
    }

    /// Whether `task` is a session task: of a configured family, in a configured cluster, and not a
    /// service's.
    #[must_use]
    pub fn is_session_task(&self, task: &Task) -> bool {
        self.clusters.contains(task.arn.cluster())
            && self.is_family_of_sessions(&task.family)
            && !task.is_of_a_service()
    }
}

/// The family in a task definition's ARN (`…:task-definition/FAMILY:REVISION`).
#[must_use]
pub fn family_of_definition(arn: &str) -> Option<&str> {
    let (_, name) = arn.split_once(":task-definition/")?;
    let (family, _revision) = name.rsplit_once(':')?;
    Some(family).filter(|family| !family.is_empty())
}
