//! What we can't read is not lost: the container has said that everything is in S3, and S3 does not let
//! us see its marker.

use crate::invoke::{
    INTERVAL, MetricLines, assert_clean, assert_unharmed, deliver, enforce, function,
    function_with, outcome, receipt, report, sweeps,
};
use serde_json::Value;
use session_cleanup_tests::world::{Api, Fault, Setup, World};
use std::time::Duration;

fn unreadable() -> [Fault; 4] {
    let head = || Fault::on(Api::HeadObject).always();
    [head().denied(), head().server_error(), head().refused(), head().reset()]
}

fn counted(lines: &MetricLines, metric: &str) -> u64 {
    let lines = lines.lock().unwrap();
    let parsed = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    parsed.filter_map(|line| line[metric].as_u64()).sum()
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_cannot_be_read_is_no_loss_and_has_a_metric_of_its_own_at_once() {
    for fault in unreadable() {
        let world = World::new(Setup::default());
        let alice = world.session("alice").start();
        let event = world.session_ended_event(&alice, "completed");
        world.fault(fault.clone());
        let (context, metrics) = function_with(&world, "completion", &[]);
        let answer = report(&context, &event).await;
        assert_eq!(outcome(&answer), "awaiting_salvage", "{fault:?} {answer:?}");
        let artifacts = answer.unwrap_err()["artifacts"].as_str().unwrap().to_owned();
        assert!(artifacts.starts_with("unreadable: "), "{artifacts}");
        assert_eq!(counted(&metrics, "ArtifactsUnreadable"), 1, "people should know");
        assert!(!world.is_stopping(&alice));
        world.faults_cease();
        enforce(&world, "sweep").await;
        assert_clean(&world, &alice);
    }
}

/// The window passes: the task does not live for ever, and nothing is called lost.
#[tokio::test(start_paused = true)]
async fn what_stays_unreadable_ends_as_unverified_and_not_as_lost() {
    for fault in unreadable() {
        let world = World::new(Setup::default());
        let alice = world.session("alice").start();
        let event = world.session_ended_event(&alice, "completed");
        world.fault(fault.clone());
        deliver(&function(&world, "completion"), &[event]).await;
        sweeps(&world, "sweep", 8).await;
        assert!(world.is_stopping(&alice), "{fault:?}");
        assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_unverified"), "{fault:?}");
        let last = &world.receipts()[alice.id()];
        assert_eq!(last["task"], "stopped", "the last word is that of the stop: {last:#}");
        assert_eq!(last["target"], "gone", "{last:#}");
        assert_unharmed(&world);
    }
}

/// A dead task with a marker is unverified, and one that was given up with a marker as well.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_given_up_while_its_marker_is_there_is_unverified() {
    for (marker_before_failure, expected) in
        [(true, "artifacts_unverified"), (false, "artifacts_lost")]
    {
        let world = World::new(Setup::default());
        let alice = world.session("alice").upload_fails(u32::MAX);
        let alice =
            alice.behaves(|container| container.marker_before_failure = marker_before_failure);
        let alice = alice.start();
        let event = world.session_ended_event(&alice, "completed");
        deliver(&function(&world, "completion"), &[event]).await;
        let mut lost = 0;
        for number in 1..=8 {
            let (context, metrics) = function_with(&world, &format!("sweep-{number}"), &[]);
            let payload = serde_json::json!({ "mode": "enforce" });
            crate::invoke::invoke_reaper(&context, &payload).await;
            lost += counted(&metrics, "ArtifactsLost");
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(world.is_stopping(&alice));
        assert_eq!(receipt(&world, &alice).as_deref(), Some(expected));
        assert_eq!(lost, u64::from(expected == "artifacts_lost"));
        assert_unharmed(&world);
    }
}

/// S3 says where the bucket is, once; the SDK does not follow, and we do.
#[tokio::test(start_paused = true)]
async fn an_artifact_bucket_in_another_region_is_asked_there() {
    for wrong_region in [301, 307, 400] {
        let artifact_region = Some("eu-central-1".to_owned());
        let world = World::new(Setup { artifact_region, wrong_region, ..Setup::default() });
        let context = function(&world, "completion");
        for id in ["alice", "bob"] {
            let session = world.session(id).start();
            let event = world.session_ended_event(&session, "completed");
            let answer = report(&context, &event).await;
            assert_eq!(outcome(&answer), "cleaned", "{wrong_region}: {answer:?}");
            assert_clean(&world, &session);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(world.count(Api::HeadObject), 3, "one answer is enough: {}", world.history());
    }
}

/// Several ask before any of them knows where it is.
#[tokio::test(start_paused = true)]
async fn a_batch_finds_out_together_that_its_artifact_bucket_is_in_another_region() {
    let artifact_region = Some("eu-central-1".to_owned());
    let world = World::new(Setup { artifact_region, ..Setup::default() });
    let old = |n| world.session(&format!("s-{n}")).started_ago(Duration::from_hours(3)).start();
    let orphans: Vec<_> = (0..3).map(old).collect();
    // A sweep asks once.
    sweeps(&world, "sweep", 1).await;
    for orphan in &orphans {
        assert!(world.is_stopping(orphan), "{}", world.history());
    }
    assert_unharmed(&world);
}

/// The container has said 200, and S3 does not answer in time.
#[tokio::test(start_paused = true)]
async fn a_marker_whose_answer_does_not_come_is_unreadable() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::HeadObject).always().hangs());
    let event = world.session_ended_event(&alice, "completed");
    let report = report(&function(&world, "completion"), &event).await.unwrap_err();
    assert!(report["artifacts"].as_str().unwrap().starts_with("unreadable"), "{report:#}");
    assert!(!world.is_stopping(&alice));
    assert_unharmed(&world);
}

/// The container encrypts what it uploads with a key that nobody else has: no permission helps.
#[tokio::test(start_paused = true)]
async fn a_marker_that_only_its_container_can_read_is_unreadable_and_ends_as_unverified() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").encrypts().start();
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "awaiting_salvage", "{answer:?}");
    sweeps(&world, "sweep", 8).await;
    assert!(world.is_stopping(&alice));
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_unverified"));
    assert_unharmed(&world);
}
