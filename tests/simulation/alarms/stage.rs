//! Hours of a deployed stack: the world, the schedule, the queues in front of the completion function, and all
//! that is published as metrics. What the functions print is theirs; what AWS itself publishes of queues and
//! functions is made up here, from what the queues hold.

use crate::invoke::{FUNCTION_TIMEOUT, MetricLines, REAPER_TIMEOUT, function_with, receive_all};
use serde_json::{Value, json};
use session_cleanup::deadline::Deadline;
use session_cleanup::reaper;
use session_cleanup_histories::queue::Queue;
use session_cleanup_tests::alarms::{MetricId, Published};
use session_cleanup_tests::world::{Setup, TaskHandle, World};
use std::time::Duration;
use tokio::time::Instant;

const MINUTE: i64 = 60;

const SECOND: Duration = Duration::from_secs(1);

const MAX_RECEIVE_COUNT: u32 = 5;

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
            queue: Queue::new(FUNCTION_TIMEOUT * 6 + SECOND, 100, MAX_RECEIVE_COUNT),
            ending_tasks: Queue::new(FUNCTION_TIMEOUT + SECOND, 10, MAX_RECEIVE_COUNT),
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
        self.queue.send_again(event, Instant::now(), received);
    }

    /// The event of a task that is being stopped.
    pub(super) fn send_of_an_ending_task(&mut self, event: Value) {
        self.ending_tasks.send(event, Instant::now());
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
        let before = self.given_up();
        if let Some(batch) = self.queue(of_ending_tasks).receive(Instant::now()) {
            let (context, lines) = self.function();
            let events: Vec<_> = batch.iter().map(|one| (&one.event, one.received)).collect();
            let failed = receive_all(&context, &events).await;
            self.lines.push(lines);
            self.queue(of_ending_tasks).acknowledge(&batch, &failed, Instant::now());
        }
        self.dead_letters += self.given_up() - before;
    }

    fn queue(&mut self, of_ending_tasks: bool) -> &mut Queue {
        if of_ending_tasks { &mut self.ending_tasks } else { &mut self.queue }
    }

    fn given_up(&self) -> usize {
        [&self.queue, &self.ending_tasks].map(|queue| queue.dead_letters().len()).iter().sum()
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
            if let Some(age) = queue.age_of_oldest(Instant::now()) {
                let metric = of_queue("ApproximateAgeOfOldestMessage", name);
                let age = u32::try_from(age.as_secs()).unwrap();
                self.published.add(metric, now, f64::from(age));
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
                self.published.print(line);
            }
        }
    }
}
