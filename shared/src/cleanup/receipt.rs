use super::outcome::Outcome;
use super::report::CleanupReport;
use super::stop::TaskFate;
use crate::aws::{CallError, Failure, Ledger, Stored};
use crate::session::{SessionId, TaskArn};
use serde::Deserialize;

/// What later cleanups read of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Receipt {
    pub(super) session_id: SessionId,
    pub(super) outcome: Outcome,
    /// What it says of the task.
    #[serde(default)]
    task: String,
}

impl Receipt {
    /// Whether it was written before the stop that it speaks of: it is not the last word.
    fn is_before_the_stop(&self) -> bool {
        self.task == TaskFate::ToBeStopped.to_string()
    }
}

fn key(task: &TaskArn) -> String {
    format!("receipts/{}.json", task.id())
}

/// The receipt of `task`, if there is one.
pub(super) async fn read(ledger: &Ledger, task: &TaskArn) -> Result<Option<Receipt>, CallError> {
    Ok(ledger.read(&key(task)).await?.map(|stored: Stored<Receipt>| stored.document))
}

/// Writes `report` as the receipt of its task, unless there is one that is further along. One call
/// where there is none yet.
pub(super) async fn save(ledger: &Ledger, report: &CleanupReport) -> Result<(), CallError> {
    let (Some(task), Some(rank)) = (&report.task_arn, report.outcome.rank()) else {
        return Ok(());
    };
    let key = key(task);
    loop {
        match ledger.create(&key, report).await {
            Err(error) if error.failure == Failure::Conflict => {}
            done => return done.map(drop),
        }
        let Some(Stored { document, etag }) = ledger.read::<Receipt>(&key).await? else {
            continue;
        };
        let further = document.outcome.rank().is_some_and(|known| known > rank);
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
