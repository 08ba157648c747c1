use super::outcome::Outcome;
use super::request::{Cause, Request};
use super::salvage::Salvage;
use super::steps::{MeasuredStep, Steps};
use super::target_fate::TargetFate;
use super::task_fate::TaskFate;
use crate::event::EndReason;
use crate::metrics::{Figure, Metric};
use crate::session::{SessionId, TaskArn, Used};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt::{self, Display};

/// What a receipt says of the artifacts after a 403.
pub(super) const WRONG_CONTAINER: &str = "wrong_container";

/// What one cleanup did. As an object in the ledger (`receipts/{session}/{task_id}.json`) it is the task's
/// *receipt*: a record for people and for duplicates. No decision to stop anything rests on it.
#[derive(Debug, Clone, Serialize)]
pub struct CleanupReport {
    /// The session; unknown when the task could not be identified.
    pub session_id: Option<SessionId>,
    /// The task; unknown when none was found.
    pub task_arn: Option<TaskArn>,
    /// What became of it.
    pub outcome: Outcome,
    /// On whose word.
    pub cause: Cause,
    /// How the session ended, as its owner says.
    pub reason: Option<EndReason>,
    /// The owner's id of the request.
    pub request_id: Option<String>,
    /// What an orphan had used, since it became one, when the sweep looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_as_orphan: Option<Used>,
    /// When the cleanup ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What is known of the artifacts.
    #[serde(serialize_with = "as_words")]
    pub artifacts: Artifacts,
    /// What became of the target.
    #[serde(serialize_with = "as_words")]
    pub target: TargetFate,
    /// What became of the task.
    #[serde(serialize_with = "as_words")]
    pub task: TaskFate,
    /// What went wrong and what happens next, one sentence each.
    pub notes: Vec<String>,
    /// The measured steps.
    pub steps: Vec<MeasuredStep>,
    /// Whether a sweep wanted it, and no event did.
    #[serde(skip)]
    pub is_of_a_sweep: bool,
}

/// As it reads in logs, too.
fn as_words<S: Serializer>(fate: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fate)
}

/// What is on record of a session's artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifacts {
    /// The container said that all is in S3, and the marker is there.
    Confirmed,
    /// The task never started: there is nothing.
    NothingToSave,
    /// There are none, by configuration.
    Discarded,
    /// The container says that its upload is under way.
    UnderWay,
    /// Not confirmed, as far as we got.
    Unconfirmed {
        /// What kept them from being confirmed.
        why: String,
    },
    /// The container could not even be asked.
    NotAsked {
        /// Why.
        why: String,
    },
    /// Nobody was reached, and the route may be broken.
    Blind {
        /// What came instead of a connection.
        why: String,
    },
    /// The task is no orphan any longer: its container was not asked.
    Spared {
        /// What keeps it.
        why: String,
    },
    /// The container runs another session.
    WrongContainer,
    /// The container said that all is in S3, and we can't read whether the marker is.
    Unreadable {
        /// What S3 said.
        why: String,
    },
    /// The task is over or was given up; the marker is there, or can't be read, and nobody vouches
    /// for the rest.
    Unverified,
    /// The task is over or was given up without them.
    Lost,
    /// The task's receipt says it.
    AsInReceipt,
    /// Nothing is known.
    Unknown,
}

impl From<Salvage> for Artifacts {
    fn from(salvage: Salvage) -> Self {
        match salvage {
            Salvage::Confirmed => Self::Confirmed,
            Salvage::NothingToSave => Self::NothingToSave,
            Salvage::Discarded => Self::Discarded,
            Salvage::GivenUpBefore => Self::Lost,
            Salvage::UnderWay => Self::UnderWay,
            Salvage::Unconfirmed { why } => Self::Unconfirmed { why },
            Salvage::Unreadable { why } => Self::Unreadable { why },
            Salvage::Unverified { why: _ } => Self::Unverified,
            Salvage::NotAsked { why } => Self::NotAsked { why },
            Salvage::Blind { why } => Self::Blind { why },
            Salvage::Spared { why } => Self::Spared { why },
            Salvage::WrongContainer => Self::WrongContainer,
        }
    }
}

impl fmt::Display for Artifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => f.write_str("confirmed"),
            Self::NothingToSave => f.write_str("nothing_to_save"),
            Self::Discarded => f.write_str("discarded"),
            Self::UnderWay => f.write_str("under_way"),
            Self::Unconfirmed { why } => write!(f, "unconfirmed: {why}"),
            Self::Unreadable { why } => write!(f, "unreadable: {why}"),
            Self::NotAsked { why } => write!(f, "not_asked: {why}"),
            Self::Blind { why } => write!(f, "blind: {why}"),
            Self::Spared { why } => write!(f, "spared: {why}"),
            Self::WrongContainer => f.write_str(WRONG_CONTAINER),
            Self::Unverified => f.write_str("unverified"),
            Self::Lost => f.write_str("lost"),
            Self::AsInReceipt => f.write_str("as_in_receipt"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What a cleanup found out, beside what it was asked and how long it took.
pub(super) struct Findings {
    pub(super) session: Option<SessionId>,
    pub(super) task_arn: Option<TaskArn>,
    pub(super) outcome: Outcome,
    pub(super) artifacts: Artifacts,
    pub(super) target: TargetFate,
    pub(super) task: TaskFate,
    pub(super) notes: Vec<String>,
}

impl Findings {
    /// The same where the sweeps can't go on from here: the event must come again.
    pub(super) fn not_handed_over(mut self, problem: &str) -> Self {
        self.outcome = Outcome::Incomplete;
        self.notes.push(problem.to_owned());
        self
    }
}

impl CleanupReport {
    pub(super) fn new(request: &Request, findings: Findings, at: Timestamp, steps: &Steps) -> Self {
        let Findings { session, task_arn, outcome, artifacts, target, task, notes } = findings;
        Self {
            session_id: session,
            task_arn,
            outcome,
            reason: request.cause.reason(),
            used_as_orphan: request.cause.used(),
            cause: request.cause.clone(),
            request_id: request.request_id.clone(),
            at,
            duration_ms: steps.elapsed_ms(),
            artifacts,
            target,
            task,
            notes,
            steps: steps.measured(),
            is_of_a_sweep: request.is_of_a_sweep(),
        }
    }

    /// The same where its receipt could not be written. The work is done all the same, and the next
    /// delivery of the event finds it done: it is `incomplete` until it is on record.
    pub(super) fn unrecorded(self, problem: String) -> Self {
        let notes = self.notes.into_iter().chain([problem]).collect();
        Self { outcome: Outcome::Incomplete, notes, ..self }
    }

    /// Whether it is put on record: a rejection only after a 403, which was obeyed.
    pub(super) fn leaves_a_receipt(&self) -> bool {
        match self.outcome {
            Outcome::AlreadyClean | Outcome::OutOfScope => false,
            Outcome::Rejected => self.artifacts == Artifacts::WrongContainer,
            Outcome::Cleaned
            | Outcome::AwaitingSalvage
            | Outcome::ArtifactsUnverified
            | Outcome::ArtifactsLost
            | Outcome::Incomplete
            | Outcome::Unknown => true,
        }
    }

    /// Whether the container was asked for its artifacts, and they are not confirmed while its task
    /// still runs.
    #[must_use]
    pub fn salvage_failed(&self) -> bool {
        match self.artifacts {
            Artifacts::Unconfirmed { .. } | Artifacts::Unreadable { .. } => true,
            Artifacts::Confirmed
            | Artifacts::UnderWay
            | Artifacts::NothingToSave
            | Artifacts::Discarded
            | Artifacts::WrongContainer
            | Artifacts::NotAsked { .. }
            | Artifacts::Blind { .. }
            | Artifacts::Spared { .. }
            | Artifacts::Unverified
            | Artifacts::Lost
            | Artifacts::AsInReceipt
            | Artifacts::Unknown => false,
        }
    }

    /// Whether its container says that its upload goes on, for longer than we can wait: its task, which is
    /// tagged, is the sweeps' from now on, and its event is done.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.outcome == Outcome::AwaitingSalvage && self.artifacts == Artifacts::UnderWay
    }

    /// Whether its event must be delivered again (and end in the dead-letter queue in the end).
    #[must_use]
    pub fn fails_its_event(&self) -> bool {
        self.outcome.fails_its_event() && !self.is_under_way()
    }

    /// Whether nobody was reached, and the route may be broken.
    #[must_use]
    pub fn was_blind(&self) -> bool {
        matches!(self.artifacts, Artifacts::Blind { .. })
    }

    /// Whether its container could not be asked, for a failure of our own.
    #[must_use]
    pub fn was_not_asked(&self) -> bool {
        matches!(self.artifacts, Artifacts::NotAsked { .. })
    }

    /// Whether anything that it did may have reached its task: a completion call that was not answered
    /// with a 403, its target's deregistration, its stop. A 202 after a 202 changes nothing any more.
    #[must_use]
    pub fn touched_its_task(&self) -> bool {
        let was_asked = match self.artifacts {
            Artifacts::Confirmed
            | Artifacts::Unconfirmed { .. }
            | Artifacts::Unreadable { .. }
            | Artifacts::Unverified
            | Artifacts::Lost => true,
            Artifacts::UnderWay => self.cause.salvage_window().under_way_at.is_none(),
            Artifacts::NothingToSave
            | Artifacts::Discarded
            | Artifacts::NotAsked { .. }
            | Artifacts::Blind { .. }
            | Artifacts::Spared { .. }
            | Artifacts::WrongContainer
            | Artifacts::AsInReceipt
            | Artifacts::Unknown => false,
        };
        was_asked || self.target.may_have_been_touched() || self.task.may_be_our_stop()
    }

    /// Its outcome, its duration and those of its steps.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        // A sweep's cleanup is no failure of the circuit breaker's: the breaker calls for a sweep,
        // and the sweep is already there.
        let fails = !self.is_of_a_sweep && self.outcome.is_unfinished() && !self.is_under_way();
        let whole = [
            Metric::CLEANUP_DURATION.of(self.duration_ms),
            self.outcome.metric().of(1),
            Metric::CLEANUP_FAILURES.of(fails.into()),
        ];
        let steps = self.steps.iter().map(|step| step.step.duration().of(step.duration_ms));
        whole.into_iter().chain(steps).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleanup::request::{Delivery, OrphanCause, SalvageWindow};
    use crate::event::TaskReference;
    use crate::session::Review;
    use std::sync::Arc;

    fn failures(outcome: Outcome, cause: Cause, delivery: Delivery) -> u64 {
        let request =
            Request { task: TaskReference::ByIdentity, cause, request_id: None, delivery };
        let findings = Findings {
            session: None,
            task_arn: None,
            outcome,
            artifacts: Artifacts::Unknown,
            target: TargetFate::Untouched,
            task: TaskFate::Unknown,
            notes: Vec::new(),
        };
        let report = CleanupReport::new(&request, findings, Timestamp::UNIX_EPOCH, &Steps::begin());
        let figures = report.figures();
        figures.iter().find(|one| one.metric == Metric::CLEANUP_FAILURES).unwrap().value
    }

    #[test]
    fn a_cleanup_that_left_something_to_do_counts_as_a_failure_unless_a_sweep_made_it() {
        let died = || Cause::TaskChanged {
            version: 1,
            says_end: true,
            at: None,
            shows: None,
            created_at: None,
        };
        let orphan = Cause::Orphan {
            session: SessionId::parse("s-1").unwrap(),
            writes_from: Timestamp::UNIX_EPOCH,
            cause: OrphanCause::TooOld,
            salvage: SalvageWindow::OPEN,
            review: Review::new(|_| Ok(())),
            routes: Arc::default(),
            used: None,
        };
        for delivery in [Delivery::First, Delivery::Repeated] {
            assert_eq!(failures(Outcome::AwaitingSalvage, died(), delivery), 1);
            assert_eq!(failures(Outcome::Incomplete, died(), delivery), 1);
            for fine in [Outcome::Cleaned, Outcome::ArtifactsLost, Outcome::Rejected] {
                assert_eq!(failures(fine, died(), delivery), 0, "{fine}");
            }
        }
        assert_eq!(failures(Outcome::AwaitingSalvage, orphan, Delivery::First), 0);
        // One that a sweep finishes, which another had begun.
        assert_eq!(failures(Outcome::Incomplete, died(), Delivery::Resumed), 0);
    }
}
