use super::error::{CallError, Failure};
use super::pace::Pace;
use crate::config::LONGEST_CONNECTING;
use crate::session::{
    ClusterName, ContainerState, DesiredStatus, LastStatus, StopNote, Task, TaskArn, TaskSize,
    family_of_definition,
};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::Builder;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::types::{self, Tag, TaskField};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// ECS: the tasks of clusters.
#[derive(Debug, Clone)]
pub struct Tasks {
    pub(super) client: Client,
    pub(super) pace: Pace,
}

/// What ECS showed of one task, and when.
#[derive(Debug, Clone)]
pub struct TaskSnapshot {
    /// The task; `None` when ECS does not know it (it stopped more than an hour ago, or it was
    /// started a moment ago: ECS reads are eventually consistent).
    pub task: Option<Task>,
    /// When the request that showed it was sent.
    pub seen_at: Instant,
}

/// The most tasks in one `DescribeTasks` (ECS API reference).
const TASKS_A_CALL: usize = 100;

impl Tasks {
    pub(super) fn new(client: Client, pace: Pace) -> Self {
        Self { client, pace }
    }

    /// Whose turn it is to call ECS.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// `DescribeTasks` with tags, 100 at a time. A call that is refused as a whole (one bad ARN
    /// suffices) is repeated singly, so that a bad one fails alone.
    ///
    /// The caller has waited for its turn of the first call (see [`Pace`]), so that one who must wait
    /// can take along whoever asks meanwhile.
    ///
    /// The answers come in the order of `arns`, each with its own error.
    pub async fn describe(&self, arns: &[TaskArn]) -> Vec<Result<TaskSnapshot, CallError>> {
        let mut by_cluster: BTreeMap<&ClusterName, BTreeSet<&TaskArn>> = BTreeMap::new();
        for arn in arns {
            by_cluster.entry(arn.cluster()).or_default().insert(arn);
        }
        let chunks = by_cluster
            .into_iter()
            .flat_map(|(cluster, arns)| {
                let arns: Vec<&TaskArn> = arns.into_iter().collect();
                arns.chunks(TASKS_A_CALL).map(|chunk| (cluster, chunk.to_vec())).collect::<Vec<_>>()
            })
            .enumerate()
            .map(|(nth, (cluster, chunk))| async move {
                if nth > 0 {
                    self.pace.read().await;
                }
                self.describe_or_singly(cluster, chunk).await
            });
        let answers: BTreeMap<&TaskArn, Result<TaskSnapshot, CallError>> =
            futures_util::future::join_all(chunks).await.into_iter().flatten().collect();
        arns.iter()
            .map(|arn| answers.get(arn).cloned().unwrap_or_else(|| Err(unanswered(arn))))
            .collect()
    }

    async fn describe_or_singly<'a>(
        &self,
        cluster: &ClusterName,
        arns: Vec<&'a TaskArn>,
    ) -> Vec<(&'a TaskArn, Result<TaskSnapshot, CallError>)> {
        let asked_at = Instant::now();
        let spread = |answer: &Result<Described, CallError>, arn: &TaskArn| match answer {
            Ok(seen) => seen.of(arn),
            Err(error) => Err(error.clone()),
        };
        let together = self.describe_once(cluster, &arns).await;
        if let Err(CallError { failure: Failure::NotFound, .. }) = together {
            // A cluster that does not exist has no task.
            let none = || Ok(TaskSnapshot { task: None, seen_at: asked_at });
            return arns.into_iter().map(|arn| (arn, none())).collect();
        }
        let refused = matches!(&together, Err(e) if e.failure == Failure::Refused);
        if !refused || arns.len() == 1 {
            return arns.into_iter().map(|arn| (arn, spread(&together, arn))).collect();
        }
        let singly = arns.into_iter().map(|arn| async move {
            (arn, spread(&self.describe_once(cluster, &[arn]).await, arn))
        });
        futures_util::future::join_all(singly).await
    }

    /// One call. Its attempts are ours rather than the SDK's, so that `seen_at` is the moment at
    /// which the attempt that was answered had been sent.
    async fn describe_once(
        &self,
        cluster: &ClusterName,
        arns: &[&TaskArn],
    ) -> Result<Described, CallError> {
        let attempt = || async {
            let seen_at = Instant::now();
            let answer = self
                .client
                .describe_tasks()
                .cluster(cluster.as_str())
                .set_tasks(Some(arns.iter().map(|arn| arn.as_str().to_owned()).collect()))
                .include(TaskField::Tags)
                .customize()
                .config_override(single_attempt())
                .send()
                .boxed()
                .await
                .map_err(|e| CallError::from_sdk("DescribeTasks", resource(cluster, arns), &e))?;
            Ok(Described::read(seen_at, &answer, cluster))
        };
        super::retry::passing(attempt).await
    }

    /// One attempt of `StopTask`, with a reason from which session and cause can be read back.
    /// Stopping a task that has stopped, or that ECS no longer knows, is success.
    ///
    /// It is one attempt because a stop without confirmed artifacts must follow a fresh look at the
    /// task each time.
    ///
    /// # Errors
    /// [`CallError`]; with [`Failure::Unknown`] the task may be stopping all the same.
    pub async fn stop(&self, arn: &TaskArn, note: &StopNote) -> Result<(), CallError> {
        let answer = self
            .client
            .stop_task()
            .cluster(arn.cluster().as_str())
            .task(arn.as_str())
            .reason(note.to_string())
            .customize()
            .config_override(single_attempt())
            .send()
            .boxed()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = CallError::from_sdk("StopTask", arn.as_str(), &error);
                if error.failure == Failure::Throttled {
                    self.pace.stop_was_throttled();
                }
                let gone = error.failure == Failure::Refused
                    && error.answer.contains("task was not found");
                if gone { Ok(()) } else { Err(error) }
            }
        }
    }

    /// `TagResource` with one tag.
    ///
    /// # Errors
    /// [`CallError`] when the tag may not be there.
    pub async fn tag(&self, arn: &TaskArn, key: &str, value: &str) -> Result<(), CallError> {
        self.client
            .tag_resource()
            .resource_arn(arn.as_str())
            .tags(Tag::builder().key(key).value(value).build())
            .send()
            .boxed()
            .await
            .map(drop)
            .map_err(|e| CallError::from_sdk("TagResource", arn.as_str(), &e))
    }
}

pub(super) fn single_attempt() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

fn resource(cluster: &ClusterName, arns: &[&TaskArn]) -> String {
    match arns {
        [one] => one.to_string(),
        many => format!("{} tasks of cluster {cluster}", many.len()),
    }
}

fn unanswered(arn: &TaskArn) -> CallError {
    CallError::unusable("DescribeTasks", arn.as_str(), "the answer leaves this task out")
}

/// The answer to one `DescribeTasks`.
struct Described {
    at: Instant,
    tasks: BTreeMap<TaskArn, Result<Task, CallError>>,
    missing: Vec<TaskArn>,
}

impl Described {
    fn read(
        at: Instant,
        answer: &aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput,
        cluster: &ClusterName,
    ) -> Self {
        let mut tasks = BTreeMap::new();
        for described in answer.tasks() {
            if let Ok(arn) = TaskArn::parse_in(described.task_arn().unwrap_or_default(), cluster) {
                let task = read_task(arn.clone(), described).map_err(|problem| {
                    CallError::unreadable("DescribeTasks", arn.as_str(), problem)
                });
                tasks.insert(arn, task);
            }
        }
        let missing = answer
            .failures()
            .iter()
            .filter(|failure| failure.reason() == Some("MISSING"))
            .filter_map(|failure| TaskArn::parse_in(failure.arn()?, cluster).ok())
            .collect();
        Self { at, tasks, missing }
    }

    /// What the answer says of `arn`. A task that is neither shown nor called missing is an error:
    /// silence is not absence.
    fn of(&self, arn: &TaskArn) -> Result<TaskSnapshot, CallError> {
        match self.tasks.get(arn) {
            Some(Ok(task)) => Ok(TaskSnapshot { task: Some(task.clone()), seen_at: self.at }),
            Some(Err(error)) => Err(error.clone()),
            None if self.missing.contains(arn) => Ok(TaskSnapshot { task: None, seen_at: self.at }),
            None => Err(unanswered(arn)),
        }
    }
}

fn read_task(arn: TaskArn, task: &types::Task) -> Result<Task, &'static str> {
    let time = |at: Option<&aws_smithy_types::DateTime>| {
        at.and_then(|at| Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok())
    };
    let attached = |name: &str| {
        let mut details = task.attachments().iter().flat_map(types::Attachment::details);
        details.find(|detail| detail.name() == Some(name)).and_then(types::KeyValuePair::value)
    };
    let environment = task
        .overrides()
        .map(types::TaskOverride::container_overrides)
        .unwrap_or_default()
        .iter()
        .flat_map(types::ContainerOverride::environment)
        .filter_map(|pair| Some((pair.name()?.to_owned(), pair.value()?.to_owned())))
        .collect();
    let tags = task
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect();
    Ok(Task {
        arn,
        family: task
            .task_definition_arn()
            .and_then(family_of_definition)
            .ok_or("it names no task definition")?
            .to_owned(),
        group: task.group().map(str::to_owned),
        last_status: LastStatus::parse(task.last_status().unwrap_or_default()),
        desired_status: DesiredStatus::parse(task.desired_status().unwrap_or_default()),
        created_at: time(task.created_at()).ok_or("it does not say when the task was created")?,
        started_at: time(task.started_at()),
        address: attached("privateIPv4Address").and_then(|text| text.parse().ok()),
        subnet: attached("subnetId").map(str::to_owned),
        environment,
        tags,
        started_by: task.started_by().map(str::to_owned),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        stopping_at: time(task.stopping_at()),
        stopped_at: time(task.stopped_at()),
        stopped_by_a_call: task.stop_code() == Some(&types::TaskStopCode::UserInitiated),
        size: TaskSize::read(task.cpu(), task.memory()),
        containers: read_containers(task),
        version: task.version(),
    })
}

/// Its containers; those that ECS does not show yet are known by their overrides alone.
fn read_containers(task: &types::Task) -> Vec<ContainerState> {
    let mut containers: BTreeMap<String, ContainerState> = BTreeMap::new();
    let named = |name: &str| ContainerState {
        name: name.to_owned(),
        runs: false,
        exit_code: None,
        environment: BTreeMap::new(),
    };
    for shown in task.containers() {
        let name = shown.name().unwrap_or_default();
        let state = containers.entry(name.to_owned()).or_insert_with(|| named(name));
        state.runs = shown.last_status() == Some("RUNNING");
        state.exit_code = shown.exit_code();
    }
    let overrides = task.overrides().map(types::TaskOverride::container_overrides);
    for overridden in overrides.unwrap_or_default() {
        let name = overridden.name().unwrap_or_default();
        let state = containers.entry(name.to_owned()).or_insert_with(|| named(name));
        let pairs = overridden.environment().iter();
        state.environment.extend(
            pairs.filter_map(|pair| Some((pair.name()?.to_owned(), pair.value()?.to_owned()))),
        );
    }
    containers.into_values().collect()
}

/// How old a snapshot may be for an act that rests on it: 5 s, less what a connection may take
/// (`CONNECT_TIMEOUT`), for the act counts when it arrives.
const FRESH: Duration = Duration::from_secs(5).saturating_sub(LONGEST_CONNECTING);

impl TaskSnapshot {
    /// Whether an act may still rest on it.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.seen_at.elapsed() <= FRESH
    }
}
