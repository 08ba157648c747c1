//! Tasks that died, are dying, or never started.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, function, function_with, outcome, receipt, report,
};
use session_cleanup_tests::world::{Api, Dwell, Fault, FaultKind, Phase, Setup, World};
use std::time::Duration;

/// Field failure 7: a task dies on its own; what became of its artifacts is said, never `cleaned`.
#[tokio::test(start_paused = true)]
async fn a_task_that_died_by_itself_is_unverified_with_its_marker_and_lost_without() {
    let world = World::new(Setup::default());
    let with = world.session("with").completed().stopped(137).start();
    let without = world.session("without").stopped(137).start();
    let (context, metrics) = function_with(&world, "completion", &[]);
    let events = [world.task_event(&with), world.task_event(&without)];
    assert!(deliver(&context, &events).await.is_empty());
    assert_eq!(receipt(&world, &with).as_deref(), Some("artifacts_unverified"));
    assert_eq!(receipt(&world, &without).as_deref(), Some("artifacts_lost"));
    let lost = metrics.lock().unwrap().iter().filter(|l| l.contains("\"ArtifactsLost\":1")).count();
    assert_eq!(lost, 1);
    assert_eq!(world.count(Api::ContainerComplete) + world.count(Api::StopTask), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_spot_warning_salvages_at_once_and_deregisters_the_target() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").dying().start();
    let event = world.task_event(&alice);
    assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
    assert_clean(&world, &alice);
    assert_eq!(world.completion_calls(&alice).len(), 1);
    assert_eq!(world.count(Api::StopTask), 0, "it is being stopped already");
}

/// The event comes again after SIGKILL, so this invocation is the only chance.
#[tokio::test(start_paused = true)]
async fn a_spot_warning_is_worth_more_than_the_usual_upload_timeout() {
    let world = World::new(Setup::default());
    let alice = world
        .session("alice")
        .uploads_in(Duration::from_secs(35))
        .stop_timeout(Duration::from_mins(2))
        .dying()
        .start();
    let event = world.task_event(&alice);
    assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_dies_while_it_is_salvaged_is_judged_at_once() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").dying().dies_on_sigterm().start();
    let event = world.task_event(&alice);
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "artifacts_lost", "{answer:?}");
    assert_unharmed(&world);
}

/// A failed upload left a receipt; the crash after it is a loss, and that receipt must not hide it.
#[tokio::test(start_paused = true)]
async fn a_crash_after_a_failed_upload_is_reported_as_a_loss() {
    let world = World::new(Setup::default());
    let alice = world
        .session("alice")
        .upload_never_works()
        .behaves(|container| container.marker_before_failure = false)
        .start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "awaiting_salvage");
    world.crash(&alice, 137);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (context, metrics) = function_with(&world, "second", &[]);
    let stopped = world.task_event(&alice);
    assert_eq!(outcome(&report(&context, &stopped).await), "artifacts_lost");
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_lost"));
    assert!(metrics.lock().unwrap().iter().any(|line| line.contains("\"ArtifactsLost\":1")));
}

/// Field failure 9: a container exits by itself a minute after it has completed.
#[tokio::test(start_paused = true)]
async fn a_container_that_exits_by_itself_after_completion_stays_clean() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").exits_after_completion(Duration::from_mins(1)).start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    tokio::time::sleep(Duration::from_mins(2)).await;
    // The stop was ours, so the state change is acknowledged without a call.
    let before = world.calls().len();
    let answer = report(&function(&world, "second"), &world.task_event(&alice)).await;
    assert_eq!(outcome(&answer), "out_of_scope");
    assert_eq!(world.calls().len(), before);
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_exits_right_after_completion_is_clean_without_a_stop() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").exits_after_completion(Duration::from_millis(30)).start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    tokio::time::sleep(Duration::from_mins(1)).await;
    let answer = report(&function(&world, "second"), &world.task_event(&alice)).await;
    assert!(["already_clean", "out_of_scope"].contains(&outcome(&answer)), "{answer:?}");
    assert_eq!(receipt(&world, &alice).as_deref(), Some("cleaned"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_started_is_stopped_since_there_is_nothing_to_salvage() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").never_started().start();
    let event = world.session_ended_event(&alice, "cancelled");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert!(world.is_stopping(&alice));
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_starts_while_its_stop_is_decided_is_salvaged_first() {
    let dwell = Dwell { pending: Duration::from_secs(21), ..Dwell::default() };
    let world = World::new(Setup { dwell, ..Setup::default() });
    let alice = world.session("alice").pending().start();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let context = function(&world, "first");
    let event = world.session_ended_event(&alice, "cancelled");
    // Ten seconds later it is still pending; the deregistration takes until it runs, and the stop looks again before it
    // acts.
    world.adjust(|setup| setup.latency.elb = Duration::from_secs(6));
    let answer = report(&context, &event).await;
    assert_eq!(outcome(&answer), "incomplete", "{answer:?}\n{}", world.history());
    assert!(!world.is_stopping(&alice));
    world.adjust(|setup| setup.latency.elb = Duration::from_millis(50));
    assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "cleaned");
    assert_eq!(world.uploads_begun(&alice), 1);
    assert_clean(&world, &alice);
}

/// It has run for less than a second, and any of the first reads may be up to ten seconds old.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_just_started_is_salvaged_although_ecs_shows_that_it_never_did() {
    for reads in 1..=2 {
        let world = World::new(Setup::default());
        let alice = world.session("alice").pending().start();
        while world.phase(&alice) != Phase::Running {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for nth in 1..=reads {
            world.fault(Fault::on(Api::DescribeTasks).nth(nth).kind(FaultKind::Stale));
        }
        let event = world.session_ended_event(&alice, "cancelled");
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "cleaned", "{answer:?}\n{}", world.history());
        assert_eq!(world.uploads_begun(&alice), 1);
        assert_clean(&world, &alice);
    }
}

/// AWS does not say how old a read may be.
#[tokio::test(start_paused = true)]
async fn a_task_whose_container_answers_has_started_whatever_ecs_shows() {
    has_started_whatever_ecs_shows(|_| {}).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_container_misses_one_connection_has_started_whatever_ecs_shows() {
    has_started_whatever_ecs_shows(|world| {
        world.fault(Fault::on(Api::ContainerHealth).nth(1).refused());
    })
    .await;
}

async fn has_started_whatever_ecs_shows(also: impl Fn(&World)) {
    let dwell = Dwell { pending: Duration::from_secs(40), ..Dwell::default() };
    let world = World::new(Setup { dwell, ..Setup::default() });
    let alice = world.session("alice").pending().start();
    tokio::time::sleep(Duration::from_secs(50)).await;
    world.fault(Fault::on(Api::DescribeTasks).always().out_of_date(Duration::from_secs(28)));
    also(&world);
    let event = world.session_ended_event(&alice, "cancelled");
    let answer = report(&function(&world, "first"), &event).await;
    assert_eq!(outcome(&answer), "incomplete", "{answer:?}\n{}", world.history());
    assert!(!world.is_stopping(&alice), "{}", world.history());
    world.faults_cease();
    assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "cleaned");
    assert_eq!(world.uploads_begun(&alice), 1);
    assert_clean(&world, &alice);
}

/// First it is shown running, and then as it was before that: starting, or not there at all.
#[tokio::test(start_paused = true)]
async fn a_look_that_goes_back_in_time_ends_nothing() {
    for out_of_date in [30, 60].map(Duration::from_secs) {
        let world = World::new(Setup::default());
        let alice = world.session("alice").starting().behaves(|container| container.deaf = true);
        let alice = alice.start();
        tokio::time::sleep(Duration::from_secs(38)).await;
        world.fault(Fault::on(Api::DescribeTasks).nth(2).always().out_of_date(out_of_date));
        let event = world.session_ended_event(&alice, "completed");
        let answer = report(&function(&world, "first"), &event).await;
        assert!(answer.is_err(), "its event comes again: {answer:?}\n{}", world.history());
        assert!(!world.is_stopping(&alice), "{}", world.history());
        world.faults_cease();
        world.behaves(&alice, |container| container.deaf = false);
        assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "cleaned");
        assert_eq!(world.uploads_begun(&alice), 1);
        assert_clean(&world, &alice);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_ecs_does_not_show_yet_is_tried_again() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let mut event = world.task_event(&alice);
    event["detail"]["lastStatus"] = "STOPPED".into();
    event["detail"]["desiredStatus"] = "STOPPED".into();
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "incomplete");
    assert!(world.is_live(&alice));
    assert_eq!(world.count(Api::DescribeTasks), world.calls().len(), "{}", world.history());
    assert!(world.calls().len() > 1, "it is looked at again");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_says_a_starting_task_has_ended_does_not_stop_it() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").pending().start();
    let mut event = world.task_event(&alice);
    event["detail"]["lastStatus"] = "STOPPED".into();
    event["detail"]["desiredStatus"] = "STOPPED".into();
    event["detail"]["version"] = 0.into();
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "incomplete");
    assert!(!world.is_stopping(&alice), "{}", world.history());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_has_forgotten_is_known_by_its_receipt() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "already_clean");

    let bob = world.session("bob").stopped_ago(1, Duration::from_hours(2)).start();
    let event = world.session_ended_event(&bob, "failed");
    assert_eq!(outcome(&report(&function(&world, "third"), &event).await), "rejected");
}
