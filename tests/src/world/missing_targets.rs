//! I2: targets that live sessions have lost.

use jiff::Timestamp;

use super::api::Api;
use super::state::State;
use super::task::Task;

impl State {
    /// Whether who had its address before is still registered somewhere, where its owner did not register it: nobody
    /// can tell whose registration that is, so it is taken for the task's own.
    fn has_a_leftover(&self, task: &Task) -> bool {
        let others = self.groups.iter().filter(|(arn, _)| !task.registers_in.contains(arn));
        let mut targets = others.flat_map(|(_, group)| &group.targets);
        targets.any(|((ip, _), target)| {
            *ip == task.address
                && target.deregistered_at.is_none()
                && target.registered_at < task.created_at
        })
    }

    fn tag_was_refused(&self, task: &Task) -> bool {
        let mut tags = self.journal.calls.iter().filter(|call| call.api == Api::TagResource);
        tags.any(|call| call.is_about(&task.arn) && !call.outcome.is_success())
    }

    /// I2: the registrations of live sessions that a caller ended and nobody has begun again.
    pub(crate) fn live_targets_missing(&self, now: Timestamp) -> Vec<String> {
        let ours = self.tasks().filter(|task| self.is_session_task(task));
        let live = ours.filter(|task| self.live(task, now));
        live.flat_map(|task| {
            let port = task.target_port;
            let address = (task.address, port);
            // One that runs another session without having told anybody, or that was tagged before, or would have been:
            // it is kept, and that is all.
            let is_another = task.container.behaviour.forbids
                && (!self.judge.known_to_forbid.contains(&task.key)
                    || self.is_tagged_ended(task)
                    || self.tag_was_refused(task));
            let told = !is_another
                && !self.is_taken_for_another(task)
                && !self.has_a_leftover(task)
                && !self.judge.hidden.contains(&task.key);
            let lost = task.registers_in.iter().filter(move |_| told).filter(move |group| {
                let state = self.health(group, address, now).state;
                self.judge.taken.contains(&((*group).clone(), address))
                    && matches!(&*state, "unused" | "draining")
            });
            lost.map(move |group| format!("{}:{port} of {} in {group}", task.address, task.arn))
        })
        .collect()
    }
}
