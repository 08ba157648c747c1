//! I2 and I5 at the moment at which a target is removed or registered: what a caller can have known of its address.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::api::{Api, Outcome};
use super::invariants::Asker;
use super::state::State;
use super::targets::{Address, Health};
use super::task::Task;

/// Who has had an address for so long must be known to whoever removes it: each look, wait and answer is shorter.
const SURELY_KNOWN: Duration = Duration::from_mins(2);

impl State {
    /// A target of a group is about to be removed, if it is there.
    pub(crate) fn judge_removal(&mut self, asker: &Asker, group: &str, (ip, port): Address) {
        let target = self.groups.get(group).and_then(|group| group.targets.get(&(ip, port)));
        let Some(target) = target.filter(|target| target.deregistered_at.is_none()) else { return };
        let (now, registered_at) = (self.clock.now(), target.registered_at);
        if let Some(key) = self.holder(ip, now).map(|task| task.key.clone()) {
            self.look_whether_one_has_just_stopped(asker, &key);
        }
        let known = |task: &&Task| task.wanted_running() && task.arrived_at + SURELY_KNOWN <= now;
        let what = match self.holder(ip, now).filter(known) {
            Some(task) if self.has_lost_it_for_nothing(asker, task, group, port, now) => {
                format!("the target {ip}:{port} of {}, which is live, is removed", task.arn)
            }
            Some(_) | None if !self.setup.sees_everything() => return,
            Some(task)
                if self.is_session_task(task)
                    && self.is_by_inference(task)
                    && !self.has_confirmed(asker, task, now) =>
            {
                format!(
                    "the target {ip}:{port} of {} is removed, which has not confirmed",
                    task.arn
                )
            }
            Some(task) if self.is_by_inference(task) && !self.is_intended(group, ip) => {
                format!("the target {ip}:{port} of {} is removed without an intent", task.arn)
            }
            None if self.nobody_ever_had(ip) && !self.is_intended(group, ip) => {
                format!("the target {ip}:{port} is removed without an intent")
            }
            None if self.nobody_ever_had(ip) && !self.was_seen_before(ip, registered_at) => {
                format!("no two sweeps can have seen the target {ip}:{port} that is removed")
            }
            Some(_) | None => return,
        };
        self.violation("I2", asker, &what);
    }

    /// It is a live session's, or a stranger's: nothing that a caller can have seen says otherwise.
    fn has_lost_it_for_nothing(
        &self,
        asker: &Asker,
        task: &Task,
        group: &str,
        port: u16,
        now: Timestamp,
    ) -> bool {
        let was_anothers = self.tenants.get(&task.address).is_some_and(|all| all.len() > 1);
        if !self.is_session_task(task) {
            // Who configures other families sees other sessions.
            return !was_anothers
                && self.families_since.is_none()
                && self.shows_itself(group, (task.address, port), now);
        }
        let is_its_own = task.target_port == port && task.registers_in.iter().any(|of| of == group);
        let may_be_over = self.judge.fresh(asker, &task.key).is_some_and(|snapshot| !snapshot.live);
        // What keeps it may have come when it was decided already.
        let before = now - SURELY_KNOWN;
        self.live(task, now)
            && self.live(&task.as_of(before), before)
            && is_its_own
            && !may_be_over
            && !task.container.behaviour.forbids
            && !self.judge.forces(task)
            && !self.is_taken_for_another(task)
    }

    /// Of what another account runs nobody can know but by a connection, or by the load balancer.
    fn shows_itself(&self, group: &str, address: Address, now: Timestamp) -> bool {
        let holder = self.holder(address.0, now);
        !holder.is_some_and(|task| self.is_of_another_account(task))
            || self.connects(address.0, now) && !self.was_unreachable(address.0)
            || shows_somebody(&self.health(group, address, now))
    }

    /// Whether nobody had to assume where targets are.
    fn can_read_groups(&self) -> bool {
        let calls = self.journal.calls.iter();
        let mut reads = calls.filter(|call| call.api == Api::DescribeTargetHealth);
        reads.all(|call| call.outcome.is_success())
    }

    fn was_ever_registered(&self, ip: Ipv4Addr, port: u16) -> bool {
        let mut groups = self.groups.values();
        groups.any(|group| group.addresses().contains(&(ip, port)))
    }

    /// Whether it has looked to anybody as if nobody were there.
    fn was_unreachable(&self, ip: Ipv4Addr) -> bool {
        let text = format!("{ip}:");
        let calls = self.journal.calls.iter().filter(|call| call.api == Api::ContainerHealth);
        let mut asked = calls.filter(|call| call.is_about(&text));
        asked.any(|call| call.outcome == Outcome::NotConnected)
    }

    pub(super) fn is_of_another_account(&self, task: &Task) -> bool {
        self.setup.other_accounts.contains(&task.key.cluster)
    }

    /// Its container has said so, or its artifacts may be given up, or there are none.
    fn has_confirmed(&self, asker: &Asker, task: &Task, now: Timestamp) -> bool {
        task.container.completed_at.is_some()
            || self.judge.has_confirmed(asker, &task.key)
            || self.judge.forces(task)
            || self.may_lose(asker, task, now)
    }

    /// Neither its owner nor ECS has said that it ends.
    fn is_by_inference(&self, task: &Task) -> bool {
        task.owner_ended_at.is_none()
            && task.stop.is_none()
            && !self.is_tagged_ended(task)
            // Its owner has ended the session that it ran before.
            && !task.container.behaviour.forbids
            && !self.is_taken_for_another(task)
    }

    /// Whether a sweep before has asked there, since it is registered.
    fn was_seen_before(&self, ip: Ipv4Addr, registered_at: Timestamp) -> bool {
        let mut asks = self.sent_before(Api::ContainerHealth, ip);
        asks.any(|call| registered_at <= call.sent_at)
    }

    fn nobody_ever_had(&self, ip: Ipv4Addr) -> bool {
        self.tenants.get(&ip).is_none_or(Vec::is_empty)
    }

    /// Whether an intent names it.
    fn is_intended(&self, group: &str, ip: Ipv4Addr) -> bool {
        let ledger = self.buckets.get(&self.setup.ledger_bucket);
        let mut intents =
            ledger.into_iter().flatten().filter(|(key, _)| key.starts_with("intents/"));
        let ip = format!("\"{ip}\"");
        intents.any(|(_, object)| {
            let text = String::from_utf8_lossy(&object.body);
            text.contains(group) && text.contains(&ip)
        })
    }

    /// A caller registers an address.
    pub(crate) fn judge_registration(&mut self, asker: &Asker, (ip, port): Address) {
        let now = self.clock.now();
        let tenants = self.tenants.get(&ip).into_iter().flatten();
        let has_it = |task: &Task| {
            let left_at = task.stop.as_ref().map(|stop| stop.at);
            left_at.is_none_or(|at| now <= at + SURELY_KNOWN)
        };
        let shown =
            tenants.clone().filter_map(|key| self.judge.snapshots().shown_holding(asker, key));
        let shown: Vec<bool> = shown.collect();
        let why = if !tenants.filter_map(|key| self.task(key)).any(has_it) {
            "nobody has it any more"
        } else if !self.setup.sees_everything() {
            // Owners register what they have begun.
            return;
        } else if !shown.is_empty() && !shown.contains(&true) {
            "its caller has seen that nobody has it any more"
        } else if self.can_read_groups() && !self.was_ever_registered(ip, port) {
            "nobody has ever registered it at this port"
        } else {
            return;
        };
        self.violation("I5", asker, &format!("{ip}:{port} is registered, and {why}"));
    }
}

/// Whether the load balancer had an answer.
fn shows_somebody(health: &Health) -> bool {
    health.state == "healthy" || health.reason.as_deref() == Some("Target.ResponseCodeMismatch")
}
