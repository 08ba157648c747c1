//! The mode `observe`: the owner cleans up in its own way, and this says what it would have been spared.
//! Everything in here reads, and nothing writes: of an owner's event `identify` only reads, and of an event of
//! ECS, at which it may put an unclaimed task on record, it is not called.

use super::identified::Identified;
use super::identified_session::IdentifiedSession;
use super::identify::identify;
use super::invocation::Invocation;
use super::judge::judge;
use super::request::{Cause, Request};
use crate::aws::{CallError, Marker};
use crate::config::ArtifactMode;
use crate::event::TaskReference;
use crate::session::{IdentitySource, SessionId, Stage, Task, TaskArn, writes_from};
use jiff::Timestamp;
use serde::Serialize;

/// What was seen at one event. As a line of the log it is what `make baseline` reads: the two lines of a
/// session are joined by its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "observed", rename_all = "snake_case")]
pub enum Observed {
    /// The owner says that a session is over.
    SessionEnded {
        /// The session.
        session_id: SessionId,
        /// Its task, where one was found.
        task_arn: Option<TaskArn>,
        /// When the session ended.
        ended_at: Timestamp,
        /// What would be done now.
        would: Would,
        /// Why, or how, as a sentence.
        why: String,
    },
    /// A session task has stopped, by whomever.
    TaskStopped {
        /// Its session, where the task still says it.
        session_id: Option<SessionId>,
        /// The task.
        task_arn: TaskArn,
        /// When it was told to stop.
        stopping_at: Option<Timestamp>,
        /// When it had stopped.
        stopped_at: Option<Timestamp>,
        /// `stoppedReason`.
        stopped_reason: Option<String>,
        /// Whether a load balancer still routes to its address.
        target: TargetLeft,
        /// Whether its artifacts are in S3.
        marker: MarkerLeft,
        /// Why nothing more is known of it.
        why: Option<String>,
    },
    /// An event that can't be understood: it would be dead-lettered.
    Refused {
        /// What is wrong with it.
        why: String,
    },
    /// An event that asks for nothing.
    Nothing {
        /// Why not.
        why: String,
    },
}

/// What the completion function would do at an owner's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Would {
    /// Clean the session up.
    CleanUp,
    /// Judge the end of a task that is over.
    Judge,
    /// Nothing: it is not ours, or done.
    Acknowledge,
    /// Reject the event, which would be dead-lettered.
    Reject,
    /// Try again: AWS did not say enough.
    TryAgain,
}

impl Would {
    /// Its word in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CleanUp => "clean_up",
            Self::Judge => "judge",
            Self::Acknowledge => "acknowledge",
            Self::Reject => "reject",
            Self::TryAgain => "try_again",
        }
    }
}

/// What became of a stopped task's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetLeft {
    /// Nothing routes to sessions here.
    NotRouted,
    /// It is in no group, or on its way out.
    Gone,
    /// It is still registered: requests go to nobody.
    Registered,
    /// The load balancer did not say.
    Unknown,
}

impl TargetLeft {
    /// Its word in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRouted => "not_routed",
            Self::Gone => "gone",
            Self::Registered => "registered",
            Self::Unknown => "unknown",
        }
    }
}

/// What is in S3 of a stopped task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkerLeft {
    /// There are no artifacts, by configuration.
    NotNeeded,
    /// The marker is there.
    Present,
    /// It is not.
    Absent,
    /// S3 did not say, or nobody knows which session it was.
    Unknown,
}

impl MarkerLeft {
    /// Its word in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "not_needed",
            Self::Present => "present",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

/// Looks at what an event is about.
pub async fn observe(invocation: &Invocation, request: &Request) -> Observed {
    match (&request.cause, &request.task) {
        (Cause::SessionEnded { session, at, .. }, _) => {
            let (task_arn, would, why) = would_do(invocation, request).await;
            Observed::SessionEnded {
                session_id: session.clone(),
                task_arn,
                ended_at: *at,
                would,
                why,
            }
        }
        (Cause::TaskChanged { shows, .. }, TaskReference::Arn(task)) => {
            stopped(invocation, task, shows.as_ref()).await
        }
        (Cause::TaskChanged { .. }, TaskReference::ByIdentity) | (Cause::Orphan { .. }, _) => {
            Observed::Nothing { why: "no event reported it".to_owned() }
        }
    }
}

async fn would_do(invocation: &Invocation, request: &Request) -> (Option<TaskArn>, Would, String) {
    let deadline = invocation.budget().identify();
    let identified = deadline.run(Box::pin(identify(invocation, request, deadline))).await;
    match identified {
        Ok(Identified::Session(session)) => {
            let how = how(invocation, &session);
            (Some(session.task.arn), Would::CleanUp, how)
        }
        Ok(Identified::Obeyed(session)) => {
            let why = "its container runs another session".to_owned();
            (Some(session.task.arn), Would::Reject, why)
        }
        Ok(Identified::Over(over)) => match judge(invocation, &over).await {
            Ok(verdict) => {
                let why = format!("its task is over: {}", verdict.outcome);
                (Some(over.arn), Would::Judge, why)
            }
            Err(error) => (Some(over.arn), Would::TryAgain, error.to_string()),
        },
        Ok(Identified::Rejected { task, why }) => (task, Would::Reject, why),
        Ok(
            Identified::OutOfScope { task, why }
            | Identified::NothingLost { task, why, .. }
            | Identified::CannotBeTold { task, why },
        ) => (Some(task), Would::Acknowledge, why),
        Ok(Identified::Unclear { task, why }) => (task, Would::TryAgain, why),
        Err(timed_out) => (None, Would::TryAgain, timed_out.to_string()),
    }
}

/// What a cleanup would do now.
fn how(invocation: &Invocation, session: &IdentifiedSession) -> String {
    let config = &invocation.context().config;
    let artifacts = match (session.task.stage(), config.artifacts.mode) {
        (Stage::NeverStarted, _) | (_, ArtifactMode::Discard) => None,
        (_, ArtifactMode::Complete) => Some("upload"),
        (_, ArtifactMode::SelfUpload { .. }) => Some("wait for its upload"),
    };
    let target = config.scope.routes_traffic().then_some("deregister");
    let stop = session.task.shall_run().then_some("stop");
    let steps: Vec<&str> = [artifacts, target, stop].into_iter().flatten().collect();
    match session.task.held_address() {
        Some(ip) => format!("{ip}:{}: {}", config.container.port, steps.join(", ")),
        None => steps.join(", "),
    }
}

/// What the owner's own way has left of a task that has stopped.
async fn stopped(invocation: &Invocation, arn: &TaskArn, shown: Option<&SessionId>) -> Observed {
    let nothing = |why: &str| Observed::Nothing { why: format!("{arn}: {why}") };
    let deadline = invocation.budget().identify();
    let looking = invocation.snapshots.take(arn);
    let looked = CallError::answered_by(deadline, "DescribeTasks", arn.as_str(), looking).await;
    let task = match looked {
        Ok(snapshot) => snapshot.task,
        Err(error) => return not_seen(arn, shown, error.to_string()),
    };
    let Some(task) = task else {
        return not_seen(arn, shown, "ECS does not show it any more".to_owned());
    };
    let scope = &invocation.context().config.scope;
    if !scope.is_session_task(&task) {
        return nothing("it is no session task");
    }
    if task.stage() != Stage::Over {
        return nothing("it has not stopped yet");
    }
    let session_id = IdentitySource::identify(&scope.identity, &task).or_else(|| shown.cloned());
    let deadline = invocation.budget().until_the_receipt();
    let (target, marker) = tokio::join!(
        deadline.run(target_left(invocation, &task)),
        deadline.run(marker_left(invocation, &task, session_id.as_ref()))
    );
    Observed::TaskStopped {
        session_id,
        task_arn: arn.clone(),
        stopping_at: task.stopping_at,
        stopped_at: task.stopped_at,
        stopped_reason: task.stopped_reason,
        target: target.unwrap_or(TargetLeft::Unknown),
        marker: marker.unwrap_or(MarkerLeft::Unknown),
        why: None,
    }
}

/// That it has stopped is known by its event alone.
fn not_seen(arn: &TaskArn, shown: Option<&SessionId>, why: String) -> Observed {
    Observed::TaskStopped {
        session_id: shown.cloned(),
        task_arn: arn.clone(),
        stopping_at: None,
        stopped_at: None,
        stopped_reason: None,
        target: TargetLeft::Unknown,
        marker: MarkerLeft::Unknown,
        why: Some(why),
    }
}

async fn target_left(invocation: &Invocation, task: &Task) -> TargetLeft {
    if !invocation.context().config.scope.routes_traffic() {
        return TargetLeft::NotRouted;
    }
    let Some(ip) = task.address else { return TargetLeft::Gone };
    match invocation.removals.registrations(ip).await {
        Ok(registered) if registered.is_empty() => TargetLeft::Gone,
        Ok(_) => TargetLeft::Registered,
        Err(_) => TargetLeft::Unknown,
    }
}

async fn marker_left(
    invocation: &Invocation,
    task: &Task,
    session: Option<&SessionId>,
) -> MarkerLeft {
    let context = invocation.context();
    if context.config.artifacts.mode == ArtifactMode::Discard {
        return MarkerLeft::NotNeeded;
    }
    let Some(session) = session else { return MarkerLeft::Unknown };
    let start = writes_from(task, context.clock.now());
    match context.aws.artifacts.marker(session, start).await {
        Ok(Marker::Present) => MarkerLeft::Present,
        Ok(Marker::Absent | Marker::OfAnEarlierSession(_)) => MarkerLeft::Absent,
        Err(_) => MarkerLeft::Unknown,
    }
}
