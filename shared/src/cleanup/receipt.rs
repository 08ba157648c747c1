use super::outcome::Outcome;
use super::report::{Artifacts, CleanupReport, WRONG_CONTAINER};
use super::task_fate::TaskFate;
use crate::aws::{CallError, Failure, Ledger, Stored};
use crate::session::{SessionId, TaskArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What later cleanups read of a receipt. Its outcomes mean the same in every version; one with an
/// outcome that is not known here can't be read, and is never replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Receipt {
    session_id: SessionId,
    pub(super) outcome: Outcome,
    /// What it says of the artifacts.
    #[serde(default)]
    artifacts: String,
    /// What it says of the task.
    #[serde(default)]
    task: String,
    /// When it was written.
    #[serde(default)]
    at: Option<Timestamp>,
}

impl Receipt {
    /// Whether it was written before the stop that it speaks of: it is not the last word.
    pub(super) fn is_before_the_stop(&self) -> bool {
        self.task == TaskFate::ToBeStopped.to_string()
    }

    /// Whether the task's container has said that it runs another session, and was obeyed.
    pub(super) fn is_of_a_403(&self) -> bool {
        self.outcome == Outcome::Rejected && self.artifacts == WRONG_CONTAINER
    }

    /// When the container said that its upload was under way, if that is the last that it said.
    pub(super) fn under_way_at(&self) -> Option<Timestamp> {
        self.at.filter(|_| {
            !self.outcome.is_final() && self.artifacts == Artifacts::UnderWay.to_string()
        })
    }
}

/// Which session a task runs, for when the task can't say so any more; none, where it waited in a pool and
/// none had claimed it.
#[derive(Debug, Serialize, Deserialize)]
struct NamedTask {
    session_id: Option<SessionId>,
    /// When the session began: a tag says that, too.
    #[serde(default)]
    started_at: Option<Timestamp>,
}

/// What the ledger says of which session a task ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OnRecord {
    /// This one, and when it began, if that is on record.
    Session(SessionId, Option<Timestamp>),
    /// It ran none.
    NoSession,
    /// Nothing.
    Nothing,
}

/// All receipts of a session have its id in front: listing them says what became of it.
#[must_use]
pub fn receipts_of(session: &SessionId) -> String {
    format!("receipts/{}/", session.as_key_part())
}

fn key(session: &SessionId, task: &TaskArn) -> String {
    format!("{}{}.json", receipts_of(session), task.id())
}

/// That `task` ran `session`, where more than one task did: beside their receipts, so that one listing shows all.
fn ran_key(session: &SessionId, task: &TaskArn) -> String {
    format!("{}{}{RAN}", receipts_of(session), task.id())
}

const RAN: &str = ".ran";

/// Whether this key beside a session's receipts is that of one.
#[must_use]
pub fn is_receipt(key: &str) -> bool {
    !key.ends_with(RAN)
}

/// Where versions before this one kept it.
fn key_before(task: &TaskArn) -> String {
    format!("receipts/{}.json", task.id())
}

fn name_key(task: &TaskArn) -> String {
    format!("tasks/{}", task.id())
}

/// What is on record of a task of which nobody can tell which session it ran.
fn unknown_key(task: &TaskArn) -> String {
    format!("unknown/{}.json", task.id())
}

/// The receipt of `task` in `session`, if there is one: the one of this version, or that of a version
/// before where it got further.
pub(super) async fn read(
    ledger: &Ledger,
    session: &SessionId,
    task: &TaskArn,
) -> Result<Option<Receipt>, CallError> {
    let receipt = read_at(ledger, &key(session, task)).await?;
    if receipt.as_ref().is_some_and(|receipt| receipt.outcome.is_final()) {
        return Ok(receipt);
    }
    let before = read_at(ledger, &key_before(task)).await?;
    let before = before.filter(|before| before.session_id == *session);
    Ok(match (receipt, before) {
        (Some(receipt), Some(before)) if before.outcome.rank() > receipt.outcome.rank() => {
            Some(before)
        }
        (Some(receipt), Some(_) | None) => Some(receipt),
        (None, before) => before,
    })
}

async fn read_at(ledger: &Ledger, key: &str) -> Result<Option<Receipt>, CallError> {
    Ok(ledger.read_of_any_version(key).await?.map(|stored: Stored<Receipt>| stored.document))
}

/// The session of a task that no longer says it itself. `asked` is the session that the request names:
/// its receipt of this task shows that it is the one.
pub(super) async fn session_of(
    ledger: &Ledger,
    task: &TaskArn,
    asked: Option<&SessionId>,
) -> Result<OnRecord, CallError> {
    let named: Option<Stored<NamedTask>> = ledger.read(&name_key(task)).await?;
    let started_at = named.as_ref().and_then(|named| named.document.started_at);
    if let Some(asked) = asked
        && let Some(receipt) = read_at(ledger, &key(asked, task)).await?
    {
        return Ok(OnRecord::Session(receipt.session_id, started_at));
    }
    if let Some(Stored { document: NamedTask { session_id, .. }, .. }) = named {
        let session = |session| OnRecord::Session(session, started_at);
        return Ok(session_id.map_or(OnRecord::NoSession, session));
    }
    let before = read_at(ledger, &key_before(task)).await?;
    Ok(before.map_or(OnRecord::Nothing, |receipt| OnRecord::Session(receipt.session_id, None)))
}

/// One of `tasks` that is on record to have run `session`, if any is: one call, and none where there are no tasks.
pub(super) async fn of_any<'a>(
    ledger: &Ledger,
    session: &SessionId,
    tasks: &[&'a TaskArn],
) -> Result<Option<&'a TaskArn>, CallError> {
    if tasks.is_empty() {
        return Ok(None);
    }
    let keys = ledger.keys(&receipts_of(session)).await?;
    let is_there = |key: String| keys.contains(&key);
    let ran = |task: &&&TaskArn| is_there(key(session, task)) || is_there(ran_key(session, task));
    Ok(tasks.iter().find(ran).copied())
}

/// The session that `task` is on record to have run, where only its tag had said it.
///
/// # Errors
/// [`CallError`] when that is not known.
pub async fn session_on_record(
    ledger: &Ledger,
    task: &TaskArn,
) -> Result<Option<SessionId>, CallError> {
    Ok(match session_of(ledger, task, None).await? {
        OnRecord::Session(session, _) => Some(session),
        OnRecord::NoSession | OnRecord::Nothing => None,
    })
}

/// Writes down which session `task` runs, or that it runs none, for when its tags are gone. One that is
/// there already says the same, for a task runs one session; or that it ran none by then, and it has been claimed since.
pub(super) async fn name(
    ledger: &Ledger,
    session: Option<(&SessionId, Timestamp)>,
    task: &TaskArn,
) -> Result<(), CallError> {
    let (session_id, started_at) = session.map(|(id, at)| (id.clone(), at)).unzip();
    let (key, named) = (name_key(task), NamedTask { session_id, started_at });
    match ledger.create(&key, &named).await {
        Err(error) if error.failure == Failure::Conflict && session.is_some() => {
            Box::pin(name_what_had_none(ledger, &key, &named)).await
        }
        Err(error) if error.failure != Failure::Conflict => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn name_what_had_none(
    ledger: &Ledger,
    key: &str,
    named: &NamedTask,
) -> Result<(), CallError> {
    loop {
        let Some(Stored { document, etag }) = ledger.read::<NamedTask>(key).await? else {
            return create_once(ledger, key, named).await;
        };
        if document.session_id.is_some() {
            return Ok(());
        }
        match ledger.replace(key, named, &etag).await {
            Err(error) if error.failure == Failure::Conflict => {}
            done => return done.map(drop),
        }
    }
}

/// Writes down that `task` is one of several that ran `session`, for when their tags are gone.
pub(super) async fn name_one_of_several(
    ledger: &Ledger,
    (session, started_at): (&SessionId, Timestamp),
    task: &TaskArn,
) -> Result<(), CallError> {
    let named = NamedTask { session_id: Some(session.clone()), started_at: Some(started_at) };
    create_once(ledger, &ran_key(session, task), &named).await?;
    name(ledger, Some((session, started_at)), task).await
}

async fn create_once<T: Serialize>(
    ledger: &Ledger,
    key: &str,
    document: &T,
) -> Result<(), CallError> {
    match ledger.create(key, document).await {
        Err(error) if error.failure != Failure::Conflict => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Writes `report` as the receipt of its task, unless there is one that is further along. One call
/// where there is none yet.
pub(super) async fn save(ledger: &Ledger, report: &CleanupReport) -> Result<(), CallError> {
    if let (Outcome::Unknown, Some(task)) = (report.outcome, &report.task_arn) {
        return create_once(ledger, &unknown_key(task), report).await;
    }
    let (Some(session), Some(task), Some(rank)) =
        (&report.session_id, &report.task_arn, report.outcome.rank())
    else {
        return Ok(());
    };
    let key = key(session, task);
    loop {
        match ledger.create(&key, report).await {
            Err(error) if error.failure == Failure::Conflict => {}
            done => return done.map(drop),
        }
        let Some(Stored { document, etag }) = ledger.read_of_any_version::<Receipt>(&key).await?
        else {
            continue;
        };
        // What a container has said of itself stands, however little is known later.
        let is_less = document.is_of_a_403()
            && report.outcome != Outcome::Rejected
            && !report.outcome.is_final()
            || document.under_way_at().is_some() && report.was_not_asked();
        let further = is_less || document.outcome.rank().is_some_and(|known| known > rank);
        let same = document.outcome == report.outcome && report.outcome.is_final();
        if further || (same && !document.is_before_the_stop()) {
            return Ok(());
        }
        match ledger.replace(&key, report, &etag).await {
            Err(error) if error.failure == Failure::Conflict => {}
            done => return done.map(drop),
        }
    }
}

#[cfg(test)]
mod tests;
