//! Invocations, as Lambda makes them: sandboxes that stay warm, die, and are made anew; one sweep at a time.

use super::limits::{self, Sizes};
use super::logbook::{CameTo, Delivered, Invoked, Logbook};
use super::stage::{Actor, LONGEST_WAIT, Order, Stage};
use crate::functions::{
    FUNCTION_TIMEOUT, REAPER_TIMEOUT, batch_received, failed_items, function_with,
};
use crate::history::{Function, Seconds, Stack, Sweep};
use crate::queue::Message;
use crate::triggers;
use crate::verdict::Violation;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, pending};
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use serde_json::{Value, json};
use session_cleanup::context::Context;
use session_cleanup::deadline::Deadline;
use session_cleanup::{completion, reaper};
use session_cleanup_tests::world::{Crash, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// As many invocations of the completion function at once (`template.yaml`, `MaximumConcurrency`).
const AT_ONCE: usize = 5;

/// A function's process, with all that it keeps between two invocations.
struct Sandbox {
    caller: String,
    context: Arc<Context>,
    variables: BTreeMap<String, String>,
}

/// What an invocation was for.
enum Task {
    Events { batch: Vec<Message>, of_ending_tasks: bool },
    Sweep,
}

/// An invocation that is over.
struct Over {
    task: Task,
    sandbox: Sandbox,
    began: Timestamp,
    /// How many calls anyone had made before.
    calls_before: usize,
    /// How much there was then.
    sizes: Sizes,
    /// `None`: it died.
    answer: Option<Result<Value, String>>,
    too_long: bool,
}

/// What has just ended, as far as the play is concerned.
pub(super) enum Done {
    Delivered,
    Swept {
        /// Whether it saw everything and acted on it.
        whole: bool,
    },
}

pub(super) struct Invocations {
    under_way: FuturesUnordered<BoxFuture<'static, Over>>,
    over: Option<Over>,
    warm: Vec<Sandbox>,
    warm_reaper: Option<Sandbox>,
    sweeping: bool,
    delivering: usize,
    numbered: usize,
    /// How many there were.
    pub(super) count: usize,
    pub(super) logbook: Logbook,
    pub(super) broken: Vec<Violation>,
}

impl Invocations {
    pub(super) fn new() -> Self {
        Self {
            under_way: FuturesUnordered::new(),
            over: None,
            warm: Vec::new(),
            warm_reaper: None,
            sweeping: false,
            delivering: 0,
            numbered: 0,
            count: 0,
            logbook: Logbook::default(),
            broken: Vec::new(),
        }
    }

    pub(super) fn are_over(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits until one is over; for ever, where none is under way.
    pub(super) async fn next(&mut self) -> Done {
        let Some(over) = self.under_way.next().await else { return pending().await };
        let done = match &over.task {
            Task::Events { .. } => Done::Delivered,
            Task::Sweep => Done::Swept { whole: is_whole(over.answer.as_ref()) },
        };
        self.over = Some(over);
        done
    }

    /// Takes note of the one that is over.
    pub(super) fn end(&mut self, stage: &mut Stage) {
        let Some(Over { task, sandbox, began, calls_before, sizes, answer, too_long }) =
            self.over.take()
        else {
            return;
        };
        let caller = sandbox.caller.clone();
        if too_long {
            let what = format!("{caller} outlived its deadline");
            self.broken.push(Violation::new("I7", what));
        }
        let came_to = match &answer {
            Some(Ok(_)) => CameTo::Answered,
            Some(Err(_)) => CameTo::Error,
            None => CameTo::Died,
        };
        let (function, events) = match task {
            Task::Events { batch, of_ending_tasks } => {
                self.delivering -= 1;
                let failed = match &answer {
                    Some(Ok(answer)) => failed_items(answer),
                    Some(Err(_)) | None => (0..batch.len()).collect(),
                };
                let queue = if of_ending_tasks { &mut stage.ending } else { &mut stage.events };
                queue.acknowledge(&batch, &failed, Instant::now());
                if answer.is_some() {
                    self.warm.push(sandbox);
                }
                let events = batch.into_iter().enumerate();
                let events = events
                    .map(|(nth, message)| Delivered { message, failed: failed.contains(&nth) });
                (Function::Completion, events.collect())
            }
            Task::Sweep => {
                self.sweeping = false;
                let calls = stage.world.calls_since(&caller, calls_before);
                if is_report(answer.as_ref()) {
                    self.broken.extend(limits::acts(&caller, &calls));
                }
                let at_least = &sandbox.variables["BLAST_RADIUS_AT_LEAST"];
                let at_least = at_least.parse().expect("a number");
                let beyond = limits::beyond_the_blast_radius(&caller, &calls, at_least, sizes);
                self.broken.extend(beyond);
                self.warm_reaper = answer.is_some().then_some(sandbox);
                (Function::Reaper, Vec::new())
            }
        };
        let ended = stage.world.now();
        let invoked = Invoked { function, caller: caller.clone(), began, ended, came_to, events };
        self.logbook.invocations.push(invoked);
        if let Some(Err(error)) = answer {
            stage.log.push(format!("{} {caller} says: {error}", stage.world.now()));
        }
    }

    /// Begins what there is something to do for.
    pub(super) fn begin(&mut self, stage: &mut Stage) {
        let now = Instant::now();
        while self.delivering < AT_ONCE {
            let (batch, of_ending_tasks) = match stage.ending.receive(now) {
                Some(batch) => (batch, true),
                None => match stage.events.receive(now) {
                    Some(batch) => (batch, false),
                    None => break,
                },
            };
            self.delivering += 1;
            self.deliver(stage, batch, of_ending_tasks);
        }
        let waiting = stage.orders.len();
        stage.orders.retain(|order| now - order.since <= LONGEST_WAIT);
        let late = std::iter::repeat_n(stage.world.now(), waiting - stage.orders.len());
        self.logbook.late_orders.extend(late);
        if !self.sweeping
            && let Some(order) = stage.orders.pop_front()
        {
            self.sweeping = true;
            self.sweep(stage, order);
        }
    }

    fn sandbox(&mut self, stage: &mut Stage, function: Function) -> Sandbox {
        let fits = |sandbox: &Sandbox| sandbox.variables == stage.variables;
        let warm = match function {
            Function::Completion => {
                self.warm.retain(fits);
                self.warm.pop()
            }
            Function::Reaper => self.warm_reaper.take().filter(fits),
        };
        let thaws = stage.thawed.iter().position(|thawed| *thawed == function);
        if let Some(sandbox) = warm {
            if let Some(at) = thaws {
                stage.thawed.remove(at);
                stage.world.freezes(&sandbox.caller);
            }
            return sandbox;
        }
        self.numbered += 1;
        let name = match function {
            Function::Completion => "completion",
            Function::Reaper => "reaper",
        };
        let caller = format!("{name}-{}", self.numbered);
        let variables = stage.variables.clone();
        let changes: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (context, lines) = function_with(&stage.world, &caller, &changes);
        self.logbook.lines.push(lines);
        Sandbox { caller, context, variables }
    }

    fn deliver(&mut self, stage: &mut Stage, messages: Vec<Message>, of_ending_tasks: bool) {
        let sandbox = self.sandbox(stage, Function::Completion);
        let events: Vec<(&Value, u32)> =
            messages.iter().map(|one| (&one.event, one.received)).collect();
        let payload = batch_received(&events);
        let context = Arc::clone(&sandbox.context);
        let request_id = self.request_id();
        let deadline = Deadline::after(FUNCTION_TIMEOUT);
        let deadline = deadline.earlier(context.config.timeouts.deadline_margin);
        let handled = async move {
            let answer = completion::handle(&context, payload, deadline, &request_id).await;
            answer.map_err(|error| error.to_string())
        };
        let task = Task::Events { batch: messages, of_ending_tasks };
        self.run(stage, Function::Completion, sandbox, task, FUNCTION_TIMEOUT, handled.boxed());
    }

    fn sweep(&mut self, stage: &mut Stage, order: Order) {
        let sandbox = self.sandbox(stage, Function::Reaper);
        let payload = payload(&stage.world, order);
        let context = Arc::clone(&sandbox.context);
        let request_id = self.request_id();
        let deadline = Deadline::after(REAPER_TIMEOUT);
        let deadline = deadline.earlier(context.config.timeouts.deadline_margin);
        let handled = async move {
            let answer = reaper::handle(&context, &payload, deadline, &request_id).await;
            answer.map_err(|error| error.to_string())
        };
        self.run(stage, Function::Reaper, sandbox, Task::Sweep, REAPER_TIMEOUT, handled.boxed());
    }

    /// Lambda gives each invocation one of its own.
    fn request_id(&self) -> String {
        format!("request-{}", self.count + 1)
    }

    fn run(
        &mut self,
        stage: &mut Stage,
        function: Function,
        sandbox: Sandbox,
        task: Task,
        limit: Duration,
        handled: BoxFuture<'static, Result<Value, String>>,
    ) {
        self.count += 1;
        let (world, caller) = (stage.world.clone(), sandbox.caller.clone());
        let (began, calls_before) = (world.now(), world.calls_sent());
        let runs = |actor: &&Actor| world.knows(&actor.task) && !world.is_stopping(&actor.task);
        let tasks = stage.everyone().filter(runs).count();
        let sizes = Sizes { tasks, targets: world.most_targets() };
        world.begins(&caller);
        let death = stage.deaths.get_mut(&function).and_then(std::collections::VecDeque::pop_front);
        let so_far = world.count_by(&caller);
        let death = death.map(|(nth, applied)| (so_far + nth, applied)).or_else(|| {
            let mut own = stage.deaths_at.iter().filter(|death| death.caller == caller);
            own.find(|death| death.nth > so_far).map(|death| (death.nth, death.applied))
        });
        let crash = match death {
            Some((nth, true)) => Crash::After(nth),
            Some((nth, false)) => Crash::Before(nth),
            None => Crash::After(usize::MAX),
        };
        let limited = timeout(limit, handled);
        let lives = async move {
            let ended = world.run_until_crash(&caller, crash, limited).await;
            let too_long = matches!(ended, Some(Err(_)));
            let answer = ended.and_then(Result::ok);
            Over { task, sandbox, began, calls_before, sizes, answer, too_long }
        };
        self.under_way.push(lives.boxed());
    }
}

/// Whether a sweep was only to say what it would do.
fn is_report(answer: Option<&Result<Value, String>>) -> bool {
    matches!(answer, Some(Ok(report)) if report["mode"] == "report")
}

/// Whether a sweep acted, saw everything and left nothing for the next.
fn is_whole(answer: Option<&Result<Value, String>>) -> bool {
    match answer {
        Some(Ok(report)) => {
            let warned = |what: &str| {
                report["warnings"].as_array().is_some_and(|all| all.iter().any(|one| one == what))
            };
            report["mode"] == "enforce"
                && report["plan"].is_null()
                && !warned("incomplete")
                && !warned("truncated")
        }
        Some(Err(_)) | None => false,
    }
}

fn payload(world: &World, order: Order) -> Value {
    let now = world.now();
    let at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    match order.sweep {
        None => triggers::scheduled(&at),
        Some(Sweep::Alarm) => triggers::alarm("ALARM", &at),
        Some(Sweep::Report) => json!({ "mode": "report" }),
        Some(Sweep::Enforce) => json!({ "mode": "enforce" }),
        Some(Sweep::Plan) => {
            let kept = world.keys("ledger").into_iter().rfind(|key| key.starts_with("sweeps/"));
            json!({ "mode": "enforce", "plan": kept.unwrap_or_else(|| "sweeps/none.json".to_owned()) })
        }
        Some(Sweep::Force(cluster, Seconds(ago))) => {
            let created_before = now - Duration::from_secs(ago);
            let cluster = Stack::cluster(cluster);
            world.allow_force(&cluster, created_before);
            let order = json!({ "cluster": cluster, "created_before": created_before.to_string() });
            json!({ "mode": "enforce", "force_cluster": order })
        }
    }
}
