//! Why something is, or is not, touched: the row of a task by the same table and a fresh look; what the last
//! sweeps said of it; what is on record of its session.

mod address;
mod explanation;
mod looker;
mod task;
mod text;

use super::history::History;
use super::search::search;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::AskedAbout;
use crate::session::{IdentitySource, SessionId, Task, TaskArn};
use explanation::{Explanation, TaskExplanation};
use looker::Looker;
use std::collections::BTreeSet;

/// So many reports are looked through for what they say.
const REPORTS: usize = 12;

/// So many tasks of one session are looked at: those that its receipts and reports name.
const TASKS: usize = 20;

/// Explains.
pub(super) async fn explain(
    context: &Context,
    subject: &AskedAbout,
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
        AskedAbout::Task(arn) => looker.about_task(&mut explanation, arn).await,
        AskedAbout::TaskIdOrSession(text) => match looker.task_called(&mut explanation, text).await
        {
            Some(arn) => looker.about_task(&mut explanation, &arn).await,
            None => looker.about_session(&mut explanation, text).await,
        },
        AskedAbout::Session(session) => looker.about_session(&mut explanation, session).await,
        AskedAbout::Address { ip, port } => {
            looker.about_address(&mut explanation, *ip, *port).await;
        }
    }
    explanation
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
}
