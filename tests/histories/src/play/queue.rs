//! A queue of SQS in front of the completion function.

use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// What waits, and what was given up.
#[derive(Debug)]
pub(super) struct Queue {
    messages: Vec<Message>,
    /// How long a message that was handed out is seen by nobody else.
    visibility: Duration,
    /// At most so many are handed out at once.
    batch: usize,
    /// After so many receptions a message is dead-lettered.
    max_receives: u32,
    dead_letters: Vec<Value>,
    acknowledged: Vec<Value>,
    next: u64,
}

/// A message, as it is handed out.
#[derive(Clone, Debug)]
pub(super) struct Message {
    id: u64,
    pub(super) event: Value,
    visible_at: Instant,
    /// How often it has been handed out.
    pub(super) received: u32,
}

impl Queue {
    pub(super) fn new(visibility: Duration, batch: usize, max_receives: u32) -> Self {
        Self {
            messages: Vec::new(),
            visibility,
            batch,
            max_receives,
            dead_letters: Vec::new(),
            acknowledged: Vec::new(),
            next: 0,
        }
    }

    /// An event arrives at this time.
    pub(super) fn send(&mut self, event: Value, at: Instant) {
        self.next += 1;
        self.messages.push(Message { id: self.next, event, visible_at: at, received: 0 });
    }

    /// When there is something to hand out.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible_at).min()
    }

    /// A batch of what is visible, `None` if nothing is.
    pub(super) fn receive(&mut self, now: Instant) -> Option<Vec<Message>> {
        let given_up =
            |message: &Message| message.visible_at <= now && message.received >= self.max_receives;
        let dead = self.messages.extract_if(.., |message| given_up(message));
        self.dead_letters.extend(dead.map(|message| message.event));
        let mut batch = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible_at <= now) {
            if batch.len() == self.batch {
                break;
            }
            message.received += 1;
            message.visible_at = now + self.visibility;
            batch.push(message.clone());
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// An invocation is over: what did not fail is deleted. All the rest comes back after its visibility timeout.
    pub(super) fn acknowledge(&mut self, batch: &[Message], failed: &[usize]) {
        for (nth, done) in batch.iter().enumerate() {
            if !failed.contains(&nth) {
                let deleted = self.messages.extract_if(.., |message| message.id == done.id);
                self.acknowledged.extend(deleted.map(|message| message.event));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The events that were done, and those that were given up.
    pub(super) fn ends(&self) -> (&[Value], &[Value]) {
        (&self.acknowledged, &self.dead_letters)
    }
}
