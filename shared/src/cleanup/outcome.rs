//! What became of a session, decided from what became of its parts. Pure.

use super::{Artifacts, SalvageWindow, TargetFate, TaskFate};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Artifacts confirmed, target gone, task stopped.
    Cleaned,
    /// An earlier plan has already finished this task.
    AlreadyClean,
    /// The upload is not confirmed yet: the task still runs, and it will be tried again.
    AwaitingSalvage,
    /// The task is gone and its marker is in S3, but nobody vouches for the rest.
    ArtifactsUnverified,
    /// The task is gone, or was stopped after the salvage window, without its artifacts.
    ArtifactsLost,
    /// Something on AWS's side failed, and it will be tried again.
    Incomplete,
    /// It was not ours to clean: nothing was done, or what was done has been undone.
    Rejected,
}

impl Outcome {
    /// Receipts only move forward: to a higher rank. Outcomes without a rank write no receipt.
    pub(super) fn rank(self) -> Option<u8> {
        match self {
            Self::AwaitingSalvage | Self::Incomplete => Some(0),
            Self::ArtifactsLost => Some(1),
            Self::ArtifactsUnverified => Some(2),
            Self::Cleaned => Some(3),
            Self::AlreadyClean | Self::Rejected => None,
        }
    }

    /// Whether it is put on record.
    #[must_use]
    pub fn leaves_a_receipt(self) -> bool {
        self.rank().is_some()
    }

    /// Whether a receipt with this outcome says that the task is finished with.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Cleaned | Self::ArtifactsUnverified | Self::ArtifactsLost => true,
            Self::AlreadyClean | Self::AwaitingSalvage | Self::Incomplete | Self::Rejected => false,
        }
    }

    /// Whether something is left to do that a further attempt can do.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        self.leaves_a_receipt() && !self.is_final()
    }

    /// Whether the event must be delivered again (and end in the dead-letter queue in the end).
    #[must_use]
    pub fn fails_its_event(self) -> bool {
        match self {
            Self::AwaitingSalvage | Self::Incomplete | Self::Rejected => true,
            Self::Cleaned
            | Self::AlreadyClean
            | Self::ArtifactsUnverified
            | Self::ArtifactsLost => false,
        }
    }

    /// The outcome as it stands in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleaned => "cleaned",
            Self::AlreadyClean => "already_clean",
            Self::AwaitingSalvage => "awaiting_salvage",
            Self::ArtifactsUnverified => "artifacts_unverified",
            Self::ArtifactsLost => "artifacts_lost",
            Self::Incomplete => "incomplete",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of the session, from what became of its three parts.
pub(super) fn outcome(
    artifacts: &Artifacts,
    target: &TargetFate,
    task: &TaskFate,
    window: SalvageWindow,
) -> Outcome {
    let target_settled = match target {
        TargetFate::Gone
        | TargetFate::TakenOver
        | TargetFate::NeverHadOne
        | TargetFate::LeftToReaper => true,
        TargetFate::Untouched
        | TargetFate::Kept
        | TargetFate::PutBack
        | TargetFate::Unverified { .. }
        | TargetFate::NotPutBack { .. } => false,
    };
    let task_over = match task {
        TaskFate::Stopped | TaskFate::Over => true,
        TaskFate::Stopping
        | TaskFate::Running { .. }
        | TaskFate::NotStopped { .. }
        | TaskFate::StopUnanswered { .. }
        | TaskFate::Spared { .. }
        | TaskFate::Unknown => false,
    };
    let spared = matches!(artifacts, Artifacts::Spared { .. })
        || matches!(task, TaskFate::Spared { .. })
        || (*artifacts == Artifacts::WrongContainer && window == SalvageWindow::Open);
    if spared {
        return match target {
            TargetFate::NotPutBack { .. } => Outcome::Incomplete,
            TargetFate::Untouched
            | TargetFate::Gone
            | TargetFate::TakenOver
            | TargetFate::PutBack
            | TargetFate::Kept
            | TargetFate::NeverHadOne
            | TargetFate::LeftToReaper
            | TargetFate::Unverified { .. } => Outcome::Rejected,
        };
    }
    match artifacts {
        Artifacts::Unconfirmed { .. } if window == SalvageWindow::Open => Outcome::AwaitingSalvage,
        Artifacts::Confirmed | Artifacts::NothingToSave if task_over && target_settled => {
            Outcome::Cleaned
        }
        Artifacts::Lost | Artifacts::Unconfirmed { .. } | Artifacts::WrongContainer
            if task_over && target_settled =>
        {
            Outcome::ArtifactsLost
        }
        Artifacts::Confirmed
        | Artifacts::NothingToSave
        | Artifacts::Lost
        | Artifacts::Unconfirmed { .. }
        | Artifacts::NotAsked { .. }
        | Artifacts::Spared { .. }
        | Artifacts::WrongContainer
        | Artifacts::TaskEnded
        | Artifacts::Unverified
        | Artifacts::AsInReceipt
        | Artifacts::Unknown => Outcome::Incomplete,
    }
}

/// What went wrong, and what happens next: `again` says how it is tried again.
pub(super) fn notes(
    artifacts: &Artifacts,
    target: &TargetFate,
    task: &TaskFate,
    again: &str,
) -> Vec<String> {
    let mut notes = Vec::new();
    match artifacts {
        Artifacts::Unconfirmed { why } => match task {
            TaskFate::Running { .. } => {
                notes.push(format!("{why}; the task is not stopped, {again}"));
            }
            TaskFate::Stopped
            | TaskFate::Stopping
            | TaskFate::Over
            | TaskFate::NotStopped { .. }
            | TaskFate::StopUnanswered { .. }
            | TaskFate::Spared { .. }
            | TaskFate::Unknown => notes.push(why.clone()),
        },
        Artifacts::NotAsked { why } => notes.push(format!("{why}; {again}")),
        Artifacts::Spared { why } => notes.push(format!("{why}; nothing was done to it")),
        Artifacts::WrongContainer => notes.push(
            "the container says that it runs another session; see its SESSION_ID and the producer"
                .to_owned(),
        ),
        Artifacts::Confirmed
        | Artifacts::NothingToSave
        | Artifacts::TaskEnded
        | Artifacts::Unverified
        | Artifacts::Lost
        | Artifacts::AsInReceipt
        | Artifacts::Unknown => {}
    }
    match target {
        TargetFate::Unverified { why } => {
            notes.push(format!("{why}; what stays registered is the reaper's"));
        }
        TargetFate::NotPutBack { why } => notes.push(format!(
            "{why}; a live session may get no traffic until its target is registered again"
        )),
        TargetFate::Untouched
        | TargetFate::Gone
        | TargetFate::TakenOver
        | TargetFate::PutBack
        | TargetFate::Kept
        | TargetFate::NeverHadOne
        | TargetFate::LeftToReaper => {}
    }
    match task {
        TaskFate::Spared { why } => notes.push(format!("{why}; its task runs on")),
        TaskFate::NotStopped { why } | TaskFate::StopUnanswered { why } => {
            notes.push(format!("{why}; {again}"));
        }
        TaskFate::Stopped
        | TaskFate::Stopping
        | TaskFate::Over
        | TaskFate::Running { .. }
        | TaskFate::Unknown => {}
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unconfirmed() -> Artifacts {
        Artifacts::Unconfirmed { why: "HTTP 500".to_owned() }
    }

    fn in_the_window(artifacts: &Artifacts, target: &TargetFate, task: &TaskFate) -> Outcome {
        outcome(artifacts, target, task, SalvageWindow::Open)
    }

    #[test]
    fn clean_is_only_what_is_confirmed_gone_and_stopped() {
        let (confirmed, gone, stopped) =
            (Artifacts::Confirmed, TargetFate::Gone, TaskFate::Stopped);
        assert_eq!(in_the_window(&confirmed, &gone, &stopped), Outcome::Cleaned);
        let unverified = TargetFate::Unverified { why: "throttled".to_owned() };
        assert_eq!(in_the_window(&confirmed, &unverified, &stopped), Outcome::Incomplete);
        let runs = TaskFate::NotStopped { why: "throttled".to_owned() };
        assert_eq!(in_the_window(&confirmed, &gone, &runs), Outcome::Incomplete);
    }

    #[test]
    fn an_upload_that_is_not_confirmed_awaits_salvage_whatever_became_of_the_target() {
        let runs = TaskFate::Running { why: "not confirmed".to_owned() };
        for target in [TargetFate::Gone, TargetFate::Unverified { why: "throttled".to_owned() }] {
            assert_eq!(in_the_window(&unconfirmed(), &target, &runs), Outcome::AwaitingSalvage);
        }
    }

    #[test]
    fn after_the_window_the_same_is_a_loss() {
        for artifacts in [unconfirmed(), Artifacts::WrongContainer, Artifacts::Lost] {
            let over = SalvageWindow::Over;
            let lost = outcome(&artifacts, &TargetFate::Gone, &TaskFate::Stopped, over);
            assert_eq!(lost, Outcome::ArtifactsLost, "{artifacts}");
        }
    }

    #[test]
    fn a_403_is_rejected_once_the_target_is_back_and_incomplete_until_then() {
        let runs = TaskFate::Running { why: "another session's".to_owned() };
        let wrong = Artifacts::WrongContainer;
        assert_eq!(in_the_window(&wrong, &TargetFate::PutBack, &runs), Outcome::Rejected);
        let missing = TargetFate::NotPutBack { why: "throttled".to_owned() };
        assert_eq!(in_the_window(&wrong, &missing, &runs), Outcome::Incomplete);
    }

    #[test]
    fn whatever_is_not_finished_fails_its_event() {
        for outcome in [Outcome::AwaitingSalvage, Outcome::Incomplete, Outcome::Rejected] {
            assert!(outcome.fails_its_event() && !outcome.is_final());
        }
        for outcome in [Outcome::Cleaned, Outcome::ArtifactsUnverified, Outcome::ArtifactsLost] {
            assert!(!outcome.fails_its_event() && outcome.is_final());
        }
    }
}
