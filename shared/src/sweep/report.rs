//! What a sweep tells: one document, from which a person can read why a given task or target was or
//! was not touched.

use super::decide::{Plan, TargetRow, TaskDecision, TaskRow};
use super::finding::{Action, TargetFinding, TaskFinding};
use super::observe::Observation;
use super::{Acted, Began};
use crate::aws::ApiUse;
use crate::cleanup::{Setting, SettledIntents, TaskFate};
use crate::config::SweepMode;
use crate::deadline::within;
use crate::event::{ForceCluster, SweepRequest, Trigger};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One sweep. As an object of the ledger it is `sweeps/{time}-{random}.json`, written when anything
/// was found.
#[derive(Debug, Clone, Serialize)]
pub struct SweepReport {
    /// What asked for it.
    pub trigger: Trigger,
    /// Whether it acted.
    pub mode: SweepMode,
    /// The cluster that an operator has declared over.
    pub force_cluster: Option<ForceCluster>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What is wrong with the sweep, or with the fleet as a whole.
    pub warnings: BTreeSet<Warning>,
    /// How much there was of what.
    pub counts: Counts,
    /// Requests to AWS, and how many of them it throttled.
    pub api: ApiUse,
    /// The listings that are missing: no decision that needs them was taken.
    pub not_decided: Vec<String>,
    /// What else went wrong, and what happens next.
    pub problems: Vec<String>,
    /// What was done about intents that a crash had left behind.
    pub intents: SettledIntents,
    /// Every task that is not plainly fine, the oldest first.
    pub tasks: Vec<TaskFinding>,
    /// Every target that is not plainly fine.
    pub targets: Vec<TargetFinding>,
    /// Where this document is kept; `None` when nothing was found, or the ledger can't be written.
    pub kept_as: Option<String>,
}

/// What is wrong with a sweep, or with the fleet as a whole. Each has an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// Something was not listed whole: see `not_decided`.
    Incomplete,
    /// It stopped before its deadline with work left.
    Truncated,
    /// It stopped at the blast radius with work left.
    LimitReached,
    /// So many leases lapse at once that their renewal looks broken.
    LeasesLapsing,
}

/// How much a sweep saw and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Session tasks seen.
    pub session_tasks: usize,
    /// Targets seen.
    pub targets: usize,
    /// Findings by the number of their row in the table of tasks.
    pub tasks_by_row: BTreeMap<&'static str, usize>,
    /// Findings by the number of their row in the table of targets.
    pub targets_by_row: BTreeMap<&'static str, usize>,
    /// Orphans found.
    pub orphans: usize,
    /// Orphans stopped.
    pub reaped: usize,
    /// Zombie targets found.
    pub zombies: usize,
    /// Zombie targets taken away for good.
    pub taken_away: usize,
    /// Targets at which something answers that no task of the configured clusters has.
    pub foreign: usize,
    /// Targets that a stranger's task of a configured cluster has.
    pub misrouted: usize,
    /// Sessions that no traffic reaches.
    pub unrouted: usize,
    /// Tasks that name no session.
    pub unidentified: usize,
}

impl SweepReport {
    /// Whether there is anything to keep on record. A task that an operator protects is no news.
    #[must_use]
    pub fn found_anything(&self) -> bool {
        let news = |finding: &TaskFinding| finding.finding != TaskRow::Protected;
        !self.warnings.is_empty()
            || self.intents != SettledIntents::default()
            || !self.problems.is_empty()
            || self.tasks.iter().any(news)
            || !self.targets.is_empty()
    }

    /// As JSON; without its findings where it would be longer than `most` bytes. The ledger has it
    /// whole.
    #[must_use]
    pub fn document(&self, most: usize) -> Value {
        let whole = json!(self);
        if whole.to_string().len() <= most {
            return whole;
        }
        json!(Self { tasks: Vec::new(), targets: Vec::new(), ..self.clone() })
    }

    pub(super) fn new(
        request: SweepRequest,
        began: &Began,
        seen: &Observation,
        plan: &Plan,
        mut acted: Acted,
    ) -> Self {
        let tasks: Vec<TaskFinding> = plan
            .tasks
            .iter()
            .map(|decision| TaskFinding::new(decision, acted.orphans.remove(&decision.task.arn)))
            .collect();
        let targets: Vec<TargetFinding> = plan
            .targets
            .iter()
            .map(|decision| TargetFinding::new(decision, acted.zombies.remove(&decision.zombie())))
            .collect();
        let not_decided = seen.problems();
        let any = |action| {
            tasks.iter().any(|finding| finding.action == action)
                || targets.iter().any(|finding| finding.action == action)
        };
        let warnings = [
            (Warning::Incomplete, !not_decided.is_empty()),
            (Warning::Truncated, any(Action::OutOfTime)),
            (Warning::LimitReached, any(Action::Waits)),
            (Warning::LeasesLapsing, plan.circumstances.leases.are_lapsing()),
        ];
        Self {
            trigger: request.trigger,
            mode: request.mode,
            force_cluster: request.force,
            started_at: began.time,
            duration_ms: 0,
            warnings: warnings
                .into_iter()
                .filter_map(|(one, holds)| holds.then_some(one))
                .collect(),
            counts: Counts::of(seen, plan, &tasks, &targets),
            api: ApiUse::default(),
            not_decided,
            problems: Vec::new(),
            intents: SettledIntents::default(),
            tasks,
            targets,
            kept_as: None,
        }
    }

    /// Puts it on record: in the metrics, in the ledger, in the log.
    pub(super) async fn keep(&mut self, setting: &Setting, limit: Duration) {
        if self.found_anything() {
            let key =
                format!("sweeps/{}-{:016x}.json", self.started_at.as_second(), fastrand::u64(..));
            self.kept_as = Some(key.clone());
            let problem = match within(limit, setting.aws.ledger.create(&key, self)).await {
                Ok(Ok(_etag)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(timed_out) => Some(format!("the report is not written: {timed_out}")),
            };
            if let Some(problem) = problem {
                self.kept_as = None;
                self.problems.push(format!("{problem}; this report is in the log alone"));
            }
        }
        setting.metrics.sweep(self, self.document(LONGEST_LINE));
        let Self { counts, duration_ms, warnings, kept_as, .. } = self;
        let Counts { orphans, reaped, zombies, taken_away, .. } = counts;
        tracing::info!(
            orphans,
            reaped,
            zombies,
            taken_away,
            duration_ms,
            ?warnings,
            kept_as,
            "swept"
        );
        for problem in self.not_decided.iter().chain(&self.problems).chain(&self.intents.problems) {
            tracing::error!(%problem, "the sweep is not whole");
        }
    }
}

/// `CloudWatch` Logs takes 256 KiB a line.
const LONGEST_LINE: usize = 100_000;

impl Counts {
    fn of(
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
        for TaskDecision { judged, .. } in &plan.tasks {
            *counts.tasks_by_row.entry(judged.row.number()).or_default() += 1;
            counts.orphans += usize::from(judged.row.is_orphan());
            counts.unrouted += usize::from(judged.row == TaskRow::Unrouted);
            counts.unidentified += usize::from(judged.row == TaskRow::Unidentified);
        }
        for decision in &plan.targets {
            *counts.targets_by_row.entry(decision.row.number()).or_default() += 1;
            counts.zombies += usize::from(decision.row == TargetRow::Zombie);
            counts.foreign += usize::from(decision.row == TargetRow::Foreign);
            counts.misrouted += usize::from(decision.row == TargetRow::Misrouted);
        }
        let stopped = |finding: &&TaskFinding| {
            finding.cleanup.as_ref().is_some_and(|report| report.task == TaskFate::Stopped)
        };
        counts.reaped = tasks.iter().filter(stopped).count();
        counts.taken_away = targets.iter().filter(|found| found.action == Action::Done).count();
        counts
    }
}
