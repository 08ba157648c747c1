use super::subject::{Look, Subject};
use super::{Artifacts, Invocation, SalvageWindow};
use crate::aws::CallError;
use crate::aws::retry::pauses;
use crate::deadline::within;
use crate::session::{Stage, StopNote, StoppedWith};
use backon::BackoffBuilder;
use std::fmt;
use std::time::Duration;

/// What became of a session's task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskFate {
    /// We stopped it.
    Stopped,
    /// We are about to stop it.
    Stopping,
    /// It was stopping or had stopped without us.
    Over,
    /// It was left running.
    Running {
        /// Why.
        why: String,
    },
    /// It should be stopped, and runs on.
    NotStopped {
        /// What kept us from it.
        why: String,
    },
    /// A stop was sent and not answered: it may have been one.
    StopUnanswered {
        /// What came instead of an answer.
        why: String,
    },
    /// It is no orphan any longer, and runs on.
    Spared {
        /// What keeps it.
        why: String,
    },
    /// Nothing is known of it.
    Unknown,
}

impl fmt::Display for TaskFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Stopping => f.write_str("stopping"),
            Self::Over => f.write_str("over"),
            Self::Running { why } => write!(f, "running: {why}"),
            Self::NotStopped { why } => write!(f, "not_stopped: {why}"),
            Self::StopUnanswered { why } => write!(f, "stop_unanswered: {why}"),
            Self::Spared { why } => write!(f, "spared: {why}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Whether the task may be stopped, given what is known of its artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Yes, with this note.
    Stop(StoppedWith),
    /// No.
    Leave(&'static str),
}

/// The one rule about stopping: confirmed, never started, or the salvage window is over.
pub(super) fn may_stop(artifacts: &Artifacts, window: SalvageWindow) -> Permission {
    match (artifacts, window) {
        (Artifacts::Confirmed, _) => Permission::Stop(StoppedWith::ArtifactsConfirmed),
        (Artifacts::NothingToSave, _) => Permission::Stop(StoppedWith::NothingToSave),
        (Artifacts::Lost, _)
        | (Artifacts::Unconfirmed { .. } | Artifacts::WrongContainer, SalvageWindow::Over) => {
            Permission::Stop(StoppedWith::ArtifactsLost)
        }
        (Artifacts::Unconfirmed { .. }, SalvageWindow::Open) => {
            Permission::Leave("its artifacts are not confirmed")
        }
        (Artifacts::WrongContainer, SalvageWindow::Open) => {
            Permission::Leave("its container runs another session")
        }
        (Artifacts::TaskEnded, _) => Permission::Leave("it has ended"),
        (Artifacts::Spared { .. }, _) => Permission::Leave("it is no orphan any longer"),
        (
            Artifacts::NotAsked { .. }
            | Artifacts::Unverified
            | Artifacts::AsInReceipt
            | Artifacts::Unknown,
            _,
        ) => Permission::Leave("nothing is known of its artifacts"),
    }
}

/// Stops the task, for at most `limit`. A stop that no confirmed upload stands behind follows a look
/// that shows the task as it was when that was decided.
pub(super) async fn stop(
    invocation: &Invocation,
    subject: &Subject,
    artifacts: StoppedWith,
    cause: &super::Cause,
    limit: Duration,
) -> TaskFate {
    if subject.task.stage() == Stage::Dying {
        return TaskFate::Over;
    }
    let note = StopNote { session: subject.session.clone(), cause: cause.to_string(), artifacts };
    let mut why = String::new();
    let mut in_doubt = false;
    let attempts = async {
        let mut pauses = pauses(Duration::from_millis(300), Duration::from_secs(3)).build();
        let mut repeated = false;
        loop {
            match attempt(invocation, subject, &note, repeated, &mut in_doubt).await {
                Ok(fate) => return fate,
                Err(problem) => {
                    tracing::warn!(%problem, "the task is not stopped; trying again");
                    why = problem;
                }
            }
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
            repeated = true;
        }
    };
    let fate = match within(limit, attempts).await {
        Ok(fate) => fate,
        Err(timed_out) => TaskFate::NotStopped { why: format!("{why}; {timed_out}") },
    };
    match fate {
        TaskFate::NotStopped { why } if in_doubt => TaskFate::StopUnanswered { why },
        fate => fate,
    }
}

async fn attempt(
    invocation: &Invocation,
    subject: &Subject,
    note: &StopNote,
    repeated: bool,
    in_doubt: &mut bool,
) -> Result<TaskFate, String> {
    let as_decided = match note.artifacts {
        // `StopTask` of a task that has stopped meanwhile would delete its tags, and with them its
        // identity, without leaving our note: so a repeated one looks first.
        StoppedWith::ArtifactsConfirmed if repeated => match look_again(invocation, subject).await?
        {
            // A container that has confirmed is done, whatever its lease says.
            Look::Holds(_) | Look::Spared { .. } | Look::NeverStarted | Look::Unclear => true,
            Look::Over => return Ok(TaskFate::Over),
        },
        StoppedWith::ArtifactsConfirmed => true,
        StoppedWith::ArtifactsLost => match look(invocation, subject).await? {
            Look::Holds(_) => true,
            Look::Spared { why, .. } => return Ok(TaskFate::Spared { why }),
            Look::Over => return Ok(TaskFate::Over),
            Look::NeverStarted | Look::Unclear => false,
        },
        StoppedWith::NothingToSave => match look(invocation, subject).await? {
            Look::NeverStarted => true,
            Look::Spared { why, .. } => return Ok(TaskFate::Spared { why }),
            Look::Over => return Ok(TaskFate::Over),
            Look::Holds(_) | Look::Unclear => false,
        },
    };
    if !as_decided {
        let why = "it is no longer as it was when its stop was decided".to_owned();
        return Ok(TaskFate::NotStopped { why });
    }
    // While it is under way, and where no usable answer comes, it may have been done.
    let doubted = std::mem::replace(in_doubt, true);
    let answer = invocation.setting.aws.tasks.stop(&subject.task.arn, note).await;
    *in_doubt = doubted || answer.as_ref().is_err_and(CallError::may_have_been_done);
    match answer {
        Ok(()) => Ok(TaskFate::Stopped),
        Err(error) if error.is_refused() => Ok(TaskFate::NotStopped { why: error.to_string() }),
        Err(error) => Err(error.to_string()),
    }
}

async fn look_again(invocation: &Invocation, subject: &Subject) -> Result<Look, String> {
    subject.look_again(invocation).await.map_err(|error| error.to_string())
}

async fn look(invocation: &Invocation, subject: &Subject) -> Result<Look, String> {
    subject.look(invocation).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_confirmation_nothing_is_stopped_before_the_salvage_window_is_over() {
        let unconfirmed = Artifacts::Unconfirmed { why: "HTTP 500".to_owned() };
        for artifacts in [unconfirmed.clone(), Artifacts::WrongContainer] {
            let open = may_stop(&artifacts, SalvageWindow::Open);
            assert!(matches!(open, Permission::Leave(_)), "{artifacts:?}: {open:?}");
            let over = may_stop(&artifacts, SalvageWindow::Over);
            assert_eq!(over, Permission::Stop(StoppedWith::ArtifactsLost));
        }
    }

    #[test]
    fn confirmed_artifacts_and_a_task_that_never_started_allow_the_stop() {
        let stop = |artifacts| may_stop(&artifacts, SalvageWindow::Open);
        let confirmed = Permission::Stop(StoppedWith::ArtifactsConfirmed);
        assert_eq!(stop(Artifacts::Confirmed), confirmed);
        let nothing = Permission::Stop(StoppedWith::NothingToSave);
        assert_eq!(stop(Artifacts::NothingToSave), nothing);
    }

    #[test]
    fn what_is_not_known_never_allows_a_stop() {
        for artifacts in [
            Artifacts::TaskEnded,
            Artifacts::Unverified,
            Artifacts::AsInReceipt,
            Artifacts::Unknown,
        ] {
            for window in [SalvageWindow::Open, SalvageWindow::Over] {
                assert!(matches!(may_stop(&artifacts, window), Permission::Leave(_)));
            }
        }
    }
}
