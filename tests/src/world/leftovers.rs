//! What should have been cleaned up by now, and what is said of it, from the world's own truth (I3, I4 and I5).

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::World;
use super::api::Api;
use super::setup::is_one_of;
use super::state::State;
use super::task::{Phase, Renewal, Task};

/// At most.
pub(super) const A_SWEEP_LASTS: Duration = Duration::from_mins(4);

/// At most: its marker is written in the middle.
const AN_UPLOAD_LASTS: Duration = Duration::from_mins(1);

impl World {
    /// I4, for the end of a story: the session tasks that no one will end and that still run. A
    /// story that asks has given the sweeps their time: a task becomes an orphan by growing older.
    #[must_use]
    pub fn orphans_left(&self) -> Vec<String> {
        self.now_with(|state, now| {
            let orphans = state.tasks().filter(|task| state.is_orphan(task, now));
            orphans.map(|task| format!("{} in {}", task.container.session_id, task.arn)).collect()
        })
    }

    /// I3, for the end of a story: the receipts that call artifacts saved which are not, or lost which had been
    /// saved before their task was stopped. Where containers upload by themselves, the world does not know whether
    /// that was all.
    #[must_use]
    pub fn losses_misreported(&self) -> Vec<String> {
        let receipts = self.receipts();
        self.now_with(|state, now| {
            let setup = &state.setup;
            if setup.containers_upload_themselves {
                return Vec::new();
            }
            let mut wrong = Vec::new();
            // One that waited in a pool had nothing to save.
            let waited = |task: &Task| {
                setup.warm_pool && task.claimed_at.is_none() && !task.is_born_with_a_name()
            };
            let judged =
                |task: &&Task| task.started(now) && !waited(task) && !state.has_run_unseen(task);
            for task in state.tasks().filter(judged) {
                let Some(receipt) = receipts.get(&task.key.id) else { continue };
                // An owner that mixes up two sessions: it is about what was lost of the other one.
                if receipt["session_id"] != *task.container.session_id {
                    continue;
                }
                let outcome = receipt["outcome"].as_str().unwrap_or_default();
                // What lies there from before its session began, by its owner's clock, is another's for everybody.
                let ahead = setup.owners_clock_is_ahead;
                let since = if ahead.is_zero() { Duration::ZERO } else { AN_UPLOAD_LASTS };
                let is_own = |at: &Timestamp| {
                    *at >= task.session_began() + since || state.was_asked_by(task, *at)
                };
                let own = task.container.saved_at.filter(is_own);
                let saved_in_time =
                    own.is_some_and(|saved| task.stop.as_ref().is_none_or(|stop| saved <= stop.at));
                let is_wrong = match outcome {
                    // There are none to be lost.
                    "artifacts_lost" | "artifacts_unverified" if setup.artifacts_are_discarded => {
                        true
                    }
                    _ if setup.artifacts_are_discarded => false,
                    // When it began is gone with its claim: an earlier run's marker is taken for its own.
                    "cleaned" => {
                        let says_so = task.container.behaviour.uploads_nothing;
                        task.container.saved_at.is_none() && !(says_so && task.has_lost_its_claim())
                    }
                    "artifacts_lost" => saved_in_time && !task.container.behaviour.encrypts,
                    _ => false,
                };
                if is_wrong {
                    wrong.push(format!("{}: {outcome}", task.arn));
                }
            }
            wrong
        })
    }

    /// Whether a task of the account that shall run has the address.
    #[must_use]
    pub fn has_owner(&self, address: Ipv4Addr) -> bool {
        self.lock().has_owner(address)
    }

    /// I5, for the end of a story: the targets of configured groups that nobody has, at which nobody
    /// answers, and which the load balancer finds unhealthy for that.
    #[must_use]
    pub fn zombies_left(&self) -> Vec<String> {
        self.now_with(|state, now| {
            let configured = state.setup.target_groups.iter();
            let groups = configured.map(|name| (name, state.setup.target_group_arn(name)));
            let mut zombies = Vec::new();
            for (name, arn) in groups {
                let targets = state.groups.get(&arn).into_iter().flat_map(|group| &group.targets);
                for (address, _) in targets {
                    let health = state.health(&arn, *address, now);
                    let reason = health.reason.as_deref().unwrap_or_default();
                    let unanswered = health.state == "unhealthy"
                        && matches!(reason, "Target.Timeout" | "Target.FailedHealthChecks");
                    let (ip, port) = *address;
                    let is_zombie = unanswered && !state.has_owner(ip) && !state.connects(ip, now);
                    if is_zombie && !state.is_blind_towards(&arn, now) {
                        zombies.push(format!("{ip}:{port} in {name}"));
                    }
                }
            }
            zombies
        })
    }
}

impl State {
    /// Table 5.1, without the bounds that keep a sweep from acting on it.
    fn is_orphan(&self, task: &Task, now: Timestamp) -> bool {
        let setup = &self.setup;
        let tag = |name: &str| task.tags.get(name).map(String::as_str);
        if !self.is_session_task(task) || !task.wanted_running() || self.is_kept(task) {
            return false;
        }
        let in_the_end = is_past(task.session_began(), setup.hard_age + setup.salvage_window, now);
        // What says that it runs another session or that its upload is under way, or can't be reached, is kept until then.
        let behaviour = &task.container.behaviour;
        let container = &task.container;
        let uploads_still =
            (behaviour.answers_202 || container.uploading) && container.saved_at.is_none();
        // Of one that never started, ECS may be out of date.
        let may_have_started = task.only_accepts(now);
        if behaviour.forbids || behaviour.deaf || uploads_still || may_have_started {
            return in_the_end;
        }
        if self.is_over_for_good(task, now) {
            return true;
        }
        let lease = tag(&setup.lease_tag).map(|end| end.parse::<Timestamp>().ok());
        let lease = lease.filter(|end| end.is_none_or(|end| end >= task.session_began()));
        match lease {
            Some(Some(end)) if end <= now => {
                let alone =
                    is_past(end, setup.lease_grace, now) && self.leases_are_renewed(false, now);
                alone || is_past(end, setup.max_session_age, now)
            }
            Some(_) => false,
            None => {
                is_past(task.session_began(), setup.max_session_age, now) || self.is_done(task, now)
            }
        }
    }

    /// Its owner's word, or the hard age.
    pub(super) fn is_over_for_good(&self, task: &Task, now: Timestamp) -> bool {
        self.is_tagged_ended(task)
            || self.is_its_end_noted(task)
            || is_past(task.session_began(), self.setup.hard_age, now)
    }

    /// Its owner has ended it, and that was noted at its task: by whatever clock, it stays ended.
    fn is_its_end_noted(&self, task: &Task) -> bool {
        let mut tags = self.journal.about(Api::TagResource, &task.arn);
        task.owner_ended_at.is_some() && tags.any(|call| call.outcome.is_success())
    }

    /// Whether it had been asked for its artifacts before this time, and that its owner's clock is ahead was noted at its
    /// task while it could be seen, or is on record and can be read.
    fn was_asked_by(&self, task: &Task, at: Timestamp) -> bool {
        let Some(said) = task.says_it_began() else { return false };
        let named = format!("tasks/{}", task.key.id);
        let came_to = |api: Api, subject: &str, is_success: bool| {
            let mut calls = self.journal.about(api, subject);
            calls.any(|call| {
                call.outcome.is_success() == is_success && (call.sent_at < said || !is_success)
            })
        };
        let is_noted = came_to(Api::TagResource, &task.arn, true)
            || came_to(Api::PutObject, &named, true) && !came_to(Api::GetObject, &named, false);
        is_noted && task.salvage_failing_since.is_some_and(|asked| asked <= at)
    }

    /// Protected, or nobody knows whose it is, or since when. (That the hard age bounds the last is a story of its own.)
    pub(super) fn is_kept(&self, task: &Task) -> bool {
        let has_no_start = self.setup.warm_pool && task.says_it_began().is_none();
        self.is_protected(task) || !task.is_identified() || has_no_start
    }

    pub(super) fn is_protected(&self, task: &Task) -> bool {
        task.tags.get(&self.setup.protection_tag).is_some_and(|value| value == "true")
    }

    pub(super) fn is_tagged_ended(&self, task: &Task) -> bool {
        let ended = task.tags.get(&self.setup.ended_tag);
        let ended = ended.and_then(|at| at.parse::<Timestamp>().ok());
        ended.is_some_and(|at| at.as_second() >= task.session_began().as_second())
    }

    /// Row 9: it answers 503 and gets no traffic.
    fn is_done(&self, task: &Task, now: Timestamp) -> bool {
        let address = (task.address, task.target_port);
        let healthy = self.groups.keys().any(|group| {
            let health = self.health(group, address, now);
            health.state == "healthy"
        });
        // Without a load balancer nobody asks.
        !self.setup.target_groups.is_empty()
            && is_past(task.session_began(), self.setup.start_up_grace, now)
            && task.container.completed_at.is_some()
            && self.connects(task.address, now)
            && !task.container.behaviour.silent
            && task.container.behaviour.unready.is_none()
            && task.container.behaviour.body.is_read()
            && !healthy
    }

    /// When its lease ends or ended, if that can be read.
    pub(crate) fn lease_end(&self, task: &Task) -> Option<Timestamp> {
        task.tags.get(&self.setup.lease_tag)?.parse().ok()
    }

    /// The same also of one that was stopped, and has lost its tags.
    pub(super) fn last_lease_end(&self, task: &Task) -> Option<Timestamp> {
        self.lease_end(task).or(task.lease_at_stop)
    }

    pub(crate) fn has_an_unreadable_lease(&self, task: &Task) -> bool {
        task.tags.contains_key(&self.setup.lease_tag) && self.lease_end(task).is_none()
    }

    /// Whether a single lease that lapsed speaks for itself; `perhaps`: also where it is not sure that a sweep has seen
    /// one that was extended. Simplified: every listing is whole.
    pub(crate) fn leases_are_renewed(&self, perhaps: bool, now: Timestamp) -> bool {
        let renewed = |families: &Vec<String>| {
            let (are_extended, are_lapsing) = self.leases(families, perhaps, now);
            are_extended && !are_lapsing
        };
        // Functions that are configured anew see the leases of other families.
        let mut views = [&self.setup.families].into_iter().chain(&self.families_since);
        if perhaps { views.any(renewed) } else { views.all(renewed) }
    }

    /// Whether so many have lapsed that renewal looks broken.
    pub(crate) fn leases_are_lapsing(&self, now: Timestamp) -> bool {
        self.leases(&self.setup.families, true, now).1
    }

    /// The same as a sweep may have seen it that is under way.
    pub(crate) fn leases_may_look_lapsing(&self, now: Timestamp) -> bool {
        [true, false].iter().any(|perhaps| self.leases(&self.setup.families, *perhaps, now).1)
    }

    /// Whether any is extended, and whether too many have lapsed.
    fn leases(&self, families: &[String], perhaps: bool, now: Timestamp) -> (bool, bool) {
        let is_seen = |task: &Task| self.is_session_task(task) && is_one_of(families, &task.family);
        // A sweep decides by what it saw at its beginning.
        let runs_then = |task: &Task| {
            task.stop.as_ref().is_none_or(|stop| perhaps && now <= stop.at + A_SWEEP_LASTS)
        };
        let tasks = self.tasks().filter(|task| is_seen(task) && runs_then(task));
        let leased = tasks.filter_map(|task| {
            let end = self.last_lease_end(task)?;
            // Copied from another's: it is none.
            (end >= task.session_began()).then_some((task, end))
        });
        let leased: Vec<(&Task, Timestamp)> = leased.collect();
        let reaped = self.tasks().filter(|task| {
            let stop = task.stop.as_ref().filter(|stop| {
                // Whom the reaper was about to stop for its lease may have been stopped on its owner's word.
                // So may one that ended by itself: its tags are still there.
                let end = self.last_lease_end(task);
                let perhaps_for_it = !perhaps && end.is_some_and(|end| end <= stop.at);
                stop.reason.contains("lease_expired") || perhaps_for_it
            });
            // It was written down when it was decided, a little before the stop.
            let until = if perhaps { now + A_SWEEP_LASTS } else { now };
            stop.is_some_and(|stop| !is_past(stop.at, self.setup.max_session_age, until))
        });
        // Only of those whose fate may hang on them: the others' lapse for ever.
        let undecided = |task: &Task| {
            !self.is_protected(task)
                && task.is_identified()
                && !self.is_tagged_ended(task)
                && !is_past(task.session_began(), self.setup.hard_age, now)
        };
        let seen = if perhaps { now - A_SWEEP_LASTS } else { now };
        let is_over = |(task, end): &&(&Task, Timestamp)| {
            task.wanted_running() && *end <= seen && undecided(task)
        };
        let lapsed = leased.iter().filter(is_over).count();
        let lapsed = lapsed + reaped.count();
        let latest = now + self.setup.hard_age;
        let runs = |end: &Timestamp| *end > seen && *end <= latest;
        let running = leased.iter().filter(|(_, end)| runs(end)).count();
        // One that was extended, and is not again, shows it too, to the sweeps of the next time.
        let lately = |at| !is_past(at, self.setup.leases_are_remembered_for, now);
        let extends = |task: &Task| {
            task.renewal == Renewal::Works && task.owner_ended_at.is_none()
                || perhaps && task.extended_at.is_some_and(lately)
        };
        // Also if its task has ended since, and its tags are gone.
        let was_extended = |task: &Task| {
            is_seen(task) && task.stop.is_some() && task.extended_at.is_some_and(lately)
        };
        let is_renewed = leased.iter().any(|(task, end)| extends(task) && runs(end))
            || perhaps && self.tasks().any(was_extended);
        (is_renewed, lapsed > ((lapsed + running) / 4).max(1))
    }

    /// Whether silence at a target of this group proves nothing: session tasks are registered in it, and none
    /// of them answers either.
    fn is_blind_towards(&self, group: &str, now: Timestamp) -> bool {
        // Whatever the port: somebody has registered its address.
        let registered = |task: &&Task| {
            let targets = self.groups.get(group).into_iter().flat_map(|group| &group.targets);
            let mut its = targets.filter(|((address, _), _)| *address == task.address);
            its.any(|(_, target)| target.deregistered_at.is_none())
        };
        let ours = |task: &&Task| self.is_session_task(task) && task.wanted_running();
        let mut asked = self.tasks().filter(ours).filter(registered).peekable();
        asked.peek().is_some()
            && !asked
                .any(|task| self.connects(task.address, now) && !task.container.behaviour.silent)
    }

    pub(super) fn is_session_task(&self, task: &Task) -> bool {
        self.setup.clusters.contains(&task.key.cluster)
            && self.setup.is_family_of_sessions(&task.family)
            && !task.group.starts_with("service:")
    }

    /// Whether a task of the account that shall run has the address.
    fn has_owner(&self, ip: Ipv4Addr) -> bool {
        let tenants = self.tenants.get(&ip).into_iter().flatten();
        tenants.filter_map(|key| self.task(key)).any(Task::wanted_running)
    }

    /// Whether a connection to the address would be accepted.
    pub(crate) fn connects(&self, ip: Ipv4Addr, now: Timestamp) -> bool {
        let holder = self.holder(ip, now).filter(|task| task.phase(now) >= Phase::Running);
        holder.is_some_and(|task| {
            let behaviour = &task.container.behaviour;
            task.process_runs(now) && !behaviour.refuses && !behaviour.deaf
        })
    }
}

pub(super) fn is_past(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    now > since + limit
}
