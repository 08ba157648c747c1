use super::{ACCOUNT, LocalAwsError, Objects, REGION};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use serde_json::Value;
use std::fmt;

/// The published pattern: an event for each receipt that is written.
const PATTERN: &str = include_str!("../../../events/receipt-written.rule.json");

/// An owner's queue behind a rule that takes the ledger's events.
pub struct Subscription {
    url: String,
    bucket: String,
    queues: aws_sdk_sqs::Client,
    objects: Objects,
}

impl Subscription {
    pub(super) async fn new(
        stack: &str,
        bucket: &str,
        bus: &aws_sdk_eventbridge::Client,
        queues: &aws_sdk_sqs::Client,
        objects: &Objects,
    ) -> Result<Self, LocalAwsError> {
        let name = format!("{stack}-owner");
        let queue = queues.create_queue().queue_name(&name).send().await;
        let url = queue.map_err(LocalAwsError::call("CreateQueue"))?.queue_url.unwrap_or_default();
        let pattern = PATTERN.replace("LEDGER_BUCKET", bucket);
        let rule = bus.put_rule().name(&name).event_pattern(pattern).send().await;
        rule.map_err(LocalAwsError::call("PutRule"))?;
        let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
        let target = Target::builder().id("owner").arn(arn).build();
        let target = target.map_err(LocalAwsError::call("PutTargets"))?;
        let targets = bus.put_targets().rule(&name).targets(target).send().await;
        targets.map_err(LocalAwsError::call("PutTargets"))?;
        let (bucket, queues, objects) = (bucket.to_owned(), queues.clone(), objects.clone());
        Ok(Self { url, bucket, queues, objects })
    }

    /// Up to ten receipts, read as they are now: the event says which, not what is in it.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn receive(&self) -> Result<Vec<Value>, LocalAwsError> {
        let request = self.queues.receive_message().queue_url(&self.url);
        let answer = request.max_number_of_messages(10).wait_time_seconds(1).send().await;
        let answer = answer.map_err(LocalAwsError::call("ReceiveMessage"))?;
        let messages = answer.messages.unwrap_or_default();
        let mut receipts = Vec::new();
        for message in &messages {
            let body = message.body.as_deref().unwrap_or_default();
            let event: Value =
                serde_json::from_str(body).map_err(LocalAwsError::call("ReceiveMessage"))?;
            let key = event["detail"]["object"]["key"].as_str().unwrap_or_default();
            if let Some(receipt) = self.objects.get(&self.bucket, key).await? {
                let receipt = serde_json::from_slice(&receipt);
                receipts.push(receipt.map_err(LocalAwsError::call(key))?);
            }
        }
        self.delete(messages).await?;
        Ok(receipts)
    }

    async fn delete(&self, messages: Vec<Message>) -> Result<(), LocalAwsError> {
        let mut entries = Vec::new();
        for (number, message) in messages.into_iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
            let entry = entry.receipt_handle(message.receipt_handle.unwrap_or_default()).build();
            entries.push(entry.map_err(LocalAwsError::call("DeleteMessageBatch"))?);
        }
        if entries.is_empty() {
            return Ok(());
        }
        let request = self.queues.delete_message_batch().queue_url(&self.url);
        let answer = request.set_entries(Some(entries)).send().await;
        answer.map(drop).map_err(LocalAwsError::call("DeleteMessageBatch"))
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("url", &self.url).finish_non_exhaustive()
    }
}
