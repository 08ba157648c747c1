use super::invocation::Invocation;
use super::marker::{WritesFrom, marker};
use super::outcome::Outcome;
use super::receipt::{self, Receipt};
use super::report::Artifacts;
use crate::aws::{CallError, Marker};
use crate::config::ArtifactMode;
use crate::session::{
    SessionId, Stage, StoppedWith, Task, TaskArn, session_exited_well, writes_from,
};
use jiff::Timestamp;

/// A session whose task no longer has its address or its containers.
#[derive(Debug)]
pub(super) struct OverTask {
    pub(super) session: SessionId,
    pub(super) arn: TaskArn,
    /// The task; `None` when ECS has forgotten it.
    pub(super) task: Option<Task>,
    /// From when on what lies where it wrote is its own, where the ledger knows it: the tag that said so is gone.
    pub(super) writes_from: Option<Timestamp>,
    /// Whether nothing but a tag says, or said, whose it was: that is written down, for when its end is told again.
    pub(super) is_named_by_a_tag: bool,
}

impl OverTask {
    /// Whether the cleanup that has stopped it may still be about to say so.
    fn may_be_at_work(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.stage() != Stage::Over)
    }

    /// Whether we have stopped it.
    pub(super) fn is_stopped_by_us(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.stop_note().is_some())
    }
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
    // Whether people were told of a loss from before a stop is not known: the stop may have been somebody else's.
    let is_last_word = |known: &Receipt| {
        let may_be_untold = known.outcome == Outcome::ArtifactsLost && known.is_before_the_stop();
        !may_be_untold || over.may_be_at_work()
    };
    if known.is_some_and(|known| known.outcome.is_final() && is_last_word(&known)) {
        return verdict(Outcome::AlreadyClean, Artifacts::AsInReceipt);
    }
    let (uploads_itself, proves) = match context.config.artifacts.mode {
        ArtifactMode::Discard => return verdict(Outcome::Cleaned, Artifacts::Discarded),
        ArtifactMode::Complete => (false, false),
        ArtifactMode::SelfUpload { marker_written_last } => (true, marker_written_last),
    };
    let Some(task) = &over.task else {
        // Where nobody knows since when it ran, a marker may be that of an earlier run, and proves nothing.
        let (start, proves) = match over.writes_from {
            Some(start) => (start, proves),
            None => (Timestamp::MIN, false),
        };
        return by_marker(invocation, over, WritesFrom::of(start, None), proves).await;
    };
    if let Some(note) = task.stop_note() {
        return match note.artifacts {
            StoppedWith::ArtifactsConfirmed => verdict(Outcome::Cleaned, Artifacts::Confirmed),
            StoppedWith::NothingToSave => verdict(Outcome::Cleaned, Artifacts::NothingToSave),
            StoppedWith::Discarded => verdict(Outcome::Cleaned, Artifacts::Discarded),
            StoppedWith::ArtifactsLost => verdict(Outcome::ArtifactsLost, Artifacts::Lost),
            StoppedWith::ArtifactsUnverified => {
                verdict(Outcome::ArtifactsUnverified, Artifacts::Unverified)
            }
        };
    }
    if task.never_started() {
        return verdict(Outcome::Cleaned, Artifacts::NothingToSave);
    }
    if uploads_itself && session_exited_well(task, &context.config.scope) {
        return verdict(Outcome::Cleaned, Artifacts::Confirmed);
    }
    let of_task = writes_from(task, context.clock.now());
    let start = over.writes_from.unwrap_or(of_task);
    by_marker(invocation, over, WritesFrom::of(start, Some(task)), proves).await
}

/// The marker is often written first: it shows that an upload began, and `proves` that it is whole only
/// where it is written last.
async fn by_marker(
    invocation: &Invocation,
    over: &OverTask,
    from: WritesFrom,
    proves: bool,
) -> Result<Verdict, CallError> {
    Ok(match (marker(invocation, &over.session, &over.arn, from).await?, proves) {
        (Marker::Present, true) => {
            Verdict { outcome: Outcome::Cleaned, artifacts: Artifacts::Confirmed }
        }
        (Marker::Present, false) => {
            Verdict { outcome: Outcome::ArtifactsUnverified, artifacts: Artifacts::Unverified }
        }
        (Marker::OfAnEarlierSession(_) | Marker::Absent, _) => {
            Verdict { outcome: Outcome::ArtifactsLost, artifacts: Artifacts::Lost }
        }
    })
}
