use super::setting::Setting;
use crate::aws::{CallError, Sighting, Tasks};
use crate::session::{DesiredStatus, Task, TaskArn};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

/// What one invocation has seen of tasks. Whoever looks at a task tells everyone: an act of one
/// branch must not rest on an older look when another branch has a newer one that says otherwise.
#[derive(Debug)]
pub(super) struct Sightings {
    tasks: Tasks,
    latest: Mutex<BTreeMap<TaskArn, Sighting>>,
}

impl Sightings {
    pub(super) fn new(tasks: &Tasks) -> Self {
        Self { tasks: tasks.clone(), latest: Mutex::default() }
    }

    /// `DescribeTasks` of `arns`, in their order; what it shows is remembered.
    pub(super) async fn look(&self, arns: &[TaskArn]) -> Vec<Result<Sighting, CallError>> {
        let sightings = self.tasks.describe(arns).await;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        for (arn, sighting) in arns.iter().zip(&sightings) {
            let Ok(sighting) = sighting else { continue };
            let known = latest.get(arn);
            if known.is_none_or(|known| known.seen_at <= sighting.seen_at) {
                latest.insert(arn.clone(), sighting.clone());
            }
        }
        sightings
    }

    /// Whether the last look at a task shows it holding `address`, and is still fresh.
    pub(super) fn show_holding(&self, arn: &TaskArn, address: Ipv4Addr) -> bool {
        let held = self.fresh(arn).and_then(|sighting| sighting.task?.held_address());
        held == Some(address)
    }

    /// The session tasks of all configured clusters and families with `desired` status.
    pub(super) async fn session_tasks(
        &self,
        setting: &Setting,
        desired: DesiredStatus,
    ) -> Result<Vec<Task>, CallError> {
        let scope = &setting.config.scope;
        let listings = scope.clusters.iter().flat_map(|cluster| {
            scope.families.iter().map(move |family| self.tasks.list(cluster, family, desired))
        });
        let arns = futures_util::future::try_join_all(listings).await?.concat();
        let mut found = Vec::new();
        for sighting in self.look(&arns).await {
            found.extend(sighting?.task.filter(|task| scope.is_session_task(task)));
        }
        Ok(found)
    }

    /// The last look at a task, if an act may still rest on it.
    pub(super) fn fresh(&self, arn: &TaskArn) -> Option<Sighting> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.get(arn).filter(|sighting| sighting.is_fresh()).cloned()
    }
}
