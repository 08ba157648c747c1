//! Random histories of sweeps among completions: orphans of all causes, zombies and those who must be
//! left alone; faults of all kinds, crashes, sweeps and completions at once, and things that happen
//! between two calls. Each from a seed, see `crate::storms`.

use super::fleet::{
    HOUR, Living, Why, assert_keeps_its_target, leave_zombie, left, quick_world_of,
};
use crate::invoke::{
    INTERVAL, assert_unharmed, deliver, deliver_until_done, enforce, function, sweeps,
};
use crate::storms::{of_any_kind, session, setup, tell};
use serde_json::Value;
use session_cleanup_tests::world::{Api, Crash, SessionBuilder, Setup, TaskHandle, Weather, World};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where something may happen.
const PLACES: [Api; 8] = [
    Api::ListTasks,
    Api::DescribeTasks,
    Api::DescribeTargetHealth,
    Api::DeregisterTargets,
    Api::ContainerComplete,
    Api::PutObject,
    Api::HeadObject,
    Api::StopTask,
];

/// After faults have ceased: the salvage window, two sweeps, and one more for the blast radius.
const BOUND: usize = 6 + 2 + 1;

/// Live sessions that came later.
type Newcomers = Arc<Mutex<Vec<TaskHandle>>>;

fn quirk(session: SessionBuilder, random: &mut fastrand::Rng) -> SessionBuilder {
    match random.u8(0..12) {
        0 => session.upload_fails(1),
        1 => session.upload_never_works(),
        2 => session.busy_for(Duration::from_secs(8)),
        3 => session.exits_after_completion(Duration::from_secs(random.u64(0..90))),
        4 => session.crashes_in(Duration::from_secs(random.u64(0..900)), 137),
        5 => session.silent(),
        6 => session.refuses(),
        7 => session.uploads_nothing(),
        8 => session.answers_403(),
        9 => session.answers_202(),
        _ => session,
    }
}

fn orphan(world: &World, random: &mut fastrand::Rng, number: usize) -> TaskHandle {
    let why = Why::ALL[random.usize(0..4)];
    let session = quirk(world.session(&format!("{why:?}-{number}")), random);
    let session = of_any_kind(session, random);
    let session = if random.u8(0..8) == 0 { session.with_a_short_arn() } else { session };
    let session = if random.bool() { session.in_cluster("batch") } else { session };
    why.apply(session, world).start()
}

/// Those whom no sweep may touch, beside the living: whether they live is not for us to judge.
struct Strangers {
    untouchable: Vec<TaskHandle>,
}

impl Strangers {
    fn start(world: &World) -> Self {
        let old = |id: &str| world.session(id).started_ago(HOUR * 30);
        Self {
            untouchable: vec![
                old("unidentified").unidentified().start(),
                old("service").group("service:web").start(),
                // Misrouted: a target of ours has its address.
                old("misrouted").of_family("web").start(),
                old("elsewhere").in_cluster("unknown").deaf().start(),
            ],
        }
    }

    fn assert_untouched(&self, world: &World) {
        for task in &self.untouchable {
            assert!(!world.is_stopping(task), "{} is stopped", task.session_id());
            assert!(world.completion_calls(task).is_empty(), "{} is called", task.session_id());
            assert_keeps_its_target(world, task);
        }
    }
}

/// Something happens between two calls.
fn happening(
    world: &World,
    random: &mut fastrand::Rng,
    orphan: &TaskHandle,
    newcomers: &Newcomers,
) {
    let (orphan, newcomers) = (orphan.clone(), Arc::clone(newcomers));
    let kind = random.u8(0..4);
    let happens = move |world: &World| match kind {
        0 => {
            let until = world.now() + HOUR * 12;
            world.set_tag(&orphan, "lease-expires-at", &until.to_string());
        }
        1 => world.crash(&orphan, 137),
        // Its address goes to the session that resumes it, or to another.
        2 => {
            world.crash(&orphan, 137);
            let resumed = world.session(orphan.session_id()).starting();
            newcomers.lock().unwrap().push(resumed.at_address_of(&orphan).start());
        }
        _ => {
            world.crash(&orphan, 137);
            let other = world.session("other").started_ago(Duration::ZERO);
            newcomers.lock().unwrap().push(other.at_address_of(&orphan).start());
        }
    };
    let (place, nth) = (PLACES[random.usize(0..PLACES.len())], random.usize(1..6));
    if random.bool() {
        world.before(place, nth, happens);
    } else {
        world.after(place, nth, happens);
    }
}

/// A live session gets a zombie's address between two calls.
fn takes_over(world: &World, random: &mut fastrand::Rng, zombie: Ipv4Addr, newcomers: &Newcomers) {
    let lag = Duration::from_secs(random.u64(0..30));
    let newcomers = Arc::clone(newcomers);
    let place = [Api::DeregisterTargets, Api::DescribeTargetHealth, Api::PutObject];
    world.before(place[random.usize(0..3)], random.usize(1..8), move |world| {
        let session = world.session("takes-over").started_ago(Duration::ZERO);
        let session = session.at_address(zombie).hidden_for(lag);
        newcomers.lock().unwrap().push(session.start());
    });
}

async fn history(seed: u64) {
    let clusters = vec!["sessions".to_owned(), "batch".to_owned()];
    let mut random = fastrand::Rng::with_seed(seed);
    let world = quick_world_of(Setup { clusters, ..setup(seed, &mut random) });
    let living = Living::start(&world);
    let strangers = Strangers::start(&world);
    let orphans: Vec<TaskHandle> = (0..4).map(|n| orphan(&world, &mut random, n)).collect();
    let ended: Vec<TaskHandle> = (0..3).map(|n| session(&world, &mut random, n)).collect();
    let zombies = [1, 2].map(|number| leave_zombie(&world, number));
    let events: Vec<Value> =
        ended.iter().map(|task| world.session_ended_event(task, "completed")).collect();

    let newcomers = Newcomers::default();
    for orphan in &orphans {
        if random.bool() {
            happening(&world, &mut random, orphan, &newcomers);
        }
    }
    takes_over(&world, &mut random, zombies[0], &newcomers);
    world.weather(Weather::stormy(random.f64() * 0.03));
    for round in 1..=3 {
        let [sweep, second, completion] =
            ["sweep", "second", "completion"].map(|name| format!("{name}-{round}"));
        let crash = Crash::After(random.usize(1..80));
        let later = Duration::from_millis(random.u64(0..4000));
        let one = world.run_until_crash(&sweep, crash, enforce(&world, &sweep));
        let two = async {
            tokio::time::sleep(later).await;
            if round == 2 {
                enforce(&world, &second).await;
            }
        };
        let function = function(&world, &completion);
        let crash = Crash::After(random.usize(1..60));
        let three = world.run_until_crash(&completion, crash, deliver(&function, &events));
        tokio::join!(one, two, three);
        tokio::time::sleep(INTERVAL).await;
    }
    world.faults_cease();

    let deliveries = events.iter().enumerate().map(|(number, event)| {
        let (world, caller) = (world.clone(), format!("last-{number}"));
        async move { deliver_until_done(&world, &caller, event, 3).await }
    });
    futures_util::future::join_all(deliveries).await;
    sweeps(&world, "calm", 2).await;
    assert_unharmed(&world);
    sweeps(&world, "bound", BOUND - 2).await;
    assert_eq!(left(&world), Vec::<String>::new(), "{}", world.history());
    assert_unharmed(&world);
    living.assert_untouched(&world);
    strangers.assert_untouched(&world);
    for newcomer in newcomers.lock().unwrap().iter() {
        assert!(world.is_live(newcomer), "{}\n{}", newcomer.session_id(), world.history());
        assert_keeps_its_target(&world, newcomer);
    }
}

#[test]
fn no_history_with_sweeps_harms_a_live_session_or_leaves_anything_behind() {
    tell("storms with sweeps", 12, history);
}
