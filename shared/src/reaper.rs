//! What the reaper function does with one invocation: one sweep, an examination of itself, or nothing.

use crate::context::Context;
use crate::deadline::Deadline;
use crate::doctor::{Examined, examine_and_keep};
use crate::event::{EventError, ReaperEvent};
use crate::metrics::Metric;
use crate::sweep::sweep;
use serde_json::{Value, json};
use std::sync::Arc;

/// Lambda takes an answer of 6 MB (`6_291_556` bytes), and fails the invocation for a longer one.
const LONGEST_ANSWER: usize = 6_000_000;

/// Handles one invocation, and answers before `deadline` with the sweep's report.
///
/// # Errors
/// [`EventError`] when the invocation can't be understood; nothing was done.
pub async fn handle(
    context: &Arc<Context>,
    payload: &Value,
    deadline: Deadline,
    request_id: &str,
) -> Result<Value, EventError> {
    let used_before = context.aws.meter.read();
    match ReaperEvent::parse(payload, &context.config, context.clock.now()) {
        Ok(ReaperEvent::Sweep(request)) => {
            let swept = Box::pin(sweep(context, request, deadline, request_id)).await;
            context.metrics.api_use(context.aws.meter.read().since(used_before));
            match swept {
                Ok(report) => Ok(report.document(LONGEST_ANSWER)),
                Err(error) => Err(refused(context, error)),
            }
        }
        Ok(ReaperEvent::Doctor) => {
            Ok(Box::pin(examine_and_keep(context, Examined::Reaper, deadline)).await)
        }
        Ok(ReaperEvent::OutOfScope { reason }) => {
            tracing::info!(%reason, "acknowledged");
            Ok(json!({ "outcome": "out_of_scope", "reason": reason }))
        }
        Err(error) => Err(refused(context, error)),
    }
}

fn refused(context: &Context, error: EventError) -> EventError {
    context.metrics.count(Metric::EVENTS_REFUSED, &[]);
    tracing::error!(%error, "the invocation is refused; no sweep");
    error
}
