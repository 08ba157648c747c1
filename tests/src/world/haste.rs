//! What must come before an act: a loss that is on record, and a second look at who says that it is done.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::api::{Api, Call, Outcome};
use super::invariants::Asker;
use super::leftovers::{A_SWEEP_LASTS, is_past};
use super::receipts::spares;
use super::state::State;
use super::task::{Task, TaskKey};

/// Clocks are not to the second.
const ABOUT: Duration = Duration::from_secs(10);

impl State {
    /// I1 for a `StopTask` of a task whose container has said that it runs another session: but for the hard age nothing
    /// ends it.
    pub(super) fn judge_stop_after_a_403(&mut self, asker: &Asker, key: &TaskKey, now: Timestamp) {
        let at_last = self.setup.hard_age + self.setup.salvage_window;
        let Some(task) = self.task(key) else { return };
        let is_bound = task.container.behaviour.forbids
            && self.judge.known_to_forbid.contains(key)
            && (!self.is_tagged_ended(task) || self.is_spared_on_record(task))
            && !is_past(task.session_began(), at_last, now + ABOUT)
            && !self.is_403_unwritten(task);
        if is_bound {
            let what = format!("StopTask of {}, which has answered 403", task.arn);
            self.violation("I1", asker, &what);
        }
    }

    /// I3 for a `StopTask` that is about to be applied, of a task whose artifacts are not saved.
    pub(super) fn judge_giving_up(&mut self, asker: &Asker, key: &TaskKey, now: Timestamp) {
        let Some(task) = self.task(key) else { return };
        let is_asked = self.setup.sees_everything() && self.setup.containers_are_asked();
        if !is_asked || self.has_just_started(task, now) || task.loss_allowed {
            return;
        }
        let what = if !self.loss_is_on_record(task) {
            format!("StopTask of {} before its loss is on record", task.arn)
        } else if !self.was_asked_before(task) {
            format!("StopTask of {}, which nobody had asked before", task.arn)
        } else {
            return;
        };
        self.violation("I3", asker, &what);
    }

    /// I2 for a removal that its caller has sent before without success: who has the address by now?
    pub(super) fn judge_repetition(&mut self, asker: &Asker, group: &str, ip: Ipv4Addr) {
        let address = format!("{ip}:");
        let by_it = |call: &&Call| call.caller == asker.caller && call.sent_at < asker.sent_at;
        let removals = self.journal.about(Api::DeregisterTargets, &address);
        let before = { removals }.rfind(|call| by_it(call) && call.is_about(group));
        let Some(before) = before else { return };
        // With another intent it is another removal.
        let intents = self.journal.about(Api::PutObject, "intents/").filter(by_it);
        let is_another = { intents }.any(|call| before.sent_at < call.sent_at);
        let is_repeated = before.outcome == Outcome::Throttled
            && asker.sent_at < before.sent_at + A_SWEEP_LASTS
            && !is_another;
        let looks = [Api::DescribeTasks, Api::ListTasks];
        // What was seen a moment ago counts for the next attempt, too.
        let since = before.sent_at.min(asker.sent_at - Duration::from_secs(1));
        let lately = self.journal.calls.iter().rev().take_while(|call| since <= call.sent_at);
        let is_seen = lately.filter(by_it).any(|call| looks.contains(&call.api));
        if is_repeated && !is_seen {
            let what = format!("the removal of {ip} is repeated, and nobody has looked who has it");
            self.violation("I2", asker, &what);
        }
    }

    /// I1 for a completion call that has reached the container that it was meant for.
    pub(super) fn judge_haste(&mut self, asker: &Asker, key: &TaskKey, now: Timestamp) {
        // As its caller has seen it, whatever came since.
        let Some(look) = self.judge.fresh(asker, key) else { return };
        // What came right after that, at the same instant, was not seen.
        let seen = look.taken_at - Duration::from_millis(1);
        let is_done_at_once = |task: &&Task| {
            self.is_done_at_once(task, now) && self.is_done_at_once(&task.as_of(seen), seen)
        };
        let Some(task) = self.task(key).filter(is_done_at_once) else { return };
        let what = format!("{} is asked to complete, and no two sweeps saw it done", task.arn);
        self.violation("I1", asker, &what);
    }

    /// The calls of an operation to an address that a sweep before has sent, or somebody even earlier.
    pub(super) fn sent_before(&self, api: Api, ip: Ipv4Addr) -> impl Iterator<Item = &Call> {
        let (before, address) =
            (self.clock.now() - self.setup.nearly_half_an_interval(), format!("{ip}:"));
        let calls = self.journal.calls.iter().filter(move |call| call.api == api);
        calls.filter(move |call| call.sent_at <= before && call.is_about(&address))
    }

    /// The ledger has said for some time that it runs another session.
    fn is_spared_on_record(&self, task: &Task) -> bool {
        let receipt = self.in_ledger(&task.receipt_key());
        let receipt = receipt.filter(|receipt| receipt.modified + A_SWEEP_LASTS < self.clock.now());
        receipt.is_some_and(|receipt| spares(&String::from_utf8_lossy(&receipt.body)))
    }

    /// Two sweeps at least ask it, each once.
    fn was_asked_before(&self, task: &Task) -> bool {
        let mut asks = self.sent_before(Api::ContainerComplete, task.address);
        asks.any(|call| call.is_about(&task.container.session_id))
    }

    fn loss_is_on_record(&self, task: &Task) -> bool {
        let end = format!("/{}.json", task.key.id);
        let ledger = self.buckets.get(&self.setup.ledger_bucket).into_iter().flatten();
        let mut receipts =
            ledger.filter(|(key, _)| key.starts_with("receipts/") && key.ends_with(&end));
        receipts.any(|(_, receipt)| {
            let text = String::from_utf8_lossy(&receipt.body);
            ["artifacts_lost", "artifacts_unverified"].iter().any(|word| text.contains(word))
        })
    }

    /// Nothing but its own word says that it is over, and nobody had asked it before.
    fn is_done_at_once(&self, task: &Task, now: Timestamp) -> bool {
        let mut without = task.clone();
        without.container.completed_at = None;
        self.setup.sees_everything()
            && task.container.completed_at.is_some()
            && self.sent_before(Api::ContainerHealth, task.address).next().is_none()
            // By itself.
            && task.container.attempts == 0
            && self.live(&without, now)
            && !self.is_tagged_ended(task)
            && !self.judge.forces(task)
            && !self.is_taken_for_another(task)
    }
}
