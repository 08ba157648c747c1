use super::identified::Identified;
use super::identified_session::IdentifiedSession;
use super::invocation::Invocation;
use super::judge::OverTask;
use super::receipt;
use super::request::{Cause, Delivery, Request};
use super::unnamed::{Named, UNIDENTIFIED, session_of_ending, session_of_forgotten};
use crate::aws::retry::pauses;
use crate::aws::{CallError, TaskSnapshot};
use crate::deadline::Deadline;
use crate::event::TaskReference;
use crate::session::{
    IdentitySource, Scope, SessionId, Stage, Task, TaskArn, said_start, session_start, writes_from,
};
use backon::BackoffBuilder;
use jiff::Timestamp;
use std::time::Duration;

/// Finds the task, and makes sure that it is a session task and runs the session that the request
/// names; until `deadline`.
pub(super) async fn identify(
    invocation: &Invocation,
    request: &Request,
    deadline: Deadline,
) -> Identified {
    let arn = match find(invocation, request).await {
        Ok(arn) => arn,
        Err(not_found) => return not_found,
    };
    let unclear = |why: String| Identified::Unclear { task: Some(arn.clone()), why };
    let rejected = |why: String| Identified::Rejected { task: Some(arn.clone()), why };
    let snapshot = match look(invocation, request, &arn, deadline).await {
        Ok(snapshot) => snapshot,
        Err(error) if error.is_refused() => return rejected(error.to_string()),
        Err(error) => return unclear(error.to_string()),
    };
    let Some(task) = snapshot.task else {
        return match session_of_forgotten(invocation, request, &arn).await {
            Ok(over) => agreed(request, over),
            Err(concluded) => concluded,
        };
    };
    let scope = &invocation.context().config.scope;
    let not_now = |why: String| {
        if request.is_of_a_sweep() {
            rejected(why)
        } else {
            Identified::OutOfScope { task: arn.clone(), why }
        }
    };
    if !scope.is_session_task(&task) {
        return not_now(format!("a task of {} is no session task", task.family));
    }
    match is_shown(scope, &request.cause, &task) {
        Shown::Yes | Shown::Nameless => {}
        Shown::NotYet(why) => return unclear(why),
        Shown::GoesOn => return not_now("it runs, and nothing says that it ends".to_owned()),
    }
    let over = match task.stage() {
        Stage::NeverStarted | Stage::Running | Stage::Dying => false,
        Stage::Over => true,
        Stage::Unknown => return unclear("ECS shows a status that is not known here".to_owned()),
    };
    let noted = task.stop_note().map(|note| note.session);
    let by_us = noted.is_some();
    let named = noted.or_else(|| IdentitySource::identify(&scope.identity, &task));
    let Named { session, writes_from: on_record, is_on_record } = match named {
        Some(session) => Named { session, writes_from: None, is_on_record: false },
        None if task.shall_run() => return rejected(UNIDENTIFIED.to_owned()),
        None => match session_of_ending(invocation, request, &task).await {
            Ok(named) => named,
            Err(concluded) => return concluded,
        },
    };
    if let Some(why) = disagreement(request, &session) {
        return rejected(why);
    }
    let over_task = |session, arn, task: Task| {
        let outlives = IdentitySource::outlives(&scope.identity, &task);
        Identified::Over(Box::new(OverTask {
            session,
            arn,
            writes_from: on_record,
            is_named_by_a_tag: !is_on_record && !outlives,
            task: Some(task),
        }))
    };
    if over {
        return over_task(session, arn, task);
    }
    let now = invocation.context().clock.now();
    let writes_from = on_record.unwrap_or_else(|| writes_from(&task, now));
    if by_us || request.delivery != Delivery::First {
        match receipt::read(&invocation.context().aws.ledger, &session, &arn).await {
            // We are stopping it, and the cleanup that does so has finished: this is a duplicate.
            Ok(Some(receipt)) if by_us && receipt.outcome.is_final() => {
                return over_task(session, arn, task);
            }
            Ok(Some(receipt)) if receipt.is_of_a_403() => {
                let (id, review, routes) = (session, None, None);
                let session = IdentifiedSession { id, task, writes_from, review, routes };
                return Identified::Obeyed(Box::new(session));
            }
            Ok(_) => {}
            Err(error) if by_us => return unclear(error.to_string()),
            // Its owner's word goes on; nothing of it waits for the ledger.
            Err(error) => tracing::warn!(%error, "what came of earlier deliveries is not known"),
        }
    }
    let (review, routes) = (request.cause.review().cloned(), request.cause.routes().cloned());
    let session = IdentifiedSession { id: session, task, writes_from, review, routes };
    Identified::Session(Box::new(session))
}

fn agreed(request: &Request, over: OverTask) -> Identified {
    match disagreement(request, &over.session) {
        Some(why) => Identified::Rejected { task: Some(over.arn), why },
        None => Identified::Over(Box::new(over)),
    }
}

fn disagreement(request: &Request, found: &SessionId) -> Option<String> {
    let named = request.cause.session()?;
    (named != found).then(|| format!("the task runs session {found}, not {named}"))
}

/// A snapshot of the task. ECS may show a change some moments after its event: it is looked at again and
/// again, for waiting for the next delivery may be too late.
async fn look(
    invocation: &Invocation,
    request: &Request,
    arn: &TaskArn,
    deadline: Deadline,
) -> Result<TaskSnapshot, CallError> {
    let mut pauses = pauses(Duration::from_millis(250), Duration::from_secs(2)).build();
    let snapshots = &invocation.snapshots;
    let (mut snapshot, mut looked_at_again) = (snapshots.take(arn).await?, None);
    loop {
        let scope = &invocation.context().config.scope;
        let shown = snapshot.task.as_ref().map(|task| is_shown(scope, &request.cause, task));
        let pause = pauses.next().unwrap_or_default();
        let problem = match shown {
            Some(Shown::NotYet(problem)) => problem,
            Some(Shown::Nameless) => UNIDENTIFIED.to_owned(),
            Some(Shown::Yes | Shown::GoesOn) | None => return Ok(snapshot),
        };
        if !deadline.leaves_time_for(pause + A_LOOK) {
            return Ok(snapshot);
        }
        tracing::warn!(%problem, "looking again");
        looked_at_again.get_or_insert_with(|| snapshots.look_again_at(arn));
        tokio::time::sleep(pause).await;
        snapshot = match snapshots.fresh(arn) {
            Some(shown) if shown.seen_at > snapshot.seen_at => shown,
            Some(_) | None => snapshots.take(arn).await?,
        };
    }
}

/// A look may take so long: none is begun with less time left.
const A_LOOK: Duration = Duration::from_secs(2);

/// Whether ECS shows by now what the request speaks of.
enum Shown {
    /// It does.
    Yes,
    /// Not yet, and it will.
    NotYet(String),
    /// It runs, and shows no tag that could name its session: none may be there yet; or a call has stopped it, and
    /// ECS shows that its tags are gone before it shows that it ends.
    Nameless,
    /// The task runs, and nothing says that it ends.
    GoesOn,
}

/// Where an owner names the task, clocks decide nothing: one task runs one session.
fn is_shown(scope: &Scope, cause: &Cause, task: &Task) -> Shown {
    let is_nameless = || {
        task.shall_run()
            && scope.is_session_task(task)
            && IdentitySource::may_have_been_a_tag(&scope.identity)
            && IdentitySource::identify(&scope.identity, task).is_none()
    };
    match cause {
        Cause::TaskChanged { version, .. } if task.version < *version => Shown::NotYet(format!(
            "ECS still shows version {} of the task, the event showed {version}",
            task.version
        )),
        Cause::TaskChanged { says_end: true, .. } if task.shall_run() => {
            Shown::NotYet("ECS does not show the task's end yet".to_owned())
        }
        Cause::TaskChanged { says_end: false, .. } if task.shall_run() => Shown::GoesOn,
        Cause::SessionEnded { .. } | Cause::Orphan { .. } if is_nameless() => Shown::Nameless,
        Cause::SessionEnded { .. } | Cause::TaskChanged { .. } | Cause::Orphan { .. } => Shown::Yes,
    }
}

/// The task that the request names, or else the one that runs its session.
async fn find(invocation: &Invocation, request: &Request) -> Result<TaskArn, Identified> {
    let (session, at, ended_at_by_owner, said_at) = match (&request.task, &request.cause) {
        (TaskReference::Arn(arn), _) => return Ok(arn.clone()),
        (TaskReference::ByIdentity, Cause::SessionEnded { session, at, ended_at, said_at, .. }) => {
            (session, *at, *ended_at, *said_at)
        }
        (TaskReference::ByIdentity, Cause::TaskChanged { .. } | Cause::Orphan { .. }) => {
            let why = "only an owner's event may leave the task out".to_owned();
            return Err(Identified::Rejected { task: None, why });
        }
    };
    let unclear = |error: CallError| Identified::Unclear { task: None, why: error.to_string() };
    let rejected = |why: String| Err(Identified::Rejected { task: None, why });
    let sources = &invocation.context().config.scope.identity;
    let now = invocation.context().clock.now();
    let runs = |task: &Task| {
        let noted = task.stop_note().map(|note| note.session);
        noted.or_else(|| IdentitySource::identify(sources, task))
    };
    let runs_it = |task: &&Task| runs(task).as_ref() == Some(session);
    // In this order: one that ends in between is seen by the second.
    let live = invocation.snapshots.live_tasks().await.map_err(unclear)?;
    let over = invocation.snapshots.stopped_tasks().await.map_err(unclear)?;
    // Listings lag behind: one that has just stopped may be listed among those that run, and nowhere else.
    let (live, just_over): (Vec<&Task>, Vec<&Task>) =
        live.iter().partition(|task| task.shall_run());
    let over = over.iter().chain(just_over);
    let live: Vec<&Task> = live.into_iter().filter(runs_it).collect();
    let nameless: Vec<&Task> = over.clone().filter(|task| runs(task).is_none()).collect();
    let mut over: Vec<&Task> = over.filter(runs_it).collect();
    // That one of two is over by now does not say which of them was meant; nor does a clock that may be slow.
    let ran_on = |task: &&&Task| {
        session_start(task, now) <= said_at && ended_at(task).is_none_or(|end| end >= at)
    };
    let beside = over.iter().filter(ran_on).count();
    over.retain(|task| at >= session_start(task, now));
    over.sort_by_key(|task| session_start(task, now));
    // Nobody ends a session at the very instant at which it begins: that is said of the task before. Nor before its
    // start, by the same clock, however wrong that is.
    let had_begun =
        |task: &Task| at > session_start(task, now) && !starts_after(task, ended_at_by_owner);
    match live.as_slice() {
        [one] if had_begun(one) && beside == 0 => {
            // ECS deletes a tag with its task, and by now the event may be old.
            let nameless = nameless.iter().filter(ran_on).map(|task| &task.arn);
            let nameless: Vec<&TaskArn> = nameless.collect();
            match receipt::of_any(&invocation.context().aws.ledger, session, &nameless).await {
                Ok(None) => Ok(one.arn.clone()),
                Ok(Some(other)) => rejected(format!(
                    "{} and {other} ran session {session} at {at}: {SAY_WHICH}",
                    one.arn
                )),
                Err(error) => Err(unclear(error)),
            }
        }
        [one, ..] if live.len() > 1 || had_begun(one) => {
            for task in &live {
                name_while_it_can_be_told(invocation, session, task).await;
            }
            let tasks = live.len() + beside;
            rejected(format!("{tasks} tasks ran session {session} at {at}: {SAY_WHICH}"))
        }
        [] | [_, ..] => match over.last() {
            Some(task) => Ok(task.arn.clone()),
            None => rejected(format!("no task runs session {session} that began by {at}")),
        },
    }
}

const SAY_WHICH: &str = "say which by `task_arn`";

/// Once one of several tasks is over its tag is gone, and the next delivery would take another for the only one.
async fn name_while_it_can_be_told(invocation: &Invocation, session: &SessionId, task: &Task) {
    let context = invocation.context();
    if IdentitySource::outlives(&context.config.scope.identity, task) {
        return;
    }
    let named = (session, writes_from(task, context.clock.now()));
    let ledger = &context.aws.ledger;
    if let Err(error) = receipt::name_one_of_several(ledger, named, &task.arn).await {
        let task = &task.arn;
        tracing::warn!(%task, %error, "whose task it was can't be told once its tag is gone");
    }
}

/// Whether its owner says that its session began at this time or later, by its own clock.
fn starts_after(task: &Task, ended_at: Option<Timestamp>) -> bool {
    said_start(task).zip(ended_at).is_some_and(|(start, end)| start >= end)
}

/// When it was over, or is to be.
fn ended_at(task: &Task) -> Option<Timestamp> {
    task.stopping_at.or(task.stopped_at)
}
