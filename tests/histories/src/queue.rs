//! A queue of SQS in front of the completion function.

use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// SQS leaves a message out of `ApproximateAgeOfOldestMessage` that was received so often
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>).
const RECEIVED_TOO_OFTEN: u32 = 3;

/// What waits, and what was given up.
#[derive(Debug)]
pub struct Queue {
    messages: Vec<Message>,
    /// How long a message that was handed out is seen by nobody else.
    visibility: Duration,
    /// At most so many are handed out at once.
    batch: usize,
    /// After so many receptions a message is dead-lettered.
    max_receives: u32,
    /// Whether its event source mapping is disabled.
    pub nobody_takes_any: bool,
    dead_letters: Vec<(Instant, Value)>,
    acknowledged: Vec<Value>,
    waited: Vec<Waited>,
    next: u64,
}

/// A message, as it is handed out.
#[derive(Clone, Debug)]
pub struct Message {
    id: u64,
    /// What it says.
    pub event: Value,
    sent_at: Instant,
    visible_at: Instant,
    /// How often it has been handed out.
    pub received: u32,
}

/// For how long a message was one whose age SQS tells.
#[derive(Clone, Copy, Debug)]
pub struct Waited {
    /// Since when.
    pub since: Instant,
    /// Until it was done, or had been received too often.
    pub until: Instant,
}

impl Message {
    fn has_an_age(&self) -> bool {
        self.received < RECEIVED_TOO_OFTEN
    }

    fn waited(&self, until: Instant) -> Waited {
        Waited { since: self.sent_at, until }
    }
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(visibility: Duration, batch: usize, max_receives: u32) -> Self {
        Self {
            messages: Vec::new(),
            visibility,
            batch,
            max_receives,
            nobody_takes_any: false,
            dead_letters: Vec::new(),
            acknowledged: Vec::new(),
            waited: Vec::new(),
            next: 0,
        }
    }

    /// An event arrives at this time.
    pub fn send(&mut self, event: Value, at: Instant) {
        self.send_again(event, at, 0);
    }

    /// The same of one that was handed out so often before.
    pub fn send_again(&mut self, event: Value, at: Instant, received: u32) {
        self.next += 1;
        let message = Message { id: self.next, event, sent_at: at, visible_at: at, received };
        self.messages.push(message);
    }

    /// When there is something to hand out.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible_at).min()
    }

    /// A batch of what is visible, `None` if nothing is.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<Message>> {
        if self.nobody_takes_any {
            return None;
        }
        let given_up =
            |message: &Message| message.visible_at <= now && message.received >= self.max_receives;
        let dead = self.messages.extract_if(.., |message| given_up(message));
        self.dead_letters.extend(dead.map(|message| (now, message.event)));
        let mut batch = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible_at <= now) {
            if batch.len() == self.batch {
                break;
            }
            let had_an_age = message.has_an_age();
            message.received += 1;
            message.visible_at = now + self.visibility;
            if had_an_age && !message.has_an_age() {
                self.waited.push(message.waited(now));
            }
            batch.push(message.clone());
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// An invocation is over: what did not fail is deleted. All the rest comes back after its visibility timeout.
    pub fn acknowledge(&mut self, batch: &[Message], failed: &[usize], now: Instant) {
        for (nth, done) in batch.iter().enumerate() {
            if !failed.contains(&nth) {
                for deleted in self.messages.extract_if(.., |message| message.id == done.id) {
                    if deleted.has_an_age() {
                        self.waited.push(deleted.waited(now));
                    }
                    self.acknowledged.push(deleted.event);
                }
            }
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many messages nobody works on.
    #[must_use]
    pub fn visible(&self, now: Instant) -> usize {
        self.messages.iter().filter(|message| message.visible_at <= now).count()
    }

    /// The age of the oldest message, as SQS tells it.
    #[must_use]
    pub fn age_of_oldest(&self, now: Instant) -> Option<Duration> {
        let told = self.messages.iter().filter(|message| message.has_an_age());
        told.map(|message| now - message.sent_at).max()
    }

    /// For how long each message was one whose age SQS tells.
    #[must_use]
    pub fn waited(&self) -> &[Waited] {
        &self.waited
    }

    /// The events that were done.
    #[must_use]
    pub fn acknowledged(&self) -> &[Value] {
        &self.acknowledged
    }

    /// The events that were given up, and when.
    #[must_use]
    pub fn dead_letters(&self) -> &[(Instant, Value)] {
        &self.dead_letters
    }
}
