use super::explanation::{End, Explanation, TaskExplanation};
use super::looker::Looker;
use crate::container::Probe;
use crate::session::{
    ContainerState, DesiredStatus, IdentitySource, SessionId, SessionTask, Task, TaskArn,
};
use crate::sweep::decide::{Known, TaskRow, TaskVerdict, decide_task};
use crate::sweep::observation::Observation;
use crate::sweep::observe::groups;
use crate::sweep::report::TaskFinding;
use std::collections::{BTreeMap, BTreeSet};

const NEVER_TOUCHED: &str = "kept: nothing here ever touches it";

impl TaskExplanation {
    /// A task of no configured cluster: nobody looks at it.
    pub(super) fn elsewhere(arn: &TaskArn) -> Self {
        Self::out_of_scope(arn, format!("its cluster {} is none of CLUSTERS", arn.cluster()))
    }

    fn out_of_scope(arn: &TaskArn, why: String) -> Self {
        Self {
            task_arn: arn.clone(),
            session_id: None,
            row: Some("T1 no_session_task".to_owned()),
            verdict: NEVER_TOUCHED.to_owned(),
            why,
            change: None,
            evidence: None,
            end: None,
        }
    }

    /// A task that ECS does not know.
    pub(super) fn forgotten(arn: &TaskArn) -> Self {
        Self {
            task_arn: arn.clone(),
            session_id: None,
            row: None,
            verdict: "over, or it never was".to_owned(),
            why: "ECS does not know it: it remembers a task for about an hour after its end"
                .to_owned(),
            change: None,
            evidence: None,
            end: None,
        }
    }
}

impl Looker<'_> {
    /// Adds a task as ECS shows it, by the table that sweeps decide by; the answer is its session.
    pub(super) async fn add_task(self, to: &mut Explanation, task: &Task) -> Option<SessionId> {
        let explained = self.explain(to, task).await;
        let session = explained.session_id.clone();
        to.tasks.push(explained);
        session
    }

    async fn explain(self, to: &mut Explanation, task: &Task) -> TaskExplanation {
        let scope = &self.context.config.scope;
        let now = self.context.clock.now();
        let Some(session_task) = SessionTask::read(task, scope, now) else {
            let why = if task.is_of_a_service() {
                let group = task.group.as_deref().unwrap_or_default();
                format!("a service runs it ({group})")
            } else {
                format!("its family {} is none of FAMILIES", task.family)
            };
            return TaskExplanation::out_of_scope(&task.arn, why);
        };
        let seen = self.observation(to, task).await;
        let suspects =
            self.history.suspects.clone().still_fresh(self.context.config.sweep.interval, now);
        let known = Known {
            seen: &seen,
            probes: &self.probe_of_the_last_sweep(&task.arn),
            suspects: &suspects,
            force: None,
            policy: &self.context.config.sweep,
            now,
        };
        let decision = decide_task(&known, &session_task);
        let verdict = decision.judged.row.verdict();
        let finding = TaskFinding::new(&decision, None);
        // What all leases together say is seen by sweeps alone.
        let is_lapsed = decision.judged.row == TaskRow::LeaseLapsed;
        let said = self.row_of_the_last_sweep(&task.arn).filter(|_| is_lapsed);
        let end = End::of(task);
        let over = match &end {
            None => None,
            Some(End { stopped_at: Some(_), .. }) => Some("it is over"),
            Some(End { stopped_at: None, .. }) => Some("it is being stopped"),
        };
        // Our own note names the session of a task whose tags are gone.
        let noted = task.stop_note().map(|note| note.session);
        TaskExplanation {
            task_arn: task.arn.clone(),
            session_id: noted.or_else(|| IdentitySource::identify(&scope.identity, task)),
            row: Some(finding.row.to_string()),
            verdict: match over {
                Some(over) => over.to_owned(),
                None if is_lapsed => lapsed(said),
                None => words(verdict).to_owned(),
            },
            why: finding.why,
            change: Some(finding.change),
            evidence: Some(finding.evidence),
            end,
        }
    }

    /// The task, and the health of its address in the configured groups.
    async fn observation(self, to: &mut Explanation, task: &Task) -> Observation {
        let groups = groups(self.context, self.deadline).await;
        let mut seen = Observation::of_groups(groups);
        to.problems.extend(seen.problems());
        seen.see(task, &self.context.config.scope, &BTreeSet::new(), self.context.clock.now());
        seen
    }

    /// The row that the last sweep gave it.
    fn row_of_the_last_sweep(&self, arn: &TaskArn) -> Option<&str> {
        let mut last = self.history.of_the_last_sweep()?.report.tasks.iter();
        last.find(|task| task.task_arn == *arn).map(|task| task.verdict.row.as_str())
    }

    /// What its container answered the last sweep: nobody is asked for an explanation.
    fn probe_of_the_last_sweep(self, arn: &TaskArn) -> BTreeMap<TaskArn, Probe> {
        let last = self.history.of_the_last_sweep().into_iter();
        let tasks = last.flat_map(|kept| &kept.report.tasks).filter(|task| task.task_arn == *arn);
        tasks.filter_map(|task| Some((arn.clone(), task.evidence.probe?))).collect()
    }
}

impl End {
    fn of(task: &Task) -> Option<Self> {
        if task.desired_status == DesiredStatus::Running && task.shall_run() {
            return None;
        }
        let reason = task.stopped_reason.as_deref().unwrap_or("it gives no reason");
        let stopped_by = match task.stop_note() {
            Some(note) => {
                format!("this system, for {}; artifacts {}", note.cause, note.artifacts.word())
            }
            None if task.stopped_by_a_call => format!("someone who called StopTask: {reason}"),
            None => format!("ECS, or the task itself: {reason}"),
        };
        let code = |container: &ContainerState| (container.name.clone(), container.exit_code);
        Some(Self {
            stopped_by,
            told_to_stop_at: task.stopping_at,
            stopped_at: task.stopped_at,
            exit_codes: task.containers.iter().map(code).collect(),
        })
    }
}

fn words(verdict: TaskVerdict) -> &'static str {
    match verdict {
        TaskVerdict::Keep => "kept",
        TaskVerdict::KeepAndReport => "kept, and reported",
        TaskVerdict::Suspect => "kept, and looked at again by the next sweep",
        TaskVerdict::Orphan(_) => {
            "an orphan: a sweep in the mode enforce cleans it up, artifacts first"
        }
    }
}

/// A lease that is over says by itself no more than that: whether others are renewed decides.
fn lapsed(last_sweep: Option<&str>) -> String {
    let looks = match last_sweep {
        Some(row) => format!("the last one said {row}"),
        None => "the last one said nothing of it".to_owned(),
    };
    format!("only a sweep, which sees all leases, can decide this; {looks}")
}
