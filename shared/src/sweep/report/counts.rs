use super::finding::{Action, TargetFinding, TaskFinding};
use crate::cleanup::{Artifacts, CleanupReport, TaskFate};
use crate::session::Used;
use crate::sweep::decide::{Plan, TargetRow, TaskDecision, TaskRow};
use crate::sweep::observation::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// How much a sweep saw and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Session tasks seen.
    pub session_tasks: usize,
    /// Targets seen.
    pub targets: usize,
    /// Findings by their row in the table of tasks.
    pub tasks_by_row: BTreeMap<&'static str, usize>,
    /// Findings by their row in the table of targets.
    pub targets_by_row: BTreeMap<&'static str, usize>,
    /// Orphans found.
    pub orphans: usize,
    /// Orphans stopped.
    pub reaped: usize,
    /// Orphans left running, but for those whose uploads are under way.
    pub orphans_remaining: usize,
    /// What the orphans have used, each since it became one.
    pub orphans_used: Used,
    /// Orphans that are left out of that: ECS does not say how large they are.
    pub orphans_of_unknown_size: usize,
    /// Zombie targets found.
    pub zombies: usize,
    /// Zombie targets deregistered for good.
    pub deregistered: usize,
    /// Zombie targets left registered.
    pub zombies_remaining: usize,
    /// Targets at which something answers that no task of the configured clusters has.
    pub foreign: usize,
    /// Targets that a stranger's task of a configured cluster has.
    pub misrouted: usize,
    /// Sessions that no traffic reaches.
    pub unrouted: usize,
    /// Tasks that name no session.
    pub unidentified: usize,
    /// Tasks of a warm pool that wait for a session.
    pub unclaimed: usize,
    /// Tasks and targets at which nobody was reached, where the route may be to blame.
    pub blind: usize,
    /// Orphans whose containers could not be asked, for a failure of our own.
    pub not_asked: usize,
    /// Orphans whose containers say that they run another session.
    pub reused: usize,
    /// Orphans whose containers say that their uploads are under way.
    pub under_way: usize,
    /// Orphans whose artifacts are confirmed, and that could not be stopped.
    pub confirmed_running: usize,
}

impl Counts {
    pub(super) fn of(
        seen: &Observation,
        plan: &Plan,
        tasks: &[TaskFinding],
        targets: &[TargetFinding],
    ) -> Self {
        let mut counts = Self {
            session_tasks: seen.tasks.len(),
            targets: seen.targets().count(),
            ..Self::default()
        };
        counts.unclaimed = plan.unclaimed;
        for TaskDecision { judged, .. } in &plan.tasks {
            *counts.tasks_by_row.entry(judged.row.label()).or_default() += 1;
            counts.orphans += usize::from(judged.row.is_orphan());
            match judged.used {
                Some(used) => counts.orphans_used = counts.orphans_used.and(used),
                None => counts.orphans_of_unknown_size += usize::from(judged.row.is_orphan()),
            }
            counts.unrouted += usize::from(judged.row == TaskRow::Unrouted);
            counts.unidentified += usize::from(judged.row == TaskRow::Unidentified);
        }
        for decision in &plan.targets {
            *counts.targets_by_row.entry(decision.row.label()).or_default() += 1;
            counts.zombies += usize::from(decision.row == TargetRow::Zombie);
            counts.foreign += usize::from(decision.row == TargetRow::Foreign);
            counts.misrouted += usize::from(decision.row == TargetRow::Misrouted);
            counts.blind +=
                usize::from(decision.row == TargetRow::Unclear && decision.evidence.is_blind());
        }
        let stopped = |finding: &&TaskFinding| {
            finding.cleanup.as_ref().is_some_and(|report| report.task == TaskFate::Stopped)
        };
        for report in tasks.iter().filter_map(|finding| finding.cleanup.as_ref()) {
            let runs_on = report.task.runs_on();
            counts.blind += usize::from(report.was_blind());
            counts.not_asked += usize::from(report.was_not_asked());
            counts.reused += usize::from(report.artifacts == Artifacts::WrongContainer && runs_on);
            counts.under_way += usize::from(report.is_under_way());
            counts.confirmed_running +=
                usize::from(report.artifacts == Artifacts::Confirmed && runs_on);
        }
        let remains = |finding: &&TaskFinding| {
            let is_under_way = finding.cleanup.as_ref().is_some_and(CleanupReport::is_under_way);
            finding.row.is_orphan() && finding.action.leaves_it() && !is_under_way
        };
        counts.orphans_remaining = tasks.iter().filter(remains).count();
        let remains =
            |found: &&TargetFinding| found.row == TargetRow::Zombie && found.action.leaves_it();
        counts.zombies_remaining = targets.iter().filter(remains).count();
        counts.reaped = tasks.iter().filter(stopped).count();
        counts.deregistered = targets.iter().filter(|found| found.action == Action::Acted).count();
        counts
    }
}
