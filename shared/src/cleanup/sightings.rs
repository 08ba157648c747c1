use super::taking::Taking;
use crate::aws::{CallError, Sighting, Tasks};
use crate::session::TaskArn;
use std::collections::BTreeMap;
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

    /// Whether the last look at a task shows it holding its address, and is still fresh.
    pub(super) fn show_holding(&self, taking: &Taking) -> bool {
        let held = self.fresh(&taking.task).and_then(|sighting| sighting.task?.held_address());
        held == Some(taking.address.ip)
    }

    /// The last look at a task, if an act may still rest on it.
    pub(super) fn fresh(&self, arn: &TaskArn) -> Option<Sighting> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.get(arn).filter(|sighting| sighting.is_fresh()).cloned()
    }
}
