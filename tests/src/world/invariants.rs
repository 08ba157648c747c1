//! What must never happen (`docs/decisions/invariants.md`), judged at every request from the world's own truth.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};

use super::api::Api;
use super::snapshots::{Snapshot, Snapshots};
use super::state::State;
use super::targets::Address;
use super::task::{Renewal, Task, TaskKey};

/// Who asks, and since when the request is under way.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) caller: String,
    pub(crate) number: usize,
    pub(crate) sent_at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) violations: Vec<String>,
    snapshots: Snapshots,
    confirmed: BTreeSet<(String, TaskKey)>,
    /// Tasks whose 200 has reached anyone.
    vouched_for: BTreeSet<TaskKey>,
    /// Tasks whose 403 has reached anyone.
    pub(super) known_to_forbid: BTreeSet<TaskKey>,
    /// Tasks whose 403 has reached this caller.
    forbidden_to: BTreeSet<(String, TaskKey)>,
    /// Registrations that callers ended and nobody has begun again.
    pub(super) taken: BTreeSet<(String, Address)>,
    /// Tasks that were taken for others while these were in no listing.
    pub(super) taken_for_others: BTreeSet<TaskKey>,
    /// Tasks that had their address already when somebody was shown its last holder there.
    pub(super) hidden: BTreeSet<TaskKey>,
    /// Groups from which tasks were removed while they had their addresses.
    pub(super) removed_from: BTreeSet<(TaskKey, String)>,
    /// Tasks that had started already when somebody was shown what was before, and nothing else told.
    pub(super) start_hidden: BTreeSet<TaskKey>,
    /// Clusters under `force_cluster`, up to this time of creation.
    forced: BTreeMap<String, Timestamp>,
}

impl Judge {
    /// What a caller saw, and what was confirmed to it, counts within one invocation.
    pub(crate) fn begins(&mut self, caller: &str) {
        self.snapshots.begins(caller);
        self.confirmed.retain(|(other, _)| other != caller);
        self.forbidden_to.retain(|(other, _)| other != caller);
    }

    /// An answer of `DescribeTasks` has reached its caller.
    pub(crate) fn saw(
        &mut self,
        caller: &str,
        task: TaskKey,
        snapshot: Option<Snapshot>,
        now: Timestamp,
    ) {
        self.snapshots.saw(caller, task, snapshot, now);
    }

    /// A 200 of a session's container has reached its caller.
    pub(crate) fn confirmed(&mut self, caller: &str, task: TaskKey) {
        self.vouched_for.insert(task.clone());
        self.confirmed.insert((caller.to_owned(), task));
    }

    /// Whether its 200 has reached this caller.
    pub(super) fn has_confirmed(&self, asker: &Asker, task: &TaskKey) -> bool {
        self.confirmed.contains(&(asker.caller.clone(), task.clone()))
    }

    /// A 403 of a session's container has reached its caller.
    pub(crate) fn was_forbidden(&mut self, caller: &str, task: TaskKey) {
        self.known_to_forbid.insert(task.clone());
        self.forbidden_to.insert((caller.to_owned(), task));
    }

    pub(crate) fn registered(&mut self, group: &str, address: Address) {
        self.taken.remove(&(group.to_owned(), address));
    }

    pub(crate) fn taken(&mut self, group: &str, address: Address) {
        self.taken.insert((group.to_owned(), address));
    }

    /// No target is missing in a group that does not exist.
    pub(crate) fn group_is_gone(&mut self, group: &str) {
        self.taken.retain(|(of, _)| of != group);
    }

    pub(crate) fn force(&mut self, cluster: &str, created_before: Timestamp) {
        self.forced.insert(cluster.to_owned(), created_before);
    }

    pub(super) fn forces(&self, task: &Task) -> bool {
        self.forced.get(&task.key.cluster).is_some_and(|before| task.created_at < *before)
    }

    pub(super) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// The caller's last look at a task, if it was fresh when the request was sent.
    pub(super) fn fresh(&self, asker: &Asker, task: &TaskKey) -> Option<&Snapshot> {
        self.snapshots.fresh(asker, task)
    }
}

impl State {
    pub(super) fn violation(&mut self, invariant: &str, asker: &Asker, what: &str) {
        let Asker { caller, number, sent_at } = asker;
        self.judge
            .violations
            .push(format!("{invariant}: {what} (call {number} of {caller}, sent at {sent_at})"));
    }

    /// Whether a session is live, as `docs/decisions/invariants.md` defines it.
    pub(crate) fn live(&self, task: &Task, now: Timestamp) -> bool {
        task.owner_ended_at.is_none()
            && task.container.completed_at.is_none()
            && task.wanted_running()
            && task.started(now)
            && (self.is_protected(task) || now < self.may_live_until(task, now))
    }

    /// Until when its lease (without one: the maximum session age) and the hard age hold.
    fn may_live_until(&self, task: &Task, now: Timestamp) -> Timestamp {
        let began = task.session_began();
        // Of one that does not say when it began nobody knows its age.
        if self.setup.warm_pool && task.says_it_began().is_none() {
            let since = task.claimed_at.or(task.is_identified().then_some(task.created_at));
            return since.map_or(Timestamp::MAX, |at| at + self.setup.hard_age);
        }
        let lease = self.lease_end(task);
        // Past the hard age one that is given is worth nothing, nor does it undo what was over.
        let hard_age = began + self.setup.hard_age;
        let is_late = task.extended_at.is_some_and(|at| at > hard_age);
        let lease = lease.filter(|_| !is_late || task.renewal == Renewal::Works);
        // One that ended before the session began was copied from another's.
        let lease = lease.filter(|end| *end >= began);
        let until = match lease {
            // One that can't be read may run as long as any.
            None if self.has_an_unreadable_lease(task) => hard_age,
            None => began + self.setup.max_session_age,
            // Its owner lives: it is protected while others' leases do not show that renewal works.
            Some(end) if task.renewal == Renewal::Broken && self.leases_are_renewed(true, now) => {
                end + self.setup.lease_grace
            }
            Some(end) if task.renewal == Renewal::Broken => end + self.setup.max_session_age,
            Some(end) => end,
        };
        // A function whose clock is ahead decides that much before a limit.
        let ahead = self.setup.functions_clock_is_ahead.max(SignedDuration::ZERO);
        until.min(hard_age) - ahead
    }

    /// Where nobody asks, a session's window counts from when somebody saw it over, until it is seen to live.
    pub(crate) fn look_whether_over(&mut self, key: &TaskKey, now: Timestamp) {
        if !self.setup.containers_upload_themselves {
            return;
        }
        let is_over = |task: &Task| self.may_live_until(task, now) <= now;
        let over = self.task(key).map(is_over);
        // Whether others' leases show that renewal works can't be seen at every look: what has begun goes on.
        let hangs_on_others = |task: &Task| {
            task.renewal == Renewal::Broken
                && self.lease_end(task).is_some_and(|end| end + self.setup.lease_grace <= now)
                && !self.leases_are_lapsing(now)
        };
        if over == Some(false) && self.task(key).is_some_and(hangs_on_others) {
            return;
        }
        if let Some(task) = self.task_mut(key) {
            let now = over.unwrap_or_default().then_some(now);
            task.over_since = now.map(|now| task.over_since.unwrap_or(now));
        }
    }

    /// An operator has declared it over; a lease that runs and a protection keep it all the same.
    fn is_forced(&self, task: &Task, now: Timestamp) -> bool {
        let ahead = self.setup.functions_clock_is_ahead.max(SignedDuration::ZERO);
        let is_leased = self.lease_end(task).is_some_and(|end| end > now + ahead);
        self.judge.forces(task) && !is_leased && !self.is_protected(task)
    }

    /// What a caller learns of a task that is described now, as of `seen`. What a stale read still shows excuses a
    /// caller, and accuses none: a session that is over by now is not live for having been so then.
    pub(crate) fn snapshot(&self, task: &Task, (now, seen): (Timestamp, Timestamp)) -> Snapshot {
        let shown = task.as_of(seen);
        Snapshot {
            live: self.live(task, now) && self.live(&shown, now) && !self.is_forced(&shown, now),
            held_address: shown.holds_address(seen),
            salvage_was_over: self.salvage_is_over(&shown, seen),
            taken_at: now,
        }
    }

    /// I1 for a completion call that has reached an address; `reached` is the container there.
    pub(crate) fn judge_completion(
        &mut self,
        asker: &Asker,
        address: Ipv4Addr,
        reached: Option<&TaskKey>,
        session_id: &str,
    ) {
        let tenants = self.tenants.get(&address).cloned().unwrap_or_default();
        let probed = |key: &TaskKey| self.judge.snapshots.have_shown_holding(asker, key);
        if !tenants.iter().any(probed) {
            let what = format!(
                "the completion call for {session_id} at {address} follows no DescribeTasks of the last 5 s \
                 that shows a task holding that address"
            );
            self.violation("I1", asker, &what);
        }
        if let Some(key) = reached {
            self.look_whether_one_has_just_stopped(asker, key);
        }
        let Some(task) = reached.and_then(|key| self.task(key)) else { return };
        if task.container.session_id != session_id
            || task.container.behaviour.forbids
            || self.is_taken_for_another(task)
        {
            return;
        }
        let (arn, key) = (task.arn.clone(), task.key.clone());
        self.judge_haste(asker, &key, self.clock.now());
        self.judge_a_lapsed_lease(asker, &key);
        let Some(task) = self.task(&key) else { return };
        match self.judge.fresh(asker, &task.key).map(|snapshot| snapshot.live) {
            Some(false) => {}
            Some(true) => {
                let what = format!(
                    "the completion call for {session_id} reached a live session's task {arn}"
                );
                self.violation("I1", asker, &what);
            }
            None => {
                let what = format!(
                    "the completion call for {session_id} reached {arn}, which its caller never saw"
                );
                self.violation("I1", asker, &what);
            }
        }
    }

    /// I1, I3 and I8 for a `StopTask` that is about to be applied.
    pub(crate) fn judge_stop(&mut self, asker: &Asker, key: &TaskKey, now: Timestamp) {
        self.judge_task_write(asker, Api::StopTask, key);
        self.judge_stop_after_a_403(asker, key, now);
        self.judge_a_lapsed_lease(asker, key);
        self.judge_what_is_begun(asker, key);
        self.look_whether_one_has_just_stopped(asker, key);
        let Some(task) = self.task(key) else { return };
        if !task.wanted_running() {
            return;
        }
        let arn = task.arn.clone();
        let confirmed_itself =
            self.setup.containers_upload_themselves && task.container.completed_at.is_some();
        let confirmed = self.judge.has_confirmed(asker, key);
        // That it runs another session than the one that its owner ended only its container can tell, and it never
        // could.
        let untold = task.container.behaviour.forbids
            && self.is_tagged_ended(task)
            && (!self.judge.known_to_forbid.contains(key) || self.is_403_unwritten(task));
        // Somebody has heard it from the container, and it is true.
        let vouched_for = self.judge.vouched_for.contains(key);
        let saved = confirmed_itself || (vouched_for && task.container.saved_at.is_some());
        let losable = self.may_lose(asker, task, now);
        if !confirmed && !confirmed_itself {
            match self.judge.fresh(asker, key).map(|snapshot| snapshot.live) {
                Some(true) if !untold && !self.is_taken_for_another(task) => {
                    self.violation(
                        "I1",
                        asker,
                        &format!("StopTask of a live session's task {arn}"),
                    );
                }
                Some(_) => {}
                None => {
                    let what = format!(
                        "StopTask of {arn} follows neither a confirmed upload nor a fresh DescribeTasks"
                    );
                    self.violation("I1", asker, &what);
                }
            }
        }
        let waits =
            self.setup.warm_pool && self.task(key).is_some_and(|task| !task.is_identified());
        if waits {
            self.violation("I1", asker, &format!("StopTask of {arn}, which waits for a session"));
        }
        if !saved && losable && !waits {
            self.judge_giving_up(asker, key, now);
        }
        if !saved && !losable {
            self.violation(
                "I3",
                asker,
                &format!("StopTask of {arn} before its artifacts were confirmed"),
            );
        }
    }

    /// I1 for a tag that says that a session has ended: from then on it may be stopped without its artifacts.
    pub(crate) fn judge_ended_tag(&mut self, asker: &Asker, key: &TaskKey) {
        self.look_whether_one_has_just_stopped(asker, key);
        let Some(task) = self.task(key).filter(|task| !self.judge.forces(task)) else { return };
        // What its owner ended there is over. That it runs another session only the container can tell, and it may
        // not have been reached.
        let is_told = self.judge.forbidden_to.contains(&(asker.caller.clone(), key.clone()));
        if task.container.behaviour.forbids && !is_told || self.is_taken_for_another(task) {
            return;
        }
        if self.judge.fresh(asker, key).is_some_and(|snapshot| snapshot.live) {
            let what = format!("{} is tagged as ended, and its session is live", task.arn);
            self.violation("I1", asker, &what);
        }
    }

    /// What of a task is not saved by now may be lost.
    pub(super) fn may_lose(&self, asker: &Asker, task: &Task, now: Timestamp) -> bool {
        task.loss_allowed
            || self.setup.artifacts_are_discarded
            // Nobody is asked: from the order on its window is the operator's.
            || (self.judge.forces(task) && self.setup.containers_upload_themselves)
            || self.has_just_started(task, now)
            || self.salvage_is_over(task, now)
            // Its owner's word has come since.
            || self.judge.fresh(asker, &task.key).is_some_and(|snapshot| snapshot.salvage_was_over)
    }

    /// The window counts from the tag (though not from before its owner's word), or else from the
    /// first completion call without success, and begins anew with each 202; or it counts from the hard age.
    fn salvage_is_over(&self, task: &Task, now: Timestamp) -> bool {
        let tagged =
            task.tags.get(&self.setup.ended_tag).and_then(|text| text.parse::<Timestamp>().ok());
        let tagged = tagged.filter(|at| at.as_second() >= task.session_began().as_second());
        // By our functions' clock, which says when the window is over, too.
        let tagged = tagged.map(|at| at - self.setup.functions_clock_is_ahead);
        // One that was noted at a start that is ahead of our clock was noted with its owner's word.
        let noted = |at: Timestamp, ended: Timestamp| if at > now { ended } else { at.max(ended) };
        let tagged = tagged.map(|at| task.owner_ended_at.map_or(at, |ended| noted(at, ended)));
        let since = tagged.or(task.salvage_failing_since);
        let told = task.under_way_at.filter(|_| !self.is_202_unwritten(task));
        let since = since.map(|at| told.map_or(at, |told| at.max(told)));
        // Where nobody is asked, it counts from when the session was over.
        let over = [self.may_live_until(task, now)].into_iter();
        let over = over.chain(task.over_since).chain(task.owner_ended_at).min();
        let unasked = self.setup.containers_upload_themselves && tagged.is_none();
        let unasked = over.filter(|_| unasked);
        // A function whose clock is ahead decides that much before.
        let ahead = self.setup.functions_clock_is_ahead.max(SignedDuration::ZERO);
        let at_last = task.session_began() + self.setup.hard_age - ahead;
        since
            .into_iter()
            .chain(unasked)
            .chain([at_last])
            .any(|at| now - self.setup.salvage_window >= at)
    }

    /// I8 for a write to a task.
    pub(crate) fn judge_task_write(&mut self, asker: &Asker, api: Api, key: &TaskKey) {
        let Some(task) = self.task(key) else { return };
        let ours = self.setup.clusters.contains(&key.cluster)
            && self.setup.is_family_of_sessions(&task.family)
            && !task.group.starts_with("service:");
        if !ours {
            let what = format!("{api} of {}, which is no session task", task.arn);
            self.violation("I8", asker, &what);
        }
    }

    /// I8 for a write to a target group.
    pub(crate) fn judge_group_write(&mut self, asker: &Asker, api: Api, group: &str) {
        if !self.setup.target_groups.iter().any(|name| self.setup.target_group_arn(name) == group) {
            self.violation("I8", asker, &format!("{api} in {group}, which is not configured"));
        }
    }

    /// I8 for a write to a bucket.
    pub(crate) fn judge_object_write(&mut self, asker: &Asker, api: Api, bucket: &str, key: &str) {
        if bucket != self.setup.ledger_bucket {
            self.violation("I8", asker, &format!("{api} of {bucket}/{key}, outside the ledger"));
        }
    }
}
