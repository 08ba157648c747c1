//! What the reaper is invoked with.

use super::*;
use crate::config::SweepMode;
use crate::session::ClusterName;

/// Its sample events.
pub(super) const SAMPLES: [&str; 6] = [
    "sweep-report.json",
    "sweep-enforce.json",
    "sweep-force-cluster.json",
    "sweep-plan.json",
    "schedule.json",
    "alarm-state-change.json",
];

/// A minute after `created_before` of the sample.
const NOW: &str = "2026-11-24T10:31:00Z";

fn sample(name: &str) -> Value {
    assert!(SAMPLES.contains(&name), "{name} is none of the samples");
    let path = format!("{}/../events/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn parse(payload: &Value) -> Result<ReaperEvent, EventError> {
    ReaperEvent::parse(payload, &config(), NOW.parse().unwrap())
}

/// A sample with one value replaced or added.
fn with(name: &str, path: &str, value: Value) -> Value {
    let mut event = sample(name);
    let (parent, field) = path.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[field] = value;
    event
}

fn without(name: &str, field: &str) -> Value {
    let mut event = sample(name);
    event.as_object_mut().unwrap().remove(field).unwrap();
    event
}

fn refused(payload: &Value) -> EventError {
    parse(payload).expect_err(&payload.to_string())
}

fn sweep(trigger: Trigger, mode: SweepMode, force: Option<ForceCluster>) -> ReaperEvent {
    ReaperEvent::Sweep(SweepRequest { trigger, mode, force, plan: None })
}

#[test]
fn a_direct_invocation_sweeps_in_the_mode_that_it_names() {
    let report = sweep(Trigger::Direct, SweepMode::Report, None);
    assert_eq!(parse(&sample("sweep-report.json")), Ok(report));
    let enforce = sweep(Trigger::Direct, SweepMode::Enforce, None);
    assert_eq!(parse(&sample("sweep-enforce.json")), Ok(enforce));
}

#[test]
fn a_plan_names_a_stored_report_and_comes_with_enforce_alone() {
    let plan = |order: Value| refused(&order).to_string();
    let key = "sweeps/1795678474-d7d7bdbc9ba83897.json";
    let parsed = parse(&sample("sweep-plan.json")).unwrap();
    let ReaperEvent::Sweep(request) = parsed else { panic!("{parsed:?}") };
    assert_eq!(request.plan.unwrap().as_str(), key);
    for bad in
        ["", "suspects.json", "sweeps/.json", "sweeps/../intents/x.json", "receipts/a/b.json"]
    {
        assert!(plan(json!({"mode": "enforce", "plan": bad})).contains("`plan`"), "{bad}");
    }
    assert!(plan(json!({"mode": "enforce", "plan": null})).contains("it is null"));
    assert!(plan(json!({"mode": "enforce", "force_cluster": null})).contains("it is null"));
    assert!(plan(json!({"mode": "report", "plan": key})).contains("enforce only"));
    let mut forced = sample("sweep-force-cluster.json");
    forced["plan"] = json!(key);
    assert!(plan(forced).contains("force_cluster"));
}

#[test]
fn an_order_names_a_configured_cluster_and_a_time_just_past() {
    let force = ForceCluster {
        cluster: ClusterName::parse("sessions").unwrap(),
        created_before: "2026-11-24T10:30:00Z".parse().unwrap(),
    };
    let expected = sweep(Trigger::Direct, SweepMode::Enforce, Some(force));
    assert_eq!(parse(&sample("sweep-force-cluster.json")), Ok(expected));
}

#[test]
fn the_schedule_and_an_alarm_sweep_in_the_configured_mode() {
    let by_schedule = sweep(Trigger::Schedule, SweepMode::Report, None);
    assert_eq!(parse(&sample("schedule.json")), Ok(by_schedule));
    let alarm = "fargate-session-cleanup-CleanupFailuresAlarm-1A2B3C4D5E6F".to_owned();
    let by_alarm = sweep(Trigger::Alarm(alarm), SweepMode::Report, None);
    assert_eq!(parse(&sample("alarm-state-change.json")), Ok(by_alarm));
    let mut enforcing = config();
    enforcing.sweep.mode = SweepMode::Enforce;
    let parsed = ReaperEvent::parse(&sample("schedule.json"), &enforcing, NOW.parse().unwrap());
    assert_eq!(parsed, Ok(sweep(Trigger::Schedule, SweepMode::Enforce, None)));
}

#[test]
fn an_alarm_that_ends_is_acknowledged_without_a_sweep() {
    for state in ["OK", "INSUFFICIENT_DATA"] {
        let event = with("alarm-state-change.json", "/detail/state/value", json!(state));
        assert!(matches!(parse(&event), Ok(ReaperEvent::OutOfScope { .. })), "{state}");
    }
}

#[test]
fn the_mode_of_a_direct_invocation_must_be_said_and_known() {
    for payload in [
        json!({}),
        without("sweep-report.json", "mode"),
        with("sweep-report.json", "/mode", json!("dry-run")),
        with("sweep-report.json", "/mode", json!("Enforce")),
        with("sweep-report.json", "/mode", json!(true)),
    ] {
        assert_eq!(refused(&payload).field, "mode", "{payload}");
    }
}

#[test]
fn a_misspelt_order_does_not_become_another_one() {
    let payload = with("sweep-enforce.json", "/force-cluster", json!({"cluster": "sessions"}));
    assert_eq!(refused(&payload).field, "force-cluster");
    let misspelt = "/force_cluster/created_befor";
    let payload = with("sweep-force-cluster.json", misspelt, json!("2026-11-24T10:30:00Z"));
    assert_eq!(refused(&payload).field, "force_cluster.created_befor");
}

#[test]
fn an_order_is_refused_unless_it_is_whole_and_enforced() {
    let order = |path: &str, value: Value| with("sweep-force-cluster.json", path, value);
    for (payload, field) in [
        (order("/mode", json!("report")), "force_cluster"),
        (order("/force_cluster", json!("sessions")), "force_cluster"),
        (order("/force_cluster", json!({})), "force_cluster.cluster"),
        (order("/force_cluster/cluster", json!("elsewhere")), "force_cluster.cluster"),
        (order("/force_cluster/cluster", json!("a b")), "force_cluster.cluster"),
        (order("/force_cluster/cluster", json!(["sessions"])), "force_cluster.cluster"),
        (order("/force_cluster/created_before", json!(null)), "force_cluster.created_before"),
        (order("/force_cluster/created_before", json!("now")), "force_cluster.created_before"),
        (order("/force_cluster/created_before", json!(1_795_000)), "force_cluster.created_before"),
    ] {
        assert_eq!(refused(&payload).field, field, "{payload}");
    }
}

#[test]
fn created_before_lies_at_most_fifteen_minutes_back_and_never_ahead() {
    let at = |time: &str| {
        parse(&with("sweep-force-cluster.json", "/force_cluster/created_before", json!(time)))
    };
    for taken in ["2026-11-24T10:31:00Z", "2026-11-24T10:16:00Z", "2026-11-24T11:20:00+01:00"] {
        assert!(at(taken).is_ok(), "{taken}: {:?}", at(taken));
    }
    for (refused, why) in [
        ("2026-11-24T10:31:00.001Z", "future"),
        ("2026-11-24T10:15:59.999Z", "15 minutes"),
        ("2025-11-24T10:30:00Z", "15 minutes"),
    ] {
        let error = at(refused).expect_err(refused);
        assert_eq!(error.field, "force_cluster.created_before");
        assert!(error.problem.contains(why), "{refused}: {error}");
    }
}

#[test]
fn an_event_of_aws_that_is_not_as_aws_sends_it_is_refused() {
    let alarm = |path: &str, value: Value| with("alarm-state-change.json", path, value);
    for (event, field) in [
        (alarm("/detail/state/value", json!("PANIC")), "detail.state.value"),
        (alarm("/detail/state/value", json!(1)), "detail.state.value"),
        (alarm("/detail/state/value", json!(null)), "detail.state.value"),
        (alarm("/detail/state", json!(null)), "detail.state"),
        (alarm("/detail/alarmName", json!(null)), "detail.alarmName"),
        (alarm("/detail", json!(null)), "detail"),
        (alarm("/source", json!("aws.events")), "source"),
        (alarm("/source", json!(null)), "source"),
        (alarm("/detail-type", json!("ECS Task State Change")), "detail-type"),
        (alarm("/detail-type", json!(7)), "detail-type"),
        (with("schedule.json", "/source", json!("aws.cloudwatch")), "source"),
        (with("schedule.json", "/source", json!("session.lifecycle")), "source"),
        (without("schedule.json", "detail-type"), "account"),
    ] {
        assert_eq!(refused(&event).field, field, "{event}");
    }
}

#[test]
fn an_event_for_the_completion_function_does_not_sweep() {
    let event = envelope("Session Ended", "session.lifecycle", &json!({"session_id": "s"}));
    assert_eq!(refused(&event).field, "detail-type");
    assert_eq!(refused(&json!({"Records": []})).field, "Records");
}

#[test]
fn what_is_no_object_is_refused() {
    for payload in [json!(null), json!([]), json!("enforce"), json!(7), json!(true)] {
        assert_eq!(refused(&payload).field, "body", "{payload}");
    }
}
