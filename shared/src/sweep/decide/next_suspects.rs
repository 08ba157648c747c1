//! What the next sweep must know. What was seen confirms a suspicion or contradicts it, and then it is
//! dropped; what could not be seen does neither: its memory stays as it is, and grows old.

use super::judge_task::JudgedTask;
use super::known::Known;
use super::leases::{Leases, running_lease};
use super::targets::{TargetEvidence, TargetRow};
use super::tasks::TaskRow;
use crate::clock::is_longer_ago;
use crate::config;
use crate::container::Probe;
use crate::session::{Lease, SessionTask, TargetAddress, TargetGroupArn, TaskArn};
use crate::sweep::suspects::{SeenLeases, SeenSince, Suspects};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Of a task that was seen.
pub(super) fn task(
    suspects: &mut Suspects,
    (task, judged): (&SessionTask, &JudgedTask),
    leases: &Leases,
    policy: &config::Sweep,
    now: Timestamp,
) {
    let unanswered = match judged.evidence.probe {
        None | Some(Probe::Blind) => judged.row.rests_on_probe(),
        Some(Probe::Active | Probe::Done | Probe::Answers | Probe::Silent) => false,
    };
    let unknown = judged.row == TaskRow::Undecided || unanswered;
    if judged.row.needs_two_sweeps() {
        suspects.tasks.insert(task.arn.clone(), SeenSince::again(judged.suspect.as_ref(), now));
    }
    // What its container has said of itself stands, also while it is no orphan.
    suspects.reused.extend(judged.reused.map(|seen| (task.arn.clone(), seen)));
    if judged.row.is_orphan() {
        let again = |seen: SeenSince| (task.arn.clone(), SeenSince { last: now, ..seen });
        suspects.failed_salvages.extend(judged.salvage_failing.map(again));
        suspects.reused.extend(judged.reused.map(again));
        suspects.blind.extend(judged.blind.map(again));
    }
    if unknown {
        suspects.tasks.extend(judged.suspect.map(|seen| (task.arn.clone(), seen)));
    }
    // Beyond its grace a lapsed lease hangs on the other leases: whether all were seen, and any extended. Where renewal
    // looks broken its session is live.
    let looks_broken = leases.all_listed && leases.are_lapsing();
    let hangs_on_others = judged.row == TaskRow::LeaseLapsed
        && !looks_broken
        && matches!(task.lease, Lease::Until(end) if is_longer_ago(end, policy.lease_grace, now));
    if unknown || hangs_on_others {
        let seen_again = hangs_on_others && leases.all_listed;
        let as_it_was = |seen: SeenSince| {
            let last = if seen_again { now } else { seen.last };
            (task.arn.clone(), SeenSince { last, ..seen })
        };
        suspects.failed_salvages.extend(judged.salvage_failing.map(as_it_was));
        suspects.reused.extend(judged.reused.map(as_it_was));
        suspects.blind.extend(judged.blind.map(as_it_was));
    }
}

/// Of an orphan that was worked on: until it is none any longer, or can't be judged.
pub(super) fn tried(
    suspects: &mut Suspects,
    (task, judged): (&SessionTask, &JudgedTask),
    before: &Suspects,
) {
    let remembered =
        suspects.failed_salvages.contains_key(&task.arn) || suspects.reused.contains_key(&task.arn);
    let at = before.tried.get(&task.arn).filter(|_| judged.row.is_orphan() || remembered);
    suspects.tried.extend(at.map(|at| (task.arn.clone(), *at)));
}

/// Of an orphan whose container said that its upload was under way: as long as that puts its salvage window off.
pub(super) fn under_way(suspects: &mut Suspects, task: &SessionTask, known: &Known<'_>) {
    let told = known.suspects.under_way.get(&task.arn);
    let counts = told.filter(|at| !is_longer_ago(**at, known.policy.salvage_window, known.now));
    suspects.under_way.extend(counts.map(|at| (task.arn.clone(), *at)));
}

/// Of a task that a session of a warm pool has claimed without saying when: since when that has been seen.
pub(super) fn claimed(suspects: &mut Suspects, task: &SessionTask, known: &Known<'_>) {
    if known.policy.warm_pool
        && task.session.is_some()
        && task.claimed_at.is_none()
        && task.shall_run
    {
        let since = known.suspects.claimed.get(&task.arn).copied().unwrap_or(known.now);
        suspects.claimed.insert(task.arn.clone(), since);
    }
}

/// Of cleanups that a sweep before has not finished: they are, or stay, the next one's.
pub(super) fn unfinished(suspects: &mut Suspects, known: &Known<'_>) {
    suspects.unfinished.clone_from(&known.suspects.unfinished);
}

/// Of leases: what ran when everything was listed last, and who was stopped for one.
pub(super) fn leases(suspects: &mut Suspects, known: &Known<'_>) {
    let Known { seen, policy, now, suspects: before, .. } = *known;
    let live = seen.tasks.iter().filter(|task| task.shall_run);
    let running = live.filter_map(|task| Some((&task.arn, running_lease(task, policy, now)?)));
    let reaped = before.reaped_for_leases.iter();
    let reaped = reaped.filter(|(_, at)| !is_longer_ago(**at, policy.max_session_age, now));
    suspects.reaped_for_leases.extend(reaped.map(|(task, at)| (task.clone(), *at)));
    // Who was to be stopped, and has been extended since, or protected, or ended by its owner, was not stopped for its
    // lease.
    let spared = |task: &&SessionTask| task.shall_run && (task.protected || task.ended.is_word());
    let spared = seen.tasks.iter().filter(spared).map(|task| &task.arn);
    for task in running.clone().map(|(task, _)| task).chain(spared) {
        suspects.reaped_for_leases.remove(task);
    }
    suspects.leases = if seen.all_clusters_listed() {
        SeenLeases::new(running.map(|(task, end)| (task.clone(), end)), now)
    } else {
        before.leases.clone()
    };
}

/// Of a target that was seen; `before` is what is remembered of it.
pub(super) fn target(
    suspects: &mut Suspects,
    target: (TargetGroupArn, TargetAddress),
    (row, evidence): (TargetRow, &TargetEvidence),
    before: Option<SeenSince>,
    now: Timestamp,
) {
    let seen = if row.needs_two_sweeps() {
        Some(SeenSince::again(before.as_ref(), now))
    } else {
        before.filter(|_| !evidence.contradicts(row))
    };
    suspects.targets.extend(seen.map(|seen| (target, seen)));
}

/// Of what a listing that is missing would have shown, and of tasks that may be among those that could not
/// be read.
pub(super) fn the_unseen(suspects: &mut Suspects, known: &Known<'_>) {
    let seen = known.seen;
    let unseen = |task: &TaskArn| {
        let is_unlisted = seen.clusters.get(task.cluster()).is_some_and(Result::is_err);
        (is_unlisted || !seen.unreadable.is_empty())
            && !seen.tasks.iter().any(|known| known.arn == *task)
    };
    let tasks = |memory: &BTreeMap<TaskArn, SeenSince>| {
        let kept = memory.iter().filter(|(task, _)| unseen(task));
        kept.map(|(task, seen)| (task.clone(), *seen)).collect::<Vec<_>>()
    };
    suspects.tasks.extend(tasks(&known.suspects.tasks));
    suspects.failed_salvages.extend(tasks(&known.suspects.failed_salvages));
    suspects.blind.extend(tasks(&known.suspects.blind));
    let times = |memory: &BTreeMap<TaskArn, Timestamp>| {
        let kept = memory.iter().filter(|(task, _)| unseen(task));
        kept.map(|(task, at)| (task.clone(), *at)).collect::<Vec<_>>()
    };
    suspects.tried.extend(times(&known.suspects.tried));
    suspects.under_way.extend(times(&known.suspects.under_way));
    // What has not been seen for so long is gone.
    let longest = known.policy.hard_age.saturating_mul(2);
    let mut reused = tasks(&known.suspects.reused);
    reused.retain(|(_, seen)| !is_longer_ago(seen.last, longest, known.now));
    suspects.reused.extend(reused);
    let mut claimed = times(&known.suspects.claimed);
    claimed.retain(|(_, since)| !is_longer_ago(*since, longest, known.now));
    suspects.claimed.extend(claimed);
    let targets = known.suspects.targets.iter();
    let kept = targets.filter(|((group, _), _)| seen.groups.get(group).is_some_and(Result::is_err));
    suspects.targets.extend(kept.map(|(target, seen)| (target.clone(), *seen)));
}
