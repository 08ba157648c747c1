//! The reaper dies in the middle of a sweep that acts; the next sweeps put everything right.

use super::boundary::{Boundary, Told};
use super::fleet::{
    HOUR, Living, Why, assert_keeps_its_target, assert_never_touched, assert_put_right,
    leave_zombie, quick_world, suspect, unsaved_until_the_window_is_over,
};
use crate::invoke::{
    INTERVAL, assert_unharmed, deliver, enforce, function_with, invoke_reaper, receipt,
};
use serde_json::json;
use session_cleanup_tests::world::{Api, Crash, TaskHandle, World};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One sweep that acts, and dies there; the answer is how many calls it made.
async fn sweep_until(world: &World, crash: Option<Crash>) -> usize {
    let sweep = enforce(world, "sweep");
    match crash {
        Some(crash) => drop(world.run_until_crash("sweep", crash, sweep).await),
        None => drop(sweep.await),
    }
    world.count_by("sweep")
}

/// Tells a story once for each call at which the function may die. The story answers how many calls
/// the sweep made.
async fn at_every_call<F, S>(what: &str, story: F) -> usize
where
    F: Fn(Option<Crash>) -> S,
    S: Future<Output = usize>,
{
    let calls = story(None).await;
    for number in 1..=calls {
        for crash in [Crash::Before(number), Crash::After(number)] {
            let _told = Told::new(format!("{what}, {crash:?}"));
            story(Some(crash)).await;
        }
    }
    println!("{what}: {} interleavings", calls * 2);
    calls * 2
}

fn around_the_deregistration() -> [Boundary; 2] {
    [Boundary::before(Api::DeregisterTargets, 1), Boundary::after(Api::DeregisterTargets, 1)]
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_dies_at_any_call_is_finished_by_the_next() {
    let story = |crash| async move {
        let world = quick_world();
        let living = Living::start(&world);
        let orphans = Why::INTRICATE.map(|why| why.start(&world));
        leave_zombie(&world, 1);
        suspect(&world).await;
        let calls = sweep_until(&world, crash).await;
        assert_put_right(&world).await;
        living.assert_untouched(&world);
        for orphan in &orphans {
            assert!(world.is_stopping(orphan), "{}", world.history());
            assert!(world.has_completed(orphan), "{}", world.history());
            assert_eq!(receipt(&world, orphan).as_deref(), Some("cleaned"), "{}", world.history());
        }
        calls
    };
    assert!(at_every_call("the reaper dies", story).await >= 60);
}

/// Field failure 8: a live session gets the zombie's address right before or after it is deregistered,
/// and the function dies.
#[tokio::test(start_paused = true)]
async fn a_session_at_a_zombies_address_keeps_its_traffic_when_the_function_dies_at_any_call() {
    for boundary in around_the_deregistration() {
        let story = |crash| async move {
            let world = quick_world();
            let living = Living::start(&world);
            let zombie = leave_zombie(&world, 1);
            suspect(&world).await;
            let newcomer: Arc<Mutex<Option<TaskHandle>>> = Arc::default();
            let place = Arc::clone(&newcomer);
            boundary.change(&world, move |world| {
                let session = world.session("newcomer").started_ago(Duration::ZERO);
                *place.lock().unwrap() = Some(session.at_address(zombie).start());
            });
            let calls = sweep_until(&world, crash).await;
            assert_put_right(&world).await;
            living.assert_untouched(&world);
            // A sweep that died before has taken nothing; then the next one takes it, and the same
            // happens there.
            let newcomer = newcomer.lock().unwrap().clone().expect("the target was taken");
            assert_never_touched(&world, &newcomer);
            calls
        };
        let what = format!("a zombie's address is taken {boundary:?}, the reaper dies");
        assert!(at_every_call(&what, story).await >= 20);
    }
}

/// The owner comes back, and extends the lease.
fn renew(world: &World, task: &TaskHandle) {
    let until = world.now() + HOUR * 10;
    world.set_tag(task, "lease-expires-at", &until.to_string());
}

/// The salvage window is over: the target is taken before the last look. The lease is renewed right
/// then, and the function dies: the intent gives the target back.
#[tokio::test(start_paused = true)]
async fn a_lease_renewed_under_force_gets_its_target_back_when_the_function_dies_at_any_call() {
    for boundary in around_the_deregistration() {
        let story = |crash| async move {
            let world = quick_world();
            let living = Living::start(&world);
            let orphan =
                Why::Lapsed.apply(world.session("lapsed"), &world).upload_never_works().start();
            unsaved_until_the_window_is_over(&world).await;
            let renewed = orphan.clone();
            boundary.change(&world, move |world| renew(world, &renewed));
            let calls = sweep_until(&world, crash).await;
            tokio::time::sleep(INTERVAL).await;
            enforce(&world, "next").await;
            if world.count(Api::DeregisterTargets) > 0 {
                assert_unharmed(&world);
            }
            assert_put_right(&world).await;
            living.assert_untouched(&world);
            assert!(world.is_live(&orphan), "{}", world.history());
            assert_keeps_its_target(&world, &orphan);
            assert!(world.count(Api::RegisterTargets) > 0, "{}", world.history());
            calls
        };
        let what = format!("a lease is renewed {boundary:?} under force, the reaper dies");
        assert!(at_every_call(&what, story).await >= 20);
    }
}

/// The same, and the lease is renewed once the function is dead: whatever it had done until then, a task
/// that it has not stopped is found again with its target.
#[tokio::test(start_paused = true)]
async fn a_lease_renewed_after_the_function_died_under_force_gets_its_target_back() {
    let story = |crash| async move {
        let world = quick_world();
        let living = Living::start(&world);
        let orphan =
            Why::Lapsed.apply(world.session("lapsed"), &world).upload_never_works().start();
        unsaved_until_the_window_is_over(&world).await;
        let calls = sweep_until(&world, crash).await;
        let is_stopped = world.is_stopping(&orphan);
        assert!(crash.is_some() || is_stopped, "{}", world.history());
        if !is_stopped {
            renew(&world, &orphan);
        }
        assert_put_right(&world).await;
        living.assert_untouched(&world);
        if !is_stopped {
            assert_keeps_its_target(&world, &orphan);
        }
        calls
    };
    assert!(at_every_call("the reaper dies under force, a lease is renewed", story).await >= 20);
}

/// Somebody else stops it then: the loss may be on record already, and nobody has been told.
#[tokio::test(start_paused = true)]
async fn people_are_told_of_a_loss_although_the_function_died_before_the_stop() {
    let lost = |metrics: &Arc<Mutex<Vec<String>>>| {
        metrics.lock().unwrap().iter().any(|line| line.contains("\"ArtifactsLost\":1"))
    };
    let story = |crash| async move {
        let world = quick_world();
        let orphan = world.session("old").started_ago(HOUR * 3).upload_never_works().start();
        unsaved_until_the_window_is_over(&world).await;
        let (context, metrics) = function_with(&world, "sweep", &[]);
        let order = json!({"mode": "enforce"});
        let sweep = invoke_reaper(&context, &order);
        match crash {
            Some(crash) => drop(world.run_until_crash("sweep", crash, sweep).await),
            None => drop(sweep.await),
        }
        world.operator_stops(&orphan, "someone else");
        tokio::time::sleep(INTERVAL).await;
        let (context, later) = function_with(&world, "completion", &[]);
        assert!(deliver(&context, &[world.task_event(&orphan)]).await.is_empty());
        enforce(&world, "next").await;
        assert_eq!(receipt(&world, &orphan).as_deref(), Some("artifacts_lost"));
        assert!(lost(&metrics) || lost(&later), "{crash:?}\n{}", world.history());
        assert_ne!(
            world.receipts()[orphan.id()]["task"],
            "to_be_stopped",
            "{crash:?}\n{}",
            world.history()
        );
        world.count_by("sweep")
    };
    assert!(at_every_call("the reaper dies before it stops what is lost", story).await >= 20);
}
