//! Listing what ECS has: all pages, or an error.

use super::ecs::single_attempt;
use super::ecs::{TaskSnapshot, Tasks};
use super::error::CallError;
use crate::session::{ClusterName, DesiredStatus, Task, TaskArn};
use aws_sdk_ecs::types;
use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// One page of a listing.
#[derive(Debug, Clone)]
struct Page {
    /// The tasks on it.
    arns: Vec<TaskArn>,
    /// Those whose ARNs can't be read.
    unreadable: Vec<CallError>,
    /// What leads to the next; `None` on the last.
    next: Option<String>,
}

/// How many pages of a listing are described at once: enough to keep up with AWS's refill where a
/// call takes half a second.
const AT_ONCE: usize = 16;

impl Tasks {
    /// Every task of a cluster, as `DescribeTasks` shows it, and when: pages one after the other, each
    /// described while the next is fetched. All families, unless one is named. A task that can't be
    /// read keeps no other from being taken.
    ///
    /// # Errors
    /// [`CallError`] when any page or any task is missing: a listing that was cut short is no
    /// listing. What was taken until then is only a part. A task that shall stop may be forgotten
    /// between the two calls, and is left out. One that can't be read is unknown by itself, and no
    /// reason to know nothing of the others: the answer is those.
    pub async fn each(
        &self,
        cluster: &ClusterName,
        family: Option<&str>,
        desired: DesiredStatus,
        take: impl FnMut(Task, Instant),
    ) -> Result<Vec<CallError>, CallError> {
        self.each_but(cluster, family, desired, &BTreeSet::new(), take).await
    }

    /// The same without those that are `known`: they are listed, and not described once more.
    ///
    /// # Errors
    /// As [`Self::each`].
    pub async fn each_but(
        &self,
        cluster: &ClusterName,
        family: Option<&str>,
        desired: DesiredStatus,
        known: &BTreeSet<TaskArn>,
        mut take: impl FnMut(Task, Instant),
    ) -> Result<Vec<CallError>, CallError> {
        let page = |token| self.list_page(cluster, family, desired, token).boxed().fuse();
        let mut listing = page(None);
        let mut describing = FuturesUnordered::new();
        let mut missing: Option<CallError> = None;
        let mut unreadable = Vec::new();
        loop {
            let room = describing.len() < AT_ONCE && !listing.is_terminated();
            tokio::select! {
                biased;
                Some(described) = describing.next() => {
                    let described: Vec<(TaskArn, Result<TaskSnapshot, CallError>)> = described;
                    let answered = described.iter().any(|(_, snapshot)| snapshot.is_ok());
                    for (arn, snapshot) in described {
                        let problem = match snapshot {
                            Ok(TaskSnapshot { task: Some(task), seen_at }) => {
                                take(task, seen_at);
                                continue;
                            }
                            Ok(TaskSnapshot { task: None, .. }) => match desired {
                                DesiredStatus::Stopped => continue,
                                DesiredStatus::Running | DesiredStatus::Unrecognised => {
                                    let problem = "it is listed as running, and then MISSING";
                                    CallError::unusable("DescribeTasks", arn.as_str(), problem)
                                }
                            },
                            Err(error) if error.is_unreadable() => {
                                unreadable.push(error);
                                continue;
                            }
                            Err(error) if answered => error,
                            // The call failed as a whole: those after it will hardly fare better.
                            Err(error) => return Err(error),
                        };
                        missing.get_or_insert(problem);
                    }
                }
                listed = &mut listing, if room => {
                    let Page { mut arns, unreadable: more, next } = listed?;
                    unreadable.extend(more);
                    arns.retain(|arn| !known.contains(arn));
                    if next.is_some() {
                        listing = page(next);
                    }
                    if !arns.is_empty() {
                        describing.push(self.describe_in_turn(arns).boxed());
                    }
                }
                else => return missing.map_or(Ok(unreadable), Err),
            }
        }
    }

    /// The first page of a cluster's running tasks, and whether it is the only one: at most 100, for who
    /// wants to know what there is and not how much.
    ///
    /// # Errors
    /// [`CallError`] when the page, or every task on it, is not to be had.
    pub async fn first_page(&self, cluster: &ClusterName) -> Result<(Vec<Task>, bool), CallError> {
        let page = self.list_page(cluster, None, DesiredStatus::Running, None).await?;
        if page.arns.is_empty() {
            return Ok((Vec::new(), page.next.is_none()));
        }
        let (mut tasks, mut problem) = (Vec::new(), None);
        for (_, snapshot) in self.describe_in_turn(page.arns).await {
            match snapshot {
                Ok(snapshot) => tasks.extend(snapshot.task),
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            Some(error) if tasks.is_empty() => Err(error),
            problem => Ok((tasks, problem.is_none() && page.next.is_none())),
        }
    }

    async fn describe_in_turn(
        &self,
        arns: Vec<TaskArn>,
    ) -> Vec<(TaskArn, Result<TaskSnapshot, CallError>)> {
        self.pace.read().await;
        let snapshots = self.describe(&arns).await;
        arns.into_iter().zip(snapshots).collect()
    }

    /// One page of `ListTasks`: the one that `token` leads to, the first without. All families,
    /// unless one is named.
    ///
    /// # Errors
    /// [`CallError`] when the page is not to be had.
    async fn list_page(
        &self,
        cluster: &ClusterName,
        family: Option<&str>,
        desired: DesiredStatus,
        token: Option<String>,
    ) -> Result<Page, CallError> {
        let status = match desired {
            DesiredStatus::Running | DesiredStatus::Unrecognised => types::DesiredStatus::Running,
            DesiredStatus::Stopped => types::DesiredStatus::Stopped,
        };
        let resource = match family {
            Some(family) => format!("family {family} in cluster {cluster}"),
            None => format!("cluster {cluster}"),
        };
        let attempt = || async {
            self.pace.read().await;
            self.client
                .list_tasks()
                .cluster(cluster.as_str())
                .set_family(family.map(str::to_owned))
                .desired_status(status.clone())
                .set_next_token(token.clone())
                .customize()
                .config_override(single_attempt())
                .send()
                .boxed()
                .await
                .map_err(|e| CallError::from_sdk("ListTasks", resource.as_str(), &e))
        };
        let page = super::retry::passing(attempt).await?;
        let unusable = |answer: String| CallError::unusable("ListTasks", resource.as_str(), answer);
        let (mut arns, mut unreadable) = (Vec::new(), Vec::new());
        for text in page.task_arns() {
            match TaskArn::parse_in(text, cluster) {
                Ok(arn) => arns.push(arn),
                Err(error) => {
                    let resource = resource.as_str();
                    unreadable.push(CallError::unreadable(
                        "ListTasks",
                        resource,
                        error.to_string(),
                    ));
                }
            }
        }
        let next = next(page.next_token(), token.as_deref()).map_err(unusable)?;
        Ok(Page { arns, unreadable, next })
    }

    /// `ListClusters`: every cluster of the account in this Region, all pages.
    ///
    /// # Errors
    /// [`CallError`] when a page is missing.
    pub async fn clusters(&self) -> Result<Vec<ClusterName>, CallError> {
        const OF: &str = "the account";
        let mut clusters = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let attempt = || async {
                self.pace.read().await;
                self.client
                    .list_clusters()
                    .set_next_token(token.clone())
                    .customize()
                    .config_override(single_attempt())
                    .send()
                    .boxed()
                    .await
                    .map_err(|e| CallError::from_sdk("ListClusters", OF, &e))
            };
            let page = super::retry::passing(attempt).await?;
            for text in page.cluster_arns() {
                let (cluster, _) = ClusterName::parse_arn(text)
                    .map_err(|e| CallError::unusable("ListClusters", OF, e.to_string()))?;
                clusters.push(cluster);
            }
            token = next(page.next_token(), token.as_deref())
                .map_err(|problem| CallError::unusable("ListClusters", OF, problem))?;
            if token.is_none() {
                return Ok(clusters);
            }
        }
    }
}

/// What leads to the next page, if there is one.
fn next(answered: Option<&str>, asked: Option<&str>) -> Result<Option<String>, String> {
    match answered.filter(|token| !token.is_empty()) {
        Some(token) if Some(token) == asked => Err("a page leads back to itself".to_owned()),
        token => Ok(token.map(str::to_owned)),
    }
}
