//! Platforms that register a task definition for each run: families that begin alike.

use crate::invoke::{assert_clean, assert_unharmed, deliver, enforce, function, outcome, report};
use session_cleanup_tests::world::{Setup, World};
use std::time::Duration;

fn world() -> World {
    let families = vec!["run-*".to_owned(), "notebook".to_owned()];
    World::new(Setup { families, ..Setup::default() })
}

#[tokio::test(start_paused = true)]
async fn a_session_of_any_family_that_begins_as_configured_is_cleaned_with_and_without_its_task_arn()
 {
    for (family, names_its_task) in
        [("run-17", true), ("run-18", false), ("notebook", true), ("notebook", false)]
    {
        let world = world();
        let alice = world.session("alice").of_family(family).start();
        let other = world.session("alice").of_family("web").start();
        let mut event = world.session_ended_event(&alice, "completed");
        if !names_its_task {
            event["detail"].as_object_mut().unwrap().remove("task_arn");
        }
        assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
        assert_clean(&world, &alice);
        assert!(!world.is_stopping(&other), "{}", world.history());
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_like_such_a_family_is_left_alone() {
    let world = world();
    let hours = Duration::from_hours(30);
    let old = world.session("old").of_family("run-17").started_ago(hours).start();
    let strangers = ["rerun-17", "run", "notebook-2", "web"]
        .map(|family| world.session(family).of_family(family).started_ago(hours).start());
    enforce(&world, "sweep").await;
    assert_clean(&world, &old);
    let ended: Vec<_> = strangers.iter().map(|task| world.task_event(task)).collect();
    assert!(deliver(&function(&world, "completion"), &ended).await.is_empty(), "out of scope");
    for stranger in &strangers {
        assert!(!world.is_stopping(stranger), "{}", world.history());
        assert!(world.completion_calls(stranger).is_empty(), "{}", world.history());
    }
    assert_unharmed(&world);
}
