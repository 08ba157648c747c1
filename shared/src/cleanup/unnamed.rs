//! A task that ends and no longer says which session it ran: ECS deletes its tags with `StopTask`, and at
//! the latest when it is over. The ledger may say it. Where that says nothing either, nobody can tell whose
//! artifacts were saved or lost; people are told so, unless nothing can have been lost.

use super::identified::Identified;
use super::invocation::Invocation;
use super::judge::OverTask;
use super::receipt::{self, OnRecord};
use super::report::Artifacts;
use super::request::{Cause, Delivery, Request};
use crate::config::{ArtifactMode, Config};
use crate::session::{IdentitySource, SessionId, Stage, Task, TaskArn, session_exited_well};
use jiff::{SignedDuration, Timestamp};

pub(super) const UNIDENTIFIED: &str = "the task names no session, by none of IDENTITY_SOURCES";

/// How long ECS shows a task that has stopped, at least (`DescribeTasks`).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// Whether ECS still shows a task of which an event at `at` says that it is over. The event may say any time.
fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < REMEMBERED
}

/// A session that the task itself no longer names.
pub(super) struct Named {
    pub(super) session: SessionId,
    /// From when on what lies where it writes is its own, where that is on record.
    pub(super) writes_from: Option<Timestamp>,
    /// Whether the ledger names it.
    pub(super) is_on_record: bool,
}

impl Named {
    /// Who asks knows it, and it may be written nowhere.
    fn by_hearsay(session: &SessionId, writes_from: Option<Timestamp>) -> Self {
        Self { session: session.clone(), writes_from, is_on_record: false }
    }
}

/// The session of a task that ends, or is over, and does not say it; else what is concluded.
pub(super) async fn session_of_ending(
    invocation: &Invocation,
    request: &Request,
    task: &Task,
) -> Result<Named, Identified> {
    let owner_names = match &request.cause {
        // The sweep has seen its tags just before they were deleted.
        Cause::Orphan { session, writes_from, .. } => {
            return Ok(Named::by_hearsay(session, Some(*writes_from)));
        }
        Cause::SessionEnded { session, .. } => Some(session),
        Cause::TaskChanged { .. } => None,
    };
    if let Some(named) = on_record(invocation, &task.arn, owner_names).await? {
        return Ok(named);
    }
    let context = invocation.context();
    let arn = || task.arn.clone();
    match (conclude(&context.config, task, owner_names.is_some()), owner_names) {
        (Conclusion::NothingLost { artifacts, why }, _) => Err(nothing_lost(arn(), artifacts, why)),
        // Its container says so if it runs another session, and nothing worse can happen to it now.
        (Conclusion::TagsDeleted, Some(session)) => Ok(Named::by_hearsay(session, None)),
        (Conclusion::Unclaimed, _) => {
            match receipt::name(&context.aws.ledger, None, &task.arn).await {
                Ok(()) => Err(nothing_lost(arn(), Artifacts::NothingToSave, UNCLAIMED)),
                Err(error) => Err(unclear(arn(), error.to_string())),
            }
        }
        (Conclusion::TagsDeleted, None) | (Conclusion::CannotBeTold, _) => {
            Err(cannot_be_told(request, arn()))
        }
        (Conclusion::Unidentified, _) => {
            Err(Identified::Rejected { task: Some(arn()), why: UNIDENTIFIED.to_owned() })
        }
    }
}

/// The same of a task that ECS knows no longer.
pub(super) async fn session_of_forgotten(
    invocation: &Invocation,
    request: &Request,
    arn: &TaskArn,
) -> Result<OverTask, Identified> {
    let context = invocation.context();
    let over = |Named { session, writes_from, .. }| {
        let writes_from = writes_from.or(request.cause.shown_creation());
        Ok(OverTask {
            session,
            arn: arn.clone(),
            task: None,
            writes_from,
            is_named_by_a_tag: false,
        })
    };
    let asked = request.cause.session().or(request.cause.shown_session());
    if let Some(named) = on_record(invocation, arn, asked).await? {
        return over(named);
    }
    match &request.cause {
        Cause::TaskChanged { at, .. }
            if at.is_none_or(|at| is_remembered(at, context.clock.now())) =>
        {
            let why = "ECS does not show the task, though it shows each for an hour after its end";
            Err(unclear(arn.clone(), why.to_owned()))
        }
        Cause::TaskChanged { shows: Some(session), .. } => over(Named::by_hearsay(session, None)),
        Cause::TaskChanged { shows: None, .. }
            if IdentitySource::may_have_been_a_tag(&context.config.scope.identity) =>
        {
            Err(cannot_be_told(request, arn.clone()))
        }
        Cause::TaskChanged { .. } | Cause::SessionEnded { .. } | Cause::Orphan { .. } => {
            let why = "ECS knows no such task, and it has no receipt".to_owned();
            Err(Identified::Rejected { task: Some(arn.clone()), why })
        }
    }
}

/// What the ledger says of it; `None` where that is nothing.
async fn on_record(
    invocation: &Invocation,
    task: &TaskArn,
    asked: Option<&SessionId>,
) -> Result<Option<Named>, Identified> {
    match receipt::session_of(&invocation.context().aws.ledger, task, asked).await {
        Ok(OnRecord::Session(session, writes_from)) => {
            Ok(Some(Named { session, writes_from, is_on_record: true }))
        }
        // By then: whose owner speaks of it has been claimed since.
        Ok(OnRecord::NoSession) if asked.is_some() => Ok(None),
        Ok(OnRecord::NoSession) => {
            Err(nothing_lost(task.clone(), Artifacts::NothingToSave, UNCLAIMED))
        }
        Ok(OnRecord::Nothing) => Ok(None),
        Err(error) => Err(unclear(task.clone(), error.to_string())),
    }
}

const UNCLAIMED: &str = "no session had claimed it: there was nothing to lose";

/// What a task that ends and is named nowhere lets one conclude.
enum Conclusion {
    /// Nothing of any session can have been lost.
    NothingLost { artifacts: Artifacts, why: &'static str },
    /// It waits in a pool, still shows its tags, and none of them is a session's.
    Unclaimed,
    /// Its container still runs, and `StopTask` has deleted the tag that may have named its session.
    TagsDeleted,
    /// It is over, and a tag may have named its session.
    CannotBeTold,
    /// It never named one.
    Unidentified,
}

fn conclude(config: &Config, task: &Task, owner_speaks: bool) -> Conclusion {
    let scope = &config.scope;
    let is_dying = task.stage() == Stage::Dying;
    let tag = IdentitySource::may_have_been_a_tag(&scope.identity);
    // Whose owner speaks of it had been claimed.
    let may_wait = config.sweep.warm_pool && !owner_speaks;
    if tag && owner_speaks && task.stopped_by_a_call && is_dying {
        return Conclusion::TagsDeleted;
    }
    let uploads_itself = match config.artifacts.mode {
        ArtifactMode::SelfUpload { .. } => true,
        ArtifactMode::Complete => false,
        ArtifactMode::Discard => {
            let why = "there are no artifacts, by configuration";
            return Conclusion::NothingLost { artifacts: Artifacts::Discarded, why };
        }
    };
    if task.never_started() {
        let why = "it never started: there was nothing to lose";
        return Conclusion::NothingLost { artifacts: Artifacts::NothingToSave, why };
    }
    if uploads_itself && session_exited_well(task, scope) {
        let why = "its session's name went with its tags; it exited with code 0";
        return Conclusion::NothingLost { artifacts: Artifacts::Confirmed, why };
    }
    match (tag, may_wait, task.stopped_by_a_call, is_dying) {
        (true, true, true, _) => {
            let why = "it was stopped by a call, and no session is known to have claimed it";
            Conclusion::NothingLost { artifacts: Artifacts::NothingToSave, why }
        }
        (true, true, false, true) => Conclusion::Unclaimed,
        (true, false, true, true) => Conclusion::TagsDeleted,
        (true, _, false, false) | (true, false, true, false) => Conclusion::CannotBeTold,
        (true, false, false, true) | (false, _, _, _) => Conclusion::Unidentified,
    }
}

/// At first a cleanup that is under way may yet name it.
fn cannot_be_told(request: &Request, task: TaskArn) -> Identified {
    match request.delivery {
        Delivery::First => unclear(task, format!("{NOT_NAMED}, so far; it is looked for again")),
        Delivery::Repeated | Delivery::Resumed => {
            Identified::CannotBeTold { task, why: format!("{NOT_NAMED}; {SEE}") }
        }
    }
}

const NOT_NAMED: &str = "the task is ending or has stopped; a deleted tag may have named its session, and the \
                         ledger does not name it";

const SEE: &str =
    "it is unknown whether its artifacts are saved: see its log, and ask who started it";

fn nothing_lost(task: TaskArn, artifacts: Artifacts, why: &str) -> Identified {
    Identified::NothingLost { task, artifacts, why: why.to_owned() }
}

fn unclear(task: TaskArn, why: String) -> Identified {
    Identified::Unclear { task: Some(task), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event that people make by hand may say any time, and must not end in a panic for it.
    #[test]
    fn a_task_is_still_shown_within_an_hour_of_its_end_whatever_time_that_is() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let at = |text: &str| is_remembered(text.parse().unwrap(), now);
        assert!(at("2026-11-24T11:00:01Z") && !at("2026-11-24T11:00:00Z"));
        assert!(is_remembered(Timestamp::MAX, now) && !is_remembered(Timestamp::MIN, now));
    }
}
