//! Containers behind a token: it is told to the container alone, and shown to nobody.

use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, function, function_with, invoke_reaper,
    receipt,
};
use serde_json::json;
use session_cleanup_tests::world::{Api, Setup, World};
use std::time::Duration;

const SECRET: &str = "Bearer s3cr3t-0f-the-fleet";
const CONFIGURED: [(&str, &str); 1] = [("CONTAINER_AUTHORIZATION", SECRET)];

/// Everything that a function leaves behind where people can see it.
fn left_behind(world: &World) -> String {
    let ledger = world.keys("ledger").into_iter().filter_map(|key| world.object("ledger", &key));
    let ledger = ledger.map(|body| String::from_utf8_lossy(&body).into_owned());
    ledger.collect::<Vec<_>>().join("\n")
}

/// How many calls of a kind carried the header.
fn authorized(world: &World, api: Api) -> usize {
    let calls = world.calls().into_iter().filter(|call| call.api == api);
    calls.filter(|call| call.is_about("with authorization")).count()
}

#[tokio::test(start_paused = true)]
async fn a_container_behind_a_token_is_told_the_configured_one() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").authorized_by(SECRET).start();
    let bob = world.session("bob").authorized_by(SECRET).started_ago(Duration::from_hours(3));
    let bob = bob.start();
    let event = world.session_ended_event(&alice, "completed");
    let (completion, _) = function_with(&world, "completion", &CONFIGURED);
    assert!(deliver(&completion, &[event]).await.is_empty());
    assert_clean(&world, &alice);
    let (reaper, _) = function_with(&world, "reaper", &CONFIGURED);
    invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
    assert_clean(&world, &bob);
}

#[tokio::test(start_paused = true)]
async fn without_the_token_the_receipt_says_what_the_container_answered() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").authorized_by(SECRET).start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(deliver(&function(&world, "completion"), &[event]).await, [0]);
    assert!(left_behind(&world).contains("the container answered HTTP 401"));
    assert!(!world.is_stopping(&alice), "{}", world.history());
    assert_unharmed(&world);
}

/// Frameworks in their debug modes answer with the whole request, headers and all.
#[tokio::test(start_paused = true)]
async fn a_container_that_quotes_the_token_puts_it_into_no_receipt_report_or_metric() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").quotes_requests().start();
    let old = world.session("old").quotes_requests().started_ago(Duration::from_hours(3)).start();
    let event = world.session_ended_event(&alice, "completed");
    let (completion, metrics) = function_with(&world, "completion", &CONFIGURED);
    assert_eq!(deliver(&completion, &[event]).await, [0]);
    let (reaper, more) = function_with(&world, "reaper", &CONFIGURED);
    let report = invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
    let lines = [metrics.lock().unwrap().concat(), more.lock().unwrap().concat()].concat();
    for shown in [left_behind(&world), report.to_string(), lines] {
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
    assert!(left_behind(&world).contains("the container answered HTTP 500"));
    assert!(!world.is_stopping(&old), "{}", world.history());
    assert_eq!(receipt(&world, &old).as_deref(), Some("awaiting_salvage"));
    assert_unharmed(&world);
}

/// Nobody knows who answers at the address of a dead target.
#[tokio::test(start_paused = true)]
async fn a_probe_tells_the_token_to_nobody() {
    let world = World::new(Setup::default());
    let unrouted = world.session("unrouted").unregistered().started_ago(Duration::from_mins(20));
    unrouted.authorized_by(SECRET).start();
    let (reaper, _) = function_with(&world, "reaper", &CONFIGURED);
    invoke_reaper(&reaper, &json!({"mode": "report"})).await;
    assert_eq!(world.count(Api::ContainerHealth), 1, "{}", world.history());
    assert_eq!(authorized(&world, Api::ContainerHealth), 0, "{}", world.history());
    let old = world.session("old").authorized_by(SECRET).started_ago(Duration::from_hours(3));
    old.start();
    let (reaper, _) = function_with(&world, "reaper-2", &CONFIGURED);
    invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
    assert_eq!(authorized(&world, Api::ContainerComplete), 1);
    assert_eq!(authorized(&world, Api::ContainerHealth), 0, "{}", world.history());
    assert_unharmed(&world);
}

/// Somebody has changed the secret, and the functions have yesterday's: our failure, and no session's loss.
#[tokio::test(start_paused = true)]
async fn a_401_to_the_configured_token_is_no_question_in_vain_and_gives_nothing_up() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").authorized_by("Bearer of-tomorrow").start();
    let event = world.session_ended_event(&alice, "completed");
    let (completion, _) = function_with(&world, "completion", &CONFIGURED);
    assert_eq!(deliver(&completion, &[event]).await, [0], "its event comes again");
    assert!(world.tags(&alice).contains_key("session-ended-at"));
    for number in 1..=12 {
        let (reaper, metrics) = function_with(&world, &format!("reaper-{number}"), &CONFIGURED);
        let report = invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
        assert!(report["warnings"].to_string().contains("not_asked"), "{report:#}");
        assert!(report.to_string().contains("CONTAINER_AUTHORIZATION"), "{report:#}");
        let lines = metrics.lock().unwrap().concat();
        assert!(lines.contains("\"ContainersNotAsked\":1"), "it has an alarm: {lines}");
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(!world.is_stopping(&alice), "{}", world.history());
    world.behaves(&alice, |container| container.authorization = Some(SECRET.to_owned()));
    let (reaper, _) = function_with(&world, "reaper-at-last", &CONFIGURED);
    invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
    assert_clean(&world, &alice);
}

/// A framework's 403 to a bad token can't be told from another session's: it is kept as long as that is, with an
/// alarm, and saved once the token is right.
#[tokio::test(start_paused = true)]
async fn a_403_to_a_bad_token_keeps_the_task_and_rings() {
    let world = World::new(Setup::default());
    let old = world.session("old").authorized_by("Bearer of-tomorrow");
    let old = old.behaves(|container| container.refuses_with = 403);
    let old = old.started_ago(Duration::from_hours(3)).start();
    for number in 1..=12 {
        let (reaper, metrics) = function_with(&world, &format!("reaper-{number}"), &CONFIGURED);
        invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
        let lines = metrics.lock().unwrap().concat();
        assert!(lines.contains("\"TasksReused\":1"), "it has an alarm: {lines}");
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(!world.is_stopping(&old), "{}", world.history());
    world.behaves(&old, |container| container.authorization = Some(SECRET.to_owned()));
    let (reaper, _) = function_with(&world, "reaper-at-last", &CONFIGURED);
    invoke_reaper(&reaper, &json!({"mode": "enforce"})).await;
    assert_clean(&world, &old);
}
