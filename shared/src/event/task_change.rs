use super::error::EventError;
use super::fields::Fields;
use crate::config::Config;
use crate::page::printable;
use crate::session::{
    DesiredStatus, IdentitySource, LastStatus, SessionId, StopNote, TaskArn, family_of_definition,
};
use jiff::Timestamp;
use serde_json::Value;

/// `detail-type: "ECS Task State Change"` of a session task that has died or is being stopped by
/// someone else. These events carry no tags and may lack `stopCode`, and those that people make by hand
/// lack more. So they only say where to look: what is done rests on a fresh `DescribeTasks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskChange {
    /// The task.
    pub task: TaskArn,
    /// The task's version when the event was made: what ECS shows must be at least as new.
    pub version: i64,
    /// Whether the event itself says that the task ends.
    pub says_end: bool,
    /// When the event was made; those that people make by hand may not say it.
    pub at: Option<Timestamp>,
    /// The session by what the event shows of the task. It serves where ECS has forgotten the task.
    pub session: Option<SessionId>,
    /// When the task was created, if the event shows it. It serves there, too.
    pub created_at: Option<Timestamp>,
}

/// A change that is understood, and that nothing is done about.
pub(super) struct NotOurs {
    /// Why nothing is done.
    pub(super) reason: String,
}

pub(super) fn parse(
    detail: &Fields<'_>,
    at: Option<Timestamp>,
    config: &Config,
) -> Result<Result<TaskChange, NotOurs>, EventError> {
    let out_of_scope = |reason: String| Ok(Err(NotOurs { reason: printable(&reason) }));
    // What is missing or can't be read lets nothing be ruled out: the task is looked at.
    let said = |name: &str| detail.optional_text(name).ok().flatten().unwrap_or_default();
    let (task, home) = TaskArn::parse_beside(detail.text("taskArn")?, said("clusterArn"))
        .map_err(|problem| detail.error("taskArn", problem.to_string()))?;
    let family = family_of_definition(said("taskDefinitionArn"));
    let version = detail.optional_integer("version").ok().flatten().unwrap_or_default();

    let scope = &config.scope;
    if home != scope.home || !scope.clusters.contains(task.cluster()) {
        return out_of_scope(format!("{task} runs in no configured cluster"));
    }
    if let Some(family) = family.filter(|family| !scope.is_family_of_sessions(family)) {
        return out_of_scope(format!("{task} of {family} is no session task"));
    }
    if said("group").starts_with("service:") {
        return out_of_scope(format!("{task} of {} is no session task", said("group")));
    }
    if said("stoppedReason").starts_with(StopNote::PREFIX) {
        return out_of_scope(format!("{task} was stopped by us"));
    }
    let last_status = LastStatus::parse(said("lastStatus"));
    let is_ending = (LastStatus::Deactivating..=LastStatus::Deleted).contains(&last_status);
    let says_end = match DesiredStatus::parse(said("desiredStatus")) {
        DesiredStatus::Stopped => true,
        DesiredStatus::Running if !is_ending && last_status != LastStatus::Unrecognised => {
            return out_of_scope(format!("{task} is not ending"));
        }
        DesiredStatus::Running | DesiredStatus::Unrecognised => is_ending,
    };
    let session = session(detail, &scope.identity);
    let created_at = detail.optional_timestamp("createdAt").ok().flatten();
    Ok(Ok(TaskChange { task, version, says_end, at, session, created_at }))
}

/// Events show a task's environment overrides and `startedBy`, though never its tags.
fn session(detail: &Fields<'_>, sources: &[IdentitySource]) -> Option<SessionId> {
    IdentitySource::identify_by(sources, |source| match source {
        IdentitySource::Environment(name) => {
            let containers = detail.any("overrides")?.get("containerOverrides");
            let mut pairs = list(containers).flat_map(|one| list(one.get("environment")));
            pairs.find(|pair| pair["name"] == **name)?["value"].as_str()
        }
        IdentitySource::StartedBy => detail.optional_text("startedBy").ok().flatten(),
        IdentitySource::Tag(_) => None,
    })
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
