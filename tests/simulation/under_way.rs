//! Uploads that take longer than an invocation: the container answers 202, and 200 once all is in S3.

use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, enforce, function, function_with,
    invoke_reaper, receipt, sweeps, task_in,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{
    Api, BodyShape, Fault, SessionBuilder, Setup, TaskHandle, World,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

fn uploads_for(world: &World, id: &str, time: Duration) -> SessionBuilder {
    world.session(id).answers_202().uploads_in(time)
}

/// The owner's event, once; whether it is done.
async fn ends(world: &World, session: &TaskHandle) -> bool {
    let event = world.session_ended_event(session, "completed");
    deliver(&function(world, &format!("completion-{}", session.session_id())), &[event])
        .await
        .is_empty()
}

fn salvage_failing_since<'a>(report: &'a Value, task: &TaskHandle) -> &'a Value {
    &task_in(report, task)["evidence"]["salvage_failing_since"]
}

#[tokio::test(start_paused = true)]
async fn a_202_acknowledges_the_event_once_the_task_is_tagged_and_leaves_it_running() {
    let world = World::new(Setup::default());
    let alice = uploads_for(&world, "alice", HOUR).start();
    let (context, metrics) = function_with(&world, "completion", &[]);
    let event = world.session_ended_event(&alice, "completed");
    assert!(deliver(&context, &[event]).await.is_empty(), "its event is done");
    assert_eq!(world.completion_calls(&alice).len(), 1, "{}", world.history());
    assert!(!world.is_stopping(&alice));
    assert!(!world.registered("sessions").contains(&alice.address()), "its traffic has ended");
    assert!(world.tags(&alice).contains_key("session-ended-at"));
    assert_eq!(receipt(&world, &alice).as_deref(), Some("awaiting_salvage"));
    assert_eq!(world.receipts()[alice.id()]["artifacts"], "under_way");
    let lines = metrics.lock().unwrap().concat();
    assert!(lines.contains("\"CleanupFailures\":0"), "{lines}");
    assert_unharmed(&world);
}

/// Its first line says it: what follows may break off, never come, or never end.
#[tokio::test(start_paused = true)]
async fn a_202_is_believed_whatever_becomes_of_the_rest_of_its_answer() {
    for shape in [BodyShape::BreaksOff, BodyShape::Endless, BodyShape::Slow(HOUR)] {
        let world = World::new(Setup::default());
        let alice = uploads_for(&world, "alice", HOUR).start();
        world.behaves(&alice, |container| container.body = shape);
        assert!(ends(&world, &alice).await, "{shape:?}: its event is done");
        assert_eq!(world.completion_calls(&alice).len(), 1, "{shape:?}\n{}", world.history());
        for report in sweeps(&world, "sweep", 12).await {
            assert_eq!(task_in(&report, &alice)["cleanup"]["artifacts"], "under_way", "{shape:?}");
        }
        assert!(!world.is_stopping(&alice), "{shape:?}");
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_of_an_hour_is_saved_by_the_sweeps_that_ask_again() {
    let world = World::new(Setup::default());
    let alice = uploads_for(&world, "alice", HOUR).start();
    assert!(ends(&world, &alice).await);
    for report in sweeps(&world, "sweep", 12).await {
        assert_eq!(task_in(&report, &alice)["row"], "T4 ended", "{report:#}");
        assert_eq!(task_in(&report, &alice)["cleanup"]["artifacts"], "under_way", "{report:#}");
        assert!(salvage_failing_since(&report, &alice).is_null(), "{report:#}");
        assert_eq!(report["counts"]["under_way"], 1);
    }
    sweeps(&world, "last", 2).await;
    assert_eq!(world.uploads_begun(&alice), 1);
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_202_whose_tag_is_refused_is_delivered_again() {
    let world = World::new(Setup::default());
    let alice = uploads_for(&world, "alice", HOUR).start();
    world.fault(Fault::on(Api::TagResource).always().denied());
    assert!(!ends(&world, &alice).await, "no sweep would know of it");
    assert_eq!(receipt(&world, &alice).as_deref(), Some("incomplete"));
    let notes = world.receipts()[alice.id()]["notes"].to_string();
    assert!(notes.contains("TagResource"), "{notes}");
    world.faults_cease();
    assert!(ends(&world, &alice).await);
    assert!(world.tags(&alice).contains_key("session-ended-at"));
    assert_unharmed(&world);
}

/// SIGKILL comes after its `stopTimeout`: no sweep will find it.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_told_to_stop_is_asked_again_within_the_invocation() {
    let world = World::new(Setup::default());
    let told = |session: SessionBuilder| session.stop_timeout(Duration::from_mins(2)).dying();
    let quick = told(uploads_for(&world, "quick", Duration::from_secs(12))).start();
    let slow = told(uploads_for(&world, "slow", HOUR)).start();
    assert!(ends(&world, &quick).await, "{}", world.history());
    assert_eq!(receipt(&world, &quick).as_deref(), Some("cleaned"));
    assert!(!ends(&world, &slow).await, "its item fails: the next delivery asks again");
    assert_eq!(receipt(&world, &slow).as_deref(), Some("awaiting_salvage"));
    assert!(world.completion_calls(&slow).len() > 1);
    assert_unharmed(&world);
}

/// What the container said last counts: half an hour without success begins after it.
#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_in_the_end_has_its_whole_window_from_the_last_202_on() {
    let world = World::new(Setup::default());
    let alice = uploads_for(&world, "alice", HOUR).start();
    assert!(ends(&world, &alice).await);
    sweeps(&world, "under-way", 11).await;
    world.behaves(&alice, |container| container.silent = true);
    let silent_since = world.now();
    let mut number = 0;
    while !world.is_stopping(&alice) {
        number += 1;
        assert!(number < 12, "it is never given up\n{}", world.history());
        enforce(&world, &format!("silent-{number}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    let after = world.now().duration_since(silent_since);
    assert!(after > jiff::SignedDuration::from_mins(30), "{after:?}");
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_unverified"));
    assert_unharmed(&world);
}

/// A sweep that the ledger fails is told of an upload under way, after six that asked in vain; then there is silence.
async fn told_202_and_silent(ledger: Fault) -> (World, TaskHandle) {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).upload_never_works().start();
    sweeps(&world, "failing", 6).await;
    world.behaves(&orphan, |container| {
        container.failing_uploads = 0;
        container.answers_202 = true;
        container.uploads_in = HOUR;
    });
    world.fault(ledger);
    enforce(&world, "told").await;
    world.faults_cease();
    world.behaves(&orphan, |container| container.silent = true);
    (world, orphan)
}

/// The sweep that was told of it could not read what was remembered, and so it could not remember that either.
#[tokio::test(start_paused = true)]
async fn a_202_counts_although_the_sweep_that_was_told_could_not_remember_it() {
    let ledger = Fault::on(Api::GetObject).of("suspects.json").always().denied();
    let (world, orphan) = told_202_and_silent(ledger).await;
    let told_at = world.now();
    for number in 1..12 {
        tokio::time::sleep(INTERVAL).await;
        if world.is_stopping(&orphan) {
            break;
        }
        enforce(&world, &format!("silent-{number}")).await;
    }
    assert!(world.is_stopping(&orphan), "it is never given up\n{}", world.history());
    let after = world.now().duration_since(told_at);
    assert!(after > jiff::SignedDuration::from_mins(30), "{after:?}\n{}", world.history());
    assert_unharmed(&world);
}

/// What was remembered counts, and what is on record does not have to say so, too.
#[tokio::test(start_paused = true)]
async fn a_202_that_could_not_be_put_on_record_is_remembered() {
    let ledger = Fault::on(Api::PutObject).of("receipts/").always().denied();
    let (world, orphan) = told_202_and_silent(ledger).await;
    tokio::time::sleep(INTERVAL).await;
    sweeps(&world, "silent", 5).await;
    assert!(!world.is_stopping(&orphan), "{}", world.history());
    assert_unharmed(&world);
}

/// A container that says so for ever must not live for ever.
#[tokio::test(start_paused = true)]
async fn beyond_the_hard_age_and_the_window_a_202_keeps_nothing() {
    let world = World::new(Setup::default());
    let endless = uploads_for(&world, "endless", HOUR * 100);
    let endless = endless.started_ago(HOUR * 23).ended_by_owner().start();
    world.set_tag(&endless, "session-ended-at", &world.now().to_string());
    sweeps(&world, "young", 18).await;
    assert!(!world.is_stopping(&endless), "{}", world.history());
    sweeps(&world, "old", 3).await;
    assert!(world.is_stopping(&endless), "{}", world.history());
    assert_unharmed(&world);
}

/// An orphan by our inference may be alive: it keeps its traffic until its upload is whole.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_answers_202_keeps_its_target_until_it_answers_200() {
    let world = World::new(Setup::default());
    let old = uploads_for(&world, "old", INTERVAL + INTERVAL / 2).started_ago(HOUR * 3).start();
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_in(&report, &old)["action"], "tried", "{report:#}");
    assert!(world.registered("sessions").contains(&old.address()));
    assert!(world.tags(&old).is_empty(), "our inference leaves no tag");
    tokio::time::sleep(INTERVAL).await;
    sweeps(&world, "later", 2).await;
    assert_clean(&world, &old);
}

/// A first question may be one too many; the ones after a 202 are what the container waits for.
#[tokio::test(start_paused = true)]
async fn uploads_that_are_known_to_be_under_way_use_up_no_blast_radius() {
    let world = World::new(Setup::default());
    let uploading: Vec<_> =
        (0..8).map(|n| uploads_for(&world, &format!("up-{n}"), HOUR).start()).collect();
    for session in &uploading {
        assert!(ends(&world, session).await);
    }
    let limited = async |caller: &str| {
        let context = function_with(&world, caller, &[("BLAST_RADIUS_AT_LEAST", "3")]).0;
        let swept = invoke_reaper(&context, &json!({"mode": "enforce"})).await;
        tokio::time::sleep(INTERVAL).await;
        swept
    };
    // Who has waited longest comes first: three, three, and the last two with all that are known.
    for (asked, caller) in [(3, "first"), (3, "second"), (8, "third")] {
        let swept = limited(caller).await;
        assert_eq!(swept["counts"]["under_way"], asked, "{swept:#}");
    }
    let nearly_old = |n| world.session(&format!("old-{n}")).started_ago(Duration::from_mins(115));
    let old: Vec<_> = (0..3).map(|n| nearly_old(n).start()).collect();
    tokio::time::sleep(INTERVAL * 2).await;
    let swept = limited("fourth").await;
    assert_eq!(swept["counts"]["under_way"], 8, "{swept:#}");
    assert!(old.iter().all(|task| world.is_stopping(task)), "{swept:#}");
    assert_eq!(swept["warnings"], json!([]));
    assert!(task_in(&swept, &uploading[0])["evidence"]["under_way_at"].is_string(), "{swept:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_202_confirms_nothing_even_where_the_marker_is_there() {
    let world = World::new(Setup::default());
    let alice = uploads_for(&world, "alice", HOUR).start();
    assert!(ends(&world, &alice).await);
    assert!(world.object("artifacts", "alice/debug/session_status.json").is_some());
    enforce(&world, "sweep").await;
    assert!(!world.is_stopping(&alice), "{}", world.history());
    assert_unharmed(&world);
}

/// What a 500 would do: the event comes again, and is dead-lettered with an alarm in the end.
#[tokio::test(start_paused = true)]
async fn a_202_of_a_protected_task_is_delivered_again_for_no_sweep_would_ask() {
    let world = World::new(Setup::default());
    let session = uploads_for(&world, "kept", Duration::from_mins(8));
    let kept = session.tag("cleanup-protection", "true").start();
    assert!(!ends(&world, &kept).await);
    assert_eq!(receipt(&world, &kept).as_deref(), Some("incomplete"));
    let notes = world.receipts()[kept.id()]["notes"].to_string();
    assert!(notes.contains("cleanup-protection"), "{notes}");
    tokio::time::sleep(Duration::from_mins(9)).await;
    assert!(ends(&world, &kept).await);
    assert_clean(&world, &kept);
}

/// Sweeps keep a target until the upload is whole: requests would reach an ended session for hours.
#[tokio::test(start_paused = true)]
async fn a_202_whose_target_is_not_gone_is_delivered_again() {
    let world = World::new(Setup::default());
    let alice = uploads_for(&world, "alice", HOUR).start();
    world.fault(Fault::on(Api::DeregisterTargets).always().throttled());
    assert!(!ends(&world, &alice).await);
    assert_eq!(receipt(&world, &alice).as_deref(), Some("incomplete"));
    world.faults_cease();
    assert!(ends(&world, &alice).await);
    assert_eq!(receipt(&world, &alice).as_deref(), Some("awaiting_salvage"));
    assert!(!world.registered("sessions").contains(&alice.address()));
    assert_unharmed(&world);
}
