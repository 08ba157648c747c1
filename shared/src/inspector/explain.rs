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
use std::time::Duration;

/// So many reports are looked through for what they say.
const REPORTS: usize = 12;

/// So many tasks of one session are looked at: those that its receipts and reports name.
const TASKS: usize = 20;

/// So long another task is looked for where one is known.
const SECOND_LOOK: Duration = Duration::from_secs(15);

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
        // The newest first, each once.
        let mut candidates: Vec<TaskArn> = Vec::new();
        for task in mentioned.chain(named) {
            if candidates.len() < TASKS && !candidates.contains(&task) {
                candidates.push(task);
            }
        }
        let seen = self.describe(to, &candidates).await;
        let sources = &self.context.config.scope.identity;
        let runs_it =
            |task: &Task| IdentitySource::identify(sources, task).as_ref() == Some(session);
        let (live, over): (Vec<Task>, Vec<Task>) =
            seen.into_iter().partition(|task| task.shall_run() && runs_it(task));
        for task in &live {
            self.add_task(to, task).await;
        }
        // A session that was resumed runs in another task than its records name.
        let is_another =
            |task: &Task| runs_it(task) && live.iter().all(|known| known.arn != task.arn);
        let looking =
            if live.is_empty() { self.deadline } else { self.deadline.at_most(SECOND_LOOK) };
        let search = search(self.context, is_another, looking).await;
        if live.is_empty() || !search.saw_all(self.context) {
            to.search = Some(search.reach(self.context));
        }
        to.problems.extend(search.problems);
        let last = over.into_iter().max_by_key(|task| task.created_at);
        let last = last.filter(|_| live.is_empty());
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
