//! Addresses that change hands, and sessions that come back, at the worst moment.

use crate::invoke::{
    REAPER_TIMEOUT, assert_unharmed, deliver, function, look, open_intents, outcome, receipt,
    report, sweeps,
};
use session_cleanup_tests::world::{
    Api, Crash, Dwell, Fault, FaultKind, HealthTimes, RegisteringWhatDrains, Setup, TaskHandle,
    World,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A world in which a task's address is free as soon as its container exits.
fn quick_world() -> World {
    let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
    World::new(Setup { dwell, ..Setup::default() })
}

type Successor = Arc<Mutex<Option<TaskHandle>>>;

/// `old` dies, and a new session gets its address and its target.
fn hand_over(world: &World, old: &TaskHandle, session_id: &str, successor: &Successor) {
    world.crash(old, 137);
    let new = world.session(session_id).started_ago(Duration::ZERO).at_address_of(old).start();
    *successor.lock().unwrap() = Some(new);
}

fn hand_over_before(world: &World, api: Api, nth: usize, old: &TaskHandle, id: &str) -> Successor {
    let successor = Successor::default();
    let (theirs, old, id) = (Arc::clone(&successor), old.clone(), id.to_owned());
    world.before(api, nth, move |world| hand_over(world, &old, &id, &theirs));
    successor
}

fn successor(of: &Successor) -> TaskHandle {
    of.lock().unwrap().clone().expect("the address has changed hands")
}

fn assert_keeps_its_traffic(world: &World, task: &TaskHandle) {
    assert!(world.is_live(task), "{}", world.history());
    let registered = world.registered("sessions");
    assert!(registered.contains(&task.address()), "{}", world.history());
    assert_eq!(world.completion_calls(task).len(), 0, "{}", world.history());
    assert_unharmed(world);
}

/// Field failure 8.
#[tokio::test(start_paused = true)]
async fn an_address_that_changes_hands_before_the_deregistration_goes_back_to_its_new_holder() {
    let world = quick_world();
    let alice = world.session("alice").dying().refuses().start();
    let bob = hand_over_before(&world, Api::DeregisterTargets, 1, &alice, "bob");
    let event = world.task_event(&alice);
    report(&function(&world, "completion"), &event).await.unwrap();
    assert!(world.count(Api::RegisterTargets) >= 1, "{}", world.history());
    let bob = successor(&bob);
    assert!(world.registered("sessions").contains(&bob.address()), "{}", world.history());
    sweeps(&world, "sweep", 2).await;
    assert!(world.registered("sessions").contains(&bob.address()), "{}", world.history());
    assert_eq!(open_intents(&world), Vec::<String>::new());
    assert_unharmed(&world);
}

/// Its target is new before it is removed, as it is after it has come back.
#[tokio::test(start_paused = true)]
async fn an_address_that_changes_hands_goes_back_although_a_read_shows_it_as_it_was_before() {
    // The first read finds the target.
    for nth in 2..=6 {
        let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
        let health = HealthTimes {
            registering_what_drains: RegisteringWhatDrains::IsIgnored,
            ..HealthTimes::default()
        };
        let world = World::new(Setup { dwell, health, ..Setup::default() });
        let alice = world.session("alice").refuses().start();
        world.owner_deregisters(&alice);
        tokio::time::sleep(health.draining + Duration::from_mins(1)).await;
        world.owner_registers(&alice);
        tokio::time::sleep(Duration::from_secs(9)).await;
        let bob = hand_over_before(&world, Api::DeregisterTargets, 1, &alice, "bob");
        world.fault(Fault::on(Api::DescribeTargetHealth).nth(nth).kind(FaultKind::Stale));
        let event = world.session_ended_event(&alice, "completed");
        report(&function(&world, "completion"), &event).await.ok();
        tokio::time::sleep(health.draining + Duration::from_mins(1)).await;
        sweeps(&world, "sweep", 2).await;
        let bob = successor(&bob);
        let registered = world.registered("sessions");
        assert!(registered.contains(&bob.address()), "read {nth}\n{}", world.history());
        assert_eq!(open_intents(&world), Vec::<String>::new(), "read {nth}\n{}", world.history());
        assert_unharmed(&world);
    }
}

/// Its owner has registered it at its own port.
#[tokio::test(start_paused = true)]
async fn an_address_that_changes_hands_is_not_registered_at_the_port_of_the_one_before() {
    for groups in [&["sessions"][..], &["sessions", "internal"]] {
        let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
        let target_groups = groups.iter().map(|name| (*name).to_owned()).collect();
        let world = World::new(Setup { dwell, target_groups, ..Setup::default() });
        let alice = world.session("alice").registered_in(groups).registered_at_port(3_001);
        let alice = alice.refuses().start();
        let bob = hand_over_before(&world, Api::DeregisterTargets, 1, &alice, "bob");
        let event = world.session_ended_event(&alice, "completed");
        report(&function(&world, "completion"), &event).await.ok();
        tokio::time::sleep(Duration::from_mins(10)).await;
        sweeps(&world, "sweep", 2).await;
        let bob = successor(&bob);
        for group in groups {
            let ports = world.registered_ports(group, bob.address());
            let own = if *group == "sessions" { &[8_080][..] } else { &[] };
            assert_eq!(ports, own, "{group} of {groups:?}\n{}", world.history());
        }
        assert_eq!(open_intents(&world), Vec::<String>::new());
        assert_unharmed(&world);
    }
}

/// The target of its last holder, at another port, is still registered, and is removed with its own.
#[tokio::test(start_paused = true)]
async fn an_address_that_changes_hands_while_two_ports_of_it_are_registered_goes_back_to_its_new_holder()
 {
    for before in [Api::DescribeTargetHealth, Api::DeregisterTargets] {
        let world = quick_world();
        let alice = world.session("alice").registered_at_port(3_001).refuses().start();
        let bob = hand_over_before(&world, before, 1, &alice, "bob");
        let event = world.session_ended_event(&alice, "completed");
        report(&function(&world, "completion"), &event).await.ok();
        tokio::time::sleep(Duration::from_mins(10)).await;
        sweeps(&world, "sweep", 2).await;
        let bob = successor(&bob);
        let ports = world.registered_ports("sessions", bob.address());
        assert!(ports.contains(&8_080), "before {before:?}: {ports:?}\n{}", world.history());
        assert_eq!(open_intents(&world), Vec::<String>::new(), "before {before:?}");
        assert_unharmed(&world);
    }
}

/// ECS says when the new holder was created, by a clock that is ahead of ours.
#[tokio::test(start_paused = true)]
async fn an_address_that_changes_hands_goes_back_to_its_new_holder_also_where_our_clock_is_behind()
{
    let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
    let functions_clock_is_ahead = jiff::SignedDuration::from_secs(-3);
    let world = World::new(Setup { dwell, functions_clock_is_ahead, ..Setup::default() });
    let alice = world.session("alice").dying().refuses().start();
    let bob = hand_over_before(&world, Api::DeregisterTargets, 1, &alice, "bob");
    report(&function(&world, "completion"), &world.task_event(&alice)).await.unwrap();
    let bob = successor(&bob);
    assert!(world.registered("sessions").contains(&bob.address()), "{}", world.history());
    assert_unharmed(&world);
}

/// The stranger at the address answers 403: that is not the task's own word.
#[tokio::test(start_paused = true)]
async fn a_strangers_403_says_nothing_of_the_task_that_lost_the_address() {
    let world = quick_world();
    let alice = world.session("alice").start();
    let bob = hand_over_before(&world, Api::ContainerComplete, 1, &alice, "bob");
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "artifacts_lost", "{answer:?}");
    let bob = successor(&bob);
    assert!(world.is_live(&bob));
    assert!(world.registered("sessions").contains(&bob.address()), "{}", world.history());
    assert_unharmed(&world);
}

/// The same, and the function dies at any call from there on: the intent tells the next sweep.
#[tokio::test(start_paused = true)]
async fn after_a_crash_the_intent_gives_the_new_holder_its_target_back() {
    let story = |crash: Option<Crash>| async move {
        let world = quick_world();
        let alice = world.session("alice").dying().refuses().start();
        let bob = hand_over_before(&world, Api::DeregisterTargets, 1, &alice, "bob");
        let event = world.task_event(&alice);
        let context = function(&world, "completion");
        let invocation = report(&context, &event);
        match crash {
            Some(crash) => drop(world.run_until_crash("completion", crash, invocation).await),
            None => drop(invocation.await),
        }
        let boundaries = world.count_by("completion");
        let Some(bob) = bob.lock().unwrap().clone() else { return boundaries };
        tokio::time::sleep(REAPER_TIMEOUT * 2).await;
        for sweep in ["sweep-1", "sweep-2"] {
            look(&world, sweep).await;
        }
        assert!(
            world.registered("sessions").contains(&bob.address()),
            "{crash:?}: {} has no traffic\n{}",
            bob.session_id(),
            world.history()
        );
        assert_eq!(open_intents(&world), Vec::<String>::new(), "{crash:?}\n{}", world.history());
        assert_unharmed(&world);
        boundaries
    };
    let boundaries = story(None).await;
    let mut interleavings = 0;
    for number in 1..=boundaries {
        for crash in [Crash::Before(number), Crash::After(number)] {
            story(Some(crash)).await;
            interleavings += 1;
        }
    }
    println!("crash after an address changed hands: {interleavings} interleavings");
    assert!(interleavings >= 10, "only {interleavings}");
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_may_still_be_at_work_is_left_alone() {
    let world = quick_world();
    let alice = world.session("alice").dying().refuses().start();
    let bob = hand_over_before(&world, Api::DeregisterTargets, 1, &alice, "bob");
    let event = world.task_event(&alice);
    let context = function(&world, "completion");
    world.fault(Fault::on(Api::RegisterTargets).always().server_error());
    let _failed = report(&context, &event).await;
    assert_eq!(open_intents(&world).len(), 1, "{}", world.history());
    world.faults_cease();
    look(&world, "early").await;
    assert_eq!(open_intents(&world).len(), 1);
    tokio::time::sleep(REAPER_TIMEOUT).await;
    look(&world, "late").await;
    assert_eq!(open_intents(&world).len(), 0);
    assert_keeps_its_traffic(&world, &successor(&bob));
}

#[tokio::test(start_paused = true)]
async fn a_deregistration_is_not_repeated_once_the_address_is_someone_elses() {
    let world = quick_world();
    let alice = world.session("alice").dying().refuses().start();
    world.fault(Fault::on(Api::DeregisterTargets).times(2).throttled());
    let bob = hand_over_before(&world, Api::DescribeTasks, 2, &alice, "bob");
    let event = world.task_event(&alice);
    let _judged = report(&function(&world, "completion"), &event).await;
    assert_eq!(world.count(Api::DeregisterTargets), 1, "{}", world.history());
    assert_keeps_its_traffic(&world, &successor(&bob));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_session_is_not_reached_when_the_old_tasks_event_is_redriven() {
    let world = quick_world();
    let old = world
        .session("alice")
        .upload_never_works()
        .behaves(|container| container.marker_before_failure = false)
        .start();
    let event = world.session_ended_event(&old, "completed");
    assert_eq!(deliver(&function(&world, "first"), std::slice::from_ref(&event)).await, [0]);
    let resumed = Successor::default();
    hand_over(&world, &old, "alice", &resumed);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let answer = report(&function(&world, "redriven"), &event).await;
    assert_eq!(outcome(&answer), "artifacts_lost", "{answer:?}");
    let resumed = successor(&resumed);
    let calls = world.calls();
    let redriven = calls.iter().filter(|call| call.caller == "redriven");
    assert_eq!(redriven.filter(|call| call.api == Api::ContainerComplete).count(), 0);
    assert!(!world.has_completed(&resumed));
    assert!(world.registered("sessions").contains(&resumed.address()));
    assert_unharmed(&world);
}

/// It would answer 200, for its id is the same: only a look at the task tells the two apart.
#[tokio::test(start_paused = true)]
async fn a_resumed_session_that_gets_the_old_address_between_two_attempts_is_not_completed() {
    let world = quick_world();
    let old = world.session("alice").start();
    world.fault(Fault::on(Api::ContainerComplete).always().reset());
    let event = world.session_ended_event(&old, "completed");
    let resumed = Successor::default();
    let (theirs, dying, stage) = (Arc::clone(&resumed), old.clone(), world.clone());
    tokio::spawn(async move {
        // Within five seconds of a look nobody can tell; after that the next attempt looks again.
        tokio::time::sleep(Duration::from_secs(6)).await;
        hand_over(&stage, &dying, "alice", &theirs);
        tokio::time::sleep(Duration::from_secs(5)).await;
        stage.faults_cease();
    });
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "artifacts_lost", "{answer:?}\n{}", world.history());
    let resumed = successor(&resumed);
    assert!(!world.has_completed(&resumed), "{}", world.history());
    assert!(world.is_live(&resumed));
    assert_unharmed(&world);
}

/// Found by a storm: the owners that another session's address is sought for are listed, and that
/// listing shows that this one's task has lost its own.
#[tokio::test(start_paused = true)]
async fn what_a_listing_shows_of_a_task_counts_for_its_next_completion_call() {
    let world = quick_world();
    let alice = world.session("alice").start();
    let bob = world.session("bob").dying().refuses().start();
    world.fault(Fault::on(Api::ContainerComplete).of("alice").reset());
    let _carol = hand_over_before(&world, Api::DeregisterTargets, 1, &bob, "carol");
    let dying = alice.clone();
    world.after(Api::ListTasks, 1, move |world| world.crash(&dying, 137));
    let events = [world.session_ended_event(&alice, "completed"), world.task_event(&bob)];
    deliver(&function(&world, "completion"), &events).await;
    assert_eq!(world.count(Api::ListTasks), 1, "{}", world.history());
    assert_eq!(world.completion_calls(&alice).len(), 1, "{}", world.history());
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_registered_again_is_deregistered_again_while_it_is_ours() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_in(Duration::from_secs(10)).start();
    let again = alice.clone();
    world.before(Api::DescribeTargetHealth, 2, move |world| world.owner_registers(&again));
    let event = world.session_ended_event(&alice, "completed");
    report(&function(&world, "completion"), &event).await.unwrap();
    assert_eq!(world.count(Api::DeregisterTargets), 2, "{}", world.history());
    crate::invoke::assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_refuses_the_intent_does_not_stop_the_owners_word_but_stops_our_inference() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::PutObject).of("intents/").always().server_error());
    let event = world.session_ended_event(&alice, "completed");
    report(&function(&world, "completion"), &event).await.unwrap();
    crate::invoke::assert_clean(&world, &alice);

    let bob = world.session("bob").ended_by_owner().start();
    let salvage = session_cleanup::cleanup::SalvageWindow::OPEN;
    crate::invoke::reap(&function(&world, "reaper"), &bob, salvage).await;
    assert!(world.registered("sessions").contains(&bob.address()), "{}", world.history());
    assert_ne!(receipt(&world, &bob).as_deref(), Some("cleaned"));
}
