//! What is not plainly fine: one task or one target, what its row rests on, and what was done about it.

use super::change;
use super::reason;
use crate::aws::TargetHealth;
use crate::cleanup::{Artifacts, CleanupReport, Outcome};
use crate::container::Probe;
use crate::removal::ZombieFate;
use crate::session::{Lease, SessionId, TargetAddress, TargetGroupArn, TaskArn, Used};
use crate::sweep::act::Acted;
use crate::sweep::decide::{
    Routed, TargetDecision, TargetRow, TargetVerdict, TaskDecision, TaskRow, TaskVerdict,
};
use crate::sweep::observation::Holder;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt::Display;
use std::net::Ipv4Addr;

/// One task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskFinding {
    /// The task.
    pub task_arn: TaskArn,
    /// Its session.
    pub session_id: Option<SessionId>,
    /// Its row in the table: place and name.
    #[serde(serialize_with = "as_label")]
    pub row: TaskRow,
    /// Why, as a sentence.
    pub why: String,
    /// What gives it another row, as a sentence.
    pub change: String,
    /// What it rests on.
    pub evidence: TaskFacts,
    /// What it has used since it became an orphan; `None` for others, and where ECS does not say how large
    /// it is.
    pub used: Option<Used>,
    /// What was done.
    pub action: Action,
    /// What came of it, or what kept it.
    pub result: Option<String>,
    /// What the cleanup function says, where it was called.
    pub cleanup: Option<CleanupReport>,
}

fn as_label<S: Serializer>(row: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(row)
}

/// What a decision about a task rests on.
#[derive(Debug, Clone, Serialize)]
pub struct TaskFacts {
    /// When it was made.
    pub created_at: Timestamp,
    /// The tag `session-ended-at`, where it has one and it can be read.
    pub session_ended_at: Option<Timestamp>,
    /// The tag `lease-expires-at`, likewise.
    pub lease_expires_at: Option<Timestamp>,
    /// Tags whose values can't be about this session, or can't be read.
    pub stale_tags: Vec<&'static str>,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// Whether traffic reaches it; `None`: a target group was not listed.
    pub routed: Option<bool>,
    /// What its container answered our own health check, where it was asked.
    pub probe: Option<Probe>,
    /// Since when it has been suspect.
    pub suspect_since: Option<Timestamp>,
    /// Since when it has been asked for its artifacts without success.
    pub salvage_failing_since: Option<Timestamp>,
    /// When its container said last that its upload was under way: its salvage window begins anew then.
    pub under_way_at: Option<Timestamp>,
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
    /// Its row in the table: place and name.
    #[serde(serialize_with = "as_label")]
    pub row: TargetRow,
    /// Why, as a sentence.
    pub why: String,
    /// What gives it another row, as a sentence.
    pub change: String,
    /// What the load balancer says.
    pub health: TargetHealth,
    /// What answered us there, where it was asked.
    pub probe: Option<Probe>,
    /// The task that holds its address, where one was seen.
    pub holder: Option<TaskArn>,
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
    /// It was cleaned up or deregistered.
    Acted,
    /// It was worked on, and is not done yet.
    Tried,
    /// A second look showed that it is none any longer.
    Spared,
    /// The blast radius was used up: the next sweep goes on.
    Waits,
    /// In the mode `report`: `enforce` would leave it to a later sweep.
    WouldWait,
    /// The stored report that was worked through does not name it.
    NotPlanned,
    /// There was no time left: the next sweep goes on.
    OutOfTime,
}

impl Action {
    /// Whether what was found is still there, of an orphan or a zombie.
    pub(super) fn leaves_it(self) -> bool {
        match self {
            Self::Kept
            | Self::Suspected
            | Self::WouldAct
            | Self::Tried
            | Self::Waits
            | Self::WouldWait
            | Self::NotPlanned
            | Self::OutOfTime => true,
            Self::Acted | Self::Spared => false,
        }
    }
}

impl TaskFinding {
    pub(crate) fn new(decision: &TaskDecision, acted: Option<Acted<CleanupReport>>) -> Self {
        let TaskDecision { task, judged, next: _ } = decision;
        let verdict = judged.row.verdict();
        let (action, result, cleanup) = match (acted, verdict) {
            (Some(Acted::Worked(report)), _) => {
                (action_of(&report), explain(&report), Some(report))
            }
            (Some(acted), _) => {
                let (action, result) = not_worked(acted);
                (action, result, None)
            }
            (None, TaskVerdict::Orphan(_)) => (Action::WouldAct, None, None),
            (None, TaskVerdict::Suspect) => (Action::Suspected, None, None),
            (None, TaskVerdict::Keep | TaskVerdict::KeepAndReport) => (Action::Kept, None, None),
        };
        Self {
            task_arn: task.arn.clone(),
            session_id: task.session.clone(),
            row: judged.row,
            why: reason::of_task(decision),
            change: change::of_task(decision),
            evidence: TaskFacts {
                created_at: task.created_at,
                session_ended_at: task.ended.at(),
                lease_expires_at: match task.lease {
                    Lease::Until(end) => Some(end),
                    Lease::None | Lease::Stale | Lease::Unreadable => None,
                },
                stale_tags: task.odd_tags(),
                address: task.address,
                routed: match judged.evidence.routed {
                    Routed::Yes => Some(true),
                    Routed::No => Some(false),
                    Routed::Unknown | Routed::Nowhere => None,
                },
                probe: judged.evidence.probe,
                suspect_since: judged.suspect.map(|seen| seen.since),
                salvage_failing_since: judged.salvage_failing.map(|seen| seen.since),
                under_way_at: judged.salvage.under_way_at,
                salvage_window_over: judged.salvage.is_over,
            },
            used: judged.used,
            action,
            result,
            cleanup,
        }
    }
}

/// What came of a victim's cleanup.
fn action_of(report: &CleanupReport) -> Action {
    match report.outcome {
        Outcome::Cleaned
        | Outcome::AlreadyClean
        | Outcome::ArtifactsUnverified
        | Outcome::ArtifactsLost => Action::Acted,
        Outcome::AwaitingSalvage | Outcome::Incomplete => Action::Tried,
        // A 403 is an orphan's all the same: in the end it is stopped.
        Outcome::Rejected if report.artifacts == Artifacts::WrongContainer => Action::Tried,
        Outcome::Rejected | Outcome::OutOfScope | Outcome::Unknown => Action::Spared,
    }
}

fn explain(report: &CleanupReport) -> Option<String> {
    (!report.notes.is_empty()).then(|| report.notes.join("; "))
}

fn not_worked<T>(acted: Acted<T>) -> (Action, Option<String>) {
    match acted {
        Acted::Worked(_) => (Action::Tried, None),
        Acted::Spared(why) | Acted::NotSeen(why) => (Action::Spared, Some(why)),
        Acted::WouldWait => {
            (Action::WouldWait, Some("it lies beyond the blast radius of one sweep".to_owned()))
        }
        Acted::NotPlanned => {
            (Action::NotPlanned, Some("the report that is the plan does not name it".to_owned()))
        }
        Acted::Waits => (Action::Waits, Some("the blast radius is used up".to_owned())),
        Acted::OutOfTime => (Action::OutOfTime, Some("there was no time left".to_owned())),
        Acted::Panicked(why) => (Action::Tried, Some(why)),
    }
}

impl TargetFinding {
    pub(crate) fn new(decision: &TargetDecision, acted: Option<Acted<ZombieFate>>) -> Self {
        let (action, result) = match (acted, decision.row.verdict()) {
            (Some(Acted::Worked(fate)), _) => match &fate {
                ZombieFate::Gone => (Action::Acted, None),
                ZombieFate::ReRegistered => (
                    Action::Spared,
                    Some("a live session holds its address: registered again".to_owned()),
                ),
                ZombieFate::Unverified { why } | ZombieFate::Kept { why } => {
                    (Action::Tried, Some(why.clone()))
                }
            },
            (Some(acted), _) => not_worked(acted),
            (None, TargetVerdict::Remove) => (Action::WouldAct, None),
            (None, TargetVerdict::Suspect) => (Action::Suspected, None),
            (None, TargetVerdict::Keep | TargetVerdict::KeepAndReport) => (Action::Kept, None),
        };
        let holder = match &decision.evidence.holder {
            Holder::OfOurs { task, .. } | Holder::Stranger { task, .. } => Some(task.clone()),
            Holder::Nobody | Holder::NobodyOfOurs | Holder::Unknown => None,
        };
        Self {
            group: decision.group.clone(),
            address: decision.address,
            row: decision.row,
            why: reason::of_target(decision),
            change: change::of_target(decision.row).to_owned(),
            health: decision.evidence.health,
            probe: decision.evidence.believed_probe(),
            holder,
            suspect_since: decision.suspect.map(|seen| seen.since),
            action,
            result,
        }
    }
}
