//! A history from a seed. The same seed is the same history, in every build.

mod again;
mod fleet;
mod stories;
mod trouble;

use crate::history::{Action, Artifacts, Draining, Faults, History, Seconds, Stack, Step, When};
use fastrand::Rng;
use session_cleanup_tests::world::FaultKind;
use std::collections::BTreeMap;

pub use again::FOUND;
pub use stories::Story;

/// The history of a seed.
#[must_use]
pub fn generate(seed: u64) -> History {
    tell(seed).0
}

/// The same, with the stories that are told in it.
#[must_use]
pub fn tell(seed: u64) -> (History, Vec<Story>) {
    // Drawn apart from all else, so that it leaves the other histories as they were.
    let mut random = Rng::with_seed(seed.rotate_left(32));
    if once_in(&mut random, 10) {
        let mut history = again::again(&mut random, seed);
        in_order(&mut history.steps);
        return (history, vec![Story::BrokeOnce]);
    }
    let mut random = Rng::with_seed(seed);
    let stack = stack(&mut random);
    let lasts = Seconds::minutes(random.u64(20..60));
    let mut steps = Vec::new();
    fleet::begin(&mut random, &stack, lasts, &mut steps);
    trouble::befall(&mut random, &stack, lasts, &mut steps);
    let mut weather = weather(&mut random);
    let reads_are_stale = weather.contains_key(&FaultKind::Stale);
    // Drawn apart from all else, so that it leaves the rest of a history as it was.
    let mut random = Rng::with_seed(!seed);
    trouble::mistakes(&mut random, lasts, &mut steps);
    // In every second one a story is all that there is: it does not drown in what else happens.
    if random.bool() {
        steps.clear();
        if random.bool() {
            weather.clear();
        }
    }
    let told = stories::tell(&mut random, (&stack, reads_are_stale), lasts, &mut steps);
    let faults = Faults::Random(weather);
    in_order(&mut steps);
    (History { seed, stack, steps, faults, deaths: Vec::new(), lasts }, told)
}

fn in_order(steps: &mut [Step]) {
    steps.sort_by_key(|step: &Step| match step.when {
        When::At(at) => at,
        When::Before(..) | When::After(..) | When::About(_) => Seconds(0),
    });
}

/// One of some.
fn one<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(0..of.len())]
}

/// True once in so many times.
fn once_in(random: &mut Rng, times: u32) -> bool {
    random.u32(0..times) == 0
}

/// A time of trouble.
fn some_time(random: &mut Rng, lasts: Seconds) -> When {
    When::At(Seconds(random.u64(1..lasts.0)))
}

fn stack(random: &mut Rng) -> Stack {
    let most_ages = [Seconds::minutes(60), Seconds::minutes(120)];
    Stack {
        clusters: one(random, &[1, 1, 2, 2, 3]),
        groups: one(random, &[0, 1, 1, 1, 2, 2, 3]),
        artifacts: one(
            random,
            &[
                Artifacts::Asked,
                Artifacts::Asked,
                Artifacts::Asked,
                Artifacts::Asked,
                Artifacts::UploadedByThemselves,
                Artifacts::Discarded,
            ],
        ),
        warm_pool: once_in(random, 6),
        every: Seconds::minutes(one(random, &[5, 5, 10])),
        max_session_age: one(random, &most_ages),
        hard_age: Seconds::minutes(180),
        salvage_window: Seconds::minutes(one(random, &[10, 20, 30])),
        lease_grace: Seconds::minutes(one(random, &[5, 15])),
        start_up_grace: Seconds::minutes(one(random, &[5, 10])),
        blast_radius_at_least: one(random, &[1, 3, 3, 10]),
        throttled: once_in(random, 8),
        draining: one(random, &[Draining::Works, Draining::IsRefused, Draining::IsIgnored]),
        health_lags: Seconds(one(random, &[0, 0, 1, 3])),
        tasks_lag: Seconds(one(random, &[0, 0, 0, 0, 2, 2, 2, 15])),
        lists_lag: Seconds(one(random, &[0, 0, 0, 3])),
        pending: Seconds(one(random, &[10, 10, 60])),
        owners_ahead: {
            let most = one(random, &[200, 900]);
            one(random, &[0, 0, 1, -1]) * random.i64(0..most)
        },
        functions_ahead: one(random, &[0, 0, 0, 1, -1]) * random.i64(0..4),
        absent_refuses: once_in(random, 4),
        page: one(random, &[100, 100, 2]),
        connections: one(random, &[1_024, 1_024, 1_024, 24]),
        max_receives: 5,
    }
}

/// Each kind of fault has a share of its own, and most histories have only some.
fn weather(random: &mut Rng) -> BTreeMap<FaultKind, f64> {
    let calm = once_in(random, 4);
    let stormy = once_in(random, 4);
    let mut shares = BTreeMap::new();
    for kind in FaultKind::ALL {
        if !calm && (stormy || once_in(random, 4)) {
            // In hundredths of a percent: a history is text, too.
            // What fits few calls strikes more of them.
            let most = match kind {
                FaultKind::Stale
                | FaultKind::ExpiredPage
                | FaultKind::Conflict
                | FaultKind::Unready
                | FaultKind::Garbage => 1_000,
                FaultKind::Throttled
                | FaultKind::Denied
                | FaultKind::ServerError
                | FaultKind::Refused
                | FaultKind::Reset
                | FaultKind::Hangs
                | FaultKind::AnswerLost
                | FaultKind::AnswerHangs
                | FaultKind::Slow
                | FaultKind::Truncated => 200,
            };
            shares.insert(kind, f64::from(random.u32(1..most)) / 10_000.0);
        }
    }
    shares
}

fn step(when: When, action: Action) -> Step {
    Step { when, action }
}
