//! The function's role allows what the function does, and nothing else.

use crate::function::Function;
use crate::stage::{address, assert_unharmed, play_without_emulator};
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Api, SessionBuilder, Setup, TaskHandle};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What Lambda does in the function's name, not the function; and what only makes S3 say 404 instead
/// of 403 for a missing object.
const NOT_CALLED: [&str; 6] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:ListBucket",
];

/// The actions that the completion function's role allows.
fn allowed() -> BTreeSet<String> {
    let output = Command::new(format!("{ROOT}/.venv/bin/python"))
        .args(["-c", include_str!("../template/transform.py"), &format!("{ROOT}/template.yaml")])
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .expect("Python is in .venv: run `make setup`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let template: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    list(&template["Resources"]["CompletionRole"]["Properties"]["Policies"])
        .iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]))
        .flat_map(|statement| list(&statement["Action"]))
        .map(|action| action.as_str().unwrap().to_owned())
        .filter(|action| !NOT_CALLED.contains(&action.as_str()))
        .collect()
}

/// The IAM action that a call needs; a container's needs none.
fn action(api: Api) -> Option<String> {
    let service = match api {
        Api::ContainerComplete | Api::ContainerHealth => return None,
        // IAM knows no HeadObject.
        Api::HeadObject => return Some("s3:GetObject".to_owned()),
        _ if Api::ECS.contains(&api) => "ecs",
        _ if Api::ELB.contains(&api) => "elasticloadbalancing",
        _ => "s3",
    };
    Some(format!("{service}:{api}"))
}

#[test]
fn the_role_allows_what_the_function_calls_and_nothing_else() {
    play_without_emulator(async {
        let world = World::new(Setup { seed: 11, ..Setup::in_real_time() });
        let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
        let short = [("UPLOAD_TIMEOUT", "3s")];
        let mut function = Function::start(&world, &served.endpoint(), &short).await;
        let mut last = 0;
        let mut start = |id, shape: fn(SessionBuilder) -> SessionBuilder| {
            last += 1;
            let session = world.session(id).uploads_in(Duration::from_millis(100));
            shape(session.at_address(address(11, last))).start()
        };
        let clean = start("clean", |session| session);
        let unsaved = start("unsaved", SessionBuilder::upload_never_works);
        let denied = start("denied", SessionBuilder::answers_403);
        let sought = start("sought", |session| session);
        for session in [&clean, &unsaved, &denied, &sought] {
            served.listens(session).await;
        }
        let event = |session: &TaskHandle| world.session_ended_event(session, "completed");
        let mut without_arn = event(&sought);
        without_arn["detail"].as_object_mut().unwrap().remove("task_arn");
        let first = [event(&clean), event(&unsaved), event(&denied), without_arn];
        for events in [&first[..], &first[..1]] {
            let record = |event: &Value| json!({"messageId": "1", "body": event.to_string()});
            let records: Vec<Value> = events.iter().map(record).collect();
            function.invoke(&json!({"Records": records})).await;
        }
        assert_unharmed(&world);
        let called: BTreeSet<String> =
            world.calls().iter().filter_map(|call| action(call.api)).collect();
        assert_eq!(called, allowed(), "called, and allowed\n{}", world.history());
    });
}
