use super::error::EventError;
use super::fields::Fields;
use crate::config::Config;
use crate::session::{DesiredStatus, LastStatus, StopNote, TaskArn, family_of_definition};

/// `detail-type: "ECS Task State Change"` of a session task that has died or is being stopped by
/// someone else. These events carry no tags and may lack `stopCode`, so they only say where to look:
/// what is done rests on a fresh `DescribeTasks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskChange {
    /// The task.
    pub task: TaskArn,
    /// The task's version when the event was made: what ECS shows must be at least as new.
    pub version: i64,
}

/// A change that is understood, and that nothing is done about.
pub(super) struct NotOurs {
    /// Why nothing is done.
    pub(super) reason: String,
}

pub(super) fn parse(
    detail: &Fields<'_>,
    config: &Config,
) -> Result<Result<TaskChange, NotOurs>, EventError> {
    let out_of_scope = |reason: String| Ok(Err(NotOurs { reason }));
    let (task, home) = TaskArn::parse(detail.text("taskArn")?)
        .map_err(|problem| detail.error("taskArn", problem.to_string()))?;
    let last_status = LastStatus::parse(detail.text("lastStatus")?);
    let desired_status = DesiredStatus::parse(detail.text("desiredStatus")?);
    let family = family_of(detail)?;
    let group = detail.optional_text("group")?.unwrap_or_default();
    let stopped_reason = detail.optional_text("stoppedReason")?.unwrap_or_default();
    let version = detail.optional_integer("version")?.unwrap_or_default();

    let scope = &config.scope;
    if home != scope.home || !scope.clusters.contains(task.cluster()) {
        return out_of_scope(format!("{task} runs in no configured cluster"));
    }
    if group.starts_with("service:") || !scope.families.contains(family) {
        return out_of_scope(format!("{task} of {family} is no session task"));
    }
    if stopped_reason.starts_with(StopNote::PREFIX) {
        return out_of_scope(format!("{task} was stopped by us"));
    }
    let is_ending = (LastStatus::Deactivating..=LastStatus::Deleted).contains(&last_status);
    let ends = is_ending || desired_status == DesiredStatus::Stopped;
    if !ends {
        return out_of_scope(format!("{task} is not ending"));
    }
    Ok(Ok(TaskChange { task, version }))
}

/// The family in `taskDefinitionArn` (`…:task-definition/FAMILY:REVISION`).
fn family_of<'a>(detail: &Fields<'a>) -> Result<&'a str, EventError> {
    let arn = detail.text("taskDefinitionArn")?;
    family_of_definition(arn)
        .ok_or_else(|| detail.error("taskDefinitionArn", "it names no family and revision"))
}
