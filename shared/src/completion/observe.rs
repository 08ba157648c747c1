//! The mode `observe`: each event is looked at and acknowledged, whatever it is. No item fails, nothing is
//! counted but our calls, and each event leaves one line in the log.

use crate::cleanup::{Invocation, Observed, Request, observe};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::{Event, EventError};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// Looks at every event of a batch.
pub(super) async fn batch(
    context: &Arc<Context>,
    messages: Vec<SqsMessage>,
    deadline: Deadline,
) -> Value {
    let invocation = Arc::new(Invocation::begin(context, deadline));
    let looks = messages.into_iter().map(|message| {
        let body = message.body.unwrap_or_default();
        look(&invocation, Event::parse_text(&body, &context.config)).boxed()
    });
    // What there is no time for has no line: it is not delivered again for that.
    let _seen = within(deadline, join_all(looks)).await;
    Invocation::finish(invocation).await;
    json!(SqsBatchResponse::default())
}

/// Looks at one event. The answer is what was seen.
pub(super) async fn single(context: &Arc<Context>, event: &Value, deadline: Deadline) -> Value {
    let invocation = Arc::new(Invocation::begin(context, deadline));
    let looking = look(&invocation, Event::parse(event, &context.config)).boxed();
    let seen = within(deadline, looking).await.flatten();
    Invocation::finish(invocation).await;
    json!(seen)
}

/// An invocation that is no event.
pub(super) fn unreadable(error: &EventError) -> Value {
    json!(log(refused(error)))
}

async fn within<T>(deadline: Deadline, looking: impl Future<Output = T>) -> Option<T> {
    let seen = deadline.run(looking).await;
    if seen.is_err() {
        tracing::warn!("there was no time to look at every event");
    }
    seen.ok()
}

/// One event's panic is none of the others'.
async fn look(invocation: &Invocation, event: Result<Event, EventError>) -> Option<Observed> {
    let seen = AssertUnwindSafe(look_at(invocation, event)).catch_unwind().await;
    if seen.is_err() {
        tracing::error!("a look at an event ended badly");
    }
    seen.ok()
}

async fn look_at(invocation: &Invocation, event: Result<Event, EventError>) -> Observed {
    let request: Request = match event {
        Ok(Event::SessionEnded(event)) => event.into(),
        Ok(Event::TaskChange(event)) => event.into(),
        Ok(Event::NothingToDo { reason: why } | Event::OutOfScope { reason: why }) => {
            return log(Observed::Nothing { why });
        }
        Err(error) => return log(refused(&error)),
    };
    log(observe(invocation, &request).await)
}

fn refused(error: &EventError) -> Observed {
    Observed::Refused { why: error.to_string() }
}

/// One line, in the log's own format.
fn log(observed: Observed) -> Observed {
    match &observed {
        Observed::SessionEnded { session_id, task_arn, ended_at, would, why } => {
            let task_arn = task_arn.as_ref().map(tracing::field::display);
            let would = would.as_str();
            tracing::info!(observed = "session_ended", %session_id, task_arn, %ended_at, would, why);
        }
        Observed::TaskStopped {
            session_id,
            task_arn,
            stopping_at,
            stopped_at,
            stopped_reason,
            target,
            marker,
            why,
        } => {
            let session_id = session_id.as_ref().map(tracing::field::display);
            let stopping_at = stopping_at.as_ref().map(tracing::field::display);
            let stopped_at = stopped_at.as_ref().map(tracing::field::display);
            let (stopped_reason, why) = (stopped_reason.as_deref(), why.as_deref());
            let (target, marker) = (target.as_str(), marker.as_str());
            tracing::info!(
                observed = "task_stopped",
                session_id,
                %task_arn,
                stopping_at,
                stopped_at,
                stopped_reason,
                target,
                marker,
                why
            );
        }
        Observed::Refused { why } => tracing::info!(observed = "refused", why),
        Observed::Nothing { why } => tracing::debug!(observed = "nothing", why),
    }
    observed
}
