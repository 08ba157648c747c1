use crate::aws::{CallError, Failure};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{ClusterName, DesiredStatus, Task};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// What came of looking through the running tasks of the configured clusters.
#[derive(Debug)]
pub(super) struct Search {
    /// The first task that was meant.
    pub(super) found: Option<Task>,
    /// The clusters that were seen whole.
    pub(super) whole: BTreeSet<ClusterName>,
    /// How many tasks were seen.
    pub(super) seen: usize,
    /// What keeps the rest from being known, one sentence each.
    pub(super) problems: Vec<String>,
}

/// Looks for the first task that `is_meant`, cluster by cluster, until `deadline`.
pub(super) async fn search(
    context: &Context,
    is_meant: impl Fn(&Task) -> bool,
    deadline: Deadline,
) -> Search {
    let mut search = Search { found: None, whole: BTreeSet::new(), seen: 0, problems: Vec::new() };
    for cluster in &context.config.scope.clusters {
        let (found, enough) = (Mutex::new((None, 0_usize)), Notify::new());
        let take = |task: Task, _seen_at| {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.1 += 1;
            if found.0.is_none() && is_meant(&task) {
                found.0 = Some(task);
                enough.notify_one();
            }
        };
        let listing = context.aws.tasks.each(cluster, None, DesiredStatus::Running, take);
        let what = format!("cluster {cluster}");
        let listing = CallError::answered_by(deadline, "ListTasks", &what, listing);
        let listed = tokio::select! {
            biased;
            () = enough.notified() => None,
            listed = listing => Some(listed),
        };
        let (task, seen) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        search.seen += seen;
        match listed {
            None => {}
            Some(Ok(unreadable)) => {
                if unreadable.is_empty() {
                    search.whole.insert(cluster.clone());
                }
                search.problems.extend(unreadable.iter().map(CallError::to_string));
            }
            // Nothing is there, and the configuration is wrong.
            Some(Err(error)) if error.failure == Failure::NotFound => {
                search.whole.insert(cluster.clone());
                search.problems.push(error.to_string());
            }
            Some(Err(error)) => {
                search.problems.push(format!("{error}; {seen} of its running tasks were seen"));
            }
        }
        if task.is_some() {
            search.found = task;
            break;
        }
    }
    search
}

impl Search {
    /// Whether every running task of the configured clusters was seen.
    pub(super) fn saw_all(&self, context: &Context) -> bool {
        self.whole.len() == context.config.scope.clusters.len()
    }

    /// How far it got, as a sentence.
    pub(super) fn reach(&self, context: &Context) -> String {
        match (&self.found, self.saw_all(context)) {
            (Some(_), _) => {
                format!("{} running tasks were looked at until it was found", self.seen)
            }
            (None, true) => {
                format!("all {} running tasks of the configured clusters were looked at", self.seen)
            }
            (None, false) => format!(
                "{} running tasks were looked at, but not all: the task may still be running",
                self.seen
            ),
        }
    }
}
