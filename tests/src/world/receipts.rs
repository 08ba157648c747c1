//! Receipts only move forward (`docs/decisions/completion.md`).

use serde_json::Value;
use std::time::Duration;

use super::api::Api;
use super::faults::{FaultKind, Met};
use super::invariants::Asker;
use super::state::State;

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
        let read = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
        let Some(after) = read(body) else { return };
        self.judge_gone(asker, key, &after);
        let before = self.buckets.get(bucket).and_then(|bucket| bucket.get(key));
        let Some(before) = before.and_then(|before| read(&before.body)) else { return };
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
    /// What a receipt calls gone is in no configured group.
    fn judge_gone(&mut self, asker: &Asker, key: &str, receipt: &Value) {
        let now = self.clock.now();
        let id = key.rsplit('/').next().and_then(|name| name.strip_suffix(".json"));
        let task = self.tasks().find(|task| Some(&*task.key.id) == id && task.holds_address(now));
        let Some(task) = task.filter(|_| receipt["target"] == "gone") else { return };
        let is_old =
            |met: &Met| met.api == Api::DescribeTargetHealth && met.kind == FaultKind::Stale;
        let has_shown_old_targets = self.chaos.met().iter().any(is_old);
        // Where reads show what was, or its owner has registered it again, nobody knows better.
        let is_shown = self.setup.sees_everything()
            && self.setup.health.reads_lag.is_zero()
            && !has_shown_old_targets;
        let since = now - A_WHILE;
        let names = self.setup.target_groups.iter();
        let groups = names.filter_map(|name| self.groups.get(&self.setup.target_group_arn(name)));
        let mut targets = groups.flat_map(|group| &group.targets);
        let is_there = targets.any(|((ip, _), target)| {
            *ip == task.address && target.deregistered_at.is_none() && target.registered_at < since
        });
        if is_shown && is_there {
            let what =
                format!("{key} says that its target is gone, and {} is registered", task.address);
            self.violation("receipts", asker, &what);
        }
    }
}

fn rank(receipt: &Value) -> usize {
    let forward = ["artifacts_lost", "artifacts_unverified", "cleaned"];
    let at = forward.iter().position(|outcome| receipt["outcome"] == *outcome);
    at.map_or(0, |at| at + 1)
}
