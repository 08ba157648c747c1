//! A crowd: very many sessions that end at once, cleaned up by as many invocations side by side as the template
//! allows, which know nothing of each other, at AWS's published rates.

use crate::functions::{FUNCTION_TIMEOUT, batch_received, failed_items, function, sdk};
use crate::play::virtual_time;
use crate::queue::{Message, Queue};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use session_cleanup::completion;
use session_cleanup::context::Context;
use session_cleanup::deadline::Deadline;
use session_cleanup_tests::world::{Api, Call, Latency, Limits, Outcome, Setup, World};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Events in one invocation (`template.yaml`, `BatchSize`).
const BATCH: usize = 100;

/// Invocations side by side (`template.yaml`, `MaximumConcurrency`).
const AT_ONCE: usize = 10;

/// Attempts at an event (`template.yaml`, `MaxReceiveCount`).
const RECEIVES: u32 = 5;

/// Between two attempts (`template.yaml`, `VisibilityTimeouts`).
const VISIBILITY: Duration = Duration::from_secs(361);

/// What a container takes to upload.
const UPLOAD: Duration = Duration::from_secs(3);

/// As many targets as one target group holds: more of the sessions are not registered.
const A_GROUP: usize = 1_000;

/// What a call to AWS takes.
const CALL: Duration = Duration::from_millis(50);

/// What became of a crowd.
#[derive(Clone, Debug)]
pub struct Drained {
    /// So many sessions ended at once.
    pub sessions: usize,
    /// From then until the last of their tasks had been told to stop.
    pub took: Duration,
    /// What AWS's rate of `StopTask` allows: 100 at once, and 40 a second.
    pub limit: Duration,
    /// Requests to AWS, those that were throttled among them.
    pub calls: usize,
    /// How many of them were throttled.
    pub throttled: usize,
    /// Requests that owners made meanwhile to start sessions, one a second: AWS counts them with `StopTask`.
    pub starts: usize,
    /// How many of those were throttled.
    pub starts_throttled: usize,
    /// Invocations of the function.
    pub invocations: usize,
    /// Events that were delivered once more.
    pub redelivered: usize,
    /// Events that were given up.
    pub dead_letters: usize,
    /// Sessions whose receipt does not say that they were cleaned, or whose task runs on.
    pub unclean: usize,
    /// What happened that must never happen.
    pub violations: Vec<String>,
}

/// Lets so many sessions end at once, and answers what became of them, in virtual time.
#[must_use]
pub fn play(sessions: usize) -> Drained {
    virtual_time().block_on(drain(sessions))
}

async fn drain(sessions: usize) -> Drained {
    let latency = Latency { ecs: CALL, elb: CALL, s3: CALL, ..Latency::default() };
    let limits = Limits::aws();
    // What owners try to start must not run beside the crowd: it is their requests that count.
    let world = World::new(Setup { latency, limits, room_for_tasks: Some(0), ..Setup::default() });
    let began = (Instant::now(), world.now());
    let start = |number: usize| {
        let session = world.session(&format!("s-{number}")).uploads_in(UPLOAD);
        if number < A_GROUP { session.start() } else { session.unregistered().start() }
    };
    let tasks: Vec<_> = (0..sessions).map(start).collect();
    let mut queue = Queue::new(VISIBILITY, BATCH, RECEIVES);
    for task in &tasks {
        queue.send(world.session_ended_event(task, "completed"), began.0);
    }
    let owner = tokio::spawn(start_sessions(world.clone()));
    let mut lambda = Lambda { world: &world, warm: Vec::new(), invocations: 0 };
    let redelivered = lambda.work_off(&mut queue).await;
    owner.abort();

    let calls = world.calls();
    let stopped =
        calls.iter().filter(|call| call.api == Api::StopTask && call.outcome.is_success());
    let last_stop = stopped.map(|call| call.sent_at).max().unwrap_or(began.1);
    let took = Duration::try_from(last_stop.duration_since(began.1)).unwrap() + CALL;
    let throttled = |call: &&&Call| call.outcome == Outcome::Throttled;
    let (starts, calls): (Vec<&Call>, Vec<&Call>) =
        calls.iter().filter(|call| call.is_of_aws()).partition(|call| call.api == Api::RunTask);
    let receipts = world.receipts();
    let unclean = |task: &&session_cleanup_tests::world::TaskHandle| {
        let receipt = receipts.get(task.id());
        receipt.is_none_or(|receipt| receipt["outcome"] != "cleaned") || !world.is_stopping(task)
    };
    Drained {
        sessions,
        took,
        limit: limit(sessions),
        calls: calls.len(),
        throttled: calls.iter().filter(throttled).count(),
        starts: starts.len(),
        starts_throttled: starts.iter().filter(throttled).count(),
        invocations: lambda.invocations,
        redelivered,
        dead_letters: queue.dead_letters().len(),
        unclean: tasks.iter().filter(unclean).count(),
        violations: world.violations(),
    }
}

fn limit(sessions: usize) -> Duration {
    let stops = f64::from(u32::try_from(sessions).unwrap());
    Duration::from_secs_f64(Limits::STOPS.least_seconds_of(stops))
}

/// Owners, who go on starting sessions.
async fn start_sessions(world: World) {
    let setup = world.setup();
    let config = sdk(&setup).to_builder().http_client(world.caller("owner"));
    let config = config.time_source(world.time_source()).build();
    let once = aws_sdk_ecs::config::retry::RetryConfig::disabled();
    let config = aws_sdk_ecs::config::Builder::from(&config).retry_config(once).build();
    let ecs = aws_sdk_ecs::Client::from_conf(config);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let start = ecs.run_task().cluster(&setup.clusters[0]).task_definition(&setup.families[0]);
        let _whether_it_was_throttled = start.send().await;
    }
}

/// The function, with its instances that are kept from one invocation to the next.
struct Lambda<'a> {
    world: &'a World,
    warm: Vec<Arc<Context>>,
    invocations: usize,
}

impl Lambda<'_> {
    /// Until nothing is left in the queue; the answer is how many events were delivered once more.
    async fn work_off(&mut self, queue: &mut Queue) -> usize {
        let mut under_way = FuturesUnordered::new();
        let mut redelivered = 0;
        while let Some(next) = queue.next_at() {
            if under_way.len() < AT_ONCE
                && let Some(messages) = queue.receive(Instant::now())
            {
                redelivered += messages.iter().filter(|message| message.received > 1).count();
                under_way.push(self.invocation(messages));
                continue;
            }
            tokio::select! {
                Some((context, messages, failed)) = under_way.next() => {
                    queue.acknowledge(&messages, &failed, Instant::now());
                    self.warm.push(context);
                }
                () = sleep_until(next), if under_way.len() < AT_ONCE => {}
            }
        }
        redelivered
    }

    fn invocation(
        &mut self,
        messages: Vec<Message>,
    ) -> impl Future<Output = (Arc<Context>, Vec<Message>, Vec<usize>)> + use<> {
        self.invocations += 1;
        let number = self.invocations;
        let caller = format!("completion-{number}");
        let context = self.warm.pop().unwrap_or_else(|| function(self.world, &caller));
        let margin = context.config.timeouts.deadline_margin;
        let deadline = Deadline::after(FUNCTION_TIMEOUT).earlier(margin);
        let events: Vec<(&Value, u32)> =
            messages.iter().map(|message| (&message.event, message.received)).collect();
        let payload = batch_received(&events);
        async move {
            let request_id = format!("request-{number}");
            let handled = completion::handle(&context, payload, deadline, &request_id);
            let in_time = tokio::time::timeout(FUNCTION_TIMEOUT, handled).await;
            let answer = in_time.expect("no invocation outlives its deadline");
            let failed = failed_items(&answer.expect("a batch never fails as a whole"));
            (context, messages, failed)
        }
    }
}
