//! What an explanation holds.

use crate::aws::TargetHealth;
use crate::config::SweepMode;
use crate::inspector::history::Kept;
use crate::session::{SessionId, TargetAddress, TargetGroupArn, TaskArn};
use crate::sweep::report::{StoredVerdict, TaskFacts};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// An answer.
#[derive(Debug, Serialize)]
pub(in crate::inspector) struct Explanation {
    /// What was asked about.
    pub(super) about: String,
    /// The mode of scheduled sweeps.
    pub(super) mode: SweepMode,
    /// The tasks that it is about, as they are now.
    pub(super) tasks: Vec<TaskExplanation>,
    /// The address that it is about.
    pub(super) address: Option<AddressExplanation>,
    /// When the last sweep began.
    pub(super) last_sweep_at: Option<Timestamp>,
    /// What the last sweeps said, the newest first.
    pub(super) sweeps: Vec<Mention>,
    /// The receipts of its session, the newest first.
    pub(super) receipts: Vec<Value>,
    /// How far a look through the running tasks got, where there was one.
    pub(super) search: Option<String>,
    /// What could not be read, or is not known.
    pub(super) problems: Vec<String>,
    #[serde(skip)]
    pub(super) now: Timestamp,
}

/// What one sweep said.
#[derive(Debug, Serialize)]
pub(super) struct Mention {
    pub(super) began: Option<Timestamp>,
    pub(super) mode: String,
    /// The task or the target.
    pub(super) of: String,
    #[serde(flatten)]
    pub(super) verdict: StoredVerdict,
    pub(super) kept_as: String,
}

impl Mention {
    /// What a kept report says of something.
    pub(super) fn new(kept: &Kept, of: &str, verdict: &StoredVerdict) -> Self {
        Self {
            began: kept.report.started_at,
            mode: kept.report.mode.clone(),
            of: of.to_owned(),
            verdict: verdict.clone(),
            kept_as: kept.key.clone(),
        }
    }
}

/// Why a task is, or is not, touched.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TaskExplanation {
    pub(super) task_arn: TaskArn,
    pub(super) session_id: Option<SessionId>,
    /// Its place in the table of tasks, and its name; `None`: ECS does not know it any more.
    pub(super) row: Option<String>,
    /// What follows from the row.
    pub(super) verdict: String,
    /// Why it has this row.
    pub(super) why: String,
    /// What gives it another row.
    pub(super) change: Option<String>,
    /// What the row rests on.
    pub(super) evidence: Option<TaskFacts>,
    /// How it ends or ended, where it does.
    pub(super) end: Option<End>,
}

/// How a task ends or ended.
#[derive(Debug, Clone, Serialize)]
pub(super) struct End {
    /// Who has stopped it.
    pub(super) stopped_by: String,
    pub(super) told_to_stop_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    /// The exit code of each container; none, where it has none.
    pub(super) exit_codes: BTreeMap<String, Option<i32>>,
}

/// What is known of an address.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AddressExplanation {
    pub(super) ip: Ipv4Addr,
    /// The task that holds it.
    pub(super) holder: Option<TaskArn>,
    /// Each registration of it in the configured groups.
    pub(super) targets: Vec<TargetExplanation>,
}

/// Why a target is, or is not, touched.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TargetExplanation {
    pub(super) group: TargetGroupArn,
    pub(super) address: TargetAddress,
    pub(super) row: String,
    pub(super) why: String,
    pub(super) change: String,
    pub(super) health: TargetHealth,
}
