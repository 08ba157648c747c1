//! The two lanes of one cleanup, side by side: the artifacts and then the stop; the target and then its
//! verification. They hand each other two things, each once.

use super::artifacts::{give_up, salvage};
use super::budget::Budget;
use super::identified_session::{AddressCheck, IdentifiedSession};
use super::invocation::Invocation;
use super::outcome::{Outcome, notes, outcome};
use super::record::Record;
use super::report::{Artifacts, CleanupReport, Findings};
use super::request::{Order, Request};
use super::salvage::{Salvage, TaskOver};
use super::steps::Steps;
use super::stop::{Permission, may_stop, stop};
use super::tag::tag_session_ended;
use super::target::{
    Salvaged, TargetRemoval, open_intents, re_register, remove, target_of, verify,
};
use super::target_fate::TargetFate;
use super::task_fate::TaskFate;
use crate::metrics::Step;
use crate::removal::{Authority, ContainersWord, Removed};
use crate::session::{PROTECTION_TAG, Stage, StoppedWith, TargetGroupArn};
use futures_util::FutureExt;
use futures_util::future::Shared;
use std::sync::{Mutex, PoisonError};
use tokio::join;
use tokio::sync::{SetOnce, oneshot};

/// One cleanup, and what it needs.
pub(super) struct Cleanup<'a> {
    pub(super) invocation: &'a Invocation,
    pub(super) request: &'a Request,
    pub(super) steps: &'a Steps,
    pub(super) budget: Budget<'a>,
    pub(super) record: Record<'a>,
}

/// What the two lanes hand each other, each once.
struct Handover {
    salvaged: Salvaged,
    removal: SetOnce<TargetRemoval>,
    /// For the intent of the removal, which outlives a lane.
    word: Mutex<Option<oneshot::Sender<ContainersWord>>>,
    heard: Shared<oneshot::Receiver<ContainersWord>>,
}

impl Handover {
    fn new() -> Self {
        let (word, heard) = oneshot::channel();
        Self {
            salvaged: Salvaged::new(),
            removal: SetOnce::new(),
            word: Mutex::new(Some(word)),
            heard: heard.shared(),
        }
    }

    /// The container's word is spoken once; nobody may be listening.
    fn say(&self, word: ContainersWord) {
        let speaker = self.word.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(speaker) = speaker {
            let _ = speaker.send(word);
        }
    }
}

impl Cleanup<'_> {
    /// The whole concurrency of a cleanup: two lanes side by side.
    pub(super) async fn both_lanes(&self, session: &IdentifiedSession) -> CleanupReport {
        let handover = Handover::new();
        let ((salvaged, task), (removal, target)) = join!(
            self.artifacts_then_stop(session, &handover),
            self.target_then_verify(session, &handover)
        );
        let target = if task.is_spared() && removal != TargetRemoval::NotRouted {
            self.re_register(session, &removal).await
        } else {
            target
        };
        let Ok(salvage) = salvaged else { return self.over_meanwhile(session, target).await };

        let cause = &self.request.cause;
        let outcome = outcome(&salvage, &target, &task, session.window(cause));
        if matches!(salvage, Salvage::Unreadable { .. }) {
            self.record.unreadable(&session.id);
        }
        let tagging = tag_session_ended(self.record, session, &salvage, &task);
        let mut notes = notes(&salvage, &target, &task, self.request.next());
        notes.extend(self.invocation.removals.missing_groups().iter().map(missing));
        let findings = Findings {
            session: Some(session.id.clone()),
            task_arn: Some(session.task.arn.clone()),
            outcome,
            notes,
            artifacts: salvage.clone().into(),
            target,
            task: task.clone(),
        };
        if salvage != Salvage::UnderWay {
            let (report, _tried) = join!(self.record.put_session(session, findings), tagging);
            return report;
        }
        // Its event is done once the sweeps know of it, and nothing but the upload is left to them.
        let handed_over = tagging.await.and_then(|()| match cause.order() {
            Order::Together => hand_over(session, &findings.target),
            Order::ArtifactsFirst => Ok(()),
        });
        let findings = match handed_over {
            Ok(()) => findings,
            Err(why) => findings.not_handed_over(&format!("{why}; {}", self.request.next())),
        };
        self.record.put_session(session, findings).await
    }

    /// After a 403 that an earlier delivery was answered with: its task is left alone, and what is still
    /// missing from its groups is registered again.
    pub(super) async fn register_again(&self, session: &IdentifiedSession) -> CleanupReport {
        let deadline = self.budget.until_the_receipt();
        let registering = open_intents(self.invocation, session, deadline);
        let target = self.steps.measure(Step::ReRegister, registering, TargetFate::to_string).await;
        if target == TargetFate::Kept {
            let task = Some(session.task.arn.clone());
            let why = format!("{OBEYED}, and no target of it is missing");
            return self.record.untouched(Outcome::Rejected, task, why);
        }
        let task = TaskFate::Running { why: OBEYED.to_owned() };
        let salvage = Salvage::WrongContainer;
        let findings = Findings {
            session: Some(session.id.clone()),
            task_arn: Some(session.task.arn.clone()),
            outcome: Outcome::Rejected,
            notes: notes(&salvage, &target, &task, self.request.next()),
            artifacts: salvage.into(),
            target,
            task,
        };
        self.record.put_session(session, findings).await
    }

    /// The lane of the artifacts. The stop waits for the target's steps to be answered or given up,
    /// so that the load balancer never sends a stranger's request to a task that is gone; never for
    /// the verification or the drain.
    async fn artifacts_then_stop(
        &self,
        session: &IdentifiedSession,
        handover: &Handover,
    ) -> (Result<Salvage, TaskOver>, TaskFate) {
        let salvaging = salvage(self.invocation, session, &self.request.cause, self.budget);
        let result = |salvaged: &Result<Salvage, TaskOver>| match salvaged {
            Ok(salvage) => Artifacts::from(salvage.clone()).to_string(),
            Err(TaskOver) => "task_over".to_owned(),
        };
        let salvaged = self.steps.measure(Step::Artifacts, salvaging, result).await;
        // Only this lane sets it.
        let _ = handover.salvaged.set(salvaged.clone());
        let window = session.window(&self.request.cause);
        if !matches!(&salvaged, Ok(salvage) if salvage.is_of_another_session(window)) {
            handover.say(ContainersWord::Settled);
        }
        let removal = handover.removal.wait().await;
        match salvaged {
            Ok(salvage) => {
                let salvage = self.give_up_in_the_end(session, salvage).await;
                let task = self.stop(session, &salvage, removal).await;
                (Ok(salvage), task)
            }
            Err(TaskOver) => (Err(TaskOver), TaskFate::StoppedByOthers),
        }
    }

    /// The lane of the target. On the owner's word it begins at once; on our inference only after
    /// the artifacts are confirmed, or given up.
    async fn target_then_verify(
        &self,
        session: &IdentifiedSession,
        handover: &Handover,
    ) -> (TargetRemoval, TargetFate) {
        if !self.invocation.context().config.scope.routes_traffic() {
            // Only this lane sets it.
            let _ = handover.removal.set(TargetRemoval::NotRouted);
            return (TargetRemoval::NotRouted, TargetFate::NotRouted);
        }
        let window = session.window(&self.request.cause);
        let authority = match self.request.cause.order() {
            Order::Together => Some(Authority::OwnersWord),
            Order::ArtifactsFirst => match handover.salvaged.wait().await {
                Ok(salvage) => may_stop(salvage, window).authority(),
                Err(TaskOver) => None,
            },
        };
        let target = authority.and_then(|authority| {
            target_of(self.invocation, session, authority, handover.heard.clone())
        });
        let removal = match authority {
            Some(_) => {
                let deadline = self.budget.removal();
                let removing = remove(self.invocation, session, target.as_ref(), deadline);
                self.steps.measure(Step::Deregister, removing, TargetRemoval::to_string).await
            }
            None => TargetRemoval::NotTried,
        };
        // Only this lane sets it.
        let _ = handover.removal.set(removal.clone());
        if authority.is_none() {
            return (removal, TargetFate::Kept);
        }
        let deadline = self.budget.verification();
        let salvaged = (&handover.salvaged, window);
        let verifying = verify(self.invocation, session, &removal, target, deadline, salvaged);
        let fate = self.steps.measure(Step::VerifyTarget, verifying, TargetFate::to_string).await;
        let fate = match handover.salvaged.wait().await {
            Ok(salvage) if salvage.is_of_another_session(window) => {
                let fate = self.re_register(session, &removal).await;
                handover.say(match &fate {
                    TargetFate::ReRegistered | TargetFate::NotReRegistered { .. } => {
                        ContainersWord::AnotherSession
                    }
                    TargetFate::Gone
                    | TargetFate::TakenOver
                    | TargetFate::Kept
                    | TargetFate::Untouched
                    | TargetFate::NeverHadOne
                    | TargetFate::NotRouted
                    | TargetFate::LeftToReaper
                    | TargetFate::Unverified { .. } => ContainersWord::Settled,
                });
                fate
            }
            Ok(_) | Err(TaskOver) => fate,
        };
        (removal, fate)
    }

    /// Once the salvage window is over: whether what is given up is lost.
    async fn give_up_in_the_end(&self, session: &IdentifiedSession, salvage: Salvage) -> Salvage {
        match may_stop(&salvage, session.window(&self.request.cause)) {
            Permission::Stop(StoppedWith::ArtifactsLost) => {
                give_up(self.invocation, session, salvage, self.budget.stop()).await
            }
            Permission::Stop(
                StoppedWith::ArtifactsConfirmed
                | StoppedWith::ArtifactsUnverified
                | StoppedWith::NothingToSave
                | StoppedWith::Discarded,
            )
            | Permission::Leave(_) => salvage,
        }
    }

    async fn stop(
        &self,
        session: &IdentifiedSession,
        salvage: &Salvage,
        removal: &TargetRemoval,
    ) -> TaskFate {
        let is_dying = session.task.stage() == Stage::Dying;
        let with = match may_stop(salvage, session.window(&self.request.cause)) {
            Permission::Stop(with) => with,
            Permission::Leave(_) if is_dying => return TaskFate::StoppedByOthers,
            Permission::Leave(why) => return TaskFate::Running { why: why.to_owned() },
        };
        match removal {
            TargetRemoval::Answered(Removed::Waits(error)) => {
                return TaskFate::NotStopped { why: error.to_string() };
            }
            TargetRemoval::Spared { why, .. } => return TaskFate::Spared { why: why.clone() },
            TargetRemoval::NoAddress
            | TargetRemoval::NotRouted
            | TargetRemoval::NotTried
            | TargetRemoval::Answered(_)
            | TargetRemoval::TimedOut { .. } => {}
        }
        let outcome = match with {
            StoppedWith::ArtifactsLost => Some(Outcome::ArtifactsLost),
            StoppedWith::ArtifactsUnverified => Some(Outcome::ArtifactsUnverified),
            StoppedWith::ArtifactsConfirmed
            | StoppedWith::NothingToSave
            | StoppedWith::Discarded => None,
        };
        if let Some(outcome) = outcome.filter(|_| !is_dying) {
            // No loss is put on record that will not come about.
            let checking = session.check_address(self.invocation);
            if let Ok(Ok(AddressCheck::Spared { why, .. })) = self.budget.stop().run(checking).await
            {
                return TaskFate::Spared { why };
            }
            if let Err(why) = self.report_what_is_given_up(session, salvage, outcome).await {
                return TaskFate::NotStopped { why };
            }
        }
        let stopping = stop(self.invocation, session, with, &self.request.cause, self.budget);
        self.steps.measure(Step::Stop, stopping, TaskFate::to_string).await
    }

    async fn re_register(
        &self,
        session: &IdentifiedSession,
        removal: &TargetRemoval,
    ) -> TargetFate {
        let deadline = self.budget.until_the_receipt();
        let registering = re_register(self.invocation, session, removal, deadline);
        self.steps.measure(Step::ReRegister, registering, TargetFate::to_string).await
    }

    /// What is given up is on record before the stop that makes it final; else the answer is why not.
    async fn report_what_is_given_up(
        &self,
        session: &IdentifiedSession,
        salvage: &Salvage,
        outcome: Outcome,
    ) -> Result<(), String> {
        let loss = Findings {
            session: Some(session.id.clone()),
            task_arn: Some(session.task.arn.clone()),
            outcome,
            artifacts: salvage.clone().into(),
            target: TargetFate::Untouched,
            task: TaskFate::ToBeStopped,
            notes: vec!["the salvage window is over: its artifacts are given up".to_owned()],
        };
        let report = self.record.put_session(session, loss).await;
        if report.outcome != outcome {
            return Err(report.notes.join("; "));
        }
        if outcome == Outcome::ArtifactsLost {
            self.record.lost(&session.id);
        }
        Ok(())
    }
}

/// Whether sweeps go on where an upload is under way; else why its event must come again.
fn hand_over(session: &IdentifiedSession, target: &TargetFate) -> Result<(), String> {
    if session.task.is_protected() {
        return Err(format!("no sweep touches it, for its tag {PROTECTION_TAG} is true"));
    }
    if target.is_settled() { Ok(()) } else { Err("its target may still get requests".to_owned()) }
}

const OBEYED: &str = "its container has answered an earlier delivery that it runs another session";

fn missing(group: &TargetGroupArn) -> String {
    format!("there is no target group {group}: take it out of TARGET_GROUP_ARNS")
}
