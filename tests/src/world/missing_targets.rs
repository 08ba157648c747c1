//! I2: targets that live sessions have lost.

use jiff::Timestamp;

use super::api::Api;
use super::leftovers::A_SWEEP_LASTS;
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

    /// A zombie that had its address was removed from this group, and not from another that it is in: nobody can tell
    /// that it is in both.
    fn was_a_zombies(&self, group: &str, task: &Task) -> bool {
        let since_it_came =
            |group: &str| self.removals(group, task).filter(|(at, _)| *at >= task.created_at);
        let was_a_zombies = |(at, since): (Timestamp, Timestamp)| {
            since < task.created_at && self.is_the_first_for_long(task, at)
        };
        since_it_came(group).any(was_a_zombies)
            && task.registers_in.iter().any(|other| since_it_came(other).next().is_none())
    }

    /// Whoever had its address before was over long before `at`: what was removed then was nobody's for every sweep.
    fn is_the_first_for_long(&self, task: &Task, at: Timestamp) -> bool {
        let tenants = self.tenants.get(&task.address).into_iter().flatten();
        let mut before = tenants.filter_map(|key| self.task(key)).filter(|one| one.key != task.key);
        before.all(|one| one.stop.as_ref().is_some_and(|stop| stop.at + A_SWEEP_LASTS < at))
    }

    /// When the address of a task was removed from a group, and since when it had been registered by then.
    pub(super) fn removals<'a>(
        &'a self,
        group: &str,
        task: &Task,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + use<'a> {
        let address = (task.address, task.target_port);
        self.groups.get(group).into_iter().flat_map(move |group| group.removals(address))
    }

    fn was_to_be_tagged(&self, task: &Task) -> bool {
        self.journal.about(Api::TagResource, &task.arn).next().is_some()
    }

    /// I2: the registrations of live sessions that a caller ended and nobody has begun again.
    pub(crate) fn live_targets_missing(&self, now: Timestamp) -> Vec<String> {
        let ours = self.tasks().filter(|task| self.is_session_task(task));
        let live = ours.filter(|task| self.live(task, now));
        live.flat_map(|task| {
            let port = task.target_port;
            let address = (task.address, port);
            // One that runs another session without having told anybody, or that was tagged before, or should have
            // been: it is kept, and that is all.
            let is_another = task.container.behaviour.forbids
                && (!self.judge.known_to_forbid.contains(&task.key)
                    || self.is_tagged_ended(task)
                    || self.was_to_be_tagged(task));
            let told = !is_another
                && !self.is_taken_for_another(task)
                && !self.has_a_leftover(task)
                && !self.judge.hidden.contains(&task.key);
            let lost = task.registers_in.iter().filter(move |_| told).filter(move |group| {
                let state = self.health(group, address, now).state;
                self.judge.taken.contains(&((*group).clone(), address))
                    && !self.was_a_zombies(group, task)
                    && matches!(&*state, "unused" | "draining")
            });
            lost.map(move |group| format!("{}:{port} of {} in {group}", task.address, task.arn))
        })
        .collect()
    }
}
