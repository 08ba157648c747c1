//! I2 and I5 at the moment at which a target is removed or registered: what a caller can have known of its address.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::api::{Api, Outcome};
use super::faults::FaultKind;
use super::invariants::Asker;
use super::setup::RegisteringWhatDrains;
use super::snapshots::FRESH;
use super::state::State;
use super::targets::{Address, Health, Target};
use super::task::Task;

/// Who has had an address for so long must be known to whoever removes it: each look, wait and answer is shorter.
const SURELY_KNOWN: Duration = Duration::from_mins(2);

/// From a question there to the removal that rests on its answer.
const A_PROBE_LASTS: Duration = Duration::from_secs(15);

impl State {
    /// A target of a group is about to be removed, if it is there.
    pub(crate) fn judge_removal(&mut self, asker: &Asker, group: &str, (ip, port): Address) {
        let target = self.groups.get(group).and_then(|group| group.targets.get(&(ip, port)));
        let Some(target) = target.filter(|target| target.deregistered_at.is_none()) else { return };
        let now = self.clock.now();
        // Where a group could not be read, nobody need have seen that it was away for a while; nor can who could not
        // remember it.
        let is_known_away = self.can_read_groups() && self.is_remembered_away(asker, (ip, port));
        let registered_at = if is_known_away { target.registered_at } else { Timestamp::MIN };
        let there_since = registered_at.max(self.free_since(ip));
        if let Some(key) = self.holder(ip, now).map(|task| task.key.clone()) {
            self.look_whether_one_has_just_stopped(asker, &key);
            self.judge.removed_from.insert((key, group.to_owned()));
        }
        let known = |task: &&Task| {
            let is_known = task.arrived_at + SURELY_KNOWN <= now || self.is_listed_to(asker, task);
            task.wanted_running() && is_known
        };
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
            None if self.nobody_ever_had(ip)
                && self.families_since.is_none()
                && self.all_was_cut_off(now - SURELY_KNOWN)
                && self.has_sessions(group, now) =>
            {
                format!("the target {ip}:{port} is removed, and no route leads there")
            }
            None if self.is_no_sessions(ip) && !self.was_seen_before(ip, there_since) => {
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
        let before = (now - SURELY_KNOWN).max(task.arrived_at);
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
                && !self.was_just_unreachable(address.0, now)
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
        let mut asked = self.journal.about(Api::ContainerHealth, &text);
        asked.any(|call| call.outcome == Outcome::NotConnected)
    }

    /// Whether nobody was reached there right before.
    fn was_just_unreachable(&self, ip: Ipv4Addr, now: Timestamp) -> bool {
        let text = format!("{ip}:");
        let asked = self.journal.about(Api::ContainerHealth, &text).rev();
        let mut asked = asked.take_while(|call| now <= call.sent_at + A_PROBE_LASTS);
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

    /// Nobody has ever had it, or strangers alone.
    fn is_no_sessions(&self, ip: Ipv4Addr) -> bool {
        let tenants = self.tenants.get(&ip).into_iter().flatten();
        !tenants.filter_map(|key| self.task(key)).any(|task| self.is_session_task(task))
    }

    /// When the last one was told to leave it that has answered there to a sweep that could remember it.
    fn free_since(&self, ip: Ipv4Addr) -> Timestamp {
        let text = format!("{ip}:");
        let asked = |from: Timestamp, until: Timestamp| {
            let calls = self.journal.about(Api::ContainerHealth, &text);
            let mut its = calls.filter(|call| matches!(call.outcome, Outcome::Answered(..)));
            its.any(|call| {
                (from..until).contains(&call.sent_at) && self.memory_is_written_after(call)
            })
        };
        let tenants = self.tenants.get(&ip).into_iter().flatten().filter_map(|key| self.task(key));
        let stops = tenants.filter_map(|task| {
            let at = task.stop.as_ref()?.at;
            asked(task.arrived_at, at).then_some(at)
        });
        stops.max().unwrap_or(Timestamp::MIN)
    }

    /// Whether a session has been registered in it for long, which would answer if anybody could be reached.
    fn has_sessions(&self, group: &str, now: Timestamp) -> bool {
        let targets = self.groups.get(group).into_iter().flat_map(|group| &group.targets);
        let mut there = targets.filter(|(_, target)| is_there_for_long(target, now));
        there.any(|(at, _)| {
            let holder = self.holder(at.0, now).filter(|task| self.is_session_task(task));
            holder
                .is_some_and(|task| self.live(&task.as_of(now - SURELY_KNOWN), now - SURELY_KNOWN))
        })
    }

    /// Whether the caller's last listing has shown it. Simplified: of one page, and where no read shows what was before.
    fn is_listed_to(&self, asker: &Asker, task: &Task) -> bool {
        let listings = self.journal.about(Api::ListTasks, &task.key.cluster).rev();
        let listings = listings.filter(|call| call.caller == asker.caller);
        let last = listings.map(|call| (call.sent_at, call.outcome.is_success())).next();
        let there_since = task.arrived_at.max(task.visible_from).max(task.described_from);
        self.setup.page >= 100
            // Each group has a look of its own, which may be so old.
            && there_since + FRESH <= self.clock.now()
            && self.shows_what_is()
            && last.is_some_and(|(at, listed)| listed && there_since < at)
            && self.is_described_to(asker, task)
    }

    /// Whether the caller knew what a description of it says when it sent this call.
    fn is_described_to(&self, asker: &Asker, task: &Task) -> bool {
        let mut calls = self.journal.about(Api::DescribeTasks, &task.arn);
        calls.any(|call| {
            call.caller == asker.caller
                && call.outcome.is_success()
                && call.sent_at + self.setup.latency.ecs <= asker.sent_at
        })
    }

    /// Whether no read has shown what was before.
    pub(super) fn shows_what_is(&self) -> bool {
        self.setup.lists_lag.is_zero()
            && self.setup.reads_lag.is_zero()
            && !self.chaos.met().iter().any(|met| met.kind == FaultKind::Stale)
    }

    /// A caller registers an address.
    pub(crate) fn judge_registration(&mut self, asker: &Asker, group: &str, (ip, port): Address) {
        let now = self.clock.now();
        let holder = self.holder(ip, now);
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
        } else if self.has_seen_at_another_port(asker, group, (ip, port), now) {
            "it is registered there at another port"
        } else if !self.is_registered(group, (ip, port))
            && holder.is_some_and(|task| self.belongs_elsewhere(asker, task, group, now))
        {
            "its session belongs in another group"
        } else {
            return;
        };
        self.violation("I5", asker, &format!("{ip}:{port} is registered, and {why}"));
    }

    fn is_registered(&self, group: &str, address: Address) -> bool {
        let target = self.groups.get(group).and_then(|group| group.targets.get(&address));
        target.is_some_and(|target| target.deregistered_at.is_none())
    }

    /// Its caller has just read the group, which has had it at its owner's port for long.
    fn has_seen_at_another_port(
        &self,
        asker: &Asker,
        group: &str,
        (ip, port): Address,
        now: Timestamp,
    ) -> bool {
        let reads = self.journal.about(Api::DescribeTargetHealth, group).rev();
        let reads = reads.filter(|call| call.caller == asker.caller);
        let is_read = reads.map(|call| call.outcome.is_success()).next().unwrap_or_default();
        // What was removed as well may be there because it was registered again.
        let elsewhere = |(at, target): (&Address, &Target)| {
            at.0 == ip
                && at.1 != port
                && is_there_for_long(target, now)
                && !self.is_named_by_an_intent(group, *at)
        };
        let targets = self.groups.get(group).into_iter().flat_map(|group| &group.targets);
        // What is registered there may be its last holder's, who was registered again for it.
        let is_its_own = self.holder(ip, now).is_some_and(|task| {
            task.target_port == port && task.registers_in.iter().any(|own| own == group)
        });
        is_read && !is_its_own && { targets }.any(elsewhere)
    }

    /// Who had its address before is still registered there somewhere: nobody can tell that this is not its own.
    fn is_registered_from_before(&self, task: &Task) -> bool {
        self.groups.iter().any(|(name, group)| {
            let is_own = |port: u16| {
                port == task.target_port && task.registers_in.iter().any(|own| own == name)
            };
            group.targets.iter().any(|((ip, port), target)| {
                *ip == task.address
                    && !is_own(*port)
                    && target.deregistered_at.is_none()
                    && target.registered_at < task.arrived_at
            })
        })
    }

    /// Its owner's call was refused, or ignored, since its address drained in that group.
    fn could_not_be_registered(&self, task: &Task) -> bool {
        let health = &self.setup.health;
        let address = format!("{}:", task.address);
        let removals = self.journal.about(Api::DeregisterTargets, &address);
        let mut removals =
            removals.filter(|call| task.arrived_at <= call.sent_at + health.draining);
        health.registering_what_drains != RegisteringWhatDrains::Works
            && removals.any(|call| task.registers_in.iter().any(|own| call.is_about(own)))
    }

    /// Who had the address before was registered in this group and in one of its own, at the same port: a session like it
    /// may have been in both.
    fn is_like_the_one_before(&self, task: &Task, group: &str) -> bool {
        let tenants = self.tenants.get(&task.address).into_iter().flatten();
        let mut before = tenants.filter_map(|key| self.task(key)).filter(|one| one.key != task.key);
        before.any(|one| {
            let was_in = |group: &str| one.registers_in.iter().any(|of| of == group);
            one.target_port == task.target_port
                && was_in(group)
                && task.registers_in.iter().any(|own| was_in(own))
        })
    }

    /// A session that is registered in groups of its own, or will be, since its owner has not come to that yet; and we
    /// have removed it from none of them.
    fn belongs_elsewhere(&self, asker: &Asker, task: &Task, group: &str, now: Timestamp) -> bool {
        let own = &task.registers_in;
        let ip = task.address;
        let address = format!("{ip}:");
        let by_us = |own: &String| {
            self.journal.about(Api::RegisterTargets, &address).any(|call| call.is_about(own))
        };
        // Who looks sees its last holder there until this very moment.
        let tenants = self.tenants.get(&ip).into_iter().flatten();
        let mut before = tenants.filter(|key| **key != task.key);
        let is_hidden = before.any(|key| self.judge.snapshots().have_shown_holding(asker, key));
        let is_registered = |own: &String| {
            let target =
                self.groups.get(own).and_then(|own| own.targets.get(&(ip, task.target_port)));
            let is_its_own = |target: &Target| {
                is_there_for_long(target, now) && target.registered_at >= task.created_at
            };
            target.is_some_and(is_its_own) && !by_us(own)
        };
        // A zombie was there, too: whether that registration is its own nobody can tell.
        let had_a_zombie =
            |own: &String| self.removals(own, task).any(|(_, since)| since < task.created_at);
        self.is_session_task(task)
            && !is_hidden
            && !own.is_empty()
            && !own.iter().any(had_a_zombie)
            && !own.iter().any(|own| own == group)
            && !own
                .iter()
                .any(|own| self.judge.removed_from.contains(&(task.key.clone(), own.clone())))
            && !self.could_not_be_registered(task)
            && !self.is_registered_from_before(task)
            && !self.is_like_the_one_before(task, group)
            && (now < task.arrived_at + SURELY_KNOWN
                || !task.started(now)
                || own.iter().any(is_registered))
    }
}

/// Longer than reads lag behind.
fn is_there_for_long(target: &Target, now: Timestamp) -> bool {
    target.deregistered_at.is_none() && target.registered_at + SURELY_KNOWN <= now
}

/// Whether the load balancer had an answer.
pub(super) fn shows_somebody(health: &Health) -> bool {
    health.state == "healthy" || health.reason.as_deref() == Some("Target.ResponseCodeMismatch")
}
