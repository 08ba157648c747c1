use super::{Invocation, Review};
use crate::aws::CallError;
use crate::session::{SessionId, Stage, Task};
use std::net::Ipv4Addr;

/// A session whose task was identified and may still hold its address: what a plan works on.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) session: SessionId,
    /// The task as it was identified.
    pub(super) task: Task,
    /// What decides again, at every look, whether it is to be cleaned up at all; the owner's word is
    /// not questioned.
    pub(super) review: Option<Review>,
}

/// What a fresh look at the task shows.
#[derive(Debug, Clone)]
pub(super) enum Look {
    /// The address is its own.
    Holds(Ipv4Addr),
    /// The address may be its own, and nothing is done to it: it is no orphan any longer.
    Spared { address: Option<Ipv4Addr>, why: String },
    /// It has no address yet, and no container either.
    NeverStarted,
    /// Its address is no longer its own, or ECS has forgotten it.
    Over,
    /// ECS shows something that nothing may be concluded from.
    Unclear,
}

impl Subject {
    /// What the task is like, from a look that an act may rest on (at most 5 s old).
    pub(super) async fn look(&self, invocation: &Invocation) -> Result<Look, CallError> {
        match invocation.sightings.fresh(&self.task.arn) {
            Some(sighting) => Ok(self.look_at(sighting.task.as_ref())),
            None => self.look_again(invocation).await,
        }
    }

    /// The same from a new `DescribeTasks`, whatever the age of the last one.
    pub(super) async fn look_again(&self, invocation: &Invocation) -> Result<Look, CallError> {
        let sighting = invocation.sight(&self.task.arn).await?;
        Ok(self.look_at(sighting.task.as_ref()))
    }

    fn look_at(&self, task: Option<&Task>) -> Look {
        let Some(task) = task else { return Look::Over };
        let look = match task.stage() {
            Stage::NeverStarted => Look::NeverStarted,
            Stage::Running | Stage::Dying => match task.held_address() {
                Some(address) => Look::Holds(address),
                None => return Look::Unclear,
            },
            Stage::Over => return Look::Over,
            Stage::Unknown => return Look::Unclear,
        };
        // Where we are stopping it already, the row was decided when we began to.
        let ours = task.stop_note().is_some();
        match self.review.as_ref().filter(|_| !ours).map(|review| review.of(task)) {
            Some(Err(why)) => Look::Spared { address: task.held_address(), why },
            Some(Ok(())) | None => look,
        }
    }
}
