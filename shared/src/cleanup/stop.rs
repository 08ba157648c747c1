use super::budget::Budget;
use super::identified_session::{AddressCheck, IdentifiedSession};
use super::invocation::Invocation;
use super::request::{Cause, SalvageWindow};
use super::salvage::Salvage;
use super::task_fate::TaskFate;
use crate::aws::retry::pauses;
use crate::aws::{CallError, Turn};
use crate::config::ArtifactMode;
use crate::container::Probe;
use crate::deadline::TimedOut;
use crate::removal::Authority;
use crate::session::{Stage, StopNote, StoppedWith, TargetAddress};
use backon::BackoffBuilder;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::Instant;

/// Whether the task may be stopped, given what is known of its artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Yes, with this note.
    Stop(StoppedWith),
    /// No.
    Leave(&'static str),
}

impl Permission {
    /// On what authority the target may be removed where we only infer that the session is over:
    /// its task may be stopped.
    pub(super) fn authority(self) -> Option<Authority> {
        match self {
            Self::Stop(StoppedWith::ArtifactsConfirmed) => Some(Authority::Confirmed),
            Self::Stop(
                StoppedWith::ArtifactsLost
                | StoppedWith::ArtifactsUnverified
                | StoppedWith::NothingToSave
                | StoppedWith::Discarded,
            ) => Some(Authority::GivenUp),
            Self::Leave(_) => None,
        }
    }
}

/// The one rule about stopping: confirmed, never started, nothing to save by configuration, or the salvage
/// window is over; and where nobody was reached, or it was a 403 or a 202, only once the hard age has passed
/// by that window, too.
pub(super) fn may_stop(salvage: &Salvage, window: SalvageWindow) -> Permission {
    match (salvage, window) {
        (Salvage::Confirmed, _) => Permission::Stop(StoppedWith::ArtifactsConfirmed),
        (Salvage::NothingToSave, _) => Permission::Stop(StoppedWith::NothingToSave),
        (Salvage::Discarded, _) => Permission::Stop(StoppedWith::Discarded),
        (Salvage::GivenUpBefore, _) => Permission::Stop(StoppedWith::ArtifactsLost),
        (Salvage::Unverified { .. }, _) => Permission::Stop(StoppedWith::ArtifactsUnverified),
        (Salvage::Unconfirmed { .. }, window) if window.is_over => {
            Permission::Stop(StoppedWith::ArtifactsLost)
        }
        (Salvage::Unreadable { .. }, window) if window.is_over => {
            Permission::Stop(StoppedWith::ArtifactsUnverified)
        }
        (Salvage::WrongContainer | Salvage::UnderWay, window)
            if window.is_over && window.is_beyond_hard_age =>
        {
            Permission::Stop(StoppedWith::ArtifactsLost)
        }
        (Salvage::Blind { .. }, window) if window.is_beyond_hard_age && window.was_blind_before => {
            Permission::Stop(StoppedWith::ArtifactsLost)
        }
        (Salvage::UnderWay, _) => Permission::Leave("its upload is under way"),
        (Salvage::Unreadable { .. }, _) => Permission::Leave("its marker can't be read"),
        (Salvage::Unconfirmed { .. }, _) => Permission::Leave("its artifacts are not confirmed"),
        (Salvage::WrongContainer, _) => Permission::Leave("its container runs another session"),
        (Salvage::Blind { .. }, _) => Permission::Leave("no route is known to lead to it"),
        (Salvage::Spared { .. }, _) => Permission::Leave("it is no orphan any longer"),
        (Salvage::NotAsked { .. }, _) => Permission::Leave("nothing is known of its artifacts"),
    }
}

impl Salvage {
    /// Whether the task turned out to run another session, so that its target must be registered
    /// again. In the end it is stopped all the same.
    pub(super) fn is_of_another_session(&self, window: SalvageWindow) -> bool {
        *self == Self::WrongContainer && may_stop(self, window).authority().is_none()
    }
}

/// Stops the task. A stop that no confirmed upload stands behind follows a check that shows the task as it
/// was when that was decided.
pub(super) async fn stop(
    invocation: &Invocation,
    session: &IdentifiedSession,
    artifacts: StoppedWith,
    cause: &Cause,
    budget: Budget<'_>,
) -> TaskFate {
    if session.task.stage() == Stage::Dying {
        return TaskFate::StoppedByOthers;
    }
    let note = StopNote { session: session.id.clone(), cause: cause.to_string(), artifacts };
    let mut attempts = Attempts {
        invocation,
        session,
        note: &note,
        is_beyond_hard_age: session.window(cause).is_beyond_hard_age,
        is_first: true,
        refusals: 0,
        in_doubt: false,
        decided_at: Instant::now(),
        problem: format!("DescribeTasks or StopTask of {} is not answered", session.task.arn),
    };
    let fate = match attempts.until_settled(budget).await {
        Ok(fate) => fate,
        Err(timed_out) => {
            TaskFate::NotStopped { why: format!("{}; {timed_out}", attempts.problem) }
        }
    };
    match fate {
        TaskFate::NotStopped { why } if attempts.in_doubt => TaskFate::StopUnanswered { why },
        TaskFate::StoppedByOthers if attempts.in_doubt => TaskFate::Stopped,
        // The stop deletes its tags, and a look that lags behind may show it running without them.
        TaskFate::Spared { why } if attempts.in_doubt => TaskFate::SparedInDoubt { why },
        fate => fate,
    }
}

/// Attempts at one `StopTask`, and what is known of them when their time is over.
struct Attempts<'a> {
    invocation: &'a Invocation,
    session: &'a IdentifiedSession,
    note: &'a StopNote,
    /// Whether its hard age has passed by a whole salvage window: by then ECS is believed.
    is_beyond_hard_age: bool,
    /// Whether the next one follows the decision at once.
    is_first: bool,
    /// How many connections its container has refused: one that runs may refuse a single one.
    refusals: usize,
    /// Whether one without a usable answer may have been done.
    in_doubt: bool,
    /// When the stop was decided, or the last attempt failed.
    decided_at: Instant,
    /// What kept it from success.
    problem: String,
}

impl Attempts<'_> {
    async fn until_settled(&mut self, budget: Budget<'_>) -> Result<TaskFate, TimedOut> {
        let mut pauses = pauses(Duration::from_millis(500), Duration::from_secs(3)).build();
        let snapshots = &self.invocation.snapshots;
        let _looked_at_again = snapshots.look_again_at(&self.session.task.arn);
        let pace = self.invocation.context().aws.tasks.pace();
        let mut deadline = budget.stop();
        loop {
            // What waits for its turn loses nothing of the time that a stop may take.
            let turn = budget.until_the_receipt().run(pace.stop()).await;
            if turn.is_err() {
                let arn = &self.session.task.arn;
                self.problem = format!("AWS throttles StopTask; the call for {arn} got no token");
            }
            if turn? == Turn::Waited {
                self.is_first = false;
                deadline = budget.stop();
            }
            match deadline.run(self.attempt()).await? {
                Ok(fate) => return Ok(fate),
                Err(problem) => {
                    tracing::warn!(%problem, "the task is not stopped; trying again");
                    self.problem = problem;
                }
            }
            self.is_first = false;
            self.decided_at = Instant::now();
            deadline.run(tokio::time::sleep(pauses.next().unwrap_or_default())).await?;
        }
    }

    async fn attempt(&mut self) -> Result<TaskFate, String> {
        let as_decided = match self.note.artifacts {
            // `StopTask` of a task that has stopped meanwhile would delete its tags, and with them
            // its identity, without leaving our note: so one that comes later checks first.
            StoppedWith::ArtifactsConfirmed if !self.is_first => match self.check_since().await? {
                // A container that has confirmed is done, whatever its lease says.
                AddressCheck::Holds(_)
                | AddressCheck::Spared { .. }
                | AddressCheck::NeverStarted(_)
                | AddressCheck::Unclear => true,
                AddressCheck::TaskOver => return Ok(TaskFate::StoppedByOthers),
            },
            StoppedWith::ArtifactsConfirmed => true,
            decided @ (StoppedWith::ArtifactsLost
            | StoppedWith::ArtifactsUnverified
            | StoppedWith::NothingToSave
            | StoppedWith::Discarded) => match self.check().await? {
                AddressCheck::Holds(_) => decided != StoppedWith::NothingToSave,
                AddressCheck::NeverStarted(Some(address))
                    if decided == StoppedWith::NothingToSave && !self.is_beyond_hard_age =>
                {
                    if !self.nobody_answers(address).await? {
                        let why =
                            "ECS shows that it never started, and something answers at its address";
                        return Ok(TaskFate::NotStopped { why: why.to_owned() });
                    }
                    true
                }
                AddressCheck::NeverStarted(_) => {
                    matches!(decided, StoppedWith::NothingToSave | StoppedWith::Discarded)
                }
                AddressCheck::Spared { why, .. } => return Ok(TaskFate::Spared { why }),
                AddressCheck::TaskOver => return Ok(TaskFate::StoppedByOthers),
                AddressCheck::Unclear => false,
            },
        };
        if !as_decided {
            let why = "its state has changed since its stop was decided".to_owned();
            return Ok(TaskFate::NotStopped { why });
        }
        // While it is under way, and where no usable answer comes, it may have been done.
        let doubted = std::mem::replace(&mut self.in_doubt, true);
        let tasks = &self.invocation.context().aws.tasks;
        let answer = tasks.stop(&self.session.task.arn, self.note).await;
        self.in_doubt = doubted || answer.as_ref().is_err_and(CallError::may_have_been_done);
        match answer {
            Ok(()) => Ok(TaskFate::Stopped),
            Err(error) if error.is_refused() => Ok(TaskFate::NotStopped { why: error.to_string() }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What ECS shows may be out of date by a time that AWS does not bound: a container that answers has started. After
    /// a refusal the next attempt looks, and asks, once more; where no route leads to it, it was tried for seconds.
    async fn nobody_answers(&mut self, ip: Ipv4Addr) -> Result<bool, String> {
        let context = self.invocation.context();
        match context.config.artifacts.mode {
            ArtifactMode::Complete => {}
            ArtifactMode::SelfUpload { .. } | ArtifactMode::Discard => return Ok(true),
        }
        let address = TargetAddress { ip, port: context.config.container.port };
        match context.containers.probe(address, Some(&self.session.id)).await {
            Some(Probe::Active | Probe::Done | Probe::Answers) => Ok(false),
            Some(Probe::Silent) if self.refusals == 0 => {
                self.refusals += 1;
                Err(format!("{address} has refused a connection; a second refusal counts"))
            }
            Some(Probe::Silent | Probe::Blind) => Ok(true),
            None => Err(format!("too many containers are being asked already; {address} was not")),
        }
    }

    async fn check(&self) -> Result<AddressCheck, String> {
        self.session.check_address(self.invocation).await.map_err(|error| error.to_string())
    }

    async fn check_since(&self) -> Result<AddressCheck, String> {
        let checking = self.session.check_address_since(self.invocation, self.decided_at);
        checking.await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER: SalvageWindow = SalvageWindow { is_over: true, ..SalvageWindow::OPEN };
    const BEYOND_HARD_AGE: SalvageWindow =
        SalvageWindow { is_beyond_hard_age: true, ..SalvageWindow::OPEN };
    const UNASKED_BEYOND_HARD_AGE: SalvageWindow =
        SalvageWindow { was_blind_before: true, ..BEYOND_HARD_AGE };
    const OVER_BEYOND_HARD_AGE: SalvageWindow =
        SalvageWindow { is_over: true, ..UNASKED_BEYOND_HARD_AGE };
    const WINDOWS: [SalvageWindow; 5] =
        [SalvageWindow::OPEN, OVER, BEYOND_HARD_AGE, UNASKED_BEYOND_HARD_AGE, OVER_BEYOND_HARD_AGE];

    /// In which windows it may be stopped, and as what.
    fn stops(salvage: &Salvage) -> Vec<(SalvageWindow, StoppedWith)> {
        let stop = |window| match may_stop(salvage, window) {
            Permission::Stop(with) => Some((window, with)),
            Permission::Leave(_) => None,
        };
        WINDOWS.into_iter().filter_map(stop).collect()
    }

    #[test]
    fn without_confirmation_nothing_is_stopped_before_the_salvage_window_is_over() {
        let why = "HTTP 500".to_owned();
        let lost = StoppedWith::ArtifactsLost;
        let unconfirmed = stops(&Salvage::Unconfirmed { why: why.clone() });
        assert_eq!(unconfirmed, [(OVER, lost), (OVER_BEYOND_HARD_AGE, lost)]);
        let unverified = StoppedWith::ArtifactsUnverified;
        let unreadable = stops(&Salvage::Unreadable { why });
        assert_eq!(
            unreadable,
            [(OVER, unverified), (OVER_BEYOND_HARD_AGE, unverified)],
            "our failure, and no loss"
        );
    }

    #[test]
    fn a_403_a_202_and_silence_without_a_route_are_bounded_by_the_hard_age_alone() {
        let lost = StoppedWith::ArtifactsLost;
        assert_eq!(stops(&Salvage::WrongContainer), [(OVER_BEYOND_HARD_AGE, lost)]);
        assert_eq!(stops(&Salvage::UnderWay), [(OVER_BEYOND_HARD_AGE, lost)]);
        assert_eq!(
            stops(&Salvage::Blind { why: "no connection".to_owned() }),
            [(UNASKED_BEYOND_HARD_AGE, lost), (OVER_BEYOND_HARD_AGE, lost)]
        );
    }

    #[test]
    fn confirmed_artifacts_and_a_task_that_never_started_allow_the_stop() {
        let stop = |salvage| may_stop(&salvage, SalvageWindow::OPEN);
        let confirmed = Permission::Stop(StoppedWith::ArtifactsConfirmed);
        assert_eq!(stop(Salvage::Confirmed), confirmed);
        let nothing = Permission::Stop(StoppedWith::NothingToSave);
        assert_eq!(stop(Salvage::NothingToSave), nothing);
    }

    #[test]
    fn what_is_not_known_never_allows_a_stop() {
        let why = || "no descriptor".to_owned();
        for salvage in [Salvage::NotAsked { why: why() }, Salvage::Spared { why: why() }] {
            assert!(stops(&salvage).is_empty(), "{salvage:?}");
        }
    }
}
