//! Tags that a resume has copied, with everything else, from the task of an earlier session. They say
//! nothing of the session that they are on.

use super::crowd::{HOUR, MINUTE, stopped};
use crate::invoke::{assert_clean, assert_unharmed, deliver, enforce, function, sweeps, task_in};
use serde_json::json;
use session_cleanup_tests::world::{Setup, TaskHandle, World};

/// A session one minute old with a tag from an hour ago.
fn with_copied(tag: &str) -> (World, TaskHandle) {
    let world = World::new(Setup::default());
    let before = (world.now() - HOUR).to_string();
    let resumed = world.session("resumed").started_ago(MINUTE).tag(tag, &before).start();
    (world, resumed)
}

#[tokio::test(start_paused = true)]
async fn a_tag_from_before_the_session_stops_nothing_and_is_reported() {
    for tag in ["session-ended-at", "lease-expires-at"] {
        let (world, resumed) = with_copied(tag);
        world.session("another").leased_for(HOUR * 5).start();
        let report = enforce(&world, "first").await;
        assert_eq!(
            task_in(&report, &resumed)["evidence"]["stale_tags"],
            json!([tag]),
            "{report:#}"
        );
        assert_eq!(task_in(&report, &resumed)["action"], "kept", "{report:#}");
        sweeps(&world, "sweep", 8).await;
        assert!(world.is_live(&resumed), "{tag}\n{}", world.history());
        assert_unharmed(&world);
    }
}

/// Without a lease of its own it gets as old as a session may.
#[tokio::test(start_paused = true)]
async fn a_lease_from_before_the_session_counts_as_none() {
    let (world, resumed) = with_copied("lease-expires-at");
    tokio::time::sleep(HOUR * 2).await;
    enforce(&world, "sweep").await;
    assert_eq!(stopped(&world, std::slice::from_ref(&resumed)), ["resumed"]);
    assert_unharmed(&world);
}

/// The owner's word is noted over what was copied: else nobody would finish what it began.
#[tokio::test(start_paused = true)]
async fn a_copied_end_is_overwritten_by_the_sessions_own() {
    let world = World::new(Setup::default());
    let before = (world.now() - HOUR).to_string();
    let resumed =
        world.session("resumed").tag("session-ended-at", &before).upload_fails(100).start();
    let event = world.session_ended_event(&resumed, "completed");
    assert_eq!(deliver(&function(&world, "completion"), &[event]).await, [0]);
    assert_ne!(world.tags(&resumed)["session-ended-at"], before);
    world.behaves(&resumed, |container| container.failing_uploads = 0);
    enforce(&world, "sweep").await;
    assert_clean(&world, &resumed);
}

/// Nobody knows what it says: it is no word of the owner's.
#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_read_stops_nothing_and_is_reported() {
    let world = World::new(Setup::default());
    let session = world.session("x").tag("session-ended-at", "11:00").start();
    let report = enforce(&world, "first").await;
    let stale = &task_in(&report, &session)["evidence"]["stale_tags"];
    assert_eq!(*stale, json!(["session-ended-at"]), "{report:#}");
    sweeps(&world, "sweep", 8).await;
    assert!(world.is_live(&session), "{}", world.history());
    assert_unharmed(&world);
}
