use super::invocation::Invocation;
use super::request::{Cause, SalvageWindow};
use super::routes::Routes;
use crate::aws::CallError;
use crate::session::{Review, SessionId, Stage, Task};
use jiff::Timestamp;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::time::Instant;

/// A session whose task was identified and may still hold its address: what a cleanup works on.
#[derive(Debug)]
pub(super) struct IdentifiedSession {
    pub(super) id: SessionId,
    /// The task as it was identified.
    pub(super) task: Task,
    /// From when on what lies where it writes is its own, as its task showed when it was identified.
    pub(super) writes_from: Timestamp,
    /// What decides again, at every check, whether it is to be cleaned up at all; the owner's word is
    /// not questioned.
    pub(super) review: Option<Review>,
    /// What is known of the way to it, where nobody's silence is believed alone.
    pub(super) routes: Option<Arc<Routes>>,
}

/// What a fresh snapshot of the task says of its address.
#[derive(Debug, Clone)]
pub(super) enum AddressCheck {
    /// The address is its own.
    Holds(Ipv4Addr),
    /// The address may be its own, and nothing is done to it: it is no orphan any longer.
    Spared { address: Option<Ipv4Addr>, why: String },
    /// ECS shows no container that has ever run. Its address, where it has one, is its own.
    NeverStarted(Option<Ipv4Addr>),
    /// Its address is no longer its own, or ECS has forgotten it.
    TaskOver,
    /// ECS shows something that nothing may be concluded from.
    Unclear,
}

impl IdentifiedSession {
    /// Nothing is given up of one that is told to stop: what was lost is judged once it is over.
    pub(super) fn window(&self, cause: &Cause) -> SalvageWindow {
        if self.task.shall_run() { cause.salvage_window() } else { SalvageWindow::OPEN }
    }

    /// Checks the address by a snapshot that an act may rest on (at most 5 s old).
    pub(super) async fn check_address(
        &self,
        invocation: &Invocation,
    ) -> Result<AddressCheck, CallError> {
        match invocation.snapshots.fresh(&self.task.arn) {
            Some(snapshot) => Ok(self.judge(snapshot.task.as_ref())),
            None => self.check_address_anew(invocation).await,
        }
    }

    /// The same by a snapshot that was taken at `moment` or later.
    pub(super) async fn check_address_since(
        &self,
        invocation: &Invocation,
        moment: Instant,
    ) -> Result<AddressCheck, CallError> {
        match invocation.snapshots.since(&self.task.arn, moment) {
            Some(snapshot) => Ok(self.judge(snapshot.task.as_ref())),
            None => self.check_address_anew(invocation).await,
        }
    }

    /// The same by a new `DescribeTasks`, whatever the age of the last one.
    pub(super) async fn check_address_anew(
        &self,
        invocation: &Invocation,
    ) -> Result<AddressCheck, CallError> {
        let snapshot = invocation.snapshots.take(&self.task.arn).await?;
        Ok(self.judge(snapshot.task.as_ref()))
    }

    fn judge(&self, task: Option<&Task>) -> AddressCheck {
        let Some(task) = task else { return AddressCheck::TaskOver };
        let check = match task.stage() {
            Stage::NeverStarted => AddressCheck::NeverStarted(task.held_address()),
            Stage::Running | Stage::Dying => match task.held_address() {
                Some(address) => AddressCheck::Holds(address),
                None => return AddressCheck::Unclear,
            },
            Stage::Over => return AddressCheck::TaskOver,
            Stage::Unknown => return AddressCheck::Unclear,
        };
        // Who has been told to stop, by us or by anybody, is spared nothing by not being asked.
        let review = self.review.as_ref().filter(|_| task.shall_run());
        match review.map(|review| review.of(task)) {
            Some(Err(why)) => AddressCheck::Spared { address: task.held_address(), why },
            Some(Ok(())) | None => check,
        }
    }
}
