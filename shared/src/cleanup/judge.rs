use super::invocation::Invocation;
use super::outcome::Outcome;
use super::receipt;
use super::report::Artifacts;
use crate::aws::{CallError, Marker};
use crate::config::ArtifactMode;
use crate::session::{SessionId, StoppedWith, Task, TaskArn, session_exited_well, session_start};
use jiff::Timestamp;

/// A session whose task no longer has its address or its containers.
#[derive(Debug)]
pub(super) struct OverTask {
    pub(super) session: SessionId,
    pub(super) arn: TaskArn,
    /// The task; `None` when ECS has forgotten it.
    pub(super) task: Option<Task>,
}

/// What can be said of a session whose task is over.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) artifacts: Artifacts,
}

/// Judges the end of a task that has lost its address: nothing can be asked of its container any
/// more. Never `cleaned` without our 200, or the container's exit with code 0 where it uploads by
/// itself.
pub(super) async fn judge(invocation: &Invocation, over: &OverTask) -> Result<Verdict, CallError> {
    let context = invocation.context();
    let verdict = |outcome, artifacts| Ok(Verdict { outcome, artifacts });
    let known = receipt::read(&context.aws.ledger, &over.session, &over.arn).await?;
    if known.is_some_and(|receipt| receipt.outcome.is_final()) {
        return verdict(Outcome::AlreadyClean, Artifacts::AsInReceipt);
    }
    let Some(task) = &over.task else {
        return by_marker(invocation, &over.session, Timestamp::MIN).await;
    };
    if let Some(note) = task.stop_note() {
        return match note.artifacts {
            StoppedWith::ArtifactsConfirmed => verdict(Outcome::Cleaned, Artifacts::Confirmed),
            StoppedWith::NothingToSave => verdict(Outcome::Cleaned, Artifacts::NothingToSave),
            StoppedWith::ArtifactsLost => verdict(Outcome::ArtifactsLost, Artifacts::Lost),
            StoppedWith::ArtifactsUnverified => {
                verdict(Outcome::ArtifactsUnverified, Artifacts::Unverified)
            }
        };
    }
    if task.never_started() {
        return verdict(Outcome::Cleaned, Artifacts::NothingToSave);
    }
    match context.config.artifacts.mode {
        ArtifactMode::SelfUpload { .. } if session_exited_well(task, &context.config.scope) => {
            verdict(Outcome::Cleaned, Artifacts::Confirmed)
        }
        ArtifactMode::SelfUpload { .. } | ArtifactMode::Complete => {
            let start = session_start(task, context.clock.now());
            by_marker(invocation, &over.session, start).await
        }
    }
}

/// The marker is often written first: it shows that an upload began, not that it is whole.
async fn by_marker(
    invocation: &Invocation,
    session: &SessionId,
    started_at: Timestamp,
) -> Result<Verdict, CallError> {
    let store = &invocation.context().aws.artifacts;
    let present = store.marker(session, started_at).await? == Marker::Present;
    Ok(match (present, invocation.context().config.artifacts.mode) {
        (true, ArtifactMode::SelfUpload { marker_written_last: true }) => {
            Verdict { outcome: Outcome::Cleaned, artifacts: Artifacts::Confirmed }
        }
        (
            true,
            ArtifactMode::SelfUpload { marker_written_last: false } | ArtifactMode::Complete,
        ) => Verdict { outcome: Outcome::ArtifactsUnverified, artifacts: Artifacts::Unverified },
        (false, ArtifactMode::SelfUpload { .. } | ArtifactMode::Complete) => {
            Verdict { outcome: Outcome::ArtifactsLost, artifacts: Artifacts::Lost }
        }
    })
}
