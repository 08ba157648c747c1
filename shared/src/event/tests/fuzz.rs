//! Whatever the functions are invoked with: what is understood means the same when it is written down and read
//! again, and what is refused names its field.

use super::{TASK, config, envelope};
use crate::config::SweepMode;
use crate::event::{
    AskedAbout, EndReason, Event, EventError, Payload, Question, ReaperEvent, SessionEnded,
    TaskReference, Trigger,
};
use crate::tests::fuzz::{document, is_fit_to_be_shown, whatever};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Everything in `events/` that is an event, and each message of a batch by itself.
static SAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut samples = vec![
        json!({"explain": TASK}),
        json!({"explain": "10.0.0.1:8080"}),
        json!({"session": "s-1"}),
        json!({"sweeps": {"last": 5}}),
        json!({"describe": true}),
        json!({"widgetContext": {"params": {}, "width": 600}}),
    ];
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../events")).unwrap() {
        let path = file.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(".schema.json") || name.ends_with(".rule.json") {
            continue;
        }
        let sample: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let records = sample["Records"].as_array().cloned().unwrap_or_default();
        let bodies = records.iter().filter_map(|record| record["body"].as_str());
        samples.extend(bodies.map(|body| serde_json::from_str::<Value>(body).unwrap()));
        samples.push(sample);
    }
    // Directories are in no order, and a seed shall mean the same everywhere.
    samples.sort_by_key(Value::to_string);
    samples
});

fn refused(error: &EventError) {
    assert!(!error.field.is_empty() && !error.problem.is_empty());
    is_fit_to_be_shown(&error.to_string());
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn written(event: &SessionEnded) -> Value {
    let SessionEnded { session, task, at: _, ended_at, said_at, reason, request_id } = event;
    let mut detail = json!({"session_id": session});
    if let Some(ended_at) = ended_at {
        detail["ended_at"] = json!(ended_at.to_string());
    }
    if let TaskReference::Arn(task) = task {
        detail["task_arn"] = json!(task.as_str());
    }
    if let Some(reason) = reason {
        detail["reason"] = match reason {
            EndReason::Completed => json!("completed"),
            EndReason::Failed => json!("failed"),
            EndReason::Cancelled => json!("cancelled"),
            EndReason::TimedOut => json!("timed_out"),
        };
    }
    if let Some(request_id) = request_id {
        detail["request_id"] = json!(request_id);
    }
    let mut event = envelope("Session Ended", "session.lifecycle", &detail);
    event["time"] = json!(said_at.to_string());
    event
}

fn of_an_event(event: Result<Event, EventError>) {
    match event {
        Err(error) => refused(&error),
        Ok(Event::SessionEnded(event)) => {
            assert_eq!(Event::parse(&written(&event), &config()), Ok(Event::SessionEnded(event)));
        }
        Ok(Event::TaskChange(change)) => {
            let scope = config().scope;
            assert!(scope.clusters.contains(change.task.cluster()));
        }
        Ok(Event::NothingToDo { reason } | Event::OutOfScope { reason }) => {
            is_fit_to_be_shown(&reason);
        }
    }
}

#[test]
fn whatever_the_completion_function_is_invoked_with_reads_back_or_is_refused_by_its_field() {
    whatever(|bytes: &[u8]| {
        let text = document(&SAMPLES, bytes);
        of_an_event(Event::parse_text(&String::from_utf8_lossy(&text), &config()));
        let Ok(payload) = serde_json::from_slice::<Value>(&text) else { return };
        match Payload::parse(payload) {
            Err(error) => refused(&error),
            Ok(Payload::Doctor) => {}
            Ok(Payload::Single(event)) => of_an_event(Event::parse(&event, &config())),
            Ok(Payload::Batch(messages)) => {
                for body in messages.into_iter().filter_map(|message| message.body) {
                    of_an_event(Event::parse_text(&body, &config()));
                }
            }
        }
    });
}

/// In whatever way a message of the largest size is filled.
#[test]
fn whatever_fills_a_message_it_is_read_in_no_time() {
    let filled = |piece: &str| {
        let more = piece.repeat(256 * 1024 / piece.len());
        [
            more.clone(),
            format!("[{more}"),
            format!("{{\"detail\": \"{more}"),
            format!("{{\"detail\": [{more}0]}}"),
        ]
    };
    let began = std::time::Instant::now();
    for piece in ["[", "{\"a\":", "0,", "9", "\\u0000", "\"a\":{},", " ", "-0e", "\u{7}"] {
        for text in filled(piece) {
            of_an_event(Event::parse_text(&text, &config()));
        }
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn whatever_the_reaper_is_invoked_with_reads_back_or_is_refused_by_its_field() {
    whatever(|bytes: &[u8]| {
        let text = document(&SAMPLES, bytes);
        let Ok(payload) = serde_json::from_slice::<Value>(&text) else { return };
        match ReaperEvent::parse(&payload, &config(), now()) {
            Err(error) => refused(&error),
            Ok(ReaperEvent::Doctor) => {}
            Ok(ReaperEvent::OutOfScope { reason }) => is_fit_to_be_shown(&reason),
            Ok(ReaperEvent::Sweep(request)) => match &request.trigger {
                Trigger::Alarm(alarm) => is_fit_to_be_shown(alarm),
                Trigger::Schedule => {}
                Trigger::Direct => {
                    let mut order = json!({"mode": request.mode});
                    if let Some(force) = &request.force {
                        assert_eq!(request.mode, SweepMode::Enforce);
                        order["force_cluster"] = json!(force);
                    }
                    if let Some(plan) = &request.plan {
                        is_fit_to_be_shown(plan.as_str());
                        assert!(plan.as_str().starts_with("sweeps/"));
                        assert_eq!(plan.as_str().matches('/').count(), 1);
                        order["plan"] = json!(plan);
                    }
                    let again = ReaperEvent::parse(&order, &config(), now());
                    assert_eq!(again, Ok(ReaperEvent::Sweep(request)));
                }
            },
        }
    });
}

#[test]
fn whatever_the_inspector_is_asked_reads_back_or_is_refused_by_its_field() {
    whatever(|bytes: &[u8]| {
        let text = document(&SAMPLES, bytes);
        let Ok(payload) = serde_json::from_slice::<Value>(&text) else { return };
        let question = match Question::parse(&payload, &config()) {
            Err(error) => return refused(&error),
            Ok(question) => question,
        };
        let again = match &question {
            Question::Explain(subject) => {
                let subject = match subject {
                    AskedAbout::Task(task) => task.as_str().to_owned(),
                    AskedAbout::TaskIdOrSession(id) | AskedAbout::Session(id) => id.to_string(),
                    AskedAbout::Address { ip, port: Some(port) } => format!("{ip}:{port}"),
                    AskedAbout::Address { ip, port: None } => ip.to_string(),
                };
                json!({"explain": subject})
            }
            Question::Session(session) => json!({"session": session}),
            Question::Sweeps { last } => json!({"sweeps": {"last": last}}),
            Question::Doctor => json!({"doctor": {}}),
            Question::WidgetDescription => json!({"describe": true}),
            Question::Widget => json!({"widgetContext": {}}),
        };
        assert_eq!(Question::parse(&again, &config()), Ok(question));
    });
}
