//! What one invocation has seen of tasks.

use crate::aws::{Asked, CallError, Failure, Gather, TaskSnapshot, Tasks};
use crate::session::{ClusterName, DesiredStatus, Families, Scope, Stage, Task, TaskArn};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// The snapshots of tasks that one invocation has taken. Whoever takes one tells everyone: an act of
/// one lane must not rest on an older snapshot when the other has a newer one that says otherwise.
/// Those that are asked for at nearly the same time, or while one must wait for its turn, share a
/// call.
#[derive(Debug)]
pub struct TaskSnapshots {
    tasks: Tasks,
    scope: Scope,
    latest: Arc<Latest>,
    wanted: Arc<Wanted>,
    taking: Gather<TaskArn, Result<TaskSnapshot, CallError>>,
    live: OnceCell<Vec<Task>>,
    stopped: OnceCell<Vec<Task>>,
}

type Latest = Mutex<BTreeMap<TaskArn, TaskSnapshot>>;

/// The tasks that will be looked at again, and by how many.
type Wanted = Mutex<BTreeMap<TaskArn, usize>>;

/// The most tasks that one call looks at.
const TASKS_A_CALL: usize = 100;

/// While it lives, each look at others takes this task along: cleanups that try again, each at a moment of
/// its own, cost AWS no more than one does.
#[derive(Debug)]
pub(crate) struct LookedAtAgain {
    task: TaskArn,
    wanted: Arc<Wanted>,
}

impl Drop for LookedAtAgain {
    fn drop(&mut self) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = wanted.get_mut(&self.task) {
            *count -= 1;
            if *count == 0 {
                wanted.remove(&self.task);
            }
        }
    }
}

impl TaskSnapshots {
    pub(crate) fn new(tasks: &Tasks, scope: &Scope) -> Self {
        let (latest, wanted): (Arc<Latest>, Arc<Wanted>) = Default::default();
        let call = SharedCall {
            tasks: tasks.clone(),
            latest: Arc::clone(&latest),
            wanted: Arc::clone(&wanted),
        };
        let describe = move |asked| call.clone().at_all(asked);
        Self {
            tasks: tasks.clone(),
            scope: scope.clone(),
            latest,
            wanted,
            taking: Gather::in_turn(tasks.pace(), describe),
            live: OnceCell::new(),
            stopped: OnceCell::new(),
        }
    }

    /// A new snapshot of a task (`DescribeTasks`), shared with others who ask now; it is remembered.
    pub(crate) async fn take(&self, task: &TaskArn) -> Result<TaskSnapshot, CallError> {
        let unanswered = || {
            let problem = "the shared call ended without an answer";
            CallError::unanswered("DescribeTasks", task.as_str(), problem)
        };
        self.taking.ask(task.clone()).await.unwrap_or_else(|| Err(unanswered()))
    }

    /// The same of several, in their order.
    pub(crate) async fn take_all(&self, tasks: &[TaskArn]) -> Vec<Result<TaskSnapshot, CallError>> {
        futures_util::future::join_all(tasks.iter().map(|task| self.take(task))).await
    }

    /// The last snapshot of a task, if an act may still rest on it.
    pub(crate) fn fresh(&self, arn: &TaskArn) -> Option<TaskSnapshot> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.get(arn).filter(|snapshot| snapshot.is_fresh()).cloned()
    }

    /// The last snapshot of a task, if an act may still rest on it and it was taken at `moment` or later.
    pub(crate) fn since(&self, arn: &TaskArn, moment: Instant) -> Option<TaskSnapshot> {
        self.fresh(arn).filter(|snapshot| snapshot.seen_at >= moment)
    }

    /// Lets the looks at others take this task along, as long as the answer lives.
    pub(crate) fn look_again_at(&self, task: &TaskArn) -> LookedAtAgain {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted.entry(task.clone()).or_default() += 1;
        LookedAtAgain { task: task.clone(), wanted: Arc::clone(&self.wanted) }
    }

    /// Whether the last snapshot of a task shows it holding `address`, and is still fresh.
    pub(crate) fn show_holding(&self, arn: &TaskArn, address: Ipv4Addr) -> bool {
        let held = self.fresh(arn).and_then(|snapshot| snapshot.task?.held_address());
        held == Some(address)
    }

    /// All session tasks that shall run: one listing for the whole invocation.
    pub(crate) async fn live_tasks(&self) -> Result<&[Task], CallError> {
        let list = || self.list(DesiredStatus::Running);
        self.live.get_or_try_init(list).await.map(Vec::as_slice)
    }

    /// All session tasks that shall stop or have stopped, as far as ECS remembers (about an hour):
    /// one listing for the whole invocation.
    pub(crate) async fn stopped_tasks(&self) -> Result<&[Task], CallError> {
        let list = || self.list(DesiredStatus::Stopped);
        self.stopped.get_or_try_init(list).await.map(Vec::as_slice)
    }

    /// A new listing of the session tasks of all configured clusters and families with `desired`
    /// status.
    pub(crate) async fn list(&self, desired: DesiredStatus) -> Result<Vec<Task>, CallError> {
        let (tasks, unreadable) = self.list_readable(desired, &BTreeSet::new()).await?;
        for error in unreadable {
            tracing::warn!(%error, "a task can't be read: it is left out");
        }
        Ok(tasks)
    }

    /// The same without those that are `known`; each of the others can be read, or it is an error.
    pub(crate) async fn list_but(
        &self,
        desired: DesiredStatus,
        known: &BTreeSet<TaskArn>,
    ) -> Result<Vec<Task>, CallError> {
        let (tasks, unreadable) = self.list_readable(desired, known).await?;
        unreadable.into_iter().next().map_or(Ok(tasks), Err)
    }

    async fn list_readable(
        &self,
        desired: DesiredStatus,
        known: &BTreeSet<TaskArn>,
    ) -> Result<(Vec<Task>, Vec<CallError>), CallError> {
        let mut listings = Vec::new();
        // ECS takes whole names only: for a beginning all tasks of the cluster are listed.
        let names = self.scope.families.iter().map(|families| match families {
            Families::Named(name) => Some(name.as_str()),
            Families::BeginningWith(_) => None,
        });
        let names: Option<Vec<&str>> = names.collect();
        let names = names.map_or(vec![None], |names| names.into_iter().map(Some).collect());
        for cluster in &self.scope.clusters {
            for family in &names {
                listings.push(self.list_family(cluster, *family, desired, known).boxed());
            }
        }
        let listings = futures_util::future::try_join_all(listings).await?;
        let (found, unreadable): (Vec<_>, Vec<_>) = listings.into_iter().unzip();
        let found = found.into_iter().flatten();
        let session_tasks = found.filter(|task| self.scope.is_session_task(task)).collect();
        Ok((session_tasks, unreadable.concat()))
    }

    async fn list_family(
        &self,
        cluster: &ClusterName,
        family: Option<&str>,
        desired: DesiredStatus,
        known: &BTreeSet<TaskArn>,
    ) -> Result<(Vec<Task>, Vec<CallError>), CallError> {
        let mut found = Vec::new();
        let take = |task: Task, seen_at| {
            self.learn(&task, seen_at);
            found.push(task);
        };
        match self.tasks.each_but(cluster, family, desired, known, take).await {
            // A cluster that does not exist has no task.
            Err(error) if error.failure == Failure::NotFound => Ok(<_>::default()),
            listed => listed.map(|unreadable| (found, unreadable)),
        }
    }

    /// A listing may show something newer of a task that a cleanup rests on.
    fn learn(&self, task: &Task, seen_at: Instant) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = latest.get_mut(&task.arn).filter(|known| known.seen_at <= seen_at);
        if let Some(known) = known.filter(|known| !goes_back(known, Some(task))) {
            *known = TaskSnapshot { task: Some(task.clone()), seen_at };
        }
    }
}

/// Whether ECS shows what was before: its reads are eventually consistent. A task's `version` only grows, and one that has
/// stopped is remembered for longer than an invocation lasts.
fn goes_back(known: &TaskSnapshot, shown: Option<&Task>) -> bool {
    match (&known.task, shown) {
        (Some(known), Some(shown)) => shown.version < known.version,
        (Some(known), None) => known.stage() != Stage::Over,
        (None, _) => false,
    }
}

/// What is believed of a task after one more answer of ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// What was known: a later look has overtaken the answer, which teaches no one, whoever waited for it.
    Known,
    Answer,
    /// The answer shows what was before, and what was known may be so no longer.
    Neither,
}

fn which_counts(known: &TaskSnapshot, shown: &TaskSnapshot) -> Counts {
    let is_overtaken = known.seen_at > shown.seen_at;
    if is_overtaken && !goes_back(shown, known.task.as_ref()) {
        Counts::Known
    } else if !is_overtaken && goes_back(known, shown.task.as_ref()) {
        Counts::Neither
    } else {
        Counts::Answer
    }
}

fn out_of_date(task: &TaskArn) -> CallError {
    let problem = "it shows what was before the last answer; the next look decides";
    CallError::unusable("DescribeTasks", task.as_str(), problem)
}

type Question = Asked<TaskArn, Result<TaskSnapshot, CallError>>;

/// What a shared call needs.
#[derive(Debug, Clone)]
struct SharedCall {
    tasks: Tasks,
    latest: Arc<Latest>,
    wanted: Arc<Wanted>,
}

impl SharedCall {
    /// Each cluster's tasks are a call of their own, and are answered by themselves: one that hangs keeps
    /// no other waiting.
    async fn at_all(self, asked: Vec<Question>) {
        let mut by_cluster: BTreeMap<ClusterName, Vec<Question>> = BTreeMap::new();
        for one in asked {
            by_cluster.entry(one.question.cluster().clone()).or_default().push(one);
        }
        let shared = &self;
        let calls = by_cluster.into_iter().enumerate().map(|(nth, (cluster, asked))| async move {
            if nth > 0 {
                shared.tasks.pace().read().await;
            }
            shared.at_some(&cluster, asked).await;
        });
        futures_util::future::join_all(calls).await;
    }

    async fn at_some(&self, cluster: &ClusterName, asked: Vec<Question>) {
        let mut arns: Vec<TaskArn> = asked.iter().map(|one| one.question.clone()).collect();
        arns.extend(self.others(cluster, &arns));
        let mut shown = self.tasks.describe(&arns).await;
        {
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            for (arn, shown) in arns.iter().zip(&mut shown) {
                let Ok(snapshot) = shown else { continue };
                match latest.get(arn).map(|known| (known, which_counts(known, snapshot))) {
                    Some((known, Counts::Known)) => *snapshot = known.clone(),
                    Some((_, Counts::Neither)) => *shown = Err(out_of_date(arn)),
                    Some((_, Counts::Answer)) | None => {
                        latest.insert(arn.clone(), snapshot.clone());
                    }
                }
            }
        }
        for (one, snapshot) in asked.into_iter().zip(shown) {
            // One who has given up no longer listens.
            let _ = one.answer.send(snapshot);
        }
    }

    /// Those of the same cluster that will be looked at again, as many as the call has room for: those whose
    /// last snapshot is oldest.
    fn others(&self, cluster: &ClusterName, asked: &[TaskArn]) -> Vec<TaskArn> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let of_the_cluster = wanted.keys().filter(|task| task.cluster() == cluster);
        let mut others: Vec<&TaskArn> =
            of_the_cluster.filter(|task| !asked.contains(task)).collect();
        others.sort_by_key(|task| latest.get(*task).map(|seen| seen.seen_at));
        others.truncate(TASKS_A_CALL.saturating_sub(asked.len()));
        others.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
