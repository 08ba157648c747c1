//! What the completion function does with one invocation: every event in it becomes a cleanup of
//! its own, in a task of its own, so that one session's failure, or even a panic in it, fails that item
//! alone.

mod observe;

use crate::cleanup::{Delivery, Invocation, Request};
use crate::config::CompletionMode;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::doctor::{Examined, examine_and_keep};
use crate::event::{Event, EventError, Payload};
use crate::metrics::Metric;
use crate::spawned_cleanup::SpawnedCleanup;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use serde_json::{Value, json};
use std::sync::Arc;

/// Why an invocation with a single event failed: Lambda tries it again or sends it to the failure
/// destination.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The event can't be understood, or is not about what is ours.
    #[error(transparent)]
    Refused(#[from] EventError),
    /// The session is not clean yet. The report says why and what happens next.
    #[error("the session is not clean: {0}")]
    NotClean(Value),
    /// The cleanup panicked; nothing is known of its steps beyond the log.
    #[error("the cleanup ended badly: {0}")]
    Panicked(String),
}

impl InvocationError {
    /// The kind of error, as Lambda's `errorType`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "EventRefused",
            Self::NotClean(_) => "SessionNotClean",
            Self::Panicked(_) => "CleanupPanicked",
        }
    }
}

/// Handles one invocation, and answers before `deadline`.
///
/// # Errors
/// [`InvocationError`] for a single event whose session is not clean. A batch never fails as a
/// whole: its answer names the items that must be delivered again.
pub async fn handle(
    context: &Arc<Context>,
    payload: Value,
    deadline: Deadline,
    request_id: &str,
) -> Result<Value, InvocationError> {
    let used_before = context.aws.meter.read();
    let answer = match (Payload::parse(payload), context.config.completion_mode) {
        (Ok(Payload::Doctor), CompletionMode::Observe | CompletionMode::Enforce) => {
            Ok(Box::pin(examine_and_keep(context, Examined::Completion, deadline)).await)
        }
        (Ok(Payload::Batch(messages)), CompletionMode::Observe) => {
            Ok(observe::batch(context, messages, deadline).await)
        }
        (Ok(Payload::Single(event)), CompletionMode::Observe) => {
            Ok(observe::single(context, &event, deadline).await)
        }
        (Err(error), CompletionMode::Observe) => Ok(observe::unreadable(&error)),
        (Ok(Payload::Batch(messages)), CompletionMode::Enforce) => {
            Ok(batch(context, messages, deadline, request_id).await)
        }
        (Ok(Payload::Single(event)), CompletionMode::Enforce) => {
            single(context, &event, deadline, request_id).await
        }
        (Err(error), CompletionMode::Enforce) => Err(refused(context, error)),
    };
    context.metrics.api_use(context.aws.meter.read().since(used_before));
    answer
}

async fn single(
    context: &Arc<Context>,
    event: &Value,
    deadline: Deadline,
    request_id: &str,
) -> Result<Value, InvocationError> {
    let event = Event::parse(event, &context.config).map_err(|e| refused(context, e))?;
    let Some(request) = request(context, event) else {
        return Ok(json!({ "outcome": "out_of_scope" }));
    };
    let invocation = Arc::new(Invocation::begin(context, deadline));
    let report = SpawnedCleanup::start(&invocation, request, request_id).report().await;
    Invocation::finish(invocation).await;
    let report = report.map_err(|panic| InvocationError::Panicked(panic.to_string()))?;
    let document = json!(report);
    if report.fails_its_event() {
        return Err(InvocationError::NotClean(document));
    }
    Ok(document)
}

async fn batch(
    context: &Arc<Context>,
    messages: Vec<SqsMessage>,
    deadline: Deadline,
    request_id: &str,
) -> Value {
    let invocation = Arc::new(Invocation::begin(context, deadline));
    let mut failed = Failed { context, ids: Vec::new() };
    let mut cleanups = Vec::new();
    for message in messages {
        let received = message.attributes.get("ApproximateReceiveCount");
        let attempt = received.and_then(|count| count.parse().ok()).unwrap_or(1);
        let item = Item { id: message.message_id.unwrap_or_default(), attempt };
        let body = message.body.unwrap_or_default();
        let delivery = if attempt > 1 { Delivery::Repeated } else { Delivery::First };
        match Event::parse_text(&body, &context.config) {
            Err(error) => {
                let error = refused(context, error);
                tracing::error!(message_id = %item.id, %error, "it goes to the dead-letter queue");
                failed.add(item);
            }
            Ok(event) => {
                if let Some(request) = request(context, event) {
                    let request = Request { delivery, ..request };
                    cleanups.push((item, SpawnedCleanup::start(&invocation, request, request_id)));
                }
            }
        }
    }
    for (item, cleanup) in cleanups {
        match cleanup.report().await {
            Ok(report) if report.fails_its_event() => failed.add(item),
            Ok(_) => {}
            Err(panic) => {
                tracing::error!(message_id = %item.id, error = %panic, "a cleanup ended badly; its event is delivered again");
                failed.add(item);
            }
        }
    }
    Invocation::finish(invocation).await;
    let batch_item_failures = failed
        .ids
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = batch_item_failures;
    json!(response)
}

/// One message of a batch.
struct Item {
    id: String,
    /// How often the queue has delivered it, this time included.
    attempt: usize,
}

/// The messages that must be delivered again. Those that won't be, since this was the last time, are counted:
/// nobody works on their events any more.
struct Failed<'a> {
    context: &'a Context,
    ids: Vec<String>,
}

impl Failed<'_> {
    fn add(&mut self, Item { id, attempt }: Item) {
        if attempt >= self.context.config.max_receive_count {
            let message = [("message_id", json!(id))];
            self.context.metrics.count(Metric::LAST_ATTEMPTS_FAILED, &message);
            tracing::error!(message_id = %id, attempt, "the last attempt failed: it goes to the dead-letter queue");
        }
        self.ids.push(id);
    }
}

fn request(context: &Context, event: Event) -> Option<Request> {
    match event {
        Event::SessionEnded(event) => Some(event.into()),
        Event::TaskChange(event) => Some(event.into()),
        Event::NothingToDo { reason } => {
            tracing::info!(%reason, "acknowledged");
            None
        }
        Event::OutOfScope { reason } => {
            context.metrics.count(Metric::OUTCOME_OUT_OF_SCOPE, &[]);
            tracing::warn!(%reason, "out of scope: acknowledged");
            None
        }
    }
}

fn refused(context: &Context, error: EventError) -> InvocationError {
    context.metrics.count(Metric::EVENTS_REFUSED, &[]);
    InvocationError::Refused(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alarms and people find a failed invocation by it.
    #[test]
    fn each_error_of_an_invocation_has_a_kind_of_its_own() {
        let panicked = InvocationError::Panicked("a bug".to_owned());
        assert_eq!(panicked.kind(), "CleanupPanicked");
        let refused = InvocationError::Refused(EventError::new("time", "it is missing"));
        assert_eq!(refused.kind(), "EventRefused");
    }
}
