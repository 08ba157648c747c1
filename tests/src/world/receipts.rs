//! Receipts only move forward (`docs/decisions/completion.md`).

use serde_json::Value;

use super::invariants::Asker;
use super::state::State;

impl State {
    /// A write that has met no other and is about to be applied.
    pub(super) fn judge_receipt(
        &mut self,
        asker: &Asker,
        (bucket, key): (&str, &str),
        body: &[u8],
    ) {
        let is_receipt = key.starts_with("receipts/") && key.strip_suffix(".json").is_some();
        let bucket = self.buckets.get(bucket).filter(|_| is_receipt);
        let Some(before) = bucket.and_then(|bucket| bucket.get(key)) else { return };
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

fn rank(receipt: &Value) -> usize {
    let forward = ["artifacts_lost", "artifacts_unverified", "cleaned"];
    let at = forward.iter().position(|outcome| receipt["outcome"] == *outcome);
    at.map_or(0, |at| at + 1)
}
