//! Receipts only move forward (`docs/decisions/completion.md`).

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::api::{Api, Call};
use super::faults::{FaultKind, Met};
use super::invariants::Asker;
use super::state::State;
use super::task::Task;

/// A verification takes no longer.
const A_WHILE: Duration = Duration::from_mins(2);

/// So far an owner's clock may be ahead.
const CLOCKS_APART: Duration = Duration::from_mins(6);

/// What an invocation has done for this receipt.
const AT_ONCE: Duration = Duration::from_secs(5);

impl State {
    /// A write that has met no other and is about to be applied.
    pub(super) fn judge_receipt(
        &mut self,
        asker: &Asker,
        (bucket, key): (&str, &str),
        body: &[u8],
    ) {
        self.judge_unknown(asker, key);
        if !key.starts_with("receipts/") || key.strip_suffix(".json").is_none() {
            return;
        }
        let text = String::from_utf8_lossy(body);
        self.judge_target(asker, key, &text);
        self.judge_a_403(asker, key, &text);
        self.judge_marker(asker, key, &text);
        self.judge_a_spared_target(asker, key, &text);
        let Some(before) = self.buckets.get(bucket).and_then(|bucket| bucket.get(key)) else {
            return;
        };
        let read = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
        let (Some(before), Some(after)) = (read(&before.body), read(body)) else { return };
        let of_a_403 = |receipt: &Value| receipt["artifacts"] == "wrong_container";
        // Beyond the hard age it is not obeyed.
        let was_obeyed = before["outcome"] == "rejected" && of_a_403(&before);
        let is_weaker = was_obeyed && !of_a_403(&after) && rank(&after) == 0;
        if rank(&after) < rank(&before) || is_weaker {
            let what = format!(
                "{key} said {} and {}, and says {} and {} now",
                before["outcome"], before["artifacts"], after["outcome"], after["artifacts"]
            );
            self.violation("receipts", asker, &what);
        }
    }
}

impl State {
    /// What a receipt calls gone is in no configured group, and what it calls registered again is where it was.
    fn judge_target(&mut self, asker: &Asker, key: &str, receipt: &str) {
        let now = self.clock.now();
        let id = key.rsplit('/').next().and_then(|name| name.strip_suffix(".json"));
        let task = self.tasks().find(|task| Some(&*task.key.id) == id && task.holds_address(now));
        let Some(ip) = task.map(|task| task.address) else { return };
        let is_old =
            |met: &Met| met.api == Api::DescribeTargetHealth && met.kind == FaultKind::Stale;
        if !self.setup.sees_everything() || self.chaos.met().iter().any(is_old) {
            return;
        }
        let is_missing = self.judge.taken.iter().any(|(_, (of, _))| *of == ip);
        let what = if receipt.contains(r#""target":"gone""#) && self.is_in_a_group(ip, now) {
            "is gone, and is registered"
        } else if receipt.contains(r#""target":"re_registered""#) && is_missing {
            "is registered again, and is not"
        } else {
            return;
        };
        self.violation("receipts", asker, &format!("{key} says that the target {ip} {what}"));
    }

    /// Who is said to run another session has said so.
    fn judge_a_403(&mut self, asker: &Asker, key: &str, receipt: &str) {
        let task = says_403(receipt).then(|| self.whose_receipt(key)).flatten();
        if task.is_some_and(|task| !self.has_said_403(task)) {
            let what = format!("{key} says that it runs another session, which it has not said");
            self.violation("receipts", asker, &what);
        }
    }

    /// What was saved since the session began is not of one before it.
    fn judge_marker(&mut self, asker: &Asker, key: &str, receipt: &str) {
        let says_so = receipt.contains("before the session began");
        let now = self.clock.now();
        // What began by an owner's clock after it was saved, and is on record as begun before, is known to be its own.
        let may_count = |task: &Task, at: Timestamp| {
            task.session_began() <= at
                || self.start_on_record(task).is_some_and(|start| start <= at)
        };
        let is_saved = |task: &Task| {
            task.container.saved_at.is_some_and(|at| at < now)
                && self.marker_of(task).is_some_and(|at| may_count(task, at))
        };
        let task = says_so.then(|| self.whose_receipt(key)).flatten();
        let why = if task.is_some_and(is_saved) {
            "it is its own"
        } else if task.is_some_and(|task| self.has_not_looked_up_its_start(asker, task)) {
            "nobody has looked whether another start is on record"
        } else {
            return;
        };
        let what = format!("{key} says that the marker is of an earlier session, and {why}");
        self.violation("receipts", asker, &what);
    }

    /// A tag says when its session began, by a clock that may be wrong.
    fn has_not_looked_up_its_start(&self, asker: &Asker, task: &Task) -> bool {
        // By less it counts as begun with its task: whose clock is ahead may be believed so much less.
        let is_said = task.says_it_began().is_some_and(|at| task.created_at + CLOCKS_APART < at);
        let marker = format!("{}/{}", task.container.session_id, self.setup.marker);
        let shown = self.lately_by(asker).rfind(|call| {
            call.api == Api::HeadObject && call.is_about(&marker) && call.outcome.is_success()
        });
        let name = format!("tasks/{}", task.key.id);
        is_said
            && shown.is_some_and(|shown| {
                let mut since = self.lately_by(asker).filter(|call| shown.number < call.number);
                !since.any(|call| call.api == Api::GetObject && call.is_about(&name))
            })
    }

    /// When the marker of its session was written.
    fn marker_of(&self, task: &Task) -> Option<Timestamp> {
        let setup = &self.setup;
        let key = format!("{}{}/{}", setup.prefix, task.container.session_id, setup.marker);
        Some(self.buckets.get(&setup.artifact_bucket)?.get(&key)?.modified)
    }

    /// When the session of a task began, as the ledger has said for some time.
    fn start_on_record(&self, task: &Task) -> Option<Timestamp> {
        let name = self.in_ledger(&format!("tasks/{}", task.key.id));
        let name = name.filter(|name| name.modified + A_WHILE < self.clock.now())?;
        let name: Value = serde_json::from_slice(&name.body).ok()?;
        name["started_at"].as_str()?.parse().ok()
    }

    /// Of whom it is on record that it ran no session, nothing is unknown.
    fn judge_unknown(&mut self, asker: &Asker, key: &str) {
        let id = key.strip_prefix("unknown/").and_then(|name| name.strip_suffix(".json"));
        let Some(id) = id.filter(|_| self.setup.sees_everything()) else { return };
        let key = format!("tasks/{id}");
        let asks =
            self.lately_by(asker).filter(|call| call.api == Api::GetObject && call.is_about(&key));
        let read = { asks }.rfind(|call| call.outcome.is_success()).map(|call| call.sent_at);
        let name = self.in_ledger(&key).filter(|name| read.is_some_and(|at| name.modified < at));
        let name = name.and_then(|name| serde_json::from_slice::<Value>(&name.body).ok());
        let ran_none = name.is_some_and(|name| name["session_id"].is_null());
        // An owner that ends it by name claims it.
        let is_claimed =
            self.tasks().any(|task| *task.key.id == *id && task.owner_ended_at.is_some());
        if ran_none && !is_claimed {
            let what = format!("what became of {id} is called unknown, and it ran no session");
            self.violation("receipts", asker, &what);
        }
    }

    /// Who is spared because it runs another session has its target back, or at least that was tried.
    fn judge_a_spared_target(&mut self, asker: &Asker, key: &str, receipt: &str) {
        let task = spares(receipt).then(|| self.whose_receipt(key)).flatten();
        let now = self.clock.now();
        let task = task.filter(|task| task.wanted_running() && task.holds_address(now));
        let Some((ip, arn)) = task.map(|task| (task.address, &task.arn)) else { return };
        // Whose look fails does not know that it goes on.
        let looks = self.lately_by(asker).filter(|call| call.api == Api::DescribeTasks);
        if { looks }.any(|call| call.is_about(arn) && !call.outcome.is_success()) {
            return;
        }
        let address = format!("{ip}:");
        let by_it = |api: Api, call: &Call| {
            call.api == api && call.is_about(&address) && asker.sent_at <= call.sent_at + AT_ONCE
        };
        let removals = self.lately_by(asker).filter(|call| by_it(Api::DeregisterTargets, call));
        let left_out = { removals }.find(|removal| {
            let Some(group) = removal.subjects.first() else { return false };
            // Where another port of it is seen, that one may be its own.
            let is_alone = self.groups.get(group).is_some_and(|group| {
                group.targets.keys().filter(|(taken, _)| *taken == ip).count() == 1
            });
            let is_missing =
                self.judge.taken.iter().any(|(of, (taken, _))| of == group && *taken == ip);
            let mut registers =
                self.lately_by(asker).filter(|call| by_it(Api::RegisterTargets, call));
            is_alone
                && is_missing
                && !registers.any(|call| call.is_about(group) && removal.number < call.number)
        });
        if let Some(removal) = left_out {
            let what = format!(
                "{key} says that it runs another session, and its target, which call {} removed, is not registered \
                 again",
                removal.number
            );
            self.violation("I2", asker, &what);
        }
    }

    fn whose_receipt(&self, key: &str) -> Option<&Task> {
        let is_its = |task: &&Task| key == task.receipt_key();
        self.tasks().filter(|_| self.setup.sees_everything()).find(is_its)
    }

    /// Whether it has been registered for some time, and reads show that.
    fn is_in_a_group(&self, ip: Ipv4Addr, now: Timestamp) -> bool {
        let names = self.setup.target_groups.iter();
        let groups = names.filter_map(|name| self.groups.get(&self.setup.target_group_arn(name)));
        let mut targets = groups.flat_map(|group| &group.targets);
        let is_there = targets.any(|((of, _), target)| {
            *of == ip && target.deregistered_at.is_none() && target.registered_at < now - A_WHILE
        });
        is_there && self.setup.health.reads_lag.is_zero()
    }
}

fn rank(receipt: &Value) -> usize {
    let forward = ["artifacts_lost", "artifacts_unverified", "cleaned"];
    let at = forward.iter().position(|outcome| receipt["outcome"] == *outcome);
    at.map_or(0, |at| at + 1)
}

fn says_403(receipt: &str) -> bool {
    receipt.contains(r#""artifacts":"wrong_container""#)
}

/// Whether it says that its task runs another session, and is left alone.
pub(super) fn spares(receipt: &str) -> bool {
    says_403(receipt) && receipt.contains(r#""outcome":"rejected""#)
}
