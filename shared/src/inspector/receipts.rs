use super::answer::{self, Answer, section};
use super::read_all::read_all;
use crate::aws::CallError;
use crate::cleanup::{is_receipt, receipts_of};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::page;
use crate::session::SessionId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What is on record of a session.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SessionRecord {
    /// The session.
    session_id: SessionId,
    /// Its receipts, the newest first, as they stand in the ledger.
    pub(super) receipts: Vec<Value>,
    /// What could not be read.
    pub(super) problems: Vec<String>,
    #[serde(skip)]
    now: Timestamp,
}

/// So many are read at most: a session that was resumed more often has older ones.
const AT_MOST: usize = 50;
const AT_ONCE: usize = 10;

/// What became of a session.
pub(super) async fn answer(
    context: &Context,
    session: &SessionId,
    deadline: Deadline,
) -> SessionRecord {
    SessionRecord::read(context, session, deadline).await
}

impl SessionRecord {
    pub(super) async fn read(context: &Context, session: &SessionId, deadline: Deadline) -> Self {
        let mut problems = Vec::new();
        let folder = receipts_of(session);
        let listing = context.aws.ledger.keys(&folder);
        let keys = CallError::answered_by(deadline, "ListObjectsV2", &folder, listing).await;
        let mut keys = keys.unwrap_or_else(|error| {
            problems.push(error.to_string());
            Vec::new()
        });
        keys.retain(|key| is_receipt(key));
        if keys.len() > AT_MOST {
            problems.push(format!("it has {} receipts; {AT_MOST} of them are read", keys.len()));
            keys.truncate(AT_MOST);
        }
        let mut receipts = read_all(keys, AT_ONCE, &mut problems, |key| async move {
            let reading = context.aws.ledger.read_of_any_version::<Value>(&key);
            let stored = CallError::answered_by(deadline, "GetObject", &key, reading).await?;
            Ok(stored.map(|stored| stored.document))
        })
        .await;
        receipts.sort_by_key(|receipt| std::cmp::Reverse(ended_at(receipt)));
        Self { session_id: session.clone(), receipts, problems, now: context.clock.now() }
    }
}

impl Answer for SessionRecord {
    fn text(&self) -> String {
        let Self { session_id, receipts, problems, now } = self;
        let head = match receipts.len() {
            0 if problems.is_empty() => format!(
                "Session {session_id} has no receipt: nothing has cleaned it up yet, or its receipts have expired.\n\
                 Ask {{\"explain\": \"{session_id}\"}} for its task.\n"
            ),
            0 => format!("Whether session {session_id} has a receipt is not known.\n"),
            1 => format!("Session {session_id} has one receipt.\n"),
            many => {
                format!("Session {session_id} has {many} receipts, one for each of its tasks.\n")
            }
        };
        head + &section("Receipts", &receipts_table(receipts, *now)) + &answer::problems(problems)
    }
}

/// When the cleanup ended that it tells of.
fn ended_at(receipt: &Value) -> Option<Timestamp> {
    receipt["at"].as_str()?.parse().ok()
}

/// A table of receipts; empty where there is none.
pub(super) fn receipts_table(receipts: &[Value], now: Timestamp) -> String {
    if receipts.is_empty() {
        return String::new();
    }
    let rows = receipts.iter().map(|receipt| {
        let word = |field: &str| receipt[field].as_str().unwrap_or("-").to_owned();
        let at = ended_at(receipt);
        let task = receipt["task_arn"].as_str().unwrap_or("-");
        let task = task.rsplit_once('/').map_or(task, |(_, id)| id).to_owned();
        let notes: Vec<&str> =
            receipt["notes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        [
            at.map_or_else(|| "-".to_owned(), |at| page::time(at, now)),
            task,
            word("outcome"),
            format!(
                "artifacts {}; target {}; task {}{}{}",
                word("artifacts"),
                word("target"),
                word("task"),
                if notes.is_empty() { "" } else { ". " },
                notes.join("; ")
            ),
        ]
    });
    page::table(["at", "task", "outcome", "what became of it"], rows)
}
