use super::counts::Counts;
use super::finding::{Action, TargetFinding, TaskFinding};
use crate::aws::ApiUse;
use crate::config::SweepMode;
use crate::event::{ForceCluster, ReportKey, SweepRequest, Trigger};
use crate::metrics::{Figure, Metric};
use crate::removal::RecoveredIntents;
use crate::sweep::act::Acts;
use crate::sweep::decide::Plan;
use crate::sweep::observation::Observation;
use crate::sweep::suspects::InARow;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

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
    /// The stored report whose victims alone were acted on.
    pub plan: Option<ReportKey>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What is wrong with the sweep, or with the fleet as a whole.
    pub warnings: BTreeSet<Warning>,
    /// How much there was of what.
    pub counts: Counts,
    /// How many sweeps in a row, this one included, had the same trouble.
    pub in_a_row: InARow,
    /// Requests to AWS, and how many of them it throttled.
    pub api: ApiUse,
    /// The listings that are missing: no decision that needs them was taken.
    pub not_decided: Vec<String>,
    /// What else went wrong, and what happens next.
    pub problems: Vec<String>,
    /// What was done about intents that a crash had left behind.
    pub intents: RecoveredIntents,
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
    BlastRadiusReached,
    /// So many leases lapse at once that their renewal looks broken.
    LeasesLapsing,
    /// Nobody was reached where others should have answered: the route to the tasks may be broken.
    RouteBroken,
    /// Containers could not be asked, for a failure of our own: nothing is given up, and nothing saved.
    NotAsked,
    /// A container says that it runs another session: its task is used for several.
    TasksReused,
}

impl SweepReport {
    /// Whether there is anything to keep on record.
    #[must_use]
    pub fn found_anything(&self) -> bool {
        let news = |finding: &TaskFinding| finding.row.is_news();
        !self.warnings.is_empty()
            || self.intents != RecoveredIntents::default()
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

    /// What was wrong with it, as far as sweeps are counted for that: 1 of each kind.
    #[must_use]
    pub fn trouble(&self) -> InARow {
        InARow {
            incomplete: self.warnings.contains(&Warning::Incomplete).into(),
            truncated: self.warnings.contains(&Warning::Truncated).into(),
            problems: (!self.problems.is_empty() || !self.intents.problems.is_empty()).into(),
            foreign: (self.counts.foreign > 0).into(),
            unidentified: (self.counts.unidentified > 0).into(),
            orphans: (self.counts.orphans_remaining > 0).into(),
            zombies: (self.counts.zombies_remaining > 0).into(),
            run_on: (self.counts.confirmed_running > 0).into(),
            pending: (self.intents.pending > 0).into(),
        }
    }

    pub(in crate::sweep) fn new(request: SweepRequest, story: Story<'_>) -> Self {
        let Story { seen, plan, mut acts, recovered, problems } = story;
        let tasks: Vec<TaskFinding> = plan
            .tasks
            .iter()
            .map(|decision| TaskFinding::new(decision, acts.orphans.remove(&decision.task.arn)))
            .collect();
        let targets: Vec<TargetFinding> = plan
            .targets
            .iter()
            .map(|decision| TargetFinding::new(decision, acts.zombies.remove(&decision.zombie())))
            .collect();
        let not_decided = seen.problems();
        let any = |action| {
            tasks.iter().any(|finding| finding.action == action)
                || targets.iter().any(|finding| finding.action == action)
        };
        let counts = Counts::of(seen, plan, &tasks, &targets);
        let warnings = [
            (Warning::Incomplete, !not_decided.is_empty()),
            (Warning::Truncated, any(Action::OutOfTime)),
            (Warning::BlastRadiusReached, any(Action::Waits)),
            (Warning::LeasesLapsing, plan.circumstances.leases.are_lapsing()),
            (Warning::RouteBroken, counts.blind > 0),
            (Warning::NotAsked, counts.not_asked > 0),
            (Warning::TasksReused, counts.reused > 0),
        ];
        Self {
            trigger: request.trigger,
            mode: request.mode,
            force_cluster: request.force,
            plan: request.plan,
            started_at: Timestamp::UNIX_EPOCH,
            duration_ms: 0,
            warnings: warnings
                .into_iter()
                .filter_map(|(one, holds)| holds.then_some(one))
                .collect(),
            counts,
            in_a_row: InARow::default(),
            api: ApiUse::default(),
            not_decided,
            problems,
            intents: recovered,
            tasks,
            targets,
            kept_as: None,
        }
    }

    /// The same, on record under `key`.
    pub(in crate::sweep) fn kept_as(self, key: &str) -> Self {
        Self { kept_as: Some(key.to_owned()), ..self }
    }

    /// The same, with when it began, how long it took, and what it called.
    pub(in crate::sweep) fn of(self, course: Course) -> Self {
        let Course { started_at, duration_ms, api } = course;
        Self { started_at, duration_ms, api, ..self }
    }

    /// The same with a problem that the next sweep can't know of.
    pub(in crate::sweep) fn unrecorded(self, problem: &str) -> Self {
        let problems = self.problems.into_iter().chain([problem.to_owned()]).collect();
        Self { problems, in_a_row: self.in_a_row.with_an_unrecorded_problem(), ..self }
    }

    /// The same where it could not be put on record.
    pub(in crate::sweep) fn not_kept(self, problem: &str) -> Self {
        self.unrecorded(&format!("{problem}; this report is in the log alone"))
    }

    /// How long it took, what it found and did, and what it warns of.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let warned =
            |metric: Metric, warning| metric.number(usize::from(self.warnings.contains(&warning)));
        let counts = &self.counts;
        vec![
            Metric::SWEEP_DURATION.of(self.duration_ms),
            Metric::ORPHANS_FOUND.number(counts.orphans),
            Metric::ORPHANS_REAPED.number(counts.reaped),
            Metric::ORPHANS_REMAINING.number(counts.orphans_remaining),
            Metric::ORPHAN_VCPU_HOURS.of(counts.orphans_used.vcpu_hour_thousandths()),
            Metric::CONFIRMED_RUNNING.number(counts.confirmed_running),
            Metric::RE_REGISTRATIONS_PENDING.number(self.intents.pending),
            Metric::ZOMBIES_FOUND.number(counts.zombies),
            Metric::ZOMBIES_REMAINING.number(counts.zombies_remaining),
            Metric::ZOMBIES_DEREGISTERED.number(counts.deregistered),
            Metric::FOREIGN_TARGETS.number(counts.foreign),
            Metric::MISROUTED_TARGETS.number(counts.misrouted),
            Metric::UNROUTED_TASKS.number(counts.unrouted),
            Metric::UNIDENTIFIED_TASKS.number(counts.unidentified),
            warned(Metric::LEASES_LAPSING, Warning::LeasesLapsing),
            warned(Metric::ROUTES_BROKEN, Warning::RouteBroken),
            warned(Metric::CONTAINERS_NOT_ASKED, Warning::NotAsked),
            warned(Metric::TASKS_REUSED, Warning::TasksReused),
            warned(Metric::BLAST_RADIUS_REACHED, Warning::BlastRadiusReached),
            warned(Metric::SWEEPS_INCOMPLETE, Warning::Incomplete),
            warned(Metric::SWEEPS_TRUNCATED, Warning::Truncated),
            Metric::SWEEP_PROBLEMS.number(self.problems.len() + self.intents.problems.len()),
            Metric::INCOMPLETE_IN_A_ROW.of(self.in_a_row.incomplete.into()),
            Metric::TRUNCATED_IN_A_ROW.of(self.in_a_row.truncated.into()),
            Metric::PROBLEMS_IN_A_ROW.of(self.in_a_row.problems.into()),
            Metric::FOREIGN_IN_A_ROW.of(self.in_a_row.foreign.into()),
            Metric::UNIDENTIFIED_IN_A_ROW.of(self.in_a_row.unidentified.into()),
            Metric::ORPHANS_REMAIN_IN_A_ROW.of(self.in_a_row.orphans.into()),
            Metric::ZOMBIES_REMAIN_IN_A_ROW.of(self.in_a_row.zombies.into()),
            Metric::RUN_ON_IN_A_ROW.of(self.in_a_row.run_on.into()),
            Metric::PENDING_IN_A_ROW.of(self.in_a_row.pending.into()),
        ]
    }
}

/// When a sweep began, how long it took, and what it called.
#[derive(Clone, Copy)]
pub(in crate::sweep) struct Course {
    pub(in crate::sweep) started_at: Timestamp,
    pub(in crate::sweep) duration_ms: u64,
    pub(in crate::sweep) api: ApiUse,
}

/// What a sweep saw, decided and did.
pub(in crate::sweep) struct Story<'a> {
    pub(in crate::sweep) seen: &'a Observation,
    pub(in crate::sweep) plan: &'a Plan,
    pub(in crate::sweep) acts: Acts,
    pub(in crate::sweep) recovered: RecoveredIntents,
    pub(in crate::sweep) problems: Vec<String>,
}
