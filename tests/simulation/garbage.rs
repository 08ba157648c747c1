//! Garbage on the queue: each piece fails alone, and the rest of its batch is cleaned.

use crate::invoke::{assert_clean, deliver_bodies, function_with, report};
use serde_json::json;
use session_cleanup_tests::world::{Setup, World};

#[tokio::test(start_paused = true)]
async fn garbage_never_keeps_the_rest_of_its_batch_from_being_cleaned() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let good = world.session_ended_event(&alice, "completed");
    let with = |field: &str, value: serde_json::Value| {
        let mut event = good.clone();
        event["detail"][field] = value;
        event.to_string()
    };
    let mut unknown = good.clone();
    unknown["detail-type"] = json!("Session Paused");
    let mut foreign = good.clone();
    foreign["source"] = json!("someone.else");
    let mut no_time = good.clone();
    no_time.as_object_mut().unwrap().remove("time");
    let bodies = vec![
        String::new(),
        "not json".to_owned(),
        "null".to_owned(),
        "[1, 2".to_owned(),
        "{}".to_owned(),
        json!({ "detail": { "session_id": "alice" } }).to_string(),
        with("session_id", json!(7)),
        with("session_id", json!("a/b")),
        with("session_id", json!("..")),
        with("session_id", json!("")),
        with("session_id", json!("x".repeat(129))),
        with("task_arn", json!("arn:aws:ecs:us-east-1:000000000000:task/sessions/../../x")),
        with("task_arn", json!({ "arn": true })),
        with("reason", json!("bored")),
        with("request_id", json!(["r"])),
        unknown.to_string(),
        foreign.to_string(),
        no_time.to_string(),
        with("session_id", json!("x".repeat(300 * 1024))),
        format!("{{\"padding\": \"{}\"}}", "x".repeat(300 * 1024)),
        "[".repeat(200_000),
        format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)),
        "\u{0}\u{feff}{\"detail\":1}".to_owned(),
        good.to_string(),
    ];
    let last = bodies.len() - 1;
    let (context, metrics) = function_with(&world, "completion", &[]);
    let failed = deliver_bodies(&context, &bodies).await;
    assert_eq!(failed, (0..last).collect::<Vec<_>>(), "every piece of garbage, and nothing else");
    assert_clean(&world, &alice);
    let refused =
        metrics.lock().unwrap().iter().filter(|l| l.contains("\"EventsRefused\":1")).count();
    assert_eq!(refused, last, "each has its metric");
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_ignored_and_addresses_are_never_taken_from_events() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let bob = world.session("bob").start();
    let mut event = world.session_ended_event(&alice, "completed");
    event["detail"]["container_ip"] = json!(bob.address().to_string());
    event["detail"]["target_group_arn"] = json!("arn:aws:whatever");
    event["detail"]["since_version"] = json!(9);
    report(&function_with(&world, "completion", &[]).0, &event).await.unwrap();
    assert_clean(&world, &alice);
    assert!(world.is_live(&bob));
    assert_eq!(world.completion_calls(&bob).len(), 0);
    assert!(world.registered("sessions").contains(&bob.address()));
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_is_no_event_at_all_is_an_error_that_names_the_field() {
    let world = World::new(Setup::default());
    let context = function_with(&world, "completion", &[]).0;
    for (payload, field) in [
        (json!({ "Records": 7 }), "Records"),
        (json!({ "Records": [{ "body": 7 }] }), "Records"),
        (json!("hello"), "body"),
        (json!({ "source": "aws.events" }), "time"),
    ] {
        let error = report(&context, &payload).await.unwrap_err()["error"].to_string();
        assert!(error.contains(&format!("`{field}`")), "{payload}: {error}");
    }
    assert_eq!(world.calls().len(), 0);
}
