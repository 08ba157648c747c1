//! The events that AWS publishes: which of them the template's rules take, as another's matcher sees it, and whether
//! our own samples and the world's events are of their kind.

use crate::ROOT;
use crate::judges::{ask_about, problems, template};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Setup, World};

const FARGATE: &str = "arn:aws:ecs:us-west-2:111122223333:cluster/FargateCluster";
const DEFAULT: &str = "arn:aws:ecs:us-east-1:111122223333:cluster/default";
const SERVICES: &str = "arn:aws:ecs:us-west-2:111122223333:cluster/default";
const OUR_ALARM: &str = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:CleanupFailuresAlarm";
const LAST_ATTEMPTS: &str =
    "arn:aws:cloudwatch:us-east-1:000000000000:alarm:LastAttemptsFailedAlarm";

fn published(name: &str) -> Value {
    let path = format!("{ROOT}/tests/conformance/samples/{name}.json");
    let sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(sample["published"].as_str().unwrap().starts_with("https://docs.aws.amazon.com/"));
    sample["event"].clone()
}

/// A published event with something else in it; null takes a field out.
fn with(name: &str, changes: &[(&str, Value)]) -> Value {
    let mut event = published(name);
    for (path, value) in changes {
        let (parent, field) = path.rsplit_once('/').unwrap();
        let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.remove(field);
        if !value.is_null() {
            parent.insert(field.to_owned(), value.clone());
        }
    }
    event
}

/// The rules that take each of some events, in the stack of an account with these clusters.
fn taken(account: &str, clusters: &[&str], events: &[Value]) -> Vec<Vec<String>> {
    let parameters = json!({"AWS::AccountId": account, "Clusters": clusters.join(",")});
    let asked = json!({"parameters": parameters, "events": events});
    serde_json::from_value(ask_about("patterns.py", &[&template()], &asked)).unwrap()
}

/// What must come of each event, with why.
fn assert_taken(account: &str, clusters: &[&str], cases: &[(&str, &[&str], Value)]) {
    let events: Vec<Value> = cases.iter().map(|(_, _, event)| event.clone()).collect();
    for ((why, expected, event), rules) in cases.iter().zip(taken(account, clusters, &events)) {
        assert_eq!(rules, *expected, "{why}: {event:#}");
    }
}

#[test]
fn tasks_as_aws_publishes_their_events_are_taken_by_one_rule_where_they_are_ours() {
    let clusters = [FARGATE, DEFAULT, SERVICES];
    let stopped = ("/detail/lastStatus", json!("STOPPED"));
    let wanted = ("/detail/desiredStatus", json!("STOPPED"));
    let reason = |text: &str| ("/detail/stoppedReason", json!(text));
    let group = |text: &str| ("/detail/group", json!(text));
    let elsewhere = ("/detail/clusterArn", json!(DEFAULT.replace("default", "another")));
    let ends: &[&str] = &["TaskEndsRule"];
    let is_over: &[&str] = &["TaskStoppedRule"];
    let task = |changes: &[_]| with("task-runs", changes);
    let spot = |changes: &[_]| with("spot-interruption", changes);
    let by_us = "session-cleanup: salvaged, session=job-1 cause=session_ended";
    assert_taken(
        "111122223333",
        &clusters,
        &[
            ("it runs", &[], published("task-runs")),
            ("it was stopped, without a reason", is_over, task(&[stopped.clone(), wanted.clone()])),
            (
                "its container has exited",
                is_over,
                task(&[
                    stopped.clone(),
                    wanted.clone(),
                    reason("Essential container in task exited"),
                ]),
            ),
            (
                "it could not start",
                is_over,
                task(&[stopped.clone(), wanted.clone(), reason("CannotPullContainerError: ...")]),
            ),
            ("someone stops it", ends, task(&[wanted.clone(), reason("Task stopped by user")])),
            (
                "it is being deprovisioned",
                ends,
                task(&[wanted.clone(), ("/detail/lastStatus", json!("DEPROVISIONING"))]),
            ),
            ("we stop it", &[], task(&[wanted.clone(), reason(by_us)])),
            ("we have stopped it", &[], task(&[stopped.clone(), wanted.clone(), reason(by_us)])),
            (
                "a service's task",
                &[],
                task(&[stopped.clone(), wanted.clone(), group("service:web")]),
            ),
            ("another cluster's", &[], task(&[stopped.clone(), wanted, elsewhere.clone()])),
            // AWS shows a part of it, without the group; what lacks one is no service's, to the function.
            ("a Spot interruption as it is published", ends, published("spot-interruption")),
            ("a Spot interruption", ends, spot(&[group("family:sample-fargate")])),
            ("a death without a group", is_over, spot(std::slice::from_ref(&stopped))),
            (
                "a Spot interruption that does not say so",
                ends,
                spot(&[group("family:sample-fargate"), ("/detail/stopCode", Value::Null)]),
            ),
            ("a Spot interruption of a service's", &[], spot(&[group("service:web")])),
            (
                "a Spot interruption elsewhere",
                &[],
                spot(&[group("family:sample-fargate"), elsewhere]),
            ),
            ("a container instance", &[], published("container-instance")),
            ("a service's action", &[], published("service-action")),
        ],
    );
    let spot = with("spot-interruption", &[group("family:sample-fargate")]);
    assert_taken("999999999999", &clusters, &[("of another account", &[], spot)]);
}

#[test]
fn alarms_as_cloudwatch_publishes_their_events_are_taken_where_two_of_ours_begin_to_ring() {
    let account = ("/account", json!("000000000000"));
    let of = |alarm: &str| ("/resources", json!([alarm]));
    let state = |value: &str| ("/detail/state/value", json!(value));
    let ours = |name: &str, changes: &[_]| {
        with(name, &[&[account.clone(), of(OUR_ALARM)], changes].concat())
    };
    let rings: &[&str] = &["CleanupsFailRule"];
    assert_taken(
        "000000000000",
        &[DEFAULT],
        &[
            ("a stranger's", &[], with("alarm-single-metric", std::slice::from_ref(&account))),
            (
                "a stranger's, of an expression",
                &[],
                with("alarm-metric-math", std::slice::from_ref(&account)),
            ),
            ("one of ours", rings, ours("alarm-single-metric", &[])),
            ("one of ours that has just been made", rings, ours("alarm-metric-math", &[])),
            ("the other of ours", rings, ours("alarm-single-metric", &[of(LAST_ATTEMPTS)])),
            ("one of ours that ends", &[], ours("alarm-single-metric", &[state("OK")])),
            (
                "one of ours that nobody feeds",
                &[],
                ours("alarm-single-metric", &[state("INSUFFICIENT_DATA")]),
            ),
            ("another account's", &[], with("alarm-single-metric", &[of(OUR_ALARM)])),
        ],
    );
}

/// What our tests and pages take for events of ECS has no field, status or code that ECS does not know.
#[tokio::test(start_paused = true)]
async fn our_own_samples_of_task_events_are_of_the_kind_that_ecs_sends() {
    let world = World::new(Setup::default());
    let mut events: Vec<(String, Value)> = ["our-own-stop", "task-stopped", "task-stopping-spot"]
        .into_iter()
        .map(|name| {
            let bytes = std::fs::read(format!("{ROOT}/events/{name}.json")).unwrap();
            (name.to_owned(), serde_json::from_slice(&bytes).unwrap())
        })
        .collect();
    let tasks = [
        world.session("runs").started_by("owner").tag("k", "v").start(),
        world.session("begins").starting().start(),
        world.session("dies").stopped(137).start(),
        world.session("spot").dying().start(),
        world.session("never").never_started().start(),
    ];
    events.extend(tasks.iter().map(|task| (task.session_id().to_owned(), world.task_event(task))));
    for name in ["task-runs", "spot-interruption"] {
        events.push((name.to_owned(), published(name)));
    }
    let answer = ask_about("task_events.py", &[], &json!(events));
    assert_eq!(problems(&answer), Vec::<&str>::new());
    events[0].1["detail"]["stopCode"] = json!("StoppedByUs");
    events[1].1["detail"]["tags"] = json!([]);
    events[2].1["detail"]["state"] = json!("STOPPED");
    let answer = ask_about("task_events.py", &[], &json!(events));
    assert_eq!(problems(&answer).len(), 3, "what is planted is found: {answer:#}");
}
