//! Artifacts: no task is stopped before they are confirmed, and every loss is on record.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, deliver_until_done, function, function_with, outcome,
    reap, receipt, report,
};
use session_cleanup::cleanup::{Outcome, SalvageWindow};
use session_cleanup_tests::world::{Api, Fault, FaultKind, Setup, World};
use std::time::Duration;

const OVER: SalvageWindow = SalvageWindow { is_over: true, ..SalvageWindow::OPEN };

#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_twice_and_then_works_ends_clean_in_one_delivery() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_fails(2).start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert_eq!(world.completion_calls(&alice).len(), 3);
    assert_clean(&world, &alice);
}

/// Field failure 3: "connection reset by peer" is not completion.
#[tokio::test(start_paused = true)]
async fn a_dropped_completion_request_is_never_taken_for_completion() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::ContainerComplete).always().reset());
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "awaiting_salvage", "{answer:?}");
    assert!(!world.is_stopping(&alice), "{}", world.history());
    assert_unharmed(&world);
}

/// The first attempt fails, and has written the marker all the same; then a server in the container's place says 200
/// to whatever it is asked.
#[tokio::test(start_paused = true)]
async fn a_200_of_somebody_else_is_never_taken_for_completion() {
    for seed in 0..16 {
        let world = World::new(Setup { seed, ..Setup::default() });
        let alice = world.session("alice").upload_fails(1).start();
        world.fault(Fault::on(Api::ContainerComplete).nth(2).kind(FaultKind::Garbage));
        let event = world.session_ended_event(&alice, "completed");
        assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
        assert_eq!(world.completion_calls(&alice).len(), 3, "{}", world.history());
        assert!(world.has_completed(&alice));
        assert_clean(&world, &alice);
    }
}

/// What a 200 means is said by its status and by the marker. Containers say it in words of their own.
#[tokio::test(start_paused = true)]
async fn a_container_that_confirms_in_its_own_words_is_believed() {
    for words in ["", "uploaded", "{\"ok\": true}", "[]", "<?xml version=\"1.0\"?><ok/>"] {
        let world = World::new(Setup::default());
        let alice = world.session("alice").confirms_with(words).start();
        let event = world.session_ended_event(&alice, "completed");
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "cleaned", "{words}: {answer:?}");
        assert_clean(&world, &alice);
    }
}

#[tokio::test(start_paused = true)]
async fn a_completion_whose_answer_was_lost_is_asked_for_again() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::ContainerComplete).answer_lost());
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert_eq!(world.uploads_begun(&alice), 1);
    assert_clean(&world, &alice);
}

/// Field failure 4: the task is kept because the upload failed; it must not be kept for ever.
#[tokio::test(start_paused = true)]
async fn an_upload_that_never_works_frees_the_target_keeps_the_task_and_remembers_the_end() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_never_works().start();
    let event = world.session_ended_event(&alice, "failed");
    assert_eq!(deliver_until_done(&world, "completion", &event, 3).await, None);
    assert_eq!(receipt(&world, &alice).as_deref(), Some("awaiting_salvage"));
    assert!(!world.is_stopping(&alice));
    assert!(!world.registered("sessions").contains(&alice.address()));
    let tag = world.tags(&alice).get("session-ended-at").cloned().expect("the end is on the task");
    let first: jiff::Timestamp = tag.parse().unwrap();
    assert!(world.now() - Duration::from_mins(10) > first, "the first cleanup's time is kept");
    assert_eq!(world.count(Api::TagResource), 1);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn after_the_salvage_window_the_task_is_stopped_and_the_loss_is_on_record_before_it() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_never_works().ended_by_owner().start();
    world.allow_loss(&alice);
    let (context, metrics) = function_with(&world, "reaper", &[]);
    let report = reap(&context, &alice, OVER).await;
    assert_eq!(report.outcome, Outcome::ArtifactsLost);
    assert!(world.is_stopping(&alice));
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_lost"));
    let calls = world.calls();
    let position = |api| calls.iter().position(|call| call.api == api).unwrap();
    assert!(position(Api::ContainerComplete) < position(Api::DeregisterTargets));
    let recorded = calls.iter().position(|call| call.is_about("receipts/")).unwrap();
    assert!(recorded < position(Api::StopTask), "{}", world.history());
    assert!(metrics.lock().unwrap().iter().any(|line| line.contains("\"ArtifactsLost\":1")));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_keeps_its_target_until_its_artifacts_are_confirmed() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_never_works().ended_by_owner().start();
    let report = reap(&function(&world, "reaper"), &alice, SalvageWindow::OPEN).await;
    assert_eq!(report.outcome, Outcome::AwaitingSalvage);
    assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
    assert!(world.registered("sessions").contains(&alice.address()));
    assert!(world.tags(&alice).is_empty(), "our inference leaves no tag");

    let bob = world.session("bob").ended_by_owner().start();
    let report = reap(&function(&world, "reaper-2"), &bob, SalvageWindow::OPEN).await;
    assert_eq!(report.outcome, Outcome::Cleaned);
    assert_clean(&world, &bob);
}

#[tokio::test(start_paused = true)]
async fn a_200_without_the_marker_in_s3_confirms_nothing() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").uploads_nothing().start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "awaiting_salvage");
    assert!(!world.is_stopping(&alice));
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_an_earlier_task_of_the_session_left_confirms_nothing() {
    let world = World::new(Setup::default());
    world.put_object("artifacts", "alice/debug/session_status.json", "{}");
    tokio::time::sleep(Duration::from_mins(10)).await;
    let alice = world.session("alice").uploads_nothing().start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "awaiting_salvage");
    assert!(!world.is_stopping(&alice));
}

/// Containers may write the marker first, so the marker without a 200 proves nothing.
#[tokio::test(start_paused = true)]
async fn the_marker_alone_never_stops_a_task() {
    let world = World::new(Setup::default());
    let alice = world
        .session("alice")
        .upload_never_works()
        .behaves(|container| container.marker_before_failure = true)
        .start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "awaiting_salvage");
    assert!(world.object("artifacts", "alice/debug/session_status.json").is_some());
    assert!(!world.is_stopping(&alice));
}

#[tokio::test(start_paused = true)]
async fn s3_that_does_not_answer_is_no_missing_marker() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::HeadObject).times(8).server_error());
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_busy_a_slow_and_an_endless_container_are_waited_for_but_not_for_ever() {
    let world = World::new(Setup::default());
    let busy = world.session("busy").busy_for(Duration::from_secs(10)).start();
    let slow = world.session("slow").slow_body(Duration::from_secs(5)).start();
    let endless = world.session("endless").endless_body().start();
    let silent = world.session("silent").silent().start();
    let refuses = world.session("refuses").refuses().start();
    let all = [&busy, &slow, &endless, &silent, &refuses];
    let events: Vec<_> = all.iter().map(|t| world.session_ended_event(t, "completed")).collect();
    assert_eq!(deliver(&function(&world, "completion"), &events).await, [3, 4]);
    for task in [&busy, &slow, &endless] {
        assert_clean(&world, task);
    }
    for task in [&silent, &refuses] {
        assert_eq!(receipt(&world, task).as_deref(), Some("awaiting_salvage"));
        assert!(!world.is_stopping(task));
    }
}

#[tokio::test(start_paused = true)]
async fn where_containers_upload_by_themselves_the_exit_with_code_0_confirms() {
    let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
    let alice = world.session("alice").start();
    let mode = [("ARTIFACT_MODE", "none")];
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function_with(&world, "first", &mode).0, &event).await;
    assert_eq!(outcome(&answer), "awaiting_salvage");
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert!(!world.is_stopping(&alice));
    world.crash(&alice, 0);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let answer = report(&function_with(&world, "second", &mode).0, &event).await;
    assert_eq!(outcome(&answer), "cleaned");

    let bob = world.session("bob").stopped(1).start();
    let event = world.session_ended_event(&bob, "failed");
    let answer = report(&function_with(&world, "third", &mode).0, &event).await;
    assert_eq!(outcome(&answer), "artifacts_lost");
}

#[tokio::test(start_paused = true)]
async fn where_the_marker_is_written_last_it_confirms_too() {
    let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
    let alice = world.session("alice").completed().start();
    let mode = [("ARTIFACT_MODE", "none"), ("MARKER_WRITTEN_LAST", "true")];
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function_with(&world, "completion", &mode).0, &event).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}");
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_never_goes_backward() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").upload_never_works().start();
    let earlier = r#"{ "session_id": "alice", "outcome": "artifacts_unverified" }"#;
    world.put_object("ledger", &alice.receipt_key(), earlier);
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "awaiting_salvage");
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_unverified"));
}
