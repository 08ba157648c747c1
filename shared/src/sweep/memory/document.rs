use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use crate::sweep::suspects::{InARow, SeenLeases, SeenSince, Suspects, Unfinished};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The object's form: lists, since an address can't be a key.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Document {
    tasks: Vec<SuspectTask>,
    targets: Vec<SuspectTarget>,
    #[serde(alias = "vain")]
    failed_salvages: Vec<SuspectTask>,
    #[serde(default)]
    reused: Vec<SuspectTask>,
    #[serde(default)]
    blind: Vec<SuspectTask>,
    #[serde(default)]
    tried: Vec<TaskAt>,
    #[serde(default)]
    under_way: Vec<TaskAt>,
    #[serde(default)]
    leases_seen_at: Option<Timestamp>,
    #[serde(default)]
    leases: Vec<TaskAt>,
    #[serde(default)]
    claimed: Vec<TaskAt>,
    #[serde(default)]
    reaped_for_leases: Vec<TaskAt>,
    #[serde(default)]
    unfinished: Vec<UnfinishedTask>,
    #[serde(default)]
    in_a_row: InARow,
    #[serde(default)]
    counted_at: Option<Timestamp>,
    #[serde(default)]
    swept_at: Option<Timestamp>,
    #[serde(default)]
    swept_by: Option<String>,
    #[serde(default)]
    found: Option<usize>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TaskAt {
    task: TaskArn,
    at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct UnfinishedTask {
    task: TaskArn,
    #[serde(flatten)]
    begun: Unfinished,
}

fn listed(times: &BTreeMap<TaskArn, Timestamp>) -> Vec<TaskAt> {
    times.iter().map(|(task, at)| TaskAt { task: task.clone(), at: *at }).collect()
}

fn by_task(times: Vec<TaskAt>) -> BTreeMap<TaskArn, Timestamp> {
    times.into_iter().map(|TaskAt { task, at }| (task, at)).collect()
}

#[derive(Debug, Serialize, Deserialize)]
struct SuspectTask {
    task: TaskArn,
    #[serde(flatten)]
    seen: SeenSince,
}

#[derive(Debug, Serialize, Deserialize)]
struct SuspectTarget {
    group: TargetGroupArn,
    address: TargetAddress,
    #[serde(flatten)]
    seen: SeenSince,
}

impl From<&Suspects> for Document {
    fn from(suspects: &Suspects) -> Self {
        let task =
            |(task, seen): (&TaskArn, &SeenSince)| SuspectTask { task: task.clone(), seen: *seen };
        let targets = suspects.targets.iter().map(|((group, address), seen)| SuspectTarget {
            group: group.clone(),
            address: *address,
            seen: *seen,
        });
        let unfinished = |(task, begun): (&TaskArn, &Unfinished)| UnfinishedTask {
            task: task.clone(),
            begun: begun.clone(),
        };
        Self {
            tasks: suspects.tasks.iter().map(task).collect(),
            targets: targets.collect(),
            failed_salvages: suspects.failed_salvages.iter().map(task).collect(),
            reused: suspects.reused.iter().map(task).collect(),
            blind: suspects.blind.iter().map(task).collect(),
            tried: listed(&suspects.tried),
            under_way: listed(&suspects.under_way),
            leases_seen_at: suspects.leases.at,
            leases: listed(&suspects.leases.ends),
            claimed: listed(&suspects.claimed),
            reaped_for_leases: listed(&suspects.reaped_for_leases),
            unfinished: suspects.unfinished.iter().map(unfinished).collect(),
            in_a_row: suspects.in_a_row,
            counted_at: suspects.counted_at,
            swept_at: suspects.swept_at,
            swept_by: suspects.swept_by.clone(),
            found: suspects.found,
        }
    }
}

impl From<Document> for Suspects {
    fn from(document: Document) -> Self {
        let task = |suspect: SuspectTask| (suspect.task, suspect.seen);
        let target = |suspect: SuspectTarget| ((suspect.group, suspect.address), suspect.seen);
        let unfinished = |one: UnfinishedTask| (one.task, one.begun);
        Self {
            tasks: document.tasks.into_iter().map(task).collect(),
            targets: document.targets.into_iter().map(target).collect(),
            failed_salvages: document.failed_salvages.into_iter().map(task).collect(),
            reused: document.reused.into_iter().map(task).collect(),
            blind: document.blind.into_iter().map(task).collect(),
            tried: by_task(document.tried),
            under_way: by_task(document.under_way),
            leases: SeenLeases { at: document.leases_seen_at, ends: by_task(document.leases) },
            claimed: by_task(document.claimed),
            reaped_for_leases: by_task(document.reaped_for_leases),
            unfinished: document.unfinished.into_iter().map(unfinished).collect(),
            in_a_row: document.in_a_row,
            counted_at: document.counted_at,
            swept_at: document.swept_at,
            swept_by: document.swept_by,
            found: document.found,
        }
    }
}
