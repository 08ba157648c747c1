//! What tests ask of a world.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::api::{Api, Call, Outcome};
use super::targets::{Health, TargetGroup};
use super::task::{Phase, Stop, Task};
use super::{TaskHandle, World};

/// What is true of a session's task and its artifacts.
#[expect(clippy::struct_excessive_bools, reason = "facts, independent of each other")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// Its container ran, and we could have seen that before we stopped it.
    pub ran: bool,
    /// Its `desiredStatus` is STOPPED.
    pub is_stopping: bool,
    /// A task of a pool, claimed, that somebody else's call has stopped: who sees it then can't know that it was claimed.
    pub was_scaled_in: bool,
    /// Somebody else's call has stopped it, and the ledger said by then whose it was.
    pub was_stopped_by_others_after_it_was_named: bool,
    /// Its artifacts are in S3, whole.
    pub saved: bool,
}

/// So old is what a stale read of ECS shows, at most.
pub(super) const STALE_AT_MOST: Duration = Duration::from_mins(1);

impl World {
    pub(super) fn of_task<T>(&self, handle: &TaskHandle, look: impl FnOnce(&Task) -> T) -> T {
        self.now_with(|state, _| look(state.task(&handle.key).expect("a task of this world")))
    }

    /// Whether the task's cluster is still there.
    #[must_use]
    pub fn knows(&self, session: &TaskHandle) -> bool {
        self.lock().task(&session.key).is_some()
    }

    /// Whether `ListTasks` shows it already, a stale read of it too.
    #[must_use]
    pub fn is_listed(&self, session: &TaskHandle) -> bool {
        self.now_with(|state, now| {
            let shown = now - state.setup.lists_lag - STALE_AT_MOST;
            state.task(&session.key).is_some_and(|task| task.visible(shown))
        })
    }

    /// Whether no task holds an address, and none that is to run will.
    #[must_use]
    pub fn is_free(&self, address: Ipv4Addr) -> bool {
        self.now_with(|state, now| {
            let tenants = state.tenants.get(&address).into_iter().flatten();
            !tenants.filter_map(|key| state.task(key)).any(|task| task.holds_address(now))
        })
    }

    /// Whether there is a target group of this name.
    #[must_use]
    pub fn has_group(&self, name: &str) -> bool {
        let state = self.lock();
        state.groups.contains_key(&state.setup.target_group_arn(name))
    }

    /// Whether a call of an operation about something did not succeed, as far as its caller saw.
    #[must_use]
    pub fn has_failed(&self, api: Api, subject: &str) -> bool {
        let state = self.lock();
        let mut calls = state.journal.about(api, subject);
        calls.any(|call| !call.outcome.is_success())
    }

    /// How many HTTP calls were sent.
    #[must_use]
    pub fn calls_sent(&self) -> usize {
        self.lock().journal.calls.len()
    }

    /// What is true of a session's task and its artifacts; `None`: its cluster is gone.
    #[must_use]
    pub fn truth(&self, session: &TaskHandle) -> Option<Truth> {
        self.now_with(|state, _| {
            let task = state.task(&session.key)?;
            let container = &task.container;

            let exited_well = task.stop.as_ref().is_some_and(|stop| stop.exit_code == Some(0));
            // A call that stops it deletes its tags, and says no more than that the pool was scaled in.
            let is_theirs = |stop: &Stop| stop.code == "UserInitiated" && !stop.is_ours();
            let scaled_in = task.stop.as_ref().is_some_and(is_theirs) || task.has_lost_its_claim();
            let uploads_itself = state.setup.containers_upload_themselves;
            let ledger = state.buckets.get(&state.setup.ledger_bucket);
            let name = ledger.and_then(|ledger| ledger.get(&format!("tasks/{}", task.key.id)));
            let named_at = name.map(|name| name.modified);
            Some(Truth {
                ran: task.ran() && !state.has_run_unseen(task),
                is_stopping: !task.wanted_running(),
                was_stopped_by_others_after_it_was_named: scaled_in
                    && task.stop.as_ref().zip(named_at).is_some_and(|(stop, at)| at < stop.at),
                was_scaled_in: state.setup.warm_pool && !task.is_born_with_a_name() && scaled_in,
                saved: container.saved_at.is_some() || uploads_itself && exited_well,
            })
        })
    }

    /// The task that runs this session; the youngest, where it has had several.
    #[must_use]
    pub fn task_of(&self, session_id: &str) -> Option<TaskHandle> {
        let state = self.lock();
        let tasks = state.tasks().filter(|task| task.container.session_id == session_id);
        tasks.max_by_key(|task| task.created_at).map(|task| TaskHandle {
            key: task.key.clone(),
            arn: task.arn.clone(),
            address: task.address,
            session_id: session_id.to_owned(),
        })
    }

    /// Every HTTP call so far, in the order of sending.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().journal.calls.clone()
    }

    /// How many calls of an operation were sent.
    #[must_use]
    pub fn count(&self, api: Api) -> usize {
        self.lock().journal.count(api)
    }

    /// How many calls a caller sent: the boundaries at which it can crash.
    #[must_use]
    pub fn count_by(&self, caller: &str) -> usize {
        self.lock().journal.count_by(caller)
    }

    /// What a caller called, leaving out the first `before` calls of all.
    #[must_use]
    pub fn calls_since(&self, caller: &str, before: usize) -> Vec<Call> {
        let state = self.lock();
        let calls = state.journal.calls.iter().skip(before);
        calls.filter(|call| call.caller == caller).cloned().collect()
    }

    /// How many calls were throttled.
    #[must_use]
    pub fn throttles(&self) -> usize {
        self.lock().journal.calls.iter().filter(|call| call.outcome == Outcome::Throttled).count()
    }

    /// The completion calls that were sent with this session's id to this task's address.
    #[must_use]
    pub fn completion_calls(&self, session: &TaskHandle) -> Vec<Call> {
        let place = format!("{}:", session.address());
        let state = self.lock();
        let calls = state.journal.calls.iter().filter(|call| {
            call.api == Api::ContainerComplete
                && call.subjects[0].starts_with(&place)
                && call.subjects[1] == session.session_id()
        });
        calls.cloned().collect()
    }

    /// How many uploads this task's container has begun.
    #[must_use]
    pub fn uploads_begun(&self, session: &TaskHandle) -> u32 {
        self.of_task(session, |task| task.container.attempts)
    }

    /// Whether this task's container has completed.
    #[must_use]
    pub fn has_completed(&self, session: &TaskHandle) -> bool {
        self.of_task(session, |task| task.container.completed_at.is_some())
    }

    /// The task's `lastStatus`.
    #[must_use]
    pub fn phase(&self, session: &TaskHandle) -> Phase {
        self.now_with(|state, now| {
            state.task(&session.key).expect("a task of this world").phase(now)
        })
    }

    /// Whether the task's `desiredStatus` is STOPPED.
    #[must_use]
    pub fn is_stopping(&self, session: &TaskHandle) -> bool {
        self.of_task(session, |task| !task.wanted_running())
    }

    /// Whether the task's container has not ended yet: so long its tags can be set, too.
    #[must_use]
    pub fn runs_still(&self, session: &TaskHandle) -> bool {
        let now = self.now();
        self.of_task(session, |task| task.stop.as_ref().is_none_or(|stop| now < stop.process_ends))
    }

    /// Why the task stops or has stopped.
    #[must_use]
    pub fn stopped_reason(&self, session: &TaskHandle) -> Option<String> {
        self.of_task(session, |task| task.stop.as_ref().map(|stop| stop.reason.clone()))
    }

    /// The task's tags.
    #[must_use]
    pub fn tags(&self, session: &TaskHandle) -> BTreeMap<String, String> {
        self.of_task(session, |task| (*task.tags).clone())
    }

    /// Whether the session is live in the sense of the invariants.
    #[must_use]
    pub fn is_live(&self, session: &TaskHandle) -> bool {
        self.now_with(|state, now| {
            state.task(&session.key).is_some_and(|task| state.live(task, now))
        })
    }

    /// The health of an address in a target group (by name), as the load balancer reports it.
    #[must_use]
    pub fn health(&self, group: &str, address: Ipv4Addr) -> Health {
        self.now_with(|state, now| {
            let (arn, port) = (state.setup.target_group_arn(group), state.setup.port);
            state.health(&arn, (address, port), now)
        })
    }

    /// The addresses that are registered in a target group (by name) and not draining.
    #[must_use]
    pub fn registered(&self, group: &str) -> Vec<Ipv4Addr> {
        self.now_with(|state, _| {
            let arn = state.setup.target_group_arn(group);
            let targets = state.groups.get(&arn).into_iter().flat_map(|group| &group.targets);
            targets
                .filter(|(_, target)| target.deregistered_at.is_none())
                .map(|((ip, _), _)| *ip)
                .collect()
        })
    }

    /// How many targets are registered in the group that has most of them.
    #[must_use]
    pub fn most_targets(&self) -> usize {
        let state = self.lock();
        let registered = |group: &TargetGroup| {
            group.targets.values().filter(|target| target.deregistered_at.is_none()).count()
        };
        state.groups.values().map(registered).max().unwrap_or_default()
    }

    /// The ports at which an address is registered in a target group (by name) and not draining.
    #[must_use]
    pub fn registered_ports(&self, group: &str, address: Ipv4Addr) -> Vec<u16> {
        self.now_with(|state, _| {
            let arn = state.setup.target_group_arn(group);
            let targets = state.groups.get(&arn).into_iter().flat_map(|group| &group.targets);
            targets
                .filter(|((ip, _), target)| *ip == address && target.deregistered_at.is_none())
                .map(|((_, port), _)| *port)
                .collect()
        })
    }

    /// An object's content.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.now_with(|state, _| {
            state.buckets.get(bucket)?.get(key).map(|object| object.body.clone())
        })
    }

    /// The keys of a bucket.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.now_with(|state, _| {
            state.buckets.get(bucket).into_iter().flat_map(BTreeMap::keys).cloned().collect()
        })
    }

    /// The receipts in the ledger, by task id.
    #[must_use]
    pub fn receipts(&self) -> BTreeMap<String, Value> {
        self.now_with(|state, _| {
            let objects = state.buckets.get(&state.setup.ledger_bucket).into_iter().flatten();
            let receipts = objects.filter_map(|(key, object)| {
                let name = key.strip_prefix("receipts/")?.strip_suffix(".json")?;
                let id = name.rsplit('/').next()?;
                Some((id.to_owned(), serde_json::from_slice(&object.body).unwrap_or_default()))
            });
            receipts.collect()
        })
    }

    /// What happened that must never happen (I1, I3, I8), in order.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.lock().judge.violations.clone()
    }

    /// I2, for the end of a story: the targets of live sessions that callers took away and nobody
    /// has registered again.
    #[must_use]
    pub fn live_targets_missing(&self) -> Vec<String> {
        self.now_with(|state, now| state.live_targets_missing(now))
    }

    /// Panics if anything happened that must never happen, with the calls that led there.
    pub fn assert_unharmed(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "{}\nafter\n{}", violations.join("\n"), self.history());
    }

    /// The calls so far, a line each.
    #[must_use]
    pub fn history(&self) -> String {
        let lines = self.calls().into_iter().map(|call| {
            let Call { number, caller, api, subjects, sent_at, outcome } = call;
            format!("{number:>5} {sent_at} {caller} {api} {} {outcome:?}", subjects.join(" "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
