//! The inspector only reads, whatever it is asked and whatever it is answered.

use super::{HOUR, text};
use crate::invoke::{FAULTS, ask, assert_unharmed, enforce, look};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Setup, TaskHandle, World};
use std::net::Ipv4Addr;

const READS: [Api; 5] = [
    Api::ListTasks,
    Api::DescribeTasks,
    Api::DescribeTargetHealth,
    Api::GetObject,
    Api::ListObjects,
];

fn scene() -> (World, TaskHandle) {
    let world = World::new(Setup::default());
    world.session("live").start();
    world.session("unrouted").started_ago(HOUR).unregistered().start();
    world.leave_target("sessions", Ipv4Addr::new(127, 0, 99, 1));
    let old = world.session("old").started_ago(HOUR * 3).start();
    (world, old)
}

fn questions(task: &TaskHandle) -> Vec<Value> {
    vec![
        json!({"explain": task.arn()}),
        json!({"explain": task.id()}),
        json!({"explain": "live"}),
        json!({"explain": "127.0.99.1"}),
        json!({"session": "old"}),
        json!({"sweeps": {"last": 3}}),
        json!({"doctor": {}}),
        json!({"describe": true}),
        json!({"widgetContext": {"theme": "light"}}),
        json!({"explain": "no one"}),
        json!({"mode": "enforce"}),
        json!({}),
        json!([]),
    ]
}

#[tokio::test(start_paused = true)]
async fn whatever_is_asked_nothing_but_reads_is_called() {
    let (world, old) = scene();
    look(&world, "look").await;
    enforce(&world, "sweep").await;
    for question in questions(&old) {
        ask(&world, &question).await;
    }
    let calls = world.calls();
    let mut by_inspector = calls.iter().filter(|call| call.caller == "inspector").peekable();
    assert!(by_inspector.peek().is_some(), "it has called something");
    for call in by_inspector {
        assert!(READS.contains(&call.api), "the inspector called {call:?}");
    }
    assert_unharmed(&world);
}

/// A question is answered even where AWS does not answer, and says so.
#[tokio::test(start_paused = true)]
async fn whatever_fails_there_is_an_answer_that_says_what_is_not_known() {
    for (name, fault) in FAULTS {
        for api in READS {
            let (world, old) = scene();
            look(&world, "look").await;
            world.fault(fault(Fault::on(api)).always());
            for question in questions(&old) {
                let answer = ask(&world, &question).await;
                let is_answered = answer.is_string() || !text(&answer).is_empty();
                assert!(is_answered, "{name} of {api}: {question} is answered {answer:#}");
            }
            let answer = ask(&world, &json!({"explain": old.arn()})).await;
            // An answer that was lost was given: the repetition has it.
            let is_told = match api {
                Api::ListTasks => true,
                _ => !answer["problems"].as_array().unwrap().is_empty(),
            };
            assert!(is_told || name.starts_with("answer"), "{name} of {api}: {answer:#}");
            if api == Api::DescribeTasks {
                let rows: Vec<&Value> = answer["tasks"].as_array().unwrap().iter().collect();
                assert!(rows.is_empty(), "{name}: it knows nothing, and says {rows:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_understood_is_answered_with_what_can_be_asked() {
    let (world, _) = scene();
    for (question, why) in [
        (json!({}), "it asks nothing"),
        (json!({"why": "x"}), "`why`"),
        (json!({"mode": "enforce"}), "`mode`"),
        (json!({"explain": "a b"}), "`explain`"),
        (json!({"explain": 7}), "`explain`"),
        (json!({"explain": "arn:aws:ecs:eu-west-1:000000000000:task/sessions/0123"}), "`explain`"),
        (json!({"session": "a/b"}), "`session`"),
        (json!({"sweeps": {"last": 0}}), "`sweeps.last`"),
        (json!({"sweeps": {"first": 1}}), "`sweeps.first`"),
        (json!({"doctor": {"all": true}}), "`doctor.all`"),
        (json!({"session": "x", "explain": "x"}), "one at a time"),
    ] {
        let answer = ask(&world, &question).await;
        assert!(answer["refused"].as_str().unwrap().contains(why), "{question}: {answer:#}");
        assert!(text(&answer).contains("What can be asked: {\"explain\""), "{answer:#}");
    }
    assert_eq!(world.count_by("inspector"), 0);
}
