//! Tasks that are not what they should be: facts about them, and no blindness about all the others.

use super::crowd::{HOUR, left_targets, says, target_row, task_row, warns};
use crate::invoke::{
    assert_clean, assert_unharmed, deliver, enforce, function, open_intents, receipt, report,
    sweeps,
};
use session_cleanup_tests::world::{Api, Dwell, Setup, World};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A service from before 2018: its tasks' ARNs do not name their cluster.
#[tokio::test(start_paused = true)]
async fn one_short_arn_in_a_cluster_decides_nothing_of_the_others() {
    let world = World::new(Setup::default());
    let service = world.session("old").with_a_short_arn().of_family("web").group("service:web");
    let service = service.unidentified().start();
    let orphan = world.session("orphan").started_ago(HOUR * 3).start();
    let zombie = left_targets(&world, "sessions", 1)[0];
    let reports = sweeps(&world, "sweep", 2).await;
    assert!(!warns(&reports[0], "incomplete"), "{:#}", reports[0]);
    assert_clean(&world, &orphan);
    assert_eq!(target_row(&reports[1], zombie), ("G5 zombie", "acted"), "{:#}", reports[1]);
    assert_eq!(target_row(&reports[1], service.address()), ("G2 misrouted", "kept"));
    assert!(!world.is_stopping(&service));
    assert_unharmed(&world);
}

/// It is a task like any other.
#[tokio::test(start_paused = true)]
async fn a_session_task_with_a_short_arn_is_reaped_and_remembered() {
    let world = World::new(Setup::default());
    let old = world.session("old").with_a_short_arn().started_ago(HOUR * 3).start();
    let done = world.session("done").with_a_short_arn().started_ago(HOUR).completed().start();
    let live = world.session("live").with_a_short_arn().start();
    sweeps(&world, "sweep", 2).await;
    assert_clean(&world, &old);
    assert_clean(&world, &done);
    assert!(world.is_live(&live));
    assert_unharmed(&world);
}

/// Nobody knows what it is. It may hold any address, so no target is a zombie for now.
#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_read_is_unknown_by_itself() {
    let world = World::new(Setup::default());
    let shapeless = world.session("shapeless").started_ago(HOUR * 30).shapeless().start();
    let orphan = world.session("orphan").started_ago(HOUR * 3).start();
    let zombie = left_targets(&world, "sessions", 1)[0];
    let reports = sweeps(&world, "sweep", 3).await;
    for report in &reports {
        assert!(says(&report["problems"], shapeless.id()), "{report:#}");
        assert!(!warns(report, "incomplete"), "{report:#}");
        assert_eq!(target_row(report, zombie), ("G7 undecided", "kept"), "{report:#}");
    }
    assert_clean(&world, &orphan);
    assert_eq!(task_row(&reports[0], &orphan).0, "T8 too_old");
    assert!(!world.is_stopping(&shapeless));
    assert_unharmed(&world);
}

/// Whether an address that was removed is its, nobody can tell until it can be read: an intent stays until then.
#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_read_gets_back_the_target_that_was_removed_by_mistake() {
    let dwell = Dwell { deactivating: Duration::ZERO, ..Dwell::default() };
    let world = World::new(Setup { dwell, ..Setup::default() });
    let alice = world.session("alice").refuses().start();
    let (old, new) = (alice.clone(), Arc::new(Mutex::new(None)));
    let successor = Arc::clone(&new);
    world.before(Api::DeregisterTargets, 1, move |world| {
        world.crash(&old, 137);
        let bob = world.session("bob").started_ago(Duration::ZERO).at_address_of(&old).start();
        world.is_shown_whole(&bob, false);
        *successor.lock().unwrap() = Some(bob);
    });
    let event = world.session_ended_event(&alice, "completed");
    report(&function(&world, "completion"), &event).await.ok();
    tokio::time::sleep(Duration::from_mins(10)).await;
    sweeps(&world, "blind", 2).await;
    let bob = new.lock().unwrap().clone().expect("the address has changed hands");
    world.is_shown_whole(&bob, true);
    sweeps(&world, "sweep", 1).await;
    assert!(world.registered("sessions").contains(&bob.address()), "{}", world.history());
    assert_eq!(open_intents(&world), Vec::<String>::new(), "{}", world.history());
    assert_unharmed(&world);
}

/// What is remembered of it stays as it was.
#[tokio::test(start_paused = true)]
async fn a_task_that_could_not_be_read_once_keeps_its_salvage_window() {
    let world = World::new(Setup::default());
    let failing = world.session("failing").started_ago(HOUR * 3).upload_never_works().start();
    let since = |report: &serde_json::Value| {
        crate::invoke::task_in(report, &failing)["evidence"]["salvage_failing_since"].clone()
    };
    sweeps(&world, "first", 1).await;
    let first = since(&enforce(&world, "second").await);
    assert!(first.is_string());
    world.is_shown_whole(&failing, false);
    sweeps(&world, "blind", 1).await;
    world.is_shown_whole(&failing, true);
    assert_eq!(since(&enforce(&world, "third").await), first, "{}", world.history());
    assert_unharmed(&world);
}

/// A Spot warning that `DescribeTasks` does not know yet: two minutes later it is too late.
#[tokio::test(start_paused = true)]
async fn a_spot_warning_that_ecs_shows_later_is_waited_for_in_the_same_delivery() {
    for late in [1, 4, 7] {
        let reads_lag = std::time::Duration::from_secs(late);
        let world = World::new(Setup { reads_lag, ..Setup::default() });
        let warned = world.session("warned").start();
        world.interrupt(&warned);
        let event = world.task_event(&warned);
        let failed = deliver(&function(&world, "completion"), &[event]).await;
        assert!(failed.is_empty(), "{late}: {}", world.history());
        assert_eq!(receipt(&world, &warned).as_deref(), Some("cleaned"), "{}", world.history());
        assert!(world.has_completed(&warned));
        assert_unharmed(&world);
    }
    // It does not wait for ever.
    let reads_lag = std::time::Duration::from_mins(1);
    let world = World::new(Setup { reads_lag, ..Setup::default() });
    let warned = world.session("warned").start();
    world.interrupt(&warned);
    let event = world.task_event(&warned);
    assert_eq!(deliver(&function(&world, "completion"), &[event]).await.len(), 1);
    assert!(world.completion_calls(&warned).is_empty());
    enforce(&world, "sweep").await;
    assert_unharmed(&world);
}

/// A canary and its fleet share one bus, and people send events by hand.
#[tokio::test(start_paused = true)]
async fn events_about_tasks_of_other_fleets_are_acknowledged_and_counted() {
    let world = World::new(Setup::default());
    let elsewhere = world.session("elsewhere").in_cluster("canary").start();
    let other = world.session("other").of_family("canary").start();
    let service = world.session("service").group("service:web").start();
    let live = world.session("live").start();
    let mut events: Vec<_> = [&elsewhere, &other, &service]
        .map(|task| world.session_ended_event(task, "completed"))
        .into();
    // An event that lacks most of what it should have, of a task that runs.
    let mut bare = world.task_event(&live);
    for field in ["desiredStatus", "lastStatus", "version", "group", "taskDefinitionArn"] {
        bare["detail"].as_object_mut().unwrap().remove(field);
    }
    events.push(bare.clone());
    bare["detail"]["taskArn"] = other.arn().into();
    events.push(bare);
    let (context, metrics) = crate::invoke::function_with(&world, "completion", &[]);
    assert_eq!(deliver(&context, &events).await, Vec::<usize>::new(), "no dead letter");
    assert_eq!(super::crowd::metric(&metrics, "OutcomeOutOfScope"), 5);
    for task in [&elsewhere, &other, &service, &live] {
        assert!(!world.is_stopping(task) && world.completion_calls(task).is_empty());
    }
    assert!(world.receipts().is_empty());
    assert_unharmed(&world);
}
