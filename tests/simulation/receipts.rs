//! Receipts: one for each task of a session, below the session's own prefix; and what the versions
//! before and after this one have written.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, function, function_with, open_intents, outcome,
    receipt, receive, report, sweeps,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Setup, World};
use std::time::Duration;

const EVERY_KIND_OF_CHARACTER: &str = "run-1:a+b=c@d.e_F";

#[tokio::test(start_paused = true)]
async fn an_id_of_every_kind_of_character_is_cleaned_and_has_its_receipt_below_its_own_prefix() {
    let world = World::new(Setup::default());
    let alice = world.session(EVERY_KIND_OF_CHARACTER).start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert_clean(&world, &alice);
    let key = format!("receipts/run-1%3Aa%2Bb%3Dc%40d.e_F/{}.json", alice.id());
    let receipt: Value = serde_json::from_slice(&world.object("ledger", &key).unwrap()).unwrap();
    assert_eq!(receipt["session_id"], EVERY_KIND_OF_CHARACTER);
    assert_eq!(receipt["version"], 1);
    let duplicate = report(&function(&world, "second"), &event).await;
    assert_eq!(outcome(&duplicate), "already_clean", "{duplicate:?}");
}

/// ECS deletes the tag with the task.
#[tokio::test(start_paused = true)]
async fn a_session_that_was_saved_before_spot_took_it_is_known_when_its_tag_is_gone() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().dying().start();
    let warning = world.task_event(&alice);
    assert!(deliver(&function(&world, "first"), &[warning]).await.is_empty());
    assert_eq!(receipt(&world, &alice).as_deref(), Some("cleaned"));
    tokio::time::sleep(Duration::from_mins(5)).await;
    let (context, metrics) = function_with(&world, "second", &[]);
    let stopped = report(&context, &world.task_event(&alice)).await;
    assert_eq!(outcome(&stopped), "already_clean", "{stopped:?}\n{}", world.history());
    assert!(!metrics.lock().unwrap().iter().any(|line| line.contains("\"ArtifactsLost\":1")));
    assert_unharmed(&world);
}

/// It is judged at once, and its end is told once more.
#[tokio::test(start_paused = true)]
async fn a_session_whose_task_was_over_before_it_could_be_saved_is_known_when_its_tag_is_gone() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().upload_never_works().dying().start();
    let warning = world.task_event(&alice);
    report(&function(&world, "first"), &warning).await.ok();
    assert_eq!(receipt(&world, &alice).as_deref(), Some("artifacts_lost"), "{}", world.history());
    tokio::time::sleep(Duration::from_mins(5)).await;
    let stopped = report(&function(&world, "second"), &world.task_event(&alice)).await;
    assert_eq!(outcome(&stopped), "already_clean", "{stopped:?}\n{}", world.history());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn only_what_a_tag_says_is_written_down_before_the_receipt() {
    for by_tag in [true, false] {
        let world = World::new(Setup::default());
        let session = world.session("alice");
        let alice = if by_tag { session.identified_by_tag() } else { session }.start();
        let event = world.session_ended_event(&alice, "completed");
        assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
        let name = format!("tasks/{}", alice.id());
        let calls = world.calls();
        let named = calls.iter().position(|call| call.is_about(&name));
        let recorded = calls.iter().position(|call| call.is_about("receipts/"));
        assert_eq!(named.is_some(), by_tag, "{}", world.history());
        assert!(named.is_none() || named < recorded, "{}", world.history());
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_of_the_version_before_still_tells_a_duplicate() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").stopped(137).start();
    let before = json!({ "session_id": "alice", "task_arn": alice.arn(), "outcome": "cleaned" });
    world.put_object("ledger", &format!("receipts/{}.json", alice.id()), before.to_string());
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "over"), &event).await), "already_clean");
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(outcome(&report(&function(&world, "gone"), &event).await), "already_clean");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_of_a_newer_version_ranks_and_one_that_is_not_understood_is_never_replaced() {
    for (said, expected) in [("cleaned", "already_clean"), ("archived", "incomplete")] {
        let world = World::new(Setup::default());
        let alice = world.session("alice").stopped(137).start();
        let newer = json!({ "version": 2, "session_id": "alice", "outcome": said }).to_string();
        world.put_object("ledger", &alice.receipt_key(), newer);
        let event = world.session_ended_event(&alice, "completed");
        assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), expected);
        assert_eq!(receipt(&world, &alice).as_deref(), Some(said));
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_of_a_newer_version_stays_until_that_version_is_back() {
    let world = World::new(Setup::default());
    let written_at = world.now() - Duration::from_hours(1);
    let newer = json!({ "version": 2, "written_at": written_at.to_string(), "entries": [] });
    world.put_object("ledger", "intents/1-newer.json", newer.to_string());
    sweeps(&world, "sweep", 2).await;
    assert_eq!(open_intents(&world), ["intents/1-newer.json"]);
}

#[tokio::test(start_paused = true)]
async fn a_403_costs_its_session_the_traffic_once_however_often_its_event_comes() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").answers_403().start();
    let event = world.session_ended_event(&alice, "completed");
    for received in 1..=4 {
        let context = function(&world, &format!("delivery-{received}"));
        assert_eq!(receive(&context, &event, received).await, [0]);
        tokio::time::sleep(Duration::from_mins(12)).await;
    }
    assert_eq!(world.count(Api::DeregisterTargets), 1, "{}", world.history());
    assert_eq!(world.completion_calls(&alice).len(), 1, "{}", world.history());
    let receipt = &world.receipts()[alice.id()];
    assert_eq!(receipt["outcome"], "rejected");
    assert_eq!(receipt["artifacts"], "wrong_container");
    assert_eq!(receipt["target"], "re_registered");
    assert!(world.registered("sessions").contains(&alice.address()));
    assert_unharmed(&world);
}
