use super::doctor::asks_for_doctor;
use super::error::EventError;
use super::fields::Fields;
use super::session_ended::{self, SessionEnded};
use super::task_change::{self, NotOurs, TaskChange};
use crate::config::Config;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

/// Every form in which the completion function is invoked.
#[derive(Debug)]
pub enum Payload {
    /// The deployed path: messages whose bodies are EventBridge events. The answer names those that
    /// must be tried again.
    Batch(Vec<SqsMessage>),
    /// One EventBridge event, by a direct rule, `cargo lambda invoke` or a test. The answer is the
    /// cleanup report.
    Single(Value),
    /// Someone asks the function to examine itself (`{"doctor": {}}`). The answer is what it finds.
    Doctor,
}

impl Payload {
    /// Tells the forms apart.
    ///
    /// # Errors
    /// [`EventError`] when there are `Records` that are not SQS messages, or more than a question for the
    /// doctor.
    pub fn parse(payload: Value) -> Result<Self, EventError> {
        if asks_for_doctor(&payload)? {
            return Ok(Self::Doctor);
        }
        if payload.get("Records").is_none() {
            return Ok(Self::Single(payload));
        }
        let batch: SqsEvent = serde_json::from_value(payload)
            .map_err(|problem| EventError::new("Records", format!("no SQS batch: {problem}")))?;
        Ok(Self::Batch(batch.records))
    }
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The owner says that a session is over.
    SessionEnded(SessionEnded),
    /// ECS says that a session task has died, or is being stopped by someone else.
    TaskChange(TaskChange),
    /// ECS says something that asks for nothing: our own stop, a task that is no session task, a change
    /// that is no end. Acknowledged without a call.
    NothingToDo {
        /// Why nothing is done.
        reason: String,
    },
    /// An owner speaks of a task of another fleet that shares the bus. Acknowledged without a call, and
    /// counted: a cluster may have been forgotten.
    OutOfScope {
        /// Why nothing is done.
        reason: String,
    },
}

impl Event {
    /// Reads the body of an SQS message: one EventBridge event as JSON text.
    ///
    /// # Errors
    /// [`EventError`] names the field that is missing or wrong.
    pub fn parse_text(body: &str, config: &Config) -> Result<Self, EventError> {
        let event: Value = serde_json::from_str(body)
            .map_err(|problem| EventError::new("body", format!("it is not JSON: {problem}")))?;
        Self::parse(&event, config)
    }

    /// Reads one EventBridge event.
    ///
    /// # Errors
    /// [`EventError`] names the field that is missing or wrong.
    pub fn parse(event: &Value, config: &Config) -> Result<Self, EventError> {
        let envelope = Fields::of_root(event)?;
        let source = envelope.text("source")?;
        let sent_at = match envelope.timestamp("time") {
            // What people make by hand may lack it, and an event of ECS only says where to look.
            Err(error) if source != "aws.ecs" => return Err(error),
            sent_at => sent_at,
        };
        let detail = envelope.object("detail")?;
        match envelope.text("detail-type")? {
            "Session Ended" if source == config.event_source => {
                Ok(match session_ended::parse(&detail, sent_at?, config)? {
                    Ok(ended) => Self::SessionEnded(ended),
                    Err(NotOurs { reason }) => Self::OutOfScope { reason },
                })
            }
            "ECS Task State Change" if source == "aws.ecs" => {
                Ok(match task_change::parse(&detail, sent_at.ok(), config)? {
                    Ok(change) => Self::TaskChange(change),
                    Err(NotOurs { reason }) => Self::NothingToDo { reason },
                })
            }
            "Session Ended" | "ECS Task State Change" => Err(EventError::new(
                "source",
                format!(
                    "{source:?} sends no such event; `Session Ended` comes from {:?}, \
                     `ECS Task State Change` from \"aws.ecs\"",
                    config.event_source
                ),
            )),
            other => Err(EventError::new(
                "detail-type",
                format!(
                    "{:?} is neither `Session Ended` nor `ECS Task State Change`",
                    other.chars().take(100).collect::<String>()
                ),
            )),
        }
    }
}
