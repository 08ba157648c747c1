//! Sessions that come, and leases that are renewed, between any two calls of a sweep.

use super::boundary::{Boundary, everywhere};
use super::crowd::left_targets;
use super::fleet::{
    HOUR, Living, Why, assert_keeps_its_target, assert_never_touched, assert_put_right,
    calls_of_a_sweep, leave_zombie, quick_world, suspect, unsaved_until_the_window_is_over,
};

use crate::invoke::{INTERVAL, assert_unharmed, enforce, target_in};
use session_cleanup_tests::world::{Api, Fault, FaultKind, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Sessions come at the boundary: at an address of its own, in place of each orphan under its id, and
/// at the addresses of zombies: running at once, starting, and running while ECS reads don't show it.
fn come(world: &World, orphans: &[TaskHandle], zombies: [Ipv4Addr; 3]) -> Vec<TaskHandle> {
    let session = |id: &str| world.session(id).started_ago(Duration::ZERO);
    let resumed = orphans.iter().map(|orphan| session(orphan.session_id()).start());
    let [running, starting, unseen] = zombies;
    let mut newcomers: Vec<TaskHandle> = resumed.collect();
    newcomers.push(session("new").start());
    newcomers.push(session("running").at_address(running).start());
    newcomers.push(session("starting").starting().at_address(starting).start());
    let lag = Duration::from_secs(30);
    newcomers.push(session("unseen").at_address(unseen).hidden_for(lag).start());
    newcomers
}

/// Field failure 8 among them, for targets that nobody had.
#[tokio::test(start_paused = true)]
async fn sessions_that_come_between_any_two_calls_are_left_alone_and_keep_their_traffic() {
    let story = |boundary: Option<Boundary>| async move {
        let world = quick_world();
        let living = Living::start(&world);
        let orphans = Why::INTRICATE.map(|why| why.start(&world));
        let zombies = [1, 2, 3].map(|number| leave_zombie(&world, number));
        suspect(&world).await;
        let newcomers: Arc<Mutex<Vec<TaskHandle>>> = Arc::default();
        if let Some(boundary) = boundary {
            let (place, orphans) = (Arc::clone(&newcomers), orphans.clone());
            boundary.change(&world, move |world| {
                *place.lock().unwrap() = come(world, &orphans, zombies);
            });
        }
        let calls = calls_of_a_sweep(&world).await;
        assert_put_right(&world).await;
        living.assert_untouched(&world);
        let newcomers = newcomers.lock().unwrap();
        assert_eq!(newcomers.len(), if boundary.is_some() { 6 } else { 0 });
        for newcomer in newcomers.iter() {
            assert_never_touched(&world, newcomer);
        }
        calls
    };
    assert!(everywhere("sessions come", story).await >= 60);
}

/// Targets are listed first: whoever is among them has started by the time tasks are listed, so that
/// no living session's target is deregistered, not even for a moment.
#[tokio::test(start_paused = true)]
async fn a_session_that_starts_between_the_two_listings_has_a_holder_at_once() {
    let listings = [
        Boundary::before(Api::DescribeTargetHealth, 1),
        Boundary::after(Api::DescribeTargetHealth, 1),
        Boundary::before(Api::ListTasks, 1),
    ];
    for boundary in listings {
        let world = quick_world();
        let zombie = leave_zombie(&world, 1);
        suspect(&world).await;
        boundary.change(&world, move |world| {
            // So busy that nothing but ECS knows of it.
            world.session("new").at_address(zombie).deaf().start();
        });
        let report = enforce(&world, "sweep").await;
        assert_eq!(world.count(Api::DeregisterTargets), 0, "{boundary:?}: {}", world.history());
        assert!(target_in(&report, zombie).is_null(), "{boundary:?}: {report:#}");
    }
}

/// The lease of an orphan is renewed.
fn renew(world: &World, task: &TaskHandle) {
    let until = world.now() + HOUR * 10;
    world.set_tag(task, "lease-expires-at", &until.to_string());
}

fn protect(world: &World, task: &TaskHandle) {
    world.set_tag(task, "cleanup-protection", "true");
}

/// An orphan by row 7, and what happens to it at the boundary.
struct Lapsing {
    world: World,
    living: Living,
    orphan: TaskHandle,
}

impl Lapsing {
    fn begin(upload_works: bool) -> Self {
        let world = quick_world();
        let living = Living::start(&world);
        let orphan = Why::Lapsed.apply(world.session("lapsed"), &world);
        let orphan = if upload_works { orphan } else { orphan.upload_never_works() }.start();
        Self { world, living, orphan }
    }

    fn at(&self, boundary: Option<Boundary>, change: fn(&World, &TaskHandle)) {
        if let Some(boundary) = boundary {
            let orphan = self.orphan.clone();
            boundary.change(&self.world, move |world| change(world, &orphan));
        }
    }

    /// Whatever was tried, a session that is kept has its traffic.
    fn assert_kept_with_its_traffic(&self) {
        let Self { world, orphan, .. } = self;
        assert!(!world.is_stopping(orphan), "{}", world.history());
        assert_keeps_its_target(world, orphan);
    }

    async fn end(self) {
        assert_put_right(&self.world).await;
        self.living.assert_untouched(&self.world);
        if !self.world.is_stopping(&self.orphan) {
            self.assert_kept_with_its_traffic();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_renewed_between_any_two_calls_keeps_a_session_that_has_not_confirmed() {
    let story = |boundary: Option<Boundary>| async move {
        let lapsing = Lapsing::begin(true);
        lapsing.at(boundary, renew);
        let calls = calls_of_a_sweep(&lapsing.world).await;
        let confirmed = lapsing.world.has_completed(&lapsing.orphan);
        assert!(boundary.is_some() || confirmed, "{}", lapsing.world.history());
        if !confirmed {
            lapsing.assert_kept_with_its_traffic();
        }
        lapsing.end().await;
        calls
    };
    assert!(everywhere("a lease is renewed", story).await >= 30);
}

/// From the first decision over the failed salvage to the next sweep's end.
#[tokio::test(start_paused = true)]
async fn after_a_failed_salvage_a_renewed_lease_finds_the_target_still_there() {
    let story = |boundary: Option<Boundary>| async move {
        let lapsing = Lapsing::begin(false);
        lapsing.at(boundary, renew);
        let mut calls = calls_of_a_sweep(&lapsing.world).await;
        lapsing.assert_kept_with_its_traffic();
        tokio::time::sleep(INTERVAL).await;
        calls.extend(calls_of_a_sweep(&lapsing.world).await);
        lapsing.assert_kept_with_its_traffic();
        if boundary.is_some() {
            lapsing.end().await;
        }
        calls
    };
    assert!(everywhere("a lease is renewed, salvage fails", story).await >= 40);
}

/// Under `force` the target is taken before the last look: on *keep* it goes back.
#[tokio::test(start_paused = true)]
async fn once_the_salvage_window_is_over_what_keeps_a_task_gives_its_target_back() {
    for (what, change) in [
        ("a lease is renewed under force", renew as fn(&World, &TaskHandle)),
        ("a task is protected under force", protect),
    ] {
        let re_registered = &AtomicUsize::new(0);
        let story = |boundary: Option<Boundary>| async move {
            let lapsing = Lapsing::begin(false);
            let Lapsing { world, orphan, .. } = &lapsing;
            unsaved_until_the_window_is_over(world).await;
            lapsing.assert_kept_with_its_traffic();
            lapsing.at(boundary, change);
            let calls = calls_of_a_sweep(world).await;
            if boundary.is_none() {
                assert!(world.is_stopping(orphan), "{}", world.history());
            }
            if !world.is_stopping(orphan) {
                lapsing.assert_kept_with_its_traffic();
            }
            re_registered.fetch_add(world.count(Api::RegisterTargets), Ordering::Relaxed);
            lapsing.end().await;
            calls
        };
        assert!(everywhere(what, story).await >= 30);
        let re_registered = re_registered.load(Ordering::Relaxed);
        println!("{what}: {re_registered} targets were registered again");
        assert!(re_registered >= 2, "{what}: only {re_registered}");
    }
}

/// Whoever has got its address since it was looked at would lose its target.
#[tokio::test(start_paused = true)]
async fn a_zombie_whose_intent_takes_long_to_write_is_left_to_the_next_sweep() {
    let world = World::new(Setup::default());
    let nobodys = left_targets(&world, "sessions", 1)[0];
    enforce(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    world.fault(Fault::on(Api::PutObject).of("intents/").kind(FaultKind::Hangs));
    enforce(&world, "sweep-2").await;
    assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-3").await;
    assert!(!world.registered("sessions").contains(&nobodys), "{}", world.history());
    assert_unharmed(&world);
}
