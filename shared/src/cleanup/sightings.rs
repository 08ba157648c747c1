use super::setting::Setting;
use crate::aws::{Asked, CallError, Gather, Sighting, Tasks};
use crate::session::{ClusterName, DesiredStatus, Task, TaskArn};
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// What one invocation has seen of tasks. Whoever looks at a task tells everyone: an act of one
/// branch must not rest on an older look when another branch has a newer one that says otherwise.
/// Looks that are asked for at nearly the same time, or while one must wait for its turn, share a
/// call.
#[derive(Debug)]
pub(crate) struct Sightings {
    tasks: Tasks,
    latest: Arc<Latest>,
    looks: Gather<TaskArn, Result<Sighting, CallError>>,
}

type Latest = Mutex<BTreeMap<TaskArn, Sighting>>;

impl Sightings {
    pub(crate) fn new(tasks: &Tasks) -> Self {
        let latest: Arc<Latest> = Arc::default();
        let (asks, seen) = (tasks.clone(), Arc::clone(&latest));
        let describe = move |asked| look_at_all(asks.clone(), Arc::clone(&seen), asked);
        let looks = Gather::in_turn(tasks.pace(), describe);
        Self { tasks: tasks.clone(), latest, looks }
    }

    /// `DescribeTasks` of `arns`, in their order; what it shows is remembered.
    pub(crate) async fn look(&self, arns: &[TaskArn]) -> Vec<Result<Sighting, CallError>> {
        futures_util::future::join_all(arns.iter().map(|arn| self.look_at(arn))).await
    }

    /// The same of one task.
    pub(super) async fn look_at(&self, task: &TaskArn) -> Result<Sighting, CallError> {
        let unanswered = || {
            let problem = "the shared call ended without an answer";
            CallError::unanswered("DescribeTasks", task.as_str(), problem)
        };
        self.looks.ask(task.clone()).await.unwrap_or_else(|| Err(unanswered()))
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
        let mut listings = Vec::new();
        for cluster in &scope.clusters {
            for family in &scope.families {
                listings.push(self.list(cluster, family, desired).boxed());
            }
        }
        let found = futures_util::future::try_join_all(listings).await?.concat();
        Ok(found.into_iter().filter(|task| scope.is_session_task(task)).collect())
    }

    async fn list(
        &self,
        cluster: &ClusterName,
        family: &str,
        desired: DesiredStatus,
    ) -> Result<Vec<Task>, CallError> {
        let mut found = Vec::new();
        let take = |task: Task, seen_at| {
            self.learn(&task, seen_at);
            found.push(task);
        };
        self.tasks.each(cluster, Some(family), desired, take).await?;
        Ok(found)
    }

    /// A listing may show something newer of a task that a plan rests on.
    fn learn(&self, task: &Task, seen_at: Instant) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = latest.get_mut(&task.arn).filter(|known| known.seen_at <= seen_at) {
            *known = Sighting { task: Some(task.clone()), seen_at };
        }
    }

    /// The last look at a task, if an act may still rest on it.
    pub(super) fn fresh(&self, arn: &TaskArn) -> Option<Sighting> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.get(arn).filter(|sighting| sighting.is_fresh()).cloned()
    }
}

type Question = Asked<TaskArn, Result<Sighting, CallError>>;

/// Each cluster's tasks are a call of their own, and are answered by themselves: one that hangs keeps
/// no other waiting.
async fn look_at_all(tasks: Tasks, latest: Arc<Latest>, asked: Vec<Question>) {
    let mut by_cluster: BTreeMap<ClusterName, Vec<Question>> = BTreeMap::new();
    for one in asked {
        by_cluster.entry(one.question.cluster().clone()).or_default().push(one);
    }
    let (tasks, latest) = (&tasks, &latest);
    let looks = by_cluster.into_values().enumerate().map(|(nth, asked)| async move {
        if nth > 0 {
            tasks.pace().read().await;
        }
        look_at_some(tasks, latest, asked).await;
    });
    futures_util::future::join_all(looks).await;
}

async fn look_at_some(tasks: &Tasks, latest: &Latest, asked: Vec<Question>) {
    let arns: Vec<TaskArn> = asked.iter().map(|one| one.question.clone()).collect();
    let seen = tasks.describe(&arns).await;
    {
        let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
        for (arn, sighting) in arns.iter().zip(&seen) {
            let Ok(sighting) = sighting else { continue };
            let known = latest.get(arn);
            if known.is_none_or(|known| known.seen_at <= sighting.seen_at) {
                latest.insert(arn.clone(), sighting.clone());
            }
        }
    }
    for (one, sighting) in asked.into_iter().zip(seen) {
        // One who has given up no longer listens.
        let _ = one.answer.send(sighting);
    }
}
