//! Why something is, or is not, touched: the row of a task by the same table and a fresh look; what the last
//! sweeps said of it; what is on record of its session.

mod address;
mod task;
mod text;

use super::history::History;
use super::receipts::SessionRecord;
use super::search::search;
use crate::aws::{CallError, TaskSnapshot};
use crate::cleanup::session_on_record;
use crate::config::SweepMode;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::Subject;
use crate::session::{IdentitySource, SessionId, Task, TaskArn};
use crate::sweep::report::{StoredTarget, StoredTask};
use address::AddressExplanation;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use task::TaskExplanation;

/// So many reports are looked through for what they say.
const REPORTS: usize = 12;

/// So many tasks of one session are looked at: those that its receipts and reports name.
const TASKS: usize = 20;

/// An answer.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// What was asked about.
    about: String,
    /// The mode of scheduled sweeps.
    mode: SweepMode,
    /// The tasks that it is about, as they are now.
    tasks: Vec<TaskExplanation>,
    /// The address that it is about.
    address: Option<AddressExplanation>,
    /// When the last sweep began.
    last_sweep_at: Option<Timestamp>,
    /// What the last sweeps said, the newest first.
    sweeps: Vec<Mention>,
    /// The receipts of its session, the newest first.
    receipts: Vec<Value>,
    /// How far a look through the running tasks got, where there was one.
    search: Option<String>,
    /// What could not be read, or is not known.
    problems: Vec<String>,
    #[serde(skip)]
    now: Timestamp,
}

/// What one sweep said.
#[derive(Debug, Serialize)]
struct Mention {
    began: Option<Timestamp>,
    mode: String,
    /// The task or the target.
    of: String,
    row: String,
    action: String,
    why: String,
    result: Option<String>,
    kept_as: String,
}

/// Explains.
pub(super) async fn explain(
    context: &Context,
    subject: &Subject,
    deadline: Deadline,
) -> Explanation {
    let history = History::read(context, REPORTS, deadline).await;
    let looker = Looker { context, history: &history, deadline };
    let mut explanation = Explanation {
        about: String::new(),
        mode: context.config.sweep.mode,
        tasks: Vec::new(),
        address: None,
        last_sweep_at: history.swept_at(),
        sweeps: Vec::new(),
        receipts: Vec::new(),
        search: None,
        problems: history.problems.clone(),
        now: context.clock.now(),
    };
    match subject {
        Subject::Task(arn) => looker.about_task(&mut explanation, arn).await,
        Subject::TaskIdOrSession(text) => match looker.task_called(&mut explanation, text).await {
            Some(arn) => looker.about_task(&mut explanation, &arn).await,
            None => looker.about_session(&mut explanation, text).await,
        },
        Subject::Session(session) => looker.about_session(&mut explanation, session).await,
        Subject::Address { ip, port } => looker.about_address(&mut explanation, *ip, *port).await,
    }
    explanation
}

/// Who looks, at what, and for how long.
#[derive(Clone, Copy)]
struct Looker<'a> {
    context: &'a Context,
    history: &'a History,
    deadline: Deadline,
}

impl Looker<'_> {
    /// One task: as it is now, what sweeps said, and the receipts of its session.
    async fn about_task(self, to: &mut Explanation, arn: &TaskArn) {
        to.about = format!("task {arn}");
        self.mention_tasks(to, |task| task.task_arn == *arn);
        let session = match self.look_at(to, arn).await {
            Some(session) => Some(session),
            None => self.recorded_session(to, arn).await,
        };
        if let Some(session) = session {
            self.add_receipts(to, &session).await;
        } else {
            let hint = "which session it ran is not known here: its receipts can be had by {\"session\": \"<id>\"}";
            to.problems.push(hint.to_owned());
        }
    }

    /// One session: its receipts, and the task that runs it now, or the last one.
    async fn about_session(self, to: &mut Explanation, session: &SessionId) {
        to.about = format!("session {session}");
        self.mention_tasks(to, |task| task.session_id.as_deref() == Some(session.as_str()));
        self.add_receipts(to, session).await;
        let named = to.receipts.iter().filter_map(|receipt| receipt["task_arn"].as_str());
        let named = named.filter_map(|text| TaskArn::parse(text).ok().map(|(arn, _)| arn));
        let mentioned =
            self.history.tasks(|task| task.session_id.as_deref() == Some(session.as_str()));
        let mentioned = mentioned.into_iter().map(|(_, task)| task.task_arn.clone());
        let candidates: BTreeSet<TaskArn> = mentioned.chain(named).collect();
        let candidates: Vec<TaskArn> = candidates.into_iter().take(TASKS).collect();
        let seen = self.describe(to, &candidates).await;
        let sources = &self.context.config.scope.identity;
        let runs_it =
            |task: &Task| IdentitySource::identify(sources, task).as_ref() == Some(session);
        let (live, over): (Vec<Task>, Vec<Task>) =
            seen.into_iter().partition(|task| task.shall_run() && runs_it(task));
        if !live.is_empty() {
            for task in &live {
                self.add_task(to, task).await;
            }
            return;
        }
        let search = search(self.context, runs_it, self.deadline).await;
        to.search = Some(search.reach(self.context));
        to.problems.extend(search.problems);
        let last = over.into_iter().max_by_key(|task| task.created_at);
        if let Some(task) = search.found.or(last) {
            self.add_task(to, &task).await;
        }
    }

    /// The task of this id, in whichever configured cluster; `None` where neither ECS nor a report knows one.
    async fn task_called(self, to: &mut Explanation, id: &SessionId) -> Option<TaskArn> {
        let scope = &self.context.config.scope;
        let in_cluster = |cluster| TaskArn::of_id(&scope.home, cluster, id.as_str()).ok();
        let arns: Vec<TaskArn> = scope.clusters.iter().filter_map(in_cluster).collect();
        let seen = self.describe(to, &arns).await;
        let reported = || {
            let tasks = self.history.tasks(|task| task.task_arn.id() == id.as_str());
            tasks.first().map(|(_, task)| task.task_arn.clone())
        };
        seen.first().map(|task| task.arn.clone()).or_else(reported)
    }

    /// Explains a task as ECS shows it now; the answer is its session, if it says so.
    async fn look_at(self, to: &mut Explanation, arn: &TaskArn) -> Option<SessionId> {
        if !self.context.config.scope.clusters.contains(arn.cluster()) {
            to.tasks.push(TaskExplanation::elsewhere(arn));
            return None;
        }
        let seen = self.describe(to, std::slice::from_ref(arn)).await;
        let Some(task) = seen.first() else {
            if to.problems.is_empty() {
                to.tasks.push(TaskExplanation::forgotten(arn));
            }
            return None;
        };
        self.add_task(to, task).await
    }

    /// The tasks of these that ECS knows.
    async fn describe(self, to: &mut Explanation, arns: &[TaskArn]) -> Vec<Task> {
        if arns.is_empty() {
            return Vec::new();
        }
        let tasks = &self.context.aws.tasks;
        let looking = async {
            tasks.pace().read().await;
            tasks.describe(arns).await
        };
        let Ok(answers) = self.deadline.run(looking).await else {
            to.problems.push("ECS did not answer in time".to_owned());
            return Vec::new();
        };
        let mut seen = Vec::new();
        for answer in answers {
            match answer {
                Ok(TaskSnapshot { task, .. }) => seen.extend(task),
                Err(error) => to.problems.push(error.to_string()),
            }
        }
        seen
    }

    /// The session of a task that does not say it itself any more.
    async fn recorded_session(self, to: &mut Explanation, arn: &TaskArn) -> Option<SessionId> {
        let reported = self.history.tasks(|task| task.task_arn == *arn).into_iter();
        let mut reported = reported.filter_map(|(_, task)| task.session_id.as_deref());
        if let Some(session) = reported.find_map(|id| SessionId::parse(id).ok()) {
            return Some(session);
        }
        let reading = session_on_record(&self.context.aws.ledger, arn);
        match CallError::answered_by(self.deadline, "GetObject", arn.id(), reading).await {
            Ok(session) => session,
            Err(error) => {
                to.problems.push(error.to_string());
                None
            }
        }
    }

    async fn add_receipts(self, to: &mut Explanation, session: &SessionId) {
        let SessionRecord { receipts, problems, .. } =
            SessionRecord::read(self.context, session, self.deadline).await;
        to.receipts = receipts;
        to.problems.extend(problems);
    }

    fn mention_tasks(self, to: &mut Explanation, are_meant: impl Fn(&StoredTask) -> bool) {
        let mentions = self.history.tasks(are_meant).into_iter();
        to.sweeps.extend(mentions.map(|(kept, task)| Mention {
            began: kept.report.started_at,
            mode: kept.report.mode.clone(),
            of: task.task_arn.id().to_owned(),
            row: task.row.clone(),
            action: task.action.clone(),
            why: task.why.clone(),
            result: task.result.clone(),
            kept_as: kept.key.clone(),
        }));
    }

    fn mention_targets(self, to: &mut Explanation, are_meant: impl Fn(&StoredTarget) -> bool) {
        let mentions = self.history.targets(are_meant).into_iter();
        to.sweeps.extend(mentions.map(|(kept, target)| Mention {
            began: kept.report.started_at,
            mode: kept.report.mode.clone(),
            of: target.address.to_string(),
            row: target.row.clone(),
            action: target.action.clone(),
            why: target.why.clone(),
            result: target.result.clone(),
            kept_as: kept.key.clone(),
        }));
    }
}
