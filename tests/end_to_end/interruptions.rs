//! Something is killed in the middle: what the log says then, and that nothing is lost.

use crate::one_stack::play;
use session_cleanup_tests::local_aws::eventually;
use session_cleanup_tests::world::{Api, Fault};
use std::time::{Duration, Instant};

#[test]
fn a_container_that_dies_in_the_middle_of_its_upload_is_not_taken_for_complete() {
    play(3, async |scene| {
        let dies = scene.session("dies-mid-upload").uploads_in(Duration::from_secs(3));
        let dies = scene.start(dies).await;
        scene.end(&dies).await;
        scene.until("the upload", |world| world.uploads_begun(&dies) == 1).await;
        scene.world.crash(&dies, 137);
        let call = format!("POST of http://{}:8080/session/complete", dies.address());
        scene.log_line(&["trying again", &call, "dies-mid-upload"]).await;
        // It had written its marker and then died: that is never `cleaned`, nor passed over.
        scene.receipt(&dies, "artifacts_unverified").await;
        assert!(!scene.world.has_completed(&dies));
        assert_eq!(scene.world.count(Api::StopTask), 0, "it has ended by itself");
    });
}

#[test]
fn connections_reset_by_the_container_are_tried_again_and_so_is_the_message() {
    play(4, async |scene| {
        scene.world.fault(Fault::on(Api::ContainerComplete).always().reset());
        let resets = scene.session("resets");
        let resets = scene.start(resets.uploads_in(Duration::from_millis(200))).await;
        scene.end(&resets).await;
        scene.receipt(&resets, "awaiting_salvage").await;
        let attempts = scene.world.completion_calls(&resets).len();
        assert!(attempts >= 2, "{attempts} attempts in one delivery");
        assert!(!scene.world.is_stopping(&resets), "its artifacts are not confirmed");
        assert!(scene.world.tags(&resets).contains_key("session-ended-at"));
        let call = format!("POST of http://{}:8080/session/complete", resets.address());
        scene.log_line(&["trying again", &call, "resets"]).await;
        scene.log_line(&["awaiting_salvage", "the event is delivered again", "resets"]).await;
        scene.world.faults_cease();
        scene.receipt(&resets, "cleaned").await;
        scene.assert_cleaned(&resets).await;
    });
}

#[test]
fn a_network_that_goes_in_the_middle_leaves_a_clear_line_and_a_message_that_is_retried() {
    play(5, async |scene| {
        let cut_off = scene.session("cut-off").uploads_in(Duration::from_secs(2));
        let cut_off = scene.start(cut_off).await;
        scene.end(&cut_off).await;
        scene.until("the upload", |world| world.uploads_begun(&cut_off) == 1).await;
        scene.network_goes();
        let call = format!("POST of http://{}:8080/session/complete", cut_off.address());
        scene.log_line(&["trying again", &call, "cut-off"]).await;
        scene.log_line(&["session not clean", "awaiting_salvage", "cut-off"]).await;
        assert_eq!(scene.world.count(Api::StopTask), 0, "nothing is known of its artifacts");
        scene.network_returns().await;
        scene.receipt(&cut_off, "cleaned").await;
        scene.assert_cleaned(&cut_off).await;
    });
}

#[test]
fn an_event_that_comes_while_ecs_is_away_waits_in_the_queue() {
    play(6, async |scene| {
        let waits = scene.session("waits-for-ecs").uploads_in(Duration::from_millis(200));
        let waits = scene.start(waits).await;
        scene.network_goes();
        scene.end(&waits).await;
        let parts = ["session not clean", "incomplete", "waits-for-ecs", "DescribeTasks"];
        scene.log_line(&parts).await;
        let depth = scene.stack().queue_depth().await.unwrap();
        assert_eq!(depth.waiting + depth.in_flight, 1, "{depth:?}");
        scene.network_returns().await;
        scene.receipt(&waits, "cleaned").await;
        scene.assert_cleaned(&waits).await;
    });
}

#[test]
fn a_function_that_is_killed_in_the_middle_is_followed_by_another() {
    play(7, async |scene| {
        let retried = scene.session("killed-function").uploads_in(Duration::from_secs(2));
        let retried = scene.start(retried).await;
        scene.end(&retried).await;
        scene.until("the upload", |world| world.uploads_begun(&retried) == 1).await;
        let killed = scene.aws().kill_functions().unwrap();
        assert!(killed >= 1, "no process of the function was found");
        assert_eq!(scene.world.count(Api::StopTask), 0);
        scene.receipt(&retried, "cleaned").await;
        scene.assert_cleaned(&retried).await;
    });
}

#[test]
fn an_emulator_that_is_killed_is_reported_and_never_waited_for() {
    play(8, async |scene| {
        let left = scene.session("power-cut").uploads_in(Duration::from_secs(4));
        let left = scene.start(left).await;
        scene.end(&left).await;
        scene.until("the upload", |world| world.uploads_begun(&left) == 1).await;
        let stack = scene.kill_the_emulator();
        let since = Instant::now();
        let waiting = eventually("a receipt", Duration::from_secs(30), async || {
            Ok(stack.ledger("receipts/").await?.into_values().next())
        });
        let error = waiting.await.unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains("ListObjectsV2"), "{error}");
        assert!(since.elapsed() < Duration::from_secs(10), "after {:?}", since.elapsed());
        assert_eq!(scene.world.count(Api::StopTask), 0, "the function died with it");
    });
}
