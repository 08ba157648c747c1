use super::explanation::{Explanation, Mention};
use crate::aws::{CallError, TaskSnapshot};
use crate::cleanup::session_on_record;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::inspector::history::History;
use crate::inspector::receipts::SessionRecord;
use crate::session::{SessionId, Task, TaskArn};
use crate::sweep::report::{StoredTarget, StoredTask};

/// Who looks, at what, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Looker<'a> {
    pub(super) context: &'a Context,
    pub(super) history: &'a History,
    pub(super) deadline: Deadline,
}

impl Looker<'_> {
    /// The tasks of these that ECS knows.
    pub(super) async fn describe(self, to: &mut Explanation, arns: &[TaskArn]) -> Vec<Task> {
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
    pub(super) async fn recorded_session(
        self,
        to: &mut Explanation,
        arn: &TaskArn,
    ) -> Option<SessionId> {
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

    pub(super) async fn add_receipts(self, to: &mut Explanation, session: &SessionId) {
        let SessionRecord { receipts, problems, .. } =
            SessionRecord::read(self.context, session, self.deadline).await;
        to.receipts = receipts;
        to.problems.extend(problems);
    }

    pub(super) fn mention_tasks(
        self,
        to: &mut Explanation,
        are_meant: impl Fn(&StoredTask) -> bool,
    ) {
        let mentions = self.history.tasks(are_meant).into_iter();
        to.sweeps.extend(
            mentions.map(|(kept, task)| Mention::new(kept, task.task_arn.id(), &task.verdict)),
        );
    }

    pub(super) fn mention_targets(
        self,
        to: &mut Explanation,
        are_meant: impl Fn(&StoredTarget) -> bool,
    ) {
        let mentions = self.history.targets(are_meant).into_iter();
        to.sweeps.extend(mentions.map(|(kept, target)| {
            Mention::new(kept, &target.address.to_string(), &target.verdict)
        }));
    }
}
