//! Receipts only move forward (`docs/decisions/completion.md`).

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::api::Api;
use super::faults::{FaultKind, Met};
use super::invariants::Asker;
use super::state::State;
use super::task::Task;

/// A verification takes no longer.
const A_WHILE: Duration = Duration::from_mins(2);

impl State {
    /// A write that has met no other and is about to be applied.
    pub(super) fn judge_receipt(
        &mut self,
        asker: &Asker,
        (bucket, key): (&str, &str),
        body: &[u8],
    ) {
        if !key.starts_with("receipts/") || key.strip_suffix(".json").is_none() {
            return;
        }
        let text = String::from_utf8_lossy(body);
        self.judge_target(asker, key, &text);
        self.judge_a_403(asker, key, &text);
        self.judge_marker(asker, key, &text);
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
        let says_so = receipt.contains(r#""artifacts":"wrong_container""#);
        let task = says_so.then(|| self.whose_receipt(key)).flatten();
        if task.is_some_and(|task| !self.has_said_403(task)) {
            let what = format!("{key} says that it runs another session, which it has not said");
            self.violation("receipts", asker, &what);
        }
    }

    /// What was saved since the session began is not of one before it.
    fn judge_marker(&mut self, asker: &Asker, key: &str, receipt: &str) {
        let says_so = receipt.contains("before the session began");
        let now = self.clock.now();
        // By an owner's clock that is ahead, and where it says nothing of an end, nobody can tell.
        let is_saved = |task: &Task| {
            let may_count =
                |at: Timestamp| task.session_began() <= at || task.owner_ended_at.is_some();
            task.container.saved_at.is_some_and(|at| at < now && may_count(at))
        };
        let task = says_so.then(|| self.whose_receipt(key)).flatten();
        if task.is_some_and(is_saved) {
            let what =
                format!("{key} says that the marker is of an earlier session, and it is its own");
            self.violation("receipts", asker, &what);
        }
    }

    fn whose_receipt(&self, key: &str) -> Option<&Task> {
        let is_its = |task: &&Task| {
            key == format!("receipts/{}/{}.json", task.container.session_id, task.key.id)
        };
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
