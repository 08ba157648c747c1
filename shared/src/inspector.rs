//! What the inspector function answers: why something is, or is not, touched; what became of a session; what
//! the last sweeps found. It reads, decides by the same tables, and changes nothing.

mod answer;
mod doctor;
mod explain;
mod history;
mod read_all;
mod receipts;
mod search;
mod sweeps;
mod widget;

use crate::clock::milliseconds;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::{Question, WHAT_CAN_BE_ASKED};
use crate::page::printable;
use answer::Answer;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// A person waits for the answer: whatever has not been found by then is not looked for any longer.
const LONGEST_LOOK: Duration = Duration::from_secs(50);

/// Handles one invocation, and answers before `deadline`. A question that can't be understood is answered with
/// what can be asked.
pub async fn handle(context: &Context, payload: &Value, deadline: Deadline) -> Value {
    let (began, used_before) = (Instant::now(), context.aws.meter.read());
    let deadline = deadline.at_most(LONGEST_LOOK);
    let question = Question::parse(payload, &context.config);
    let answer = match &question {
        Err(error) => refused(&error.to_string()),
        Ok(Question::Explain(subject)) => {
            Box::pin(explain::explain(context, subject, deadline)).await.json()
        }
        Ok(Question::Session(session)) => receipts::answer(context, session, deadline).await.json(),
        Ok(Question::Sweeps { last }) => sweeps::answer(context, *last, deadline).await.json(),
        Ok(Question::Doctor) => Box::pin(doctor::answer(context, deadline)).await.json(),
        Ok(Question::WidgetDescription) => json!(widget::DESCRIPTION),
        Ok(Question::Widget) => json!(widget::draw(context, deadline).await),
    };
    context.metrics.api_use(context.aws.meter.read().since(used_before));
    let duration_ms = milliseconds(began.elapsed());
    tracing::info!(?question, duration_ms, "answered");
    answer
}

fn refused(why: &str) -> Value {
    let text = format!("{}\nWhat can be asked: {WHAT_CAN_BE_ASKED}\n", printable(why));
    json!({ "refused": why, "text": text })
}
