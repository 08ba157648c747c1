use super::budget::Budget;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::removal::Removals;
use crate::task_snapshots::TaskSnapshots;
use std::sync::Arc;

/// One invocation: its deadline, and the calls that its sessions share.
#[derive(Debug)]
pub struct Invocation {
    context: Arc<Context>,
    deadline: Deadline,
    pub(super) snapshots: Arc<TaskSnapshots>,
    pub(super) removals: Removals,
}

impl Invocation {
    /// Begins an invocation that must have answered by `deadline`.
    #[must_use]
    pub fn begin(context: &Arc<Context>, deadline: Deadline) -> Self {
        let snapshots = Arc::new(TaskSnapshots::new(&context.aws.tasks, &context.config.scope));
        let removals = Removals::new(context, &snapshots);
        Self { context: Arc::clone(context), deadline, snapshots, removals }
    }

    /// Waits for shared calls that go on after they were answered (intents being settled), at most
    /// until the deadline.
    pub async fn end(self) {
        if self.deadline.run(self.removals.close()).await.is_err() {
            tracing::warn!("an intent is still open; the next sweep settles it");
        }
    }

    /// Ends an invocation that several cleanups have shared.
    pub async fn finish(shared: Arc<Self>) {
        // Every cleanup has ended and dropped its share; after a panic one may linger, and then the
        // invocation ends with the process's next turn.
        if let Some(invocation) = Arc::into_inner(shared) {
            invocation.end().await;
        }
    }

    /// What this invocation has seen of tasks.
    #[must_use]
    pub fn snapshots(&self) -> &TaskSnapshots {
        &self.snapshots
    }

    /// What the function keeps from one invocation to the next.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// How a cleanup divides the time that is left.
    pub(super) fn budget(&self) -> Budget<'_> {
        Budget::of(self.deadline, &self.context.config.timeouts)
    }
}
