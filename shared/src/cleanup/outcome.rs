//! What became of a session, decided from what became of its parts. Pure.

use super::request::SalvageWindow;
use super::salvage::{Salvage, UNDER_WAY};
use super::stop::may_stop;
use super::target_fate::TargetFate;
use super::task_fate::TaskFate;
use crate::metrics::Metric;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Artifacts confirmed, target gone, task stopped.
    Cleaned,
    /// An earlier cleanup has already finished this task.
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
    /// It is a task of another fleet, or one that goes on: nothing was done, and nothing is wrong.
    OutOfScope,
    /// The task is over, and nobody can tell any more which session it ran, or what became of it.
    Unknown,
}

impl Outcome {
    /// Receipts only move forward: to a higher rank. Outcomes without a rank write no receipt, and
    /// `rejected` only after a 403.
    pub(super) fn rank(self) -> Option<u8> {
        match self {
            Self::AwaitingSalvage | Self::Incomplete | Self::Rejected => Some(0),
            Self::ArtifactsLost => Some(1),
            Self::ArtifactsUnverified => Some(2),
            Self::Cleaned => Some(3),
            Self::AlreadyClean | Self::OutOfScope | Self::Unknown => None,
        }
    }

    /// Whether a receipt with this outcome says that the task is finished with.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Cleaned | Self::ArtifactsUnverified | Self::ArtifactsLost => true,
            Self::AlreadyClean
            | Self::AwaitingSalvage
            | Self::Incomplete
            | Self::Rejected
            | Self::OutOfScope
            | Self::Unknown => false,
        }
    }

    /// Whether something is left to do that a further attempt can do.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        match self {
            Self::AwaitingSalvage | Self::Incomplete => true,
            Self::Cleaned
            | Self::AlreadyClean
            | Self::ArtifactsUnverified
            | Self::ArtifactsLost
            | Self::Rejected
            | Self::OutOfScope
            | Self::Unknown => false,
        }
    }

    /// Whether the event must be delivered again (and end in the dead-letter queue in the end).
    #[must_use]
    pub fn fails_its_event(self) -> bool {
        match self {
            Self::AwaitingSalvage | Self::Incomplete | Self::Rejected => true,
            Self::Cleaned
            | Self::AlreadyClean
            | Self::ArtifactsUnverified
            | Self::ArtifactsLost
            | Self::OutOfScope
            | Self::Unknown => false,
        }
    }

    /// The metric that counts it.
    #[must_use]
    pub fn metric(self) -> Metric {
        match self {
            Self::Cleaned => Metric::OUTCOME_CLEANED,
            Self::AlreadyClean => Metric::OUTCOME_ALREADY_CLEAN,
            Self::AwaitingSalvage => Metric::OUTCOME_AWAITING_SALVAGE,
            Self::ArtifactsUnverified => Metric::OUTCOME_ARTIFACTS_UNVERIFIED,
            Self::ArtifactsLost => Metric::OUTCOME_ARTIFACTS_LOST,
            Self::Incomplete => Metric::OUTCOME_INCOMPLETE,
            Self::Rejected => Metric::OUTCOME_REJECTED,
            Self::OutOfScope => Metric::OUTCOME_OUT_OF_SCOPE,
            Self::Unknown => Metric::OUTCOME_UNKNOWN,
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
            Self::OutOfScope => "out_of_scope",
            Self::Unknown => "unknown",
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
    salvage: &Salvage,
    target: &TargetFate,
    task: &TaskFate,
    window: SalvageWindow,
) -> Outcome {
    if matches!(task, TaskFate::SparedInDoubt { .. }) {
        return Outcome::Incomplete;
    }
    let is_spared = task.is_spared()
        || matches!(salvage, Salvage::Spared { .. })
        || salvage.is_of_another_session(window);
    if is_spared {
        return Outcome::Rejected;
    }
    let is_done = task.is_over() && target.is_settled();
    match (salvage, window) {
        (Salvage::Unconfirmed { .. } | Salvage::Unreadable { .. }, window) if !window.is_over => {
            Outcome::AwaitingSalvage
        }
        (Salvage::UnderWay, _) if task.was_left_running() => Outcome::AwaitingSalvage,
        // Somebody else is stopping it: its end is judged.
        (Salvage::Blind { .. }, window)
            if is_done && may_stop(salvage, window).authority().is_none() =>
        {
            Outcome::AwaitingSalvage
        }
        (Salvage::Confirmed | Salvage::NothingToSave | Salvage::Discarded, _) if is_done => {
            Outcome::Cleaned
        }
        (Salvage::Unreadable { .. } | Salvage::Unverified { .. }, _) if is_done => {
            Outcome::ArtifactsUnverified
        }
        (
            Salvage::GivenUpBefore
            | Salvage::UnderWay
            | Salvage::Unconfirmed { .. }
            | Salvage::WrongContainer
            | Salvage::Blind { .. },
            _,
        ) if is_done => Outcome::ArtifactsLost,
        (
            Salvage::Confirmed
            | Salvage::NothingToSave
            | Salvage::Discarded
            | Salvage::GivenUpBefore
            | Salvage::UnderWay
            | Salvage::Unconfirmed { .. }
            | Salvage::Unreadable { .. }
            | Salvage::Unverified { .. }
            | Salvage::NotAsked { .. }
            | Salvage::Blind { .. }
            | Salvage::Spared { .. }
            | Salvage::WrongContainer,
            _,
        ) => Outcome::Incomplete,
    }
}

/// What went wrong, and what happens next: `again` says how it is tried again.
pub(super) fn notes(
    salvage: &Salvage,
    target: &TargetFate,
    task: &TaskFate,
    again: &str,
) -> Vec<String> {
    let of_salvage = match salvage {
        Salvage::Unconfirmed { why } | Salvage::Unreadable { why } if task.was_left_running() => {
            Some(format!("{why}; the task is not stopped, {again}"))
        }
        Salvage::Unconfirmed { why }
        | Salvage::Unreadable { why }
        | Salvage::Unverified { why } => Some(why.clone()),
        Salvage::NotAsked { why } => Some(format!("{why}; {again}")),
        Salvage::Blind { why } => Some(format!(
            "{why}; no other task of its family in its subnet answers, so the route may be broken: see \
             security groups, subnets and network ACLs"
        )),
        Salvage::Spared { why } => Some(format!("{why}; nothing was done to it")),
        Salvage::WrongContainer => Some(
            "the container says that it runs another session; see its SESSION_ID and the owner"
                .to_owned(),
        ),
        Salvage::UnderWay => Some(format!("{UNDER_WAY}; each sweep that acts asks again")),
        Salvage::Confirmed
        | Salvage::NothingToSave
        | Salvage::Discarded
        | Salvage::GivenUpBefore => None,
    };
    let of_target = match target {
        TargetFate::Unverified { why } => {
            Some(format!("{why}; what is still registered is left to the reaper"))
        }
        TargetFate::NotReRegistered { why } => Some(format!(
            "{why}; a live session may get no traffic until its target is registered again"
        )),
        TargetFate::Untouched
        | TargetFate::Gone
        | TargetFate::TakenOver
        | TargetFate::ReRegistered
        | TargetFate::Kept
        | TargetFate::NeverHadOne
        | TargetFate::LeftToReaper
        | TargetFate::NotRouted => None,
    };
    let of_task = match task {
        TaskFate::Spared { why } => Some(format!("{why}; its task runs on")),
        TaskFate::SparedInDoubt { why } => {
            Some(format!("{why}; but a stop was sent before, and not answered; {again}"))
        }
        TaskFate::NotStopped { why } | TaskFate::StopUnanswered { why } => {
            Some(format!("{why}; {again}"))
        }
        TaskFate::Stopped
        | TaskFate::ToBeStopped
        | TaskFate::StoppedByOthers
        | TaskFate::Running { .. }
        | TaskFate::Unknown => None,
    };
    [of_salvage, of_target, of_task].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unconfirmed() -> Salvage {
        Salvage::Unconfirmed { why: "HTTP 500".to_owned() }
    }

    fn in_the_window(salvage: &Salvage, target: &TargetFate, task: &TaskFate) -> Outcome {
        outcome(salvage, target, task, SalvageWindow::OPEN)
    }

    #[test]
    fn clean_is_only_what_is_confirmed_gone_and_stopped() {
        let (confirmed, gone, stopped) = (Salvage::Confirmed, TargetFate::Gone, TaskFate::Stopped);
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
        for salvage in [unconfirmed(), Salvage::WrongContainer, Salvage::GivenUpBefore] {
            let over =
                SalvageWindow { is_over: true, is_beyond_hard_age: true, ..SalvageWindow::OPEN };
            let lost = outcome(&salvage, &TargetFate::Gone, &TaskFate::Stopped, over);
            assert_eq!(lost, Outcome::ArtifactsLost, "{salvage:?}");
        }
    }

    #[test]
    fn what_nobody_reached_and_others_stop_is_no_loss_until_its_end_is_judged() {
        let blind = Salvage::Blind { why: "no connection in time".to_owned() };
        let theirs = TaskFate::StoppedByOthers;
        assert_eq!(
            in_the_window(&blind, &TargetFate::NotRouted, &theirs),
            Outcome::AwaitingSalvage
        );
    }

    #[test]
    fn a_403_is_rejected_whatever_else_fails() {
        let runs = TaskFate::Running { why: "another session's".to_owned() };
        let missing = TargetFate::NotReRegistered { why: "throttled".to_owned() };
        for target in [TargetFate::ReRegistered, missing, TargetFate::TakenOver] {
            let outcome = in_the_window(&Salvage::WrongContainer, &target, &runs);
            assert_eq!(outcome, Outcome::Rejected);
        }
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
