use super::Invocation;
use crate::aws::CallError;
use crate::session::{SessionId, Stage, Task};
use std::net::Ipv4Addr;

/// A session whose task was identified and may still hold its address: what a plan works on.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) session: SessionId,
    /// The task as it was identified.
    pub(super) task: Task,
}

/// What a fresh look at the task shows.
#[derive(Debug, Clone)]
pub(super) enum Look {
    /// The address is its own.
    Holds(Ipv4Addr),
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
            Some(sighting) => Ok(Look::at(sighting.task.as_ref())),
            None => self.look_again(invocation).await,
        }
    }

    /// The same from a new `DescribeTasks`, whatever the age of the last one.
    pub(super) async fn look_again(&self, invocation: &Invocation) -> Result<Look, CallError> {
        let sighting = invocation.sight(&self.task.arn).await?;
        Ok(Look::at(sighting.task.as_ref()))
    }
}

impl Look {
    fn at(task: Option<&Task>) -> Self {
        let Some(task) = task else { return Self::Over };
        match task.stage() {
            Stage::NeverStarted => Self::NeverStarted,
            Stage::Running | Stage::Dying => match task.held_address() {
                Some(address) => Self::Holds(address),
                None => Self::Unclear,
            },
            Stage::Over => Self::Over,
            Stage::Unknown => Self::Unclear,
        }
    }
}
