//! Plays a history: one thread, virtual time, and the same every time.

mod about;
mod garbage;
mod invocations;
mod limits;
pub(crate) mod logbook;
mod stage;
mod words;

pub(crate) use stage::Actor;

use crate::history::{About, Action, Faults, History, Step, When};
use crate::queue::Queue;
use crate::verdict::{Ended, Verdict, Violation};
use invocations::{Done, Invocations};
use jiff::Timestamp;
use session_cleanup_tests::world::{Api, Fault, Met, World};
use stage::{Order, Stage};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What a history came to.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// The promises that were broken.
    pub violations: Vec<Violation>,
    /// What befell calls.
    pub met: Vec<Met>,
    /// HTTP calls.
    pub calls: usize,
    /// Invocations of both functions.
    pub invocations: usize,
    /// How often each outcome was in a receipt.
    pub outcomes: BTreeMap<String, usize>,
    /// The alarms that had to ring, and those that rang: in so many histories, each of which is one.
    pub alarms: BTreeMap<String, (usize, usize)>,
    /// Virtual time.
    pub lasted: Duration,
    /// The calls until faults ceased, where the trace is wanted: who made it, which of its calls it was, and what.
    pub called: Vec<(String, usize, Api)>,
    /// What is true at the end, in lines.
    pub ends: Vec<String>,
    /// All that happened and every call, a line each.
    pub trace: Vec<String>,
}

/// Whether a trace is wanted: it takes as long as the history itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Only of a history that breaks a promise.
    OfViolations,
    /// Always.
    Always,
}

/// One thread, whose clock goes on when all wait.
#[must_use]
pub fn virtual_time() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Plays a history.
#[must_use]
pub fn play(history: &History, trace: Trace) -> Played {
    let runtime = virtual_time();
    fastrand::seed(history.seed);
    let seen: Arc<Mutex<Option<World>>> = Arc::default();
    let place = Arc::clone(&seen);
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let theatre = Theatre::open(history);
            *place.lock().unwrap() = Some(theatre.stage().world.clone());
            theatre.play(history, trace).await
        })
    }));
    played.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violation = Violation::new("panic", what.unwrap_or_default());
        let world = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let told = |world: World| Played {
            met: world.faults_met(),
            trace: world.history().lines().map(str::to_owned).collect(),
            ..Played::default()
        };
        Played { violations: vec![violation], ..world.map(told).unwrap_or_default() }
    })
}

/// The stage, and what wakes it when something happens in the middle of a call.
#[derive(Clone)]
struct Theatre {
    stage: Arc<Mutex<Stage>>,
    happened: Arc<Notify>,
}

impl Theatre {
    fn open(history: &History) -> Self {
        let theatre = Self {
            stage: Arc::new(Mutex::new(Stage::new(history))),
            happened: Arc::new(Notify::new()),
        };
        let world = theatre.stage().world.clone();
        match &history.faults {
            Faults::Random(weather) => world.weather(Faults::weather(weather)),
            Faults::Listed(met) => {
                world.faults(met.iter().map(Fault::from));
            }
        }
        theatre.hang_hooks(&world, &history.steps);
        theatre
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens in the middle of calls.
    fn hang_hooks(&self, world: &World, steps: &[Step]) {
        for Step { when, action } in steps {
            let (theatre, action) = (self.clone(), action.clone());
            let happens = move |world: &World, caller: &str| {
                theatre.stage().act(&action);
                if action == Action::DiesHere {
                    world.dies_now(caller);
                }
                theatre.happened.notify_one();
            };
            match *when {
                When::At(_) => {}
                When::Before(api, nth) => world.at_call((api, nth, false), |_| true, happens),
                When::After(api, nth) => world.at_call((api, nth, true), |_| true, happens),
                When::About(About { whom, api, nth, is_applied }) => {
                    let theatre = self.clone();
                    let is_about =
                        move |subjects: &[String]| theatre.stage().is_about(whom, subjects);
                    world.at_call((api, nth, is_applied), is_about, happens);
                }
            }
        }
    }

    async fn play(&self, history: &History, trace: Trace) -> Played {
        let began = Instant::now();
        let calm_at = began + history.lasts.into();
        let mut steps: Vec<(Instant, &Step)> = timed(began, &history.steps);
        steps.reverse();
        let mut invocations = Invocations::new();
        let mut next_sweep = began + self.stage().interval();
        let mut calm: Option<Verdict> = None;
        let mut calls_until_calm = 0;
        loop {
            let now = Instant::now();
            while steps.last().is_some_and(|(at, _)| *at <= now) {
                let (_, step) = steps.pop().expect("just seen");
                self.stage().act(&step.action);
            }
            if calm.is_none() && now >= calm_at {
                let mut stage = self.stage();
                calls_until_calm = stage.world.calls_sent();
                stage.calm();
                calm = Some(Verdict::new(&stage.world, &stage.stack, stage.looked_away));
            }
            if now >= next_sweep {
                let mut stage = self.stage();
                next_sweep += stage.interval();
                stage.orders.push_back(Order { since: now, sweep: None });
            }
            let wake_at = {
                let mut stage = self.stage();
                stage.let_time_pass();
                stage.tell_ends();
                invocations.begin(&mut stage);
                let ending = stage.is_someone_ending().then(|| now + Duration::from_secs(5));
                let waiting = [&stage.events, &stage.ending].map(Queue::next_at);
                let next_step = steps.last().map(|(at, _)| *at);
                let calms = calm.is_none().then_some(calm_at);
                let times = waiting.into_iter().chain([next_step, calms, ending]);
                times.flatten().filter(|at| *at > now).fold(next_sweep, Instant::min)
            };
            let done = tokio::select! {
                biased;
                done = invocations.next() => Some(done),
                () = self.happened.notified() => None,
                () = sleep_until(wake_at) => None,
            };
            if let Some(done) = done {
                let mut stage = self.stage();
                invocations.end(&mut stage);
                if let (Done::Swept { whole }, Some(verdict)) = (&done, &mut calm)
                    && verdict.is_settled_after(&stage.world, &invocations.logbook, *whole)
                    && stage.events.is_empty()
                    && stage.ending.is_empty()
                    && stage.orders.is_empty()
                    && !stage.is_someone_ending()
                    && invocations.are_over()
                {
                    break;
                }
            }
        }
        let mut played =
            self.conclude(calm.expect("faults ceased"), invocations, (history, began), trace);
        if trace == Trace::Always {
            played.called = called(&self.stage().world, calls_until_calm);
        }
        played
    }

    fn conclude(
        &self,
        mut verdict: Verdict,
        invocations: Invocations,
        (history, began): (&History, Instant),
        trace: Trace,
    ) -> Played {
        let stage = self.stage();
        let world = &stage.world;
        let everyone: Vec<Actor> = stage.everyone().cloned().collect();
        verdict.broken.extend(invocations.broken);
        verdict.conclude(&Ended {
            history,
            world,
            everyone: &everyone,
            logbook: &invocations.logbook,
            queues: [&stage.events, &stage.ending],
            began: world.now() - began.elapsed(),
            began_at: began,
        });
        let mut outcomes = BTreeMap::new();
        for receipt in world.receipts().values() {
            let outcome = receipt["outcome"].as_str().unwrap_or("none").to_owned();
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
        let (violations, alarms) = (verdict.broken, verdict.alarms);
        let wants_trace = trace == Trace::Always || !violations.is_empty();
        Played {
            met: world.faults_met(),
            calls: world.calls_sent(),
            invocations: invocations.count,
            outcomes,
            alarms,
            lasted: began.elapsed(),
            called: Vec::new(),
            ends: ends(world, &everyone),
            trace: if wants_trace { lines(world, &stage.log) } else { Vec::new() },
            violations,
        }
    }
}

/// The steps that have a time, in its order.
fn timed(began: Instant, steps: &[Step]) -> Vec<(Instant, &Step)> {
    let mut timed: Vec<(Instant, &Step)> = Vec::new();
    for step in steps {
        match step.when {
            When::At(at) => timed.push((began + at.into(), step)),
            When::Before(..) | When::After(..) | When::About(_) => {}
        }
    }
    timed.sort_by_key(|(at, _)| *at);
    timed
}

/// The first so many calls.
fn called(world: &World, count: usize) -> Vec<(String, usize, Api)> {
    let mut so_far: BTreeMap<String, usize> = BTreeMap::new();
    let calls = world.calls().into_iter().take(count);
    calls
        .map(|call| {
            let nth = so_far.entry(call.caller.clone()).or_default();
            *nth += 1;
            (call.caller, *nth, call.api)
        })
        .collect()
}

/// What is true at the end: of each task, of each target, of the ledger.
fn ends(world: &World, everyone: &[Actor]) -> Vec<String> {
    let receipts = world.receipts();
    let mut lines: Vec<String> = Vec::new();
    for (nth, Actor { task, .. }) in everyone.iter().enumerate() {
        let Some(truth) = world.truth(task) else { continue };
        let unknown = world.object("ledger", &format!("unknown/{}.json", task.id())).is_some();
        let outcome = match receipts.get(task.id()) {
            Some(receipt) => receipt["outcome"].as_str().unwrap_or("none"),
            None if unknown => "unknown whose it was",
            None => "none",
        };
        let id = task.session_id();
        lines.push(format!(
            "task {nth} of {id}: stops {}, saved {}",
            truth.is_stopping, truth.saved
        ));
        lines.push(format!("receipt of task {nth} of {id}: {outcome}"));
    }
    for group in &world.setup().target_groups {
        for address in world.registered(group) {
            lines.push(format!("{address} is registered in {group}"));
        }
    }
    let intents = world.keys("ledger").into_iter().filter(|key| key.starts_with("intents/"));
    lines.extend(intents.map(|_| "an intent is open".to_owned()));
    lines
}

/// What happened and what was called, in the order of time.
fn lines(world: &World, log: &[String]) -> Vec<String> {
    let time = |line: &String| -> Option<Timestamp> {
        line.split_whitespace().find_map(|word| word.parse().ok())
    };
    let calls = world.history().lines().map(str::to_owned).collect::<Vec<_>>();
    let mut lines: Vec<String> = log.iter().cloned().chain(calls).collect();
    lines.sort_by_key(time);
    let receipts = world.receipts().into_iter();
    lines.extend(receipts.map(|(task, receipt)| format!("receipt of {task}: {receipt}")));
    lines
}
