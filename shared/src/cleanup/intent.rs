//! Intents: what we are about to take out of target groups, written down before it is done, so that
//! a crash right after can be put right by someone else.

use super::setting::Setting;
use crate::aws::CallError;
use crate::session::{SessionId, TargetAddress, TargetGroupArn, TaskArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) const FOLDER: &str = "intents/";

/// One object of the ledger: everything that one call round takes away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was written.
    pub written_at: Timestamp,
    /// What is taken away.
    pub entries: Vec<IntentEntry>,
}

/// One target to be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentEntry {
    /// The group that it is taken out of.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
    /// Who had the address.
    pub from: TakenFrom,
}

/// Who had the address of a target when it was decided to take it away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenFrom {
    /// The task that is cleaned up.
    Task {
        /// The task.
        arn: TaskArn,
        /// Its session.
        session: SessionId,
        /// On what ground its target is taken away.
        ground: Ground,
    },
    /// No task of the account: a zombie target.
    Nobody,
}

/// On what ground a session's target is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Its owner, or ECS, said that it is over: it is taken even if no intent can be written.
    OwnersWord,
    /// Our inference, and its container has confirmed that it is done.
    Confirmed,
    /// Our inference, and nothing confirms it: its artifacts are given up. The intent stays until the
    /// next sweep has seen what became of the task.
    GivenUp,
}

impl Intent {
    /// A key of its own for each intent, in the order of time.
    fn key(&self) -> String {
        let seconds = self.written_at.as_second();
        format!("{FOLDER}{seconds}-{:016x}.json", fastrand::u64(..))
    }
}

/// Writes an intent for `entries`; the answer is its key.
pub(super) async fn write(
    setting: &Setting,
    entries: Vec<IntentEntry>,
) -> Result<String, CallError> {
    let intent = Intent { written_at: setting.clock.now(), entries };
    let key = intent.key();
    setting.aws.ledger.create(&key, &intent).await.map(|_etag| key)
}
