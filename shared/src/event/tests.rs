mod fuzz;
mod reaper;

use super::*;
use crate::config::Config;
use crate::session::{SessionId, TaskArn};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TASK: &str = "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123abcd";
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";

pub(in crate::event) fn config() -> Config {
    Config::from_variables(|name| {
        let value = match name {
            "CLUSTERS" => "sessions",
            "FAMILIES" => "session",
            "TARGET_GROUP_ARNS" => GROUP,
            "ARTIFACT_BUCKET" => "artifacts",
            "LEDGER_BUCKET" => "ledger",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
}

fn envelope(kind: &str, source: &str, detail: &Value) -> Value {
    json!({"version": "0", "id": "1", "detail-type": kind, "source": source,
           "time": "2026-11-24T12:00:00Z", "detail": detail})
}

fn ended(detail: &Value) -> Result<Event, EventError> {
    Event::parse(&envelope("Session Ended", "session.lifecycle", detail), &config())
}

fn changed(changes: &Value) -> Result<Event, EventError> {
    Event::parse(&stopped(changes), &config())
}

fn stopped(changes: &Value) -> Value {
    let mut detail = json!({
        "taskArn": TASK, "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "version": 7,
        "group": "family:session",
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/session:3",
    });
    for (name, value) in changes.as_object().unwrap() {
        detail[name] = value.clone();
    }
    envelope("ECS Task State Change", "aws.ecs", &detail)
}

fn arn(text: &str) -> TaskArn {
    TaskArn::parse(text).unwrap().0
}

#[test]
fn a_session_ended_event_is_read_whole() {
    let event = ended(&json!({
        "session_id": "s-1", "task_arn": TASK, "request_id": "r-1", "reason": "timed_out",
        "ended_at": "2026-11-24T11:59:58.5Z",
    }));
    let expected = SessionEnded {
        session: crate::session::SessionId::parse("s-1").unwrap(),
        task: TaskReference::Arn(arn(TASK)),
        at: "2026-11-24T11:59:58.5Z".parse().unwrap(),
        ended_at: Some("2026-11-24T11:59:58.5Z".parse().unwrap()),
        said_at: "2026-11-24T12:00:00Z".parse().unwrap(),
        reason: Some(EndReason::TimedOut),
        request_id: Some("r-1".to_owned()),
    };
    assert_eq!(event, Ok(Event::SessionEnded(expected)));
}

#[test]
fn an_owners_event_says_when_it_was_sent() {
    let detail = json!({"session_id": "s-1", "task_arn": TASK});
    let mut event = envelope("Session Ended", "session.lifecycle", &detail);
    event.as_object_mut().unwrap().remove("time");
    assert_eq!(Event::parse(&event, &config()).unwrap_err().field, "time");
}

#[test]
fn an_event_without_ended_at_speaks_of_the_time_it_was_sent() {
    let Ok(Event::SessionEnded(event)) = ended(&json!({"session_id": "s-1", "task_arn": TASK}))
    else {
        panic!("not understood");
    };
    assert_eq!(event.at.to_string(), "2026-11-24T12:00:00Z");
}

/// An owner's clock may be fast, and may be written without its offset.
#[test]
fn a_session_ended_at_the_earlier_of_ended_at_and_the_envelopes_time() {
    let at = |ended_at: Value| {
        let detail = json!({"session_id": "s-1", "task_arn": TASK, "ended_at": ended_at});
        let Ok(Event::SessionEnded(event)) = ended(&detail) else { panic!("not understood") };
        event.at.to_string()
    };
    assert_eq!(at(json!("2026-11-24T11:59:00Z")), "2026-11-24T11:59:00Z");
    for unusable in [json!("2026-11-24T13:00:00Z"), json!("2026-11-24T11:00:00"), json!(7)] {
        assert_eq!(at(unusable.clone()), "2026-11-24T12:00:00Z", "{unusable}");
    }
}

#[test]
fn the_address_that_older_owners_send_is_ignored() {
    let with = ended(&json!({"session_id": "s", "task_arn": TASK, "container_ip": "10.0.0.1"}));
    let without = ended(&json!({"session_id": "s", "task_arn": TASK}));
    assert_eq!(with, without);
}

#[test]
fn an_event_without_a_task_arn_needs_ended_at() {
    let error = ended(&json!({"session_id": "s-1"})).unwrap_err();
    assert_eq!(error.field, "detail.ended_at");
    let found = ended(&json!({"session_id": "s-1", "ended_at": "2026-11-24T11:00:00+01:00"}));
    assert!(matches!(
        found,
        Ok(Event::SessionEnded(SessionEnded { task: TaskReference::ByIdentity, .. }))
    ));
}

#[test]
fn a_known_field_with_a_wrong_value_is_named_in_the_error() {
    for (detail, field) in [
        (json!({}), "detail.session_id"),
        (json!({"session_id": 7, "task_arn": TASK}), "detail.session_id"),
        (json!({"session_id": "a/b", "task_arn": TASK}), "detail.session_id"),
        (json!({"session_id": "..", "task_arn": TASK}), "detail.session_id"),
        (json!({"session_id": "s", "task_arn": "x"}), "detail.task_arn"),
        (json!({"session_id": "s", "task_arn": ["x"]}), "detail.task_arn"),
        (json!({"session_id": "s", "task_arn": TASK, "reason": "bored"}), "detail.reason"),
        (json!({"session_id": "s", "ended_at": "2026-11-24T11:00:00"}), "detail.ended_at"),
        (json!({"session_id": "s", "task_arn": TASK, "request_id": {}}), "detail.request_id"),
    ] {
        assert_eq!(ended(&detail).unwrap_err().field, field, "{detail}");
    }
}

#[test]
fn a_task_of_another_account_region_or_partition_is_refused_before_any_call() {
    for foreign in [
        TASK.replace("000000000000", "111111111111"),
        TASK.replace("us-east-1", "us-west-2"),
        TASK.replace("arn:aws:", "arn:aws-cn:"),
    ] {
        let error = ended(&json!({"session_id": "s", "task_arn": foreign})).unwrap_err();
        assert_eq!(error.field, "detail.task_arn", "{foreign}");
    }
}

/// A canary and its fleet share one bus.
#[test]
fn a_task_of_a_cluster_that_is_not_configured_is_out_of_scope() {
    let elsewhere = TASK.replace("/sessions/", "/elsewhere/");
    let event = ended(&json!({"session_id": "s", "task_arn": elsewhere})).unwrap();
    let Event::OutOfScope { reason } = event else { panic!("{event:?}") };
    assert!(reason.contains("elsewhere") && reason.contains("session s"), "{reason}");
}

/// Whatever is missing or can't be read rules nothing out.
#[test]
fn a_change_with_a_good_task_arn_is_looked_up_whatever_else_it_lacks() {
    let lacking = |fields: &[&str]| {
        fields
            .iter()
            .map(|name| ((*name).to_owned(), Value::Null))
            .collect::<serde_json::Map<_, _>>()
    };
    for (change, says_end, version) in [
        (Value::from(lacking(&["taskDefinitionArn"])), true, 7),
        (json!({"taskDefinitionArn": "session"}), true, 7),
        (json!({"taskDefinitionArn": 7, "group": {}, "stoppedReason": []}), true, 7),
        (json!({"version": "7"}), true, 0),
        (Value::from(lacking(&["lastStatus"])), true, 7),
        (Value::from(lacking(&["desiredStatus"])), true, 7),
        (Value::from(lacking(&["desiredStatus", "lastStatus", "version", "group"])), false, 0),
        (json!({"desiredStatus": "RUNNING", "lastStatus": "HIBERNATED"}), false, 7),
    ] {
        let expected = TaskChange { version, says_end, ..the_change() };
        assert_eq!(changed(&change), Ok(Event::TaskChange(expected)), "{change}");
    }
    for change in [json!({"taskArn": "0123"}), Value::from(lacking(&["taskArn"]))] {
        assert_eq!(changed(&change).unwrap_err().field, "detail.taskArn");
    }
}

#[test]
fn a_change_without_its_time_or_with_a_short_task_arn_beside_its_cluster_is_looked_up() {
    let short = TASK.replace("/sessions/", "/");
    let cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/sessions";
    let Ok(Event::TaskChange(change)) =
        changed(&json!({"taskArn": short.clone(), "clusterArn": cluster}))
    else {
        panic!("not understood");
    };
    assert_eq!((change.task.as_str(), change.task.cluster().as_str()), (&*short, "sessions"));
    let elsewhere = cluster.replace("/sessions", "/elsewhere");
    let change = changed(&json!({"taskArn": short.clone(), "clusterArn": elsewhere}));
    assert!(matches!(change, Ok(Event::NothingToDo { .. })), "{change:?}");
    assert_eq!(changed(&json!({"taskArn": short})).unwrap_err().field, "detail.taskArn");
    let mut event = stopped(&json!({}));
    event.as_object_mut().unwrap().remove("time");
    let parsed = Event::parse(&event, &config());
    assert_eq!(parsed, Ok(Event::TaskChange(TaskChange { at: None, ..the_change() })));
}

#[test]
fn a_change_shows_when_its_task_was_created_if_that_can_be_read() {
    let made_at = "2026-11-24T09:58:00.112Z";
    for (shown, created_at) in
        [(json!(made_at), made_at.parse().ok()), (json!("noon"), None), (json!(7), None)]
    {
        let parsed = changed(&json!({"createdAt": shown}));
        assert_eq!(parsed, Ok(Event::TaskChange(TaskChange { created_at, ..the_change() })));
    }
}

#[test]
fn an_unknown_detail_type_and_a_foreign_source_are_refused() {
    let detail = json!({"session_id": "s", "task_arn": TASK});
    let parse = |kind, source| Event::parse(&envelope(kind, source, &detail), &config());
    let field = |kind, source| parse(kind, source).unwrap_err().field;
    assert_eq!(field("Session Started", "session.lifecycle"), "detail-type");
    assert_eq!(field("Session Ended", "someone.else"), "source");
    assert_eq!(field("ECS Task State Change", "session.lifecycle"), "source");
}

fn the_change() -> TaskChange {
    let at = "2026-11-24T12:00:00Z".parse().ok();
    TaskChange { task: arn(TASK), version: 7, says_end: true, at, session: None, created_at: None }
}

#[test]
fn a_change_shows_the_session_by_the_environment_and_whatever_is_odd_about_it_shows_none() {
    let shown = |overrides: &Value| match changed(&json!({"overrides": overrides})) {
        Ok(Event::TaskChange(change)) => change.session,
        other => panic!("{other:?}"),
    };
    let named = |value: &Value| {
        json!({"containerOverrides": [
            {"name": "sidecar"},
            {"name": "session", "environment": [{"name": "SESSION_ID", "value": value}]},
        ]})
    };
    assert_eq!(shown(&named(&json!("s-1"))), Some(SessionId::parse("s-1").unwrap()));
    let odd =
        [json!(7), json!({"containerOverrides": "none"}), named(&json!(1)), named(&json!("/"))];
    for overrides in odd {
        assert_eq!(shown(&overrides), None, "{overrides}");
    }
}

#[test]
fn a_stopped_and_a_stopping_session_task_are_task_changes() {
    let expected = Ok(Event::TaskChange(the_change()));
    assert_eq!(changed(&json!({})), expected);
    assert_eq!(changed(&json!({"lastStatus": "RUNNING"})), expected);
}

#[test]
fn our_own_stops_services_other_families_and_running_tasks_are_acknowledged_without_a_call() {
    for change in [
        json!({"stoppedReason": "session-cleanup: session s; cause ended; artifacts confirmed"}),
        json!({"group": "service:web"}),
        json!({"taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"}),
        json!({"taskArn": TASK.replace("/sessions/", "/elsewhere/")}),
        json!({"lastStatus": "RUNNING", "desiredStatus": "RUNNING"}),
        json!({"lastStatus": "PENDING", "desiredStatus": "RUNNING"}),
    ] {
        assert!(matches!(changed(&change), Ok(Event::NothingToDo { .. })), "{change}");
    }
}

#[test]
fn garbage_is_an_error_and_never_a_panic() {
    let deep = "[".repeat(100_000);
    let long = format!("{{\"detail\": \"{}\"}}", "x".repeat(300_000));
    for body in ["", "not json", "null", "[]", "7", "{}", "{\"detail\":{}}", &deep, &long] {
        assert!(Event::parse_text(body, &config()).is_err());
    }
}

#[test]
fn every_sample_event_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let schema = schema();
    let mut understood = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_about_events = [".schema.json", ".rule.json"].iter().any(|end| name.ends_with(end));
        let is_event = path.extension() == Some("json".as_ref()) && !is_about_events;
        if !is_event || reaper::SAMPLES.contains(&name.as_str()) {
            continue;
        }
        let sample = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let events: Vec<Value> = match Payload::parse(sample).unwrap() {
            Payload::Doctor => {
                understood.insert("doctor");
                continue;
            }
            Payload::Single(event) => vec![event],
            Payload::Batch(messages) => messages
                .iter()
                .map(|message| serde_json::from_str(message.body.as_deref().unwrap()).unwrap())
                .collect(),
        };
        for event in events {
            let parsed = Event::parse(&event, &config());
            understood.insert(kind(&parsed.unwrap_or_else(|error| panic!("{name}: {error}"))));
            let mut foreign = event.clone();
            foreign["source"] = json!("someone.else");
            assert_eq!(Event::parse(&foreign, &config()).unwrap_err().field, "source", "{name}");
            if event["detail-type"] == "Session Ended" {
                assert!(schema.is_valid(&event["detail"]), "{name} does not fit the schema");
            }
        }
    }
    let events = ["Session Ended", "ECS Task State Change"];
    let kinds = BTreeSet::from([events[0], events[1], "out of scope", "doctor"]);
    assert_eq!(understood, kinds, "each has a sample in events/");
    let page = include_str!("../../../docs/architecture.md");
    for kind in events {
        assert!(page.contains(&format!("\n- `{kind}` from ")), "docs/architecture.md lacks {kind}");
    }
}

#[test]
fn the_doctor_is_asked_by_both_functions_and_with_nothing_beside_or_in_it() {
    let now = Timestamp::UNIX_EPOCH;
    let asked = json!({"doctor": {}});
    assert!(matches!(Payload::parse(asked.clone()), Ok(Payload::Doctor)));
    assert_eq!(ReaperEvent::parse(&asked, &config(), now), Ok(ReaperEvent::Doctor));
    for (order, field) in [
        (json!({"doctor": {}, "mode": "enforce"}), "mode"),
        (json!({"doctor": {}, "Records": []}), "Records"),
        (json!({"doctor": {"mode": "enforce"}}), "doctor.mode"),
        (json!({"doctor": true}), "doctor"),
        (json!({"doctor": null}), "doctor"),
    ] {
        assert_eq!(Payload::parse(order.clone()).unwrap_err().field, field, "{order}");
        assert_eq!(ReaperEvent::parse(&order, &config(), now).unwrap_err().field, field);
    }
}

/// A new event does not compile here before it has a name: a sample of it belongs in events/.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::SessionEnded(_) => "Session Ended",
        Event::TaskChange(_) => "ECS Task State Change",
        Event::NothingToDo { .. } | Event::OutOfScope { .. } => "out of scope",
    }
}

fn schema() -> jsonschema::Validator {
    let schema = include_str!("../../../events/session-ended.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

#[test]
fn the_schema_takes_what_the_code_takes() {
    let schema = schema();
    for ended_at in [json!("2026-11-24T12:00:00"), json!("yesterday"), json!(7), json!(null)] {
        let detail = json!({"session_id": "s", "task_arn": TASK, "ended_at": ended_at});
        assert!(schema.is_valid(&detail), "the schema refuses {detail}");
        assert!(ended(&detail).is_ok(), "the code refuses {detail}");
    }
}

#[test]
fn the_schema_refuses_what_the_code_refuses() {
    let schema = schema();
    for detail in [
        json!({}),
        json!({"session_id": "a/b", "task_arn": TASK}),
        json!({"session_id": "..", "task_arn": TASK}),
        json!({"session_id": "s"}),
        json!({"session_id": "s", "ended_at": "2026-11-24T12:00:00"}),
        json!({"session_id": "s", "ended_at": 7}),
        json!({"session_id": "s", "task_arn": TASK, "reason": "bored"}),
    ] {
        assert!(!schema.is_valid(&detail), "the schema takes {detail}");
        assert!(ended(&detail).is_err(), "the code takes {detail}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_edge_panic(body in ".{0,400}") {
        let _ = Event::parse_text(&body, &config());
    }
}
