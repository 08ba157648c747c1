//! What the next sweep must know. What was seen confirms a suspicion or contradicts it, and then it is
//! dropped; what could not be seen does neither: its memory stays as it is, and grows old.

use super::plan::{Grounds, Judged};
use super::{Leases, TargetEvidence, TargetRow, TaskRow, is_longer_ago};
use crate::aws::Witness;
use crate::config;
use crate::session::{Lease, SessionTask, TargetAddress, TargetGroupArn, TaskArn};
use crate::sweep::suspects::{Seen, Suspects};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Of a task that was seen.
pub(super) fn task(
    suspects: &mut Suspects,
    (task, judged): (&SessionTask, &Judged),
    leases: Leases,
    policy: &config::Sweep,
    now: Timestamp,
) {
    let unknown = match judged.row {
        TaskRow::Undecided => true,
        TaskRow::Unrouted => judged.evidence.witness.is_none(),
        TaskRow::Ending
        | TaskRow::Protected
        | TaskRow::Unidentified
        | TaskRow::Ended
        | TaskRow::BeyondHardAge
        | TaskRow::Leased
        | TaskRow::LeaseUnreadable
        | TaskRow::Forced
        | TaskRow::LeaseExpired
        | TaskRow::LeaseLapsed
        | TaskRow::TooOld
        | TaskRow::Done
        | TaskRow::SuspectedDone
        | TaskRow::Live => false,
    };
    if judged.row == TaskRow::SuspectedDone || judged.row == TaskRow::Done {
        suspects.tasks.insert(task.arn.clone(), Seen::again(judged.suspect.as_ref(), now));
    }
    if let Some(vain) = judged.vain
        && judged.row.is_orphan()
    {
        suspects.vain.insert(task.arn.clone(), Seen { last: now, ..vain });
    }
    if unknown {
        suspects.tasks.extend(judged.suspect.map(|seen| (task.arn.clone(), seen)));
    }
    // Beyond its grace a lapsed lease hangs on the other leases, and not all of them were seen.
    let hangs_on_others = judged.row == TaskRow::LeaseLapsed
        && !leases.all_listed
        && matches!(task.lease, Lease::Until(end) if is_longer_ago(end, policy.lease_grace, now));
    if unknown || hangs_on_others {
        suspects.vain.extend(judged.vain.map(|seen| (task.arn.clone(), seen)));
    }
}

/// Of a target that was seen; `before` is what is remembered of it.
pub(super) fn target(
    suspects: &mut Suspects,
    target: (TargetGroupArn, TargetAddress),
    (row, evidence): (TargetRow, &TargetEvidence),
    before: Option<Seen>,
    now: Timestamp,
) {
    let seen = match row {
        TargetRow::Suspected | TargetRow::Zombie => Some(Seen::again(before.as_ref(), now)),
        TargetRow::Undecided | TargetRow::Unclear => before.filter(|_| nothing_answered(evidence)),
        TargetRow::Owned
        | TargetRow::OwnedElsewhere
        | TargetRow::Misrouted
        | TargetRow::MisroutedElsewhere
        | TargetRow::Draining
        | TargetRow::Foreign => None,
    };
    suspects.targets.extend(seen.map(|seen| (target, seen)));
}

/// Whether neither the load balancer nor we had an answer.
fn nothing_answered(evidence: &TargetEvidence) -> bool {
    let answered = match evidence.witness {
        Some(Witness::Active | Witness::Done | Witness::Answers) => true,
        Some(Witness::Silent) | None => false,
    };
    evidence.health.is_unanswered() && !answered
}

/// Of what a listing that is missing would have shown.
pub(super) fn the_unseen(suspects: &mut Suspects, grounds: &Grounds<'_>) {
    let seen = grounds.seen;
    let unseen = |task: &TaskArn| {
        seen.clusters.get(task.cluster()).is_some_and(Result::is_err)
            && !seen.tasks.iter().any(|known| known.arn == *task)
    };
    let tasks = |memory: &BTreeMap<TaskArn, Seen>| {
        let kept = memory.iter().filter(|(task, _)| unseen(task));
        kept.map(|(task, seen)| (task.clone(), *seen)).collect::<Vec<_>>()
    };
    suspects.tasks.extend(tasks(&grounds.suspects.tasks));
    suspects.vain.extend(tasks(&grounds.suspects.vain));
    let targets = grounds.suspects.targets.iter();
    let kept = targets.filter(|((group, _), _)| seen.groups.get(group).is_some_and(Result::is_err));
    suspects.targets.extend(kept.map(|(target, seen)| (target.clone(), *seen)));
}
