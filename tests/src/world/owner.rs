//! What the world does by itself, apart from the callers: owners, containers, AWS.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::container::Behaviour;
use super::objects::{Object, Written};
use super::state::State;
use super::targets::{GroupSetup, Health, Target, TargetGroup};
use super::task::{Renewal, Task, TaskKey};
use super::{TaskHandle, World};

impl World {
    fn alter<T>(&self, handle: &TaskHandle, change: impl FnOnce(&mut Task, Timestamp) -> T) -> T {
        self.now_with(|state, now| {
            let task = state.task_mut(&handle.key).expect("a task of this world");
            let done = change(task, now);
            task.container.changed.notify_waiters();
            done
        })
    }

    /// The owner has ended the session: from now on it is not live. Where its task runs another by now,
    /// that one is.
    pub fn owner_ends(&self, session: &TaskHandle) {
        self.alter(session, |task, now| {
            if !task.container.behaviour.forbids {
                task.owner_ended_at.get_or_insert(now);
            }
        });
    }

    /// The owner (or an operator) sets a tag: a lease, a protection.
    pub fn set_tag(&self, session: &TaskHandle, key: &str, value: &str) {
        let is_lease = key == self.lock().setup.lease_tag;
        self.alter(session, |task, now| {
            task.tags.set(key.to_owned(), value.to_owned(), now);
            if is_lease {
                task.extended_at = Some(now);
            }
        });
    }

    /// A session claims a task of a warm pool, by one call, and says when it began, or not.
    pub fn claims(&self, session: &TaskHandle, started_at: Option<&str>) {
        self.alter(session, |task, now| {
            task.tags.set("session-id".to_owned(), task.container.session_id.clone(), now);
            if let Some(at) = started_at {
                task.tags.set("session-started-at".to_owned(), at.to_owned(), now);
            }
            task.claimed_at = Some(now);
        });
    }

    /// The owner removes a tag.
    pub fn remove_tag(&self, session: &TaskHandle, key: &str) {
        self.alter(session, |task, now| task.tags.remove(key, now));
    }

    /// The container behaves differently from now on.
    pub fn behaves(&self, session: &TaskHandle, change: impl FnOnce(&mut Behaviour)) {
        self.alter(session, |task, _| change(&mut task.container.behaviour));
    }

    /// From now on ECS shows the task with or without what every task has.
    pub fn is_shown_whole(&self, session: &TaskHandle, whole: bool) {
        self.alter(session, |task, _| task.shapeless = !whole);
    }

    /// The container's process exits now, if it has started.
    pub fn crash(&self, session: &TaskHandle, exit_code: i32) {
        self.alter(session, |task, now| task.exit(now, exit_code));
    }

    /// A Spot warning comes: SIGTERM now, SIGKILL after the stop timeout, RUNNING until then.
    pub fn interrupt(&self, session: &TaskHandle) {
        let reason = "Your Spot Task was interrupted.".to_owned();
        self.alter(session, |task, now| task.terminate(now, "SpotInterruption", reason, true));
    }

    /// Someone else stops the task.
    pub fn operator_stops(&self, session: &TaskHandle, reason: &str) {
        let stopped =
            self.now_with(|state, now| state.stop_by_a_call(&session.key, reason.to_owned(), now));
        stopped.expect("a task of this world");
    }

    /// The container uploads everything and completes by itself, at once.
    pub fn completes_by_itself(&self, session: &TaskHandle) {
        self.now_with(|state, now| {
            if state.task(&session.key).is_some_and(|task| task.process_runs(now)) {
                state.upload_all(&session.key, now);
                state.complete(&session.key, now);
            }
        });
    }

    /// The owner says when its session began, which it has not ended yet.
    pub fn owner_says_its_start(&self, session: &TaskHandle, at: &str) {
        if self.of_task(session, |task| task.owner_ended_at.is_none()) {
            self.set_tag(session, "session-started-at", at);
        }
    }

    /// The owner registers the session's target in its groups, again.
    pub fn owner_registers(&self, session: &TaskHandle) {
        self.now_with(|state, now| state.owner_registers(&session.key, now));
    }

    /// The owner deregisters the session's target in its groups.
    pub fn owner_deregisters(&self, session: &TaskHandle) {
        self.now_with(|state, now| {
            let port = state.task(&session.key).map_or(state.setup.port, |task| task.target_port);
            let address = (session.address(), port);
            for group in state.groups.values_mut() {
                group.changes(address, now);
                if let Some(target) = group.targets.get_mut(&address) {
                    target.deregistered_at.get_or_insert(now);
                }
            }
        });
    }

    /// The artifacts of this task may be lost: I3 no longer speaks of it.
    pub fn allow_loss(&self, session: &TaskHandle) {
        self.alter(session, |task, _| task.loss_allowed = true);
    }

    /// An operator forces a cluster: I1 no longer protects its tasks created before this time.
    pub fn allow_force(&self, cluster: &str, created_before: Timestamp) {
        self.lock().judge.force(cluster, created_before);
    }

    /// An operator configures the functions for these families alone.
    pub fn configure_families(&self, families: &[&str]) {
        self.lock().families_since = Some(families.iter().map(ToString::to_string).collect());
    }

    /// The renewal of a session's lease breaks; its owner lives.
    pub fn renewal_breaks(&self, session: &TaskHandle) {
        self.alter(session, |task, _| task.renewal = Renewal::Broken);
    }

    /// Another cluster exists in the account, without tasks so far.
    pub fn add_cluster(&self, name: &str) {
        self.lock().clusters.entry(name.to_owned()).or_default();
    }

    /// Someone deletes a cluster, with all that is in it.
    pub fn delete_cluster(&self, name: &str) {
        self.lock().clusters.remove(name);
    }

    /// Someone deletes a target group.
    pub fn delete_target_group(&self, name: &str) {
        let mut state = self.lock();
        let arn = state.setup.target_group_arn(name);
        state.groups.remove(&arn);
        state.judge.group_is_gone(&arn);
    }

    /// Another target group exists; it is not a configured one.
    pub fn add_target_group(&self, name: &str) {
        let mut state = self.lock();
        let arn = state.setup.target_group_arn(name);
        state.groups.insert(arn, TargetGroup::new(name));
    }

    /// Someone sets a target group up otherwise.
    pub fn set_up_target_group(&self, name: &str, change: impl FnOnce(&mut GroupSetup)) {
        let mut state = self.lock();
        let arn = state.setup.target_group_arn(name);
        change(&mut state.groups.get_mut(&arn).expect("a target group of the world").made);
    }

    /// Registers an address that no task has: what a lost session left behind.
    pub fn leave_target(&self, group: &str, address: Ipv4Addr) {
        let port = self.lock().setup.port;
        self.leave_target_at(group, address, port);
    }

    /// The same at a port of its own.
    pub fn leave_target_at(&self, group: &str, address: Ipv4Addr, port: u16) {
        let mut state = self.lock();
        let now = state.clock.now();
        let arn = state.setup.target_group_arn(group);
        let since = now - state.setup.health.registration;
        let group = state.groups.get_mut(&arn).expect("a target group of the world");
        let there = group.targets.get(&(address, port));
        // Who registers what is registered changes nothing.
        if there.is_none_or(|target| target.deregistered_at.is_some()) {
            group.targets.insert((address, port), Target::registered(since));
        }
    }

    /// The load balancer reports this of a target, until [`World::report_truth`].
    pub fn report(&self, group: &str, address: Ipv4Addr, health: Health) {
        self.force(group, address, Some(health));
    }

    /// The load balancer reports the truth of a target again.
    pub fn report_truth(&self, group: &str, address: Ipv4Addr) {
        self.force(group, address, None);
    }

    fn force(&self, group: &str, address: Ipv4Addr, health: Option<Health>) {
        let mut state = self.lock();
        let (arn, port) = (state.setup.target_group_arn(group), state.setup.port);
        let target =
            state.groups.get_mut(&arn).and_then(|group| group.targets.get_mut(&(address, port)));
        target.expect("a registered target").forced = health;
    }

    /// Puts an object into a bucket, as someone who is not a caller.
    pub fn put_object(&self, bucket: &str, key: &str, body: impl Into<bytes::Bytes>) {
        self.now_with(|state, now| {
            let bucket = state.buckets.entry(bucket.to_owned()).or_default();
            bucket.insert(key.to_owned(), Object::new(body.into(), now));
        });
    }

    /// The same, written at a time of its own.
    pub fn put_object_at(
        &self,
        bucket: &str,
        key: &str,
        body: impl Into<bytes::Bytes>,
        at: Timestamp,
    ) {
        let mut state = self.lock();
        let bucket = state.buckets.entry(bucket.to_owned()).or_default();
        bucket.insert(key.to_owned(), Object::new(body.into(), at));
    }

    /// Deletes an object, as someone who is not a caller.
    pub fn remove_object(&self, bucket: &str, key: &str) {
        self.now_with(|state, _| {
            state.buckets.get_mut(bucket).and_then(|bucket| bucket.remove(key))
        });
    }
}

/// For the served skin: what listens, and what containers have written for an external S3.
impl World {
    /// The addresses at which a container's process accepts connections now.
    pub(crate) fn listening(&self) -> Vec<Ipv4Addr> {
        self.now_with(|state, now| {
            let open = state
                .tasks()
                .filter(|task| task.process_runs(now))
                .filter(|task| !task.container.behaviour.refuses && !task.container.behaviour.deaf);
            open.map(|task| task.address).collect()
        })
    }

    /// From now on containers write to an external S3.
    pub(crate) fn write_outside(&self) {
        self.lock().outbox.get_or_insert_default();
    }

    /// What containers have written since the last time.
    pub(crate) fn take_outbox(&self) -> Vec<Written> {
        self.now_with(|state, _| state.outbox.as_mut().map(std::mem::take).unwrap_or_default())
    }

    /// What could not be written, to be tried again first.
    pub(crate) fn return_to_outbox(&self, mut unwritten: Vec<Written>) {
        if let Some(outbox) = &mut self.lock().outbox {
            unwritten.append(outbox);
            *outbox = unwritten;
        }
    }
}

impl State {
    /// `StopTask`, whoever calls it: it deletes the task's tags. `None`: there is no such task.
    pub(super) fn stop_by_a_call(
        &mut self,
        key: &TaskKey,
        reason: String,
        now: Timestamp,
    ) -> Option<()> {
        let lease = self.task(key).and_then(|task| self.lease_end(task));
        let task = self.task_mut(key)?;
        task.lease_at_stop = lease.or(task.lease_at_stop);
        task.terminate(now, "UserInitiated", reason, false);
        task.lose_tags(now);
        task.container.changed.notify_waiters();
        Some(())
    }
}
