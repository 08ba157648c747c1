//! Hours of a deployed stack: the world, the schedule, the queues in front of the completion function, and all
//! that is published as metrics. What the functions print is theirs; what AWS itself publishes of queues and
//! functions is made up here, from what the queues hold.

use super::cloudwatch::{MetricId, Published};
use crate::invoke::{MetricLines, REAPER_TIMEOUT, function_with, receive_all};
use serde_json::{Value, json};
use session_cleanup::deadline::Deadline;
use session_cleanup::metrics::{DIMENSION, NAMESPACE};
use session_cleanup::reaper;
use session_cleanup_tests::world::{Setup, TaskHandle, World};
use std::time::Duration;

const MINUTE: i64 = 60;

/// Parameters of the template, in seconds.
const VISIBILITY: i64 = 361;
const ENDING_VISIBILITY: i64 = 61;
const MAX_RECEIVE_COUNT: u32 = 5;

/// SQS leaves a message out of `ApproximateAgeOfOldestMessage` that was received so often
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>).
const RECEIVED_TOO_OFTEN: u32 = 3;

/// A queue in front of the completion function.
#[derive(Default)]
pub(super) struct Queue {
    messages: Vec<Message>,
    /// Whether its event source mapping is disabled.
    pub(super) nobody_takes_any: bool,
}

impl Queue {
    /// The messages that nobody works on at `now`.
    pub(super) fn visible(&self, now: i64) -> usize {
        self.messages.iter().filter(|message| message.visible_at <= now).count()
    }
}

struct Message {
    event: Value,
    sent_at: i64,
    visible_at: i64,
    received: u32,
}

/// A deployed stack.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) every: i64,
    pub(super) created: i64,
    /// When it was looked at last.
    pub(super) until: i64,
    pub(super) mode: &'static str,
    /// Whether the schedule is on.
    pub(super) sweeps: bool,
    /// Lambda's time limit of a sweep.
    pub(super) sweep_time: Duration,
    pub(super) queue: Queue,
    pub(super) ending_tasks: Queue,
    pub(super) dead_letters: usize,
    pub(super) failed_sweeps: usize,
    /// Lambda's own metrics, of each minute: function, metric.
    pub(super) lambda_says: Vec<(&'static str, &'static str)>,
    /// Those that a condition is about.
    pub(super) tasks: Vec<TaskHandle>,
    pub(super) published: Published,
    lines: Vec<MetricLines>,
    next_sweep: i64,
    invocations: u64,
}

impl Stage {
    /// A new stack, with a fleet whose owners renew their leases. Its first sweep is an interval away.
    pub(super) fn new(every_minutes: i64, mode: &'static str) -> Self {
        let groups = ["sessions", "more"].map(str::to_owned);
        let world = World::new(Setup { target_groups: groups.into(), ..Setup::default() });
        for number in 0..8 {
            let name = format!("healthy-{number}");
            world.session(&name).renewed_for(Duration::from_hours(20)).start();
        }
        let created = world.now().as_second();
        let every = every_minutes * MINUTE;
        Self {
            every,
            created,
            until: created,
            mode,
            sweeps: true,
            sweep_time: REAPER_TIMEOUT,
            queue: Queue::default(),
            ending_tasks: Queue::default(),
            dead_letters: 0,
            failed_sweeps: 0,
            lambda_says: Vec::new(),
            tasks: Vec::new(),
            published: Published::default(),
            lines: Vec::new(),
            next_sweep: created + every,
            invocations: 0,
            world,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.world.now().as_second()
    }

    /// An event on its way to the completion function.
    pub(super) fn send(&mut self, event: Value) {
        self.send_again(event, 0);
    }

    /// The same of one that was received before.
    pub(super) fn send_again(&mut self, event: Value, received: u32) {
        let now = self.now();
        self.queue.messages.push(Message { event, sent_at: now, visible_at: now, received });
    }

    /// The event of a task that is being stopped.
    pub(super) fn send_of_an_ending_task(&mut self, event: Value) {
        let now = self.now();
        let message = Message { event, sent_at: now, visible_at: now, received: 0 };
        self.ending_tasks.messages.push(message);
    }

    /// Lives on, minute by minute.
    pub(super) async fn live_for(&mut self, minutes: i64) {
        let until = self.now() + minutes * MINUTE;
        while self.now() < until {
            if self.now() >= self.next_sweep {
                self.next_sweep += self.every;
                if self.sweeps {
                    self.sweep().await;
                }
            }
            self.start_and_end_a_session();
            self.deliver(false).await;
            self.deliver(true).await;
            self.publish();
            let next = (self.now() / MINUTE + 1) * MINUTE - self.now();
            tokio::time::sleep(Duration::from_secs(u64::try_from(next).unwrap())).await;
        }
        self.read_lines();
        self.until = self.now();
    }

    /// Lives on until right after the next sweep: what begins now waits longest to be seen.
    pub(super) async fn live_until_after_a_sweep(&mut self) {
        self.live_for((self.next_sweep - self.now()) / MINUTE + 1).await;
    }

    /// A rule's schedule is kept to the minute, and no better.
    async fn sweep(&mut self) {
        tokio::time::sleep(Duration::from_secs(self.invocations * 37 % 50)).await;
        let (context, lines) = self.function();
        let margin = context.config.timeouts.deadline_margin;
        let deadline = Deadline::after(self.sweep_time).earlier(margin);
        let payload = json!({ "mode": self.mode });
        reaper::handle(&context, &payload, deadline, "request").await.unwrap();
        self.lines.push(lines);
    }

    /// What a fleet does all day.
    fn start_and_end_a_session(&mut self) {
        if (self.now() - self.created) / MINUTE % 20 == 10 {
            let name = format!("short-{}", self.now());
            let session = self.world.session(&name).start();
            let event = self.world.session_ended_event(&session, "completed");
            self.send(event);
        }
    }

    async fn deliver(&mut self, of_ending_tasks: bool) {
        let now = self.now();
        let queue = if of_ending_tasks { &mut self.ending_tasks } else { &mut self.queue };
        if queue.nobody_takes_any {
            return;
        }
        let (due, rest) = std::mem::take(&mut queue.messages)
            .into_iter()
            .partition(|message: &Message| message.visible_at <= now);
        let mut left: Vec<Message> = rest;
        let visibility = if of_ending_tasks { ENDING_VISIBILITY } else { VISIBILITY };
        let (lost, due): (Vec<Message>, Vec<Message>) =
            due.into_iter().partition(|message: &Message| message.received >= MAX_RECEIVE_COUNT);
        self.dead_letters += lost.len();
        if !due.is_empty() {
            let (context, lines) = self.function();
            let batch: Vec<_> = due.iter().map(|one| (&one.event, one.received + 1)).collect();
            let failed = receive_all(&context, &batch).await;
            self.lines.push(lines);
            let again = |message: Message| Message {
                received: message.received + 1,
                visible_at: now + visibility,
                ..message
            };
            let failed = due.into_iter().enumerate().filter(|(nth, _)| failed.contains(nth));
            left.extend(failed.map(|(_, message)| again(message)));
        }
        let queue = if of_ending_tasks { &mut self.ending_tasks } else { &mut self.queue };
        queue.messages.extend(left);
    }

    fn function(&mut self) -> (std::sync::Arc<session_cleanup::context::Context>, MetricLines) {
        self.invocations += 1;
        let caller = format!("invocation-{}", self.invocations);
        let interval = format!("{}s", self.every);
        function_with(&self.world, &caller, &[("SWEEP_INTERVAL", &interval)])
    }

    /// What AWS publishes each minute. A queue without messages says nothing.
    fn publish(&mut self) {
        let now = self.now();
        let of_queue = |name: &str, queue: &str| -> MetricId {
            ("AWS/SQS".to_owned(), name.to_owned(), queue.to_owned())
        };
        for (name, queue) in [("Queue", &self.queue), ("EndingTasksQueue", &self.ending_tasks)] {
            let young = queue.messages.iter().filter(|one| one.received < RECEIVED_TOO_OFTEN);
            if let Some(oldest) = young.map(|message| message.sent_at).min() {
                let age = f64::from(u32::try_from(now - oldest).unwrap());
                self.published.add(of_queue("ApproximateAgeOfOldestMessage", name), now, age);
            }
        }
        for (name, depth) in
            [("DeadLetterQueue", self.dead_letters), ("FailedSweepsQueue", self.failed_sweeps)]
        {
            if depth > 0 {
                let depth = f64::from(u32::try_from(depth).unwrap());
                self.published.add(
                    of_queue("ApproximateNumberOfMessagesVisible", name),
                    now,
                    depth,
                );
            }
        }
        for (function, metric) in &self.lambda_says {
            let metric = ("AWS/Lambda".to_owned(), (*metric).to_owned(), (*function).to_owned());
            self.published.add(metric, now, 1.0);
        }
    }

    /// The lines that the functions printed, as CloudWatch Logs makes metrics of them.
    fn read_lines(&mut self) {
        for lines in self.lines.drain(..) {
            for line in lines.lock().unwrap().iter() {
                let line: Value = serde_json::from_str(line).unwrap();
                let at = line["_aws"]["Timestamp"].as_i64().unwrap() / 1_000;
                for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                    assert_eq!(directive["Namespace"], NAMESPACE);
                    assert_eq!(directive["Dimensions"], json!([[DIMENSION]]));
                    let stack = line[DIMENSION].as_str().unwrap();
                    for metric in directive["Metrics"].as_array().unwrap() {
                        let name = metric["Name"].as_str().unwrap();
                        let id = (NAMESPACE.to_owned(), name.to_owned(), stack.to_owned());
                        self.published.add(id, at, line[name].as_f64().unwrap());
                    }
                }
            }
        }
    }
}
