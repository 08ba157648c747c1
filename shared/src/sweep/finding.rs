//! What is not plainly fine: one task or one target, what its row rests on, and what was done about it.

use super::act::Done;
use super::decide::{
    Owner, Routed, TargetDecision, TargetRow, TargetVerdict, TaskDecision, TaskRow, TaskVerdict,
};
use super::reason;
use crate::aws::{TargetHealth, Witness};
use crate::cleanup::{Outcome, Report, SalvageWindow, ZombieFate};
use crate::session::{Ended, Lease, SessionId, TargetAddress, TargetGroupArn, TaskArn};
use jiff::Timestamp;
use serde::Serialize;
use std::net::Ipv4Addr;

/// One task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskFinding {
    /// The task.
    pub task_arn: TaskArn,
    /// Its session.
    pub session_id: Option<SessionId>,
    /// The number of its row in the table.
    pub row: &'static str,
    /// The row's name.
    pub finding: TaskRow,
    /// Why, as a sentence.
    pub why: String,
    /// What it rests on.
    pub evidence: TaskGrounds,
    /// What was done.
    pub action: Action,
    /// What came of it, or what kept it.
    pub result: Option<String>,
    /// What the cleanup function says, where it was called.
    pub cleanup: Option<Report>,
}

/// What a decision about a task rests on.
#[derive(Debug, Clone, Serialize)]
pub struct TaskGrounds {
    /// When it was made.
    pub created_at: Timestamp,
    /// The tag `session-ended-at`, where it has one and it can be read.
    pub session_ended_at: Option<Timestamp>,
    /// The tag `lease-expires-at`, likewise.
    pub lease_expires_at: Option<Timestamp>,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// Whether traffic reaches it; `None`: a target group was not listed.
    pub routed: Option<bool>,
    /// What its container answered our own health check, where it was asked.
    pub witness: Option<Witness>,
    /// Since when it has been suspect.
    pub suspect_since: Option<Timestamp>,
    /// Since when it was asked for its artifacts in vain.
    pub vain_since: Option<Timestamp>,
    /// Whether its artifacts may be given up.
    pub salvage_window_over: bool,
}

/// One target.
#[derive(Debug, Clone, Serialize)]
pub struct TargetFinding {
    /// The group that holds it.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
    /// The number of its row in the table.
    pub row: &'static str,
    /// The row's name.
    pub finding: TargetRow,
    /// Why, as a sentence.
    pub why: String,
    /// What the load balancer says.
    pub health: TargetHealth,
    /// What answered us there, where it was asked.
    pub witness: Option<Witness>,
    /// The task that has its address, where one was seen.
    pub owner: Option<TaskArn>,
    /// Since when it has been suspect.
    pub suspect_since: Option<Timestamp>,
    /// What was done.
    pub action: Action,
    /// What came of it, or what kept it.
    pub result: Option<String>,
}

/// What a sweep did about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was left as it is.
    Kept,
    /// It was left as it is, and the next sweep looks again.
    Suspected,
    /// In the mode `enforce` it would have been worked on.
    WouldAct,
    /// It was cleaned up or taken away.
    Done,
    /// It was worked on, and is not done yet.
    Tried,
    /// A second look showed that it is none any longer.
    Spared,
    /// The blast radius was used up: the next sweep goes on.
    Waits,
    /// There was no time left: the next sweep goes on.
    OutOfTime,
}

impl TaskFinding {
    pub(super) fn new(decision: &TaskDecision, done: Option<Done<Report>>) -> Self {
        let TaskDecision { task, judged } = decision;
        let verdict = judged.row.verdict();
        let (action, result, cleanup) = match (done, verdict) {
            (Some(Done::Worked(report)), _) => (acted(&report), explain(&report), Some(report)),
            (Some(done), _) => {
                let (action, result) = not_worked(done);
                (action, result, None)
            }
            (None, TaskVerdict::Orphan(_)) => (Action::WouldAct, None, None),
            (None, TaskVerdict::Suspect) => (Action::Suspected, None, None),
            (None, TaskVerdict::Keep | TaskVerdict::Report) => (Action::Kept, None, None),
        };
        Self {
            task_arn: task.arn.clone(),
            session_id: task.session.clone(),
            row: judged.row.number(),
            finding: judged.row,
            why: reason::of_task(decision),
            evidence: TaskGrounds {
                created_at: task.created_at,
                session_ended_at: match task.ended {
                    Ended::No => None,
                    Ended::Since(at) => at,
                },
                lease_expires_at: match task.lease {
                    Lease::Until(end) => Some(end),
                    Lease::None | Lease::Unreadable => None,
                },
                address: task.address,
                routed: match judged.evidence.routed {
                    Routed::Yes => Some(true),
                    Routed::No => Some(false),
                    Routed::Unknown => None,
                },
                witness: judged.evidence.witness,
                suspect_since: judged.suspect.map(|seen| seen.since),
                vain_since: judged.vain.map(|seen| seen.since),
                salvage_window_over: judged.salvage == SalvageWindow::Over,
            },
            action,
            result,
            cleanup,
        }
    }
}

/// What came of a victim's plan.
fn acted(report: &Report) -> Action {
    match report.outcome {
        Outcome::Cleaned
        | Outcome::AlreadyClean
        | Outcome::ArtifactsUnverified
        | Outcome::ArtifactsLost => Action::Done,
        Outcome::AwaitingSalvage | Outcome::Incomplete => Action::Tried,
        // A 403 is an orphan's all the same: after its salvage window it is stopped.
        Outcome::Rejected if report.salvage_was_vain() => Action::Tried,
        Outcome::Rejected => Action::Spared,
    }
}

fn explain(report: &Report) -> Option<String> {
    (!report.notes.is_empty()).then(|| report.notes.join("; "))
}

fn not_worked<T>(done: Done<T>) -> (Action, Option<String>) {
    match done {
        Done::Worked(_) => (Action::Tried, None),
        Done::Spared(why) => (Action::Spared, Some(why)),
        Done::Waits => (Action::Waits, Some("the blast radius is used up".to_owned())),
        Done::OutOfTime => (Action::OutOfTime, Some("there was no time left".to_owned())),
        Done::Panicked(why) => (Action::Tried, Some(why)),
    }
}

impl TargetFinding {
    pub(super) fn new(decision: &TargetDecision, done: Option<Done<ZombieFate>>) -> Self {
        let (action, result) = match (done, decision.row.verdict()) {
            (Some(Done::Worked(fate)), _) => match &fate {
                ZombieFate::Gone => (Action::Done, None),
                ZombieFate::PutBack => {
                    (Action::Spared, Some("a live session has its address: put back".to_owned()))
                }
                ZombieFate::Unverified { why } | ZombieFate::Kept { why } => {
                    (Action::Tried, Some(why.clone()))
                }
            },
            (Some(done), _) => not_worked(done),
            (None, TargetVerdict::TakeAway) => (Action::WouldAct, None),
            (None, TargetVerdict::Suspect) => (Action::Suspected, None),
            (None, TargetVerdict::Keep | TargetVerdict::Report) => (Action::Kept, None),
        };
        let owner = match &decision.evidence.owner {
            Owner::OfOurs { task, .. } | Owner::Stranger { task, .. } => Some(task.clone()),
            Owner::Nobody | Owner::NobodyOfOurs | Owner::Unknown => None,
        };
        Self {
            group: decision.group.clone(),
            address: decision.address,
            row: decision.row.number(),
            finding: decision.row,
            why: reason::of_target(decision),
            health: decision.evidence.health,
            witness: decision.evidence.witness,
            owner,
            suspect_since: decision.suspect.map(|seen| seen.since),
            action,
            result,
        }
    }
}
