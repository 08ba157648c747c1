//! What nobody could have told: which of two tasks an owner meant that did not name it, what a container has said to
//! a call that could not be written down, that a task has started in this very moment, or has got the address of one
//! that ECS still shows there.

use jiff::Timestamp;

use super::api::{Api, Call, Outcome};
use super::invariants::Asker;
use super::leftovers::A_SWEEP_LASTS;
use super::snapshots::FRESH;
use super::state::State;
use super::targets::Address;
use super::task::{Phase, Task, TaskKey};
use super::view::STALE_AT_MOST;

/// What sweeps remember.
pub(super) const MEMORY: &str = "suspects.json";

impl State {
    /// A task has started so lately that no look before the stop could show it, and its owner had not ended it by then;
    /// or who looked later was shown what was before, and its container could not tell.
    pub(super) fn has_just_started(&self, task: &Task, now: Timestamp) -> bool {
        let had_started = |at: Timestamp| task.started(at);
        !had_started(now - FRESH) && !task.owner_ended_at.is_some_and(had_started)
            || self.judge.start_hidden.contains(&task.key)
    }

    /// It had just started when we stopped it.
    pub(super) fn has_run_unseen(&self, task: &Task) -> bool {
        let stop = task.stop.as_ref().filter(|stop| stop.is_ours());
        stop.is_some_and(|stop| self.has_just_started(task, stop.at))
    }

    /// A task is described as of `seen`, and has started since: its address is not shown, or nobody there answers.
    pub(super) fn look_whose_start_is_hidden(
        &mut self,
        key: &TaskKey,
        (now, seen): (Timestamp, Timestamp),
    ) {
        let Some(task) = self.task(key).filter(|task| task.started(now)) else { return };
        let behaviour = &task.container.behaviour;
        let tells = self.setup.containers_are_asked()
            && task.phase(seen) != Phase::Provisioning
            && !behaviour.deaf
            && !behaviour.refuses
            && !self.is_cut_off(task.address, now)
            && !self.has_refused(task);
        if !task.started(seen) && !tells {
            self.judge.start_hidden.insert(key.clone());
        }
    }

    /// A call to it was refused, by whatever lies in front of it.
    fn has_refused(&self, task: &Task) -> bool {
        let address = format!("{}:", task.address);
        let mut calls = self.journal.about(Api::ContainerHealth, &address);
        calls.any(|call| call.outcome == Outcome::NotConnected)
    }

    /// Nobody could tell: its owner ended the same session in a task beside it that only a tag named, the tag is gone
    /// with the task, and nothing was written down while it was there.
    pub(super) fn is_taken_for_another(&self, task: &Task) -> bool {
        if self.judge.taken_for_others.contains(&task.key) {
            return true;
        }
        let is_on_record = |other: &Task| {
            let (session, id) = (&other.container.session_id, &other.key.id);
            let keys = ["json", "ran"].map(|end| format!("receipts/{session}/{id}.{end}"));
            keys.iter().any(|key| self.in_ledger(key).is_some())
        };
        self.meant_beside(task).any(|other| !other.is_born_with_a_name() && !is_on_record(other))
    }

    /// What its container said could not be written down, and it may be silent since.
    pub(super) fn is_403_unwritten(&self, task: &Task) -> bool {
        let receipt = format!("/{}.json", task.key.id);
        // One that is there already is read before it is replaced.
        let writes = [Api::PutObject, Api::GetObject];
        let calls = self.journal.calls.iter().filter(|call| writes.contains(&call.api));
        let mut calls = calls.filter(|call| call.is_about("receipts/"));
        let failed = |outcome: &Outcome| !outcome.is_well();
        calls.any(|call| call.is_about(&receipt) && failed(&call.outcome))
            && !self.is_403_remembered(task, failed)
            || self.is_403_taken_to_the_grave(task, &receipt)
    }

    /// Whoever heard it has died of it before it could be written down.
    fn is_403_taken_to_the_grave(&self, task: &Task, receipt: &str) -> bool {
        let address = format!("{}:", task.address);
        let heard = self.journal.about(Api::ContainerComplete, &address);
        let heard = heard.filter(|call| matches!(call.outcome, Outcome::Answered(403, _)));
        let mut heard = heard.peekable();
        let dies = |told: &Call| {
            let mut writes = self.journal.about(Api::PutObject, receipt);
            self.journal.is_followed_by_death(told, A_SWEEP_LASTS)
                && !writes.any(|call| call.caller == told.caller && told.sent_at <= call.sent_at)
        };
        heard.peek().is_some() && heard.all(dies)
    }

    /// A sweep has heard it, and its memory was written and read whenever it was to be.
    fn is_403_remembered(&self, task: &Task, failed: impl Fn(&Outcome) -> bool) -> bool {
        let mut memory = self.journal.calls.iter().filter(|call| call.is_about(MEMORY));
        let address = format!("{}:", task.address);
        let heard = self.journal.about(Api::ContainerComplete, &address);
        let mut heard = heard.filter(|call| matches!(call.outcome, Outcome::Answered(403, _)));
        !memory.any(|call| failed(&call.outcome))
            && heard.any(|call| self.memory_is_written_after(call))
    }

    /// The sweep that heard of an upload under way last could write that down nowhere: neither in its receipt nor in what
    /// it remembers.
    pub(super) fn is_202_unwritten(&self, task: &Task) -> bool {
        let address = format!("{}:", task.address);
        let mut heard = self.journal.about(Api::ContainerComplete, &address).rev();
        let told = heard.find(|call| matches!(call.outcome, Outcome::Answered(202, _)));
        let receipt = format!("/{}.json", task.key.id);
        told.is_some_and(|told| {
            !self.is_written_after(told, &receipt) && !self.is_written_after(told, MEMORY)
        })
    }

    /// Whether a sweep that was told something has written this of the ledger since.
    fn is_written_after(&self, told: &Call, subject: &str) -> bool {
        let writes = self.journal.about(Api::PutObject, subject);
        let mut writes = writes.filter(|call| call.caller == told.caller);
        writes.any(|call| {
            told.sent_at < call.sent_at
                && call.sent_at <= told.sent_at + A_SWEEP_LASTS
                && call.outcome.is_success()
        })
    }

    /// Whether it has come to remember what it was told.
    pub(super) fn memory_is_written_after(&self, told: &Call) -> bool {
        self.is_written_after(told, MEMORY)
    }

    /// Whether a sweep has written down what it knew after we removed it last, if we did.
    pub(super) fn is_remembered_away(&self, asker: &Asker, (ip, port): Address) -> bool {
        let address = format!("{ip}:{port}");
        let begins = self.begins(asker).unwrap_or(asker.number);
        let removals = self.journal.about(Api::DeregisterTargets, &address);
        let last = { removals }.rfind(|call| call.number < begins).map(|call| call.number);
        let mut writes = self.journal.about(Api::PutObject, MEMORY);
        last.is_none_or(|last| {
            writes
                .any(|call| (last..begins).contains(&call.number) && call.outcome.may_be_applied())
        })
    }

    /// Tasks that ran the same session, that its owner meant, and that are over.
    fn meant_beside<'a>(&'a self, task: &'a Task) -> impl Iterator<Item = &'a Task> {
        self.tasks().filter(|other| {
            other.key != task.key
                && other.container.session_id == task.container.session_id
                && other.owner_ended_at.is_some_and(|at| task.session_began() <= at)
                && !other.wanted_running()
        })
    }

    /// One that stops this very moment may be listed neither among those that run nor among those that have stopped:
    /// then who has looked at this one takes it for the only one.
    pub(super) fn look_whether_one_has_just_stopped(&mut self, asker: &Asker, key: &TaskKey) {
        if self.judge.fresh(asker, key).is_none() {
            return;
        }
        let now = self.clock.now();
        // A listing is as old as any read of ECS.
        let has_just_stopped = |other: &Task| {
            let stop = other.stop.as_ref();
            stop.is_some_and(|stop| now <= stop.at + STALE_AT_MOST + self.setup.lists_lag)
        };
        if self.task(key).is_some_and(|task| self.meant_beside(task).any(has_just_stopped)) {
            self.judge.taken_for_others.insert(key.clone());
        }
    }

    /// A task is described as of `seen`. Where it is shown at an address that is another's by now, that one's target
    /// is taken for its.
    pub(super) fn look_who_is_hidden(
        &mut self,
        key: &TaskKey,
        (now, seen): (Timestamp, Timestamp),
    ) {
        let Some(task) = self.task(key).filter(|task| !task.holds_address(now)) else { return };
        if task.as_of(seen).holds_address(seen)
            && let Some(holder) = self.holder(task.address, now)
        {
            let holder = holder.key.clone();
            self.judge.hidden.insert(holder);
        }
    }
}
