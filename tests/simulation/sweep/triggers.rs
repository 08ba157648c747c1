//! What makes the reaper sweep, and what it refuses.

use super::crowd::{ACTS, HOUR, calls_of, metric};
use crate::invoke::{assert_unharmed, function_with, invoke_reaper};
use serde_json::{Value, json};
use session_cleanup_histories::triggers;
use session_cleanup_tests::world::{Setup, TaskHandle, World};

const AT: &str = "2026-11-02T09:00:00Z";

fn scheduled() -> Value {
    triggers::scheduled(AT)
}

fn alarm(state: &str) -> Value {
    triggers::alarm(state, AT)
}

fn with_orphan() -> (World, TaskHandle) {
    let world = World::new(Setup::default());
    world.session("live").start();
    let orphan = world.session("orphan").started_ago(HOUR * 3).start();
    (world, orphan)
}

/// The answer, and whether the orphan was stopped.
async fn invoked(mode: &str, payload: &Value) -> (Value, bool) {
    let (world, orphan) = with_orphan();
    let (context, _) = function_with(&world, "reaper", &[("REAPER_MODE", mode)]);
    let answer = invoke_reaper(&context, payload).await;
    assert_unharmed(&world);
    (answer, world.is_stopping(&orphan))
}

#[tokio::test(start_paused = true)]
async fn the_schedule_acts_as_the_configured_mode_says() {
    let (report, stopped) = invoked("report", &scheduled()).await;
    assert_eq!((&report["trigger"], &report["mode"]), (&json!("schedule"), &json!("report")));
    assert!(!stopped && report["tasks"][0]["action"] == "would_act", "{report:#}");
    let (report, stopped) = invoked("enforce", &scheduled()).await;
    assert_eq!(report["mode"], "enforce");
    assert!(stopped && report["tasks"][0]["action"] == "acted", "{report:#}");
}

#[tokio::test(start_paused = true)]
async fn without_a_configured_mode_the_schedule_only_reports() {
    let (world, orphan) = with_orphan();
    let (context, _) = function_with(&world, "reaper", &[]);
    let report = invoke_reaper(&context, &scheduled()).await;
    assert_eq!(report["mode"], "report");
    assert_eq!(calls_of(&world, &ACTS), 0);
    assert!(!world.is_stopping(&orphan));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_makes_a_sweep_at_once_in_the_configured_mode_and_is_named() {
    for (mode, acts) in [("report", false), ("enforce", true)] {
        let (report, stopped) = invoked(mode, &alarm("ALARM")).await;
        assert_eq!(report["trigger"], json!({ "alarm": "cleanups-fail" }), "{report:#}");
        assert_eq!(report["mode"], mode);
        assert_eq!(stopped, acts);
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_ends_is_acknowledged_without_a_call() {
    for state in ["OK", "INSUFFICIENT_DATA"] {
        let (world, orphan) = with_orphan();
        let (context, _) = function_with(&world, "reaper", &[("REAPER_MODE", "enforce")]);
        let answer = invoke_reaper(&context, &alarm(state)).await;
        assert_eq!(answer["outcome"], "out_of_scope", "{answer}");
        assert!(answer["reason"].as_str().unwrap().contains(state));
        assert!(world.calls().is_empty(), "{}", world.history());
        assert!(!world.is_stopping(&orphan));
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_invocations_mode_overrides_the_configured_one() {
    let (report, stopped) = invoked("enforce", &json!({ "mode": "report" })).await;
    assert_eq!((&report["trigger"], &report["mode"]), (&json!("direct"), &json!("report")));
    assert!(!stopped);
    let (report, stopped) = invoked("report", &json!({ "mode": "enforce" })).await;
    assert_eq!(report["mode"], "enforce");
    assert!(stopped);
}

#[tokio::test(start_paused = true)]
async fn anything_else_is_an_error_that_names_the_field_and_makes_no_call() {
    let mut wrong_source = scheduled();
    wrong_source["source"] = json!("my.app");
    let mut no_source = scheduled();
    no_source.as_object_mut().unwrap().remove("source");
    let mut no_state = alarm("ALARM");
    no_state["detail"].as_object_mut().unwrap().remove("state");
    let mut no_name = alarm("ALARM");
    no_name["detail"].as_object_mut().unwrap().remove("alarmName");
    let mut another = scheduled();
    another["detail-type"] = json!("Session Ended");
    let refused = [
        (json!({}), "mode"),
        (json!({ "mode": "Enforce" }), "mode"),
        (json!({ "mode": true }), "mode"),
        (json!({ "mode": null }), "mode"),
        (json!({ "mode": "enforce", "dry_run": true }), "dry_run"),
        (json!({ "Records": [] }), "Records"),
        (another, "detail-type"),
        (json!({ "detail-type": 7 }), "detail-type"),
        (wrong_source, "source"),
        (no_source, "source"),
        (alarm("alarm"), "detail.state.value"),
        (no_state, "detail.state"),
        (no_name, "detail.alarmName"),
    ];
    for (payload, field) in refused {
        let (world, _) = with_orphan();
        let (context, metrics) = function_with(&world, "reaper", &[("REAPER_MODE", "enforce")]);
        let answer = invoke_reaper(&context, &payload).await;
        let error = answer["error"].as_str().unwrap_or("none");
        assert!(error.contains(&format!("`{field}`")), "{payload}: {answer}");
        assert!(world.calls().is_empty(), "{}", world.history());
        assert_eq!(metric(&metrics, "EventsRefused"), 1);
    }
    for payload in [json!(null), json!([]), json!("enforce"), json!(1)] {
        let (world, _) = with_orphan();
        let answer = invoke_reaper(&function_with(&world, "reaper", &[]).0, &payload).await;
        assert!(answer["error"].is_string(), "{payload}: {answer}");
        assert!(world.calls().is_empty());
    }
}
