//! What an operator could see in the end: ledger, buckets, queues, logs.

use crate::demo::local_stack::LocalStack;
use crate::demo::part::Part;
use crate::local_aws::{Lambda, LocalAwsError, Stack};
use serde_json::Value;
use std::collections::BTreeMap;

/// All of it.
pub(super) struct Seen {
    /// By task id.
    pub(super) receipts: BTreeMap<String, Value>,
    pub(super) outcomes: Outcomes,
    pub(super) dead_letters: Vec<String>,
    /// Those of the function's process, in this act.
    pub(super) invocations: usize,
    pub(super) open_intents: usize,
    pub(super) artifacts: Vec<String>,
    pub(super) log: Vec<String>,
}

impl Seen {
    pub(super) async fn gather(
        local: &LocalStack,
        invocations_before: usize,
    ) -> Result<Self, LocalAwsError> {
        let LocalStack { aws, stack, world, .. } = local;
        let bucket = world.setup().artifact_bucket;
        let log = stack.log_lines(Lambda::Completion).await?;
        Ok(Self {
            receipts: receipts(stack).await?,
            outcomes: Outcomes::read(&log),
            dead_letters: stack.dead_letters().await?,
            invocations: stack.invocations(Lambda::Completion).await? - invocations_before,
            open_intents: stack.ledger("intents/").await?.len(),
            artifacts: aws.objects().keys(&bucket, "").await?,
            log,
        })
    }

    /// How many objects of a session are in S3.
    pub(super) fn artifacts_of(&self, part: &Part) -> usize {
        let folder = format!("{}/", part.task.session_id());
        self.artifacts.iter().filter(|key| key.starts_with(&folder)).count()
    }

    /// What the receipt says of it; `none` where there is none.
    pub(super) fn receipt(&self, part: &Part) -> &str {
        let receipt = self.receipts.get(part.task.id());
        receipt.and_then(|receipt| receipt["outcome"].as_str()).unwrap_or("none")
    }

    /// Whether the event of the session's end is in the dead-letter queue.
    pub(super) fn is_given_up(&self, part: &Part) -> bool {
        self.dead_letters.iter().any(|letter| {
            let event: Value = serde_json::from_str(letter).unwrap_or_default();
            event["detail"]["session_id"] == part.task.session_id()
        })
    }
}

/// The receipts in the ledger, by task id.
pub(super) async fn receipts(stack: &Stack) -> Result<BTreeMap<String, Value>, LocalAwsError> {
    let found = stack.ledger("receipts/").await?.into_iter().map(|(key, receipt)| {
        let name = key.trim_start_matches("receipts/").trim_end_matches(".json");
        let id = name.rsplit('/').next().unwrap_or(name);
        (id.to_owned(), receipt)
    });
    Ok(found.collect())
}

/// What the function's log says became of each delivery of each session's event, in order.
pub(super) struct Outcomes(BTreeMap<String, Vec<String>>);

impl Outcomes {
    pub(super) fn read(log: &[String]) -> Self {
        let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if let (Some(session), Some(outcome)) =
                (line["session_id"].as_str(), line["outcome"].as_str())
            {
                outcomes.entry(session.to_owned()).or_default().push(outcome.to_owned());
            }
        }
        Self(outcomes)
    }

    pub(super) fn of(&self, part: &Part) -> &[String] {
        self.0.get(part.task.session_id()).map_or(&[], Vec::as_slice)
    }
}
