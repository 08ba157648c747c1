//! Random histories: sessions of all kinds, faults of all kinds, duplicates, concurrent functions
//! and crashes, each from a seed. A failure prints its seed; `SEED=n cargo test -p
//! session-cleanup-tests --test simulation storms` replays it.

use crate::invoke::{
    REAPER_TIMEOUT, assert_unharmed, deliver, deliver_until_done, function, look, receipt,
};
use jiff::SignedDuration;
use serde_json::Value;
use session_cleanup_tests::world::{
    Crash, Dwell, HealthTimes, RegisteringWhatDrains, SessionBuilder, Setup, TaskHandle, Weather,
    World,
};
use std::future::Future;
use std::time::Duration;

/// Few and fixed; `SEEDS=10000` searches longer.
fn seeds(count: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse().unwrap());
    match number("SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEEDS").unwrap_or(count)).collect(),
    }
}

/// A world as a seed makes it: what its load balancer makes of draining addresses, how far its reads lag
/// behind, how many target groups there are, and how wrong owners' clocks are.
pub(crate) fn setup(seed: u64, random: &mut fastrand::Rng) -> Setup {
    let load_balancers = [
        RegisteringWhatDrains::Works,
        RegisteringWhatDrains::IsRefused,
        RegisteringWhatDrains::IsIgnored,
    ];
    let groups = [&["sessions"][..], &["sessions", "internal"]][random.usize(0..2)];
    let health = HealthTimes {
        registering_what_drains: load_balancers[random.usize(0..3)],
        reads_lag: Duration::from_secs([0, 0, 1, 3][random.usize(0..4)]),
        ..HealthTimes::default()
    };
    Setup {
        seed,
        health,
        target_groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        owners_clock_is_ahead: SignedDuration::from_mins(random.i64(-10..=10)),
        ..Setup::default()
    }
}

/// What tasks are like beside how their containers behave.
pub(crate) fn of_any_kind(session: SessionBuilder, random: &mut fastrand::Rng) -> SessionBuilder {
    match random.u8(0..8) {
        0 => session.with_a_sidecar_being_pulled(),
        1 => session.with_a_sidecar_that_exits(Some(143)),
        2 => session.registered_at_port(3001),
        _ => session,
    }
}

pub(crate) fn session(world: &World, random: &mut fastrand::Rng, number: usize) -> TaskHandle {
    let session = world.session(&format!("s-{number}"));
    let session = if random.bool() { session.identified_by_tag() } else { session };
    let session = of_any_kind(session, random);
    match random.u8(0..9) {
        0 => session.upload_fails(2),
        1 => session.upload_never_works(),
        2 => session.busy_for(Duration::from_secs(8)),
        3 => session.exits_after_completion(Duration::from_secs(random.u64(0..5))),
        4 => session.crashes_in(Duration::from_secs(random.u64(0..20)), 137),
        5 => session.dying(),
        6 => session.never_started(),
        7 => session.slow_body(Duration::from_secs(2)),
        _ => session,
    }
    .start()
}

async fn history(seed: u64) {
    let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new(Setup { dwell, ..setup(seed, &mut random) });
    let ended: Vec<TaskHandle> = (0..6).map(|n| session(&world, &mut random, n)).collect();
    let live: Vec<TaskHandle> =
        (0..3).map(|n| world.session(&format!("live-{n}")).start()).collect();
    let events: Vec<Value> =
        ended.iter().map(|task| world.session_ended_event(task, "completed")).collect();

    world.weather(Weather::stormy(random.f64() * 0.05));
    let (one, two) = (function(&world, "one"), function(&world, "two"));
    let crash = Crash::After(random.usize(1..40));
    let duplicates = events.clone();
    let (_, _) = tokio::join!(
        world.run_until_crash("one", crash, deliver(&one, &events)),
        deliver(&two, &duplicates),
    );
    // A task that has died leaves its address, and its events, to others.
    for task in &ended {
        if world.phase(task) == session_cleanup_tests::world::Phase::Stopped && random.bool() {
            world
                .session(task.session_id())
                .started_ago(Duration::ZERO)
                .at_address_of(task)
                .start();
        }
    }
    deliver(&function(&world, "three"), &events).await;
    world.faults_cease();

    let mut dead_letters = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let done = deliver_until_done(&world, &format!("last-{number}"), event, 3).await;
        dead_letters.push(done.is_none());
    }
    tokio::time::sleep(REAPER_TIMEOUT * 2).await;
    for sweep in ["sweep-1", "sweep-2"] {
        look(&world, sweep).await;
    }
    assert_unharmed(&world);
    for task in &live {
        assert!(world.is_live(task), "{}", world.history());
    }
    for (task, dead_letter) in ended.iter().zip(dead_letters) {
        let receipt = receipt(&world, task);
        let on_record = receipt.is_some() || dead_letter;
        assert!(on_record, "{} has no receipt\n{}", task.session_id(), world.history());
        let settled = world.is_stopping(task)
            || receipt.as_deref() == Some("awaiting_salvage")
                && world.tags(task).contains_key("session-ended-at");
        assert!(settled, "{} {receipt:?}\n{}", task.session_id(), world.history());
    }
}

#[test]
fn no_history_of_faults_harms_a_live_session_or_loses_an_event() {
    tell("storms", 60, history);
}

/// Tells a history for each seed: so many of them, unless the environment asks for others.
pub(crate) fn tell<F: Future<Output = ()>>(what: &str, count: u64, history: fn(u64) -> F) {
    let seeds = seeds(count);
    for seed in &seeds {
        let story = std::panic::catch_unwind(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(history(*seed));
        });
        if let Err(panic) = story {
            eprintln!("{what}: the history of SEED={seed} failed");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{what}: {} histories", seeds.len());
}
