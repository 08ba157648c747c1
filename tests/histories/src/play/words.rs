//! What owners say: which session is over, and of which task they mean that.

use super::stage::Stage;
use crate::history::{EventCopies, Identity};
use session_cleanup_tests::world::TaskHandle;
use std::time::Duration;
use tokio::time::Instant;

impl Stage {
    /// The task that a session has claimed last; another may wait for it.
    fn who_runs(&self, session: usize) -> Option<TaskHandle> {
        let actors = self.actors.get(&session)?;
        let claimed = actors.iter().rfind(|actor| actor.session.identity != Identity::None);
        claimed.or(actors.last()).map(|actor| actor.task.clone())
    }

    pub(super) fn end(
        &mut self,
        number: usize,
        EventCopies { copies, late, names_the_task }: EventCopies,
    ) {
        let Some(task) = self.who_runs(number).filter(|task| self.world.knows(task)) else {
            return;
        };
        let mut event = self.world.session_ended_event(&task, "completed");
        // Who ends a session without naming its task means whichever runs it; as long as it is not listed, the one
        // before.
        let is_found = !self.world.is_stopping(&task) && self.world.is_listed(&task);
        if !names_the_task && !is_found {
            for actor in self.actors.get(&number).into_iter().flatten() {
                // One that waits in a pool runs nothing yet.
                let runs = actor.session.identity != Identity::None || !self.stack.warm_pool;
                if runs && self.world.knows(&actor.task) {
                    self.world.owner_ends(&actor.task);
                }
            }
        }
        if !names_the_task && let Some(detail) = event["detail"].as_object_mut() {
            detail.remove("task_arn");
        }
        if names_the_task && copies > 0 {
            let comes = self.world.now() + Duration::from(late);
            let actors = self.actors.get_mut(&number).into_iter().flatten();
            for actor in actors.filter(|actor| actor.task.arn() == task.arn()) {
                actor.ended_by_name.get_or_insert(comes);
            }
        }
        for copy in 0..copies {
            let later = Duration::from_secs(7) * u32::try_from(copy).unwrap_or_default();
            self.events.send(event.clone(), Instant::now() + late.into() + later);
        }
    }

    /// An owner mixes up two of its sessions.
    pub(super) fn end_another(&mut self, number: usize, other: usize) {
        let (Some(task), Some(other)) = (self.task(number), self.task(other)) else { return };
        if self.world.knows(&task) {
            let mut event = self.world.session_ended_event(&task, "completed");
            event["detail"]["task_arn"] = other.arn().into();
            self.events.send(event, Instant::now());
        }
    }
}
