//! A sweep's report as it is read back from the ledger: what of it later invocations need. Words are kept as
//! they stand, for another version may have had others.

use crate::container::Probe;
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::Ipv4Addr;

/// One sweep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredReport {
    /// `report` or `enforce`.
    #[serde(default)]
    pub mode: String,
    /// What asked for it.
    #[serde(default)]
    pub trigger: Value,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// What was wrong with it, or with the fleet.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How much there was of what.
    #[serde(default)]
    pub counts: Value,
    /// The listings that were missing.
    #[serde(default)]
    pub not_decided: Vec<String>,
    /// What else went wrong.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Every task that was not plainly fine.
    pub tasks: Vec<StoredTask>,
    /// Every target that was not plainly fine.
    pub targets: Vec<StoredTarget>,
}

impl StoredReport {
    /// Every finding, by the session or the target that it is about: tasks, then targets.
    pub fn findings(&self) -> impl Iterator<Item = (String, &StoredVerdict)> {
        let tasks = self.tasks.iter().map(|task| {
            let who = task.session_id.clone().unwrap_or_else(|| task.task_arn.id().to_owned());
            (who, &task.verdict)
        });
        let targets = self.targets.iter();
        tasks.chain(targets.map(|target| (target.address.to_string(), &target.verdict)))
    }
}

/// What a sweep found of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredTask {
    /// The task.
    pub task_arn: TaskArn,
    /// Its session.
    #[serde(default)]
    pub session_id: Option<String>,
    /// What it found.
    #[serde(flatten)]
    pub verdict: StoredVerdict,
    /// What it rested on.
    #[serde(default)]
    pub evidence: StoredFacts,
}

/// What a sweep decided of a task or a target, and did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredVerdict {
    /// Its row: place and name.
    #[serde(default)]
    pub row: String,
    /// Why, as a sentence.
    #[serde(default)]
    pub why: String,
    /// What gives it another row.
    #[serde(default)]
    pub change: Option<String>,
    /// What was done.
    pub action: String,
    /// What came of it.
    #[serde(default)]
    pub result: Option<String>,
}

/// What a later look can't see for itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StoredFacts {
    /// Its address.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// What its container had answered.
    #[serde(default)]
    pub probe: Option<Probe>,
}

/// What a sweep found of a target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredTarget {
    /// The group that holds it.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
    /// What it found.
    #[serde(flatten)]
    pub verdict: StoredVerdict,
    /// What had answered there.
    #[serde(default)]
    pub probe: Option<Probe>,
    /// The task that held its address.
    #[serde(default)]
    pub holder: Option<TaskArn>,
}

#[cfg(test)]
mod tests;
