//! Many histories, on all cores; what they came to, and those that break a promise.

use crate::generate::{Story, generate, tell};
use crate::history::{Action, History};
use crate::play::{Played, Trace, play};
use crate::verdict::Violation;
use session_cleanup_tests::world::FaultKind;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What many histories came to.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many were played.
    pub histories: u64,
    /// How many were left out, since no story that is wanted is told in them.
    pub others: u64,
    /// HTTP calls.
    pub calls: u64,
    /// Invocations of functions.
    pub invocations: u64,
    /// Virtual time.
    pub lasted: Duration,
    /// Wall-clock time.
    pub took: Duration,
    /// How often each kind of fault befell a call.
    pub faults: BTreeMap<FaultKind, u64>,
    /// How often each outcome was in a receipt.
    pub outcomes: BTreeMap<String, u64>,
    /// In how many histories each alarm had to ring, and in how many it rang.
    pub alarms: BTreeMap<String, (usize, usize)>,
    /// How often each kind of action was in a history.
    pub actions: BTreeMap<String, u64>,
    /// The seeds whose histories break promises, and how.
    pub broken: BTreeMap<u64, Vec<Violation>>,
}

/// Which histories are played.
#[derive(Clone, Debug, Default)]
pub struct Seeds {
    /// The first.
    pub from: u64,
    /// How many.
    pub count: u64,
    /// Where any is named, only those in which one of these is told.
    pub stories: Vec<Story>,
}

impl Seeds {
    /// So many, whatever is told in them.
    #[must_use]
    pub fn all(from: u64, count: u64) -> Self {
        Self { from, count, stories: Vec::new() }
    }
}

/// Plays histories on all cores, or until `hear`, which hears of each, has had enough.
#[must_use]
pub fn search(seeds: &Seeds, hear: impl Fn(&Found) -> ControlFlow<()> + Sync) -> Found {
    let began = Instant::now();
    let found = Mutex::new(Found::default());
    on_all_cores(usize::try_from(seeds.count).unwrap(), |nth| {
        let (history, told) = tell(seeds.from + nth as u64);
        let is_wanted = |story: &Story| seeds.stories.contains(story);
        if !seeds.stories.is_empty() && !told.iter().any(is_wanted) {
            found.lock().unwrap().others += 1;
            return ControlFlow::Continue(());
        }
        let played = play(&history, Trace::OfViolations);
        let mut found = found.lock().unwrap();
        found.add(&history, &played);
        found.took = began.elapsed();
        hear(&found)
    });
    found.into_inner().unwrap()
}

/// What each of these seeds' histories came to, call by call, as one number.
#[must_use]
pub fn digests(from: u64, count: u64) -> BTreeMap<u64, u64> {
    let digests = Mutex::new(BTreeMap::new());
    on_all_cores(usize::try_from(count).unwrap(), |nth| {
        let seed = from + nth as u64;
        let mut digest = DefaultHasher::new();
        play(&generate(seed), Trace::Always).trace.hash(&mut digest);
        digests.lock().unwrap().insert(seed, digest.finish());
        ControlFlow::Continue(())
    });
    digests.into_inner().unwrap()
}

/// Does something so many times, each with its number from 0, on all cores, or until it is told to break off.
pub(crate) fn on_all_cores(times: usize, work: impl Fn(usize) -> ControlFlow<()> + Sync) {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= times {
                        return;
                    }
                    if work(nth).is_break() {
                        next.store(times, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

impl Found {
    fn add(&mut self, history: &History, played: &Played) {
        self.histories += 1;
        self.calls += played.calls as u64;
        self.invocations += played.invocations as u64;
        self.lasted += played.lasted;
        for met in &played.met {
            *self.faults.entry(met.kind).or_default() += 1;
        }
        for (outcome, count) in &played.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += *count as u64;
        }
        for (alarm, (must, rang)) in &played.alarms {
            let so_far = self.alarms.entry(alarm.clone()).or_default();
            *so_far = (so_far.0 + must, so_far.1 + rang);
        }
        for step in &history.steps {
            *self.actions.entry(name(&step.action)).or_default() += 1;
        }
        if !played.violations.is_empty() {
            self.broken.insert(history.seed, played.violations.clone());
        }
    }
}

/// The name of an action, without what it is about.
fn name(action: &Action) -> String {
    let whole = format!("{action:?}");
    whole.split('(').next().unwrap_or_default().to_owned()
}
