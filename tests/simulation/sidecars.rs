//! Tasks of several containers: the session's own counts, whatever the others are about.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, enforce, function, function_with, outcome, receipt,
    report,
};
use session_cleanup_tests::world::{Phase, Setup, World};
use std::time::Duration;

/// A task is PENDING while a sidecar is pulled, and its session already runs.
#[tokio::test(start_paused = true)]
async fn a_session_that_runs_beside_a_sidecar_being_pulled_is_salvaged_before_its_task_is_stopped()
{
    let world = World::new(Setup::default());
    let alice = world.session("alice").with_a_sidecar_being_pulled().start();
    assert_eq!(world.phase(&alice), Phase::Pending);
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}");
    assert_eq!(world.completion_calls(&alice).len(), 1);
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_salvages_it_too() {
    let world = World::new(Setup::default());
    let hours = Duration::from_hours(3);
    let old = world.session("old").started_ago(hours).with_a_sidecar_being_pulled().start();
    enforce(&world, "sweep").await;
    assert_eq!(world.completion_calls(&old).len(), 1);
    assert_clean(&world, &old);
}

/// Its death is that of a session that ran: what became of its artifacts is not nothing.
#[tokio::test(start_paused = true)]
async fn a_task_that_dies_before_its_sidecar_has_run_is_judged_as_one_that_ran() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").with_a_sidecar_being_pulled().start();
    world.crash(&alice, 137);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let event = world.task_event(&alice);
    assert!(deliver(&function(&world, "completion"), &[event]).await.is_empty());
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_lost"));
}

/// In the mode `none` the session's exit counts, and a sidecar is killed when the session has exited.
#[tokio::test(start_paused = true)]
async fn where_containers_upload_by_themselves_the_sessions_own_exit_code_counts() {
    for (session, sidecar, expected) in [
        (0, Some(143), "cleaned"),
        (0, Some(1), "cleaned"),
        (0, None, "cleaned"),
        (1, Some(0), "artifacts_lost"),
        (137, Some(0), "artifacts_lost"),
    ] {
        let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
        let alice = world.session("alice").with_a_sidecar_that_exits(sidecar).stopped(session);
        let alice = alice.start();
        let event = world.task_event(&alice);
        let none = [("ARTIFACT_MODE", "none")];
        let (context, _) = function_with(&world, "completion", &none);
        assert!(deliver(&context, &[event]).await.is_empty());
        let became = receipt(&world, &alice);
        assert_eq!(became.as_deref(), Some(expected), "session {session}, sidecar {sidecar:?}");
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn the_configured_container_is_the_sessions_where_the_environment_does_not_say_which() {
    for (configured, sidecar, expected) in [
        ("session", Some(143), "cleaned"),
        ("session", None, "cleaned"),
        ("another", Some(143), "artifacts_lost"),
        ("another", Some(0), "cleaned"),
        ("", Some(143), "artifacts_lost"),
    ] {
        let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
        let alice = world.session("alice").identified_by_started_by();
        let alice = alice.with_a_sidecar_that_exits(sidecar).stopped(0).start();
        let (context, _) = function_with(
            &world,
            "completion",
            &[
                ("ARTIFACT_MODE", "none"),
                ("IDENTITY_SOURCES", "started-by"),
                ("SESSION_CONTAINER", configured),
            ],
        );
        let event = world.task_event(&alice);
        assert!(deliver(&context, &[event]).await.is_empty());
        assert_eq!(receipt(&world, &alice).as_deref(), Some(expected), "{configured} {sidecar:?}");
    }
}

/// Without an identity in its environment any container may be the session's: all must have exited
/// well, and one whose exit nobody knows did not.
#[tokio::test(start_paused = true)]
async fn where_no_container_is_the_sessions_by_name_all_of_them_count() {
    for (sidecar, expected) in
        [(Some(0), "cleaned"), (Some(143), "artifacts_lost"), (None, "artifacts_lost")]
    {
        let world = World::new(Setup { containers_upload_themselves: true, ..Setup::default() });
        let alice = world.session("alice").identified_by_started_by();
        let alice = alice.with_a_sidecar_that_exits(sidecar).stopped(0).start();
        let variables = [("ARTIFACT_MODE", "none"), ("IDENTITY_SOURCES", "started-by")];
        let (context, _) = function_with(&world, "completion", &variables);
        let event = world.task_event(&alice);
        assert!(deliver(&context, &[event]).await.is_empty());
        assert_eq!(receipt(&world, &alice).as_deref(), Some(expected), "{sidecar:?}");
    }
}
