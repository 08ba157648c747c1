//! The functions' roles allow what the functions do, and nothing else.

use crate::function::Function;
use crate::one_stack::{address, assert_unharmed, play_without_emulator};
use crate::patrol::{QUICK, patrol, target_in, task_in};
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::template::TEMPLATE;
use session_cleanup_tests::world::{Api, Call, SessionBuilder, Setup, TaskHandle};
use std::collections::BTreeSet;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// By default.
const MARKER: &str = "debug/session_status.json";

/// What S3 and Lambda do in a role's name with a key of the user's own.
const BY_KEY: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

/// What Lambda does in the completion function's name.
const NOT_CALLED_BY_COMPLETION: [&str; 5] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
];

/// What Lambda does in the inspector's name.
const NOT_CALLED_BY_INSPECTOR: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// What Lambda does in the reaper's name.
const NOT_CALLED_BY_REAPER: [&str; 3] =
    ["sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"];

/// A role of the template, and its policies.
struct Role(Vec<Value>);

impl Role {
    /// Its own policies, and the one that those have who clean up.
    fn of(name: &str) -> Self {
        let properties = |resource: &str| TEMPLATE["Resources"][resource]["Properties"].clone();
        let role = properties(name);
        let mut policies = list(&role["Policies"]);
        if list(&role["ManagedPolicyArns"]).contains(&json!({"Ref": "CleanupPolicy"})) {
            policies.push(properties("CleanupPolicy"));
        }
        let documents = policies.iter().map(|policy| &policy["PolicyDocument"]["Statement"]);
        Self(documents.flat_map(list).map(|one| where_all_is_configured(&one)).collect())
    }

    /// The actions that it allows, apart from those that nobody sees called.
    fn actions(&self, not_called: &[&str]) -> BTreeSet<String> {
        let allows = self.0.iter().filter(|statement| statement["Effect"] == "Allow");
        let actions = allows.flat_map(|statement| list(&statement["Action"]));
        actions
            .map(|action| action.as_str().unwrap().to_owned())
            .filter(|action| not_called.iter().chain(&BY_KEY).all(|known| known != action))
            .collect()
    }

    /// Whether it allows an action on an object, `bucket/key`.
    fn allows_on(&self, action: &str, object: &str, setup: &Setup) -> bool {
        let statements = self
            .0
            .iter()
            .filter(|statement| list(&statement["Action"]).iter().any(|known| known == action));
        let resources = statements.flat_map(|statement| list(&statement["Resource"]));
        resources.map(|one| where_all_is_configured(&one)).any(|resource| {
            let resource = match resource["Fn::Sub"].as_str() {
                Some(path) => path
                    .replace("arn:${AWS::Partition}:s3:::", "")
                    .replace("${LedgerBucket.Arn}", &setup.ledger_bucket)
                    .replace("${ArtifactBucket}", &setup.artifact_bucket)
                    .replace("${ArtifactPrefix}", &setup.prefix)
                    .replace("${ArtifactMarker}", MARKER),
                None => return false,
            };
            match resource.split_once('*') {
                Some((before, after)) => object.starts_with(before) && object.ends_with(after),
                None => object == resource,
            }
        })
    }
}

/// What a condition leaves where everything is configured: the most that a role may do.
fn where_all_is_configured(value: &Value) -> Value {
    value.get("Fn::If").map_or(value, |branches| &branches[1]).clone()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// The IAM action that a call needs; a container's needs none.
fn action(api: Api) -> Option<String> {
    let service = match api {
        Api::ContainerComplete | Api::ContainerHealth => return None,
        // IAM knows neither of these.
        Api::HeadObject => return Some("s3:GetObject".to_owned()),
        Api::ListObjects => return Some("s3:ListBucket".to_owned()),
        _ if Api::ECS.contains(&api) => "ecs",
        _ if Api::ELB.contains(&api) => "elasticloadbalancing",
        _ => "s3",
    };
    Some(format!("{service}:{api}"))
}

/// Asserts that a role fits what the world has seen called.
fn assert_fits(role: &str, not_called: &[&str], world: &World) {
    let role = Role::of(role);
    let called: BTreeSet<String> =
        world.calls().iter().filter_map(|call| action(call.api)).collect();
    assert_eq!(called, role.actions(not_called), "called, and allowed\n{}", world.history());
    let objects = [Api::GetObject, Api::HeadObject, Api::PutObject, Api::DeleteObject];
    for call in world.calls().iter().filter(|call| objects.contains(&call.api)) {
        let (action, object) = (action(call.api).unwrap(), &call.subjects[0]);
        assert!(role.allows_on(&action, object, &world.setup()), "{action} on {object}");
    }
}

#[test]
fn the_completion_function_s_role_allows_what_it_calls_and_nothing_else() {
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
        function.invoke(&json!({"doctor": {}})).await;
        assert_unharmed(&world);
        assert_fits("CompletionRole", &NOT_CALLED_BY_COMPLETION, &world);
    });
}

/// What changes nothing, in IAM's words.
const READS: [&str; 5] = [
    "ecs:DescribeTasks",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeTargetHealth",
    "s3:GetObject",
    "s3:ListBucket",
];

#[test]
fn the_inspector_s_role_allows_what_it_calls_and_it_makes_no_call_but_reads() {
    play_without_emulator(async {
        let world = World::new(Setup { seed: 14, ..Setup::in_real_time() });
        let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
        let mut inspector = Function::start_inspector(&world, &served.endpoint()).await;
        let live = world.session("live").at_address(address(14, 1)).start();
        let old = world.session("old").at_address(address(14, 2)).started_ago(HOUR * 3).start();
        for question in [
            json!({"explain": live.arn()}),
            json!({"explain": old.id()}),
            json!({"explain": "live"}),
            json!({"explain": live.address()}),
            json!({"explain": "nobody"}),
            json!({"session": "old"}),
            json!({"sweeps": {"last": 2}}),
            json!({"doctor": {}}),
        ] {
            let answer = inspector.invoke(&question).await;
            println!("{}", answer["text"].as_str().expect("a text"));
        }
        let explained = inspector.invoke(&json!({"explain": old.id()})).await;
        assert_eq!(explained["tasks"][0]["row"], "T8 too_old", "{explained:#}");
        let html = inspector.invoke(&json!({"widgetContext": {}})).await;
        assert!(html.as_str().unwrap().starts_with("<p>"), "{html}");
        let refused = inspector.invoke(&json!({"mode": "enforce"})).await;
        assert!(refused["refused"].as_str().unwrap().contains("`mode`"), "{refused}");
        for call in world.calls() {
            let action = action(call.api).unwrap_or_else(|| format!("{call:?}"));
            assert!(READS.contains(&action.as_str()), "the inspector calls {action}");
        }
        assert_fits("InspectorRole", &NOT_CALLED_BY_INSPECTOR, &world);
        assert_unharmed(&world);
    });
}

#[test]
fn the_reaper_s_role_allows_what_it_calls_and_nothing_else() {
    patrol(12, &QUICK, async |patrol| {
        // Orphans of all sorts, a zombie, a stranger in another cluster, and a live session that a
        // crash has left without its target.
        let old = |session: SessionBuilder| session.started_ago(HOUR * 3);
        let orphan = old(patrol.session("orphan"));
        let orphan = patrol.start(orphan).await;
        let unsaved = old(patrol.session("unsaved").upload_never_works());
        let unsaved = patrol.start(unsaved).await;
        let denied = old(patrol.session("denied").answers_403());
        let denied = patrol.start(denied).await;
        let zombie = patrol.address();
        let group = patrol.world.setup().target_groups[0].clone();
        patrol.world.leave_target(&group, zombie);
        patrol.world.add_cluster("another");
        let stranger = patrol.session("stranger").in_cluster("another").of_family("web");
        patrol.start(stranger.unregistered()).await;
        let cut_off = patrol.session("cut-off").started_ago(HOUR).unregistered();
        let cut_off = patrol.start(cut_off).await;
        let Setup { ledger_bucket, port, .. } = patrol.world.setup();
        let intent = json!({
            "written_at": (patrol.world.now() - HOUR / 2).to_string(),
            "entries": [{
                "group": patrol.world.setup().target_group_arn(&group),
                "address": {"ip": cut_off.address(), "port": port},
                "held_by": "nobody",
            }],
        });
        patrol.world.put_object(&ledger_bucket, "intents/left-behind.json", intent.to_string());

        let first = patrol.enforce().await;
        assert_eq!(task_in(&first, &orphan)["action"], "acted", "{first:#}");
        assert_eq!(task_in(&first, &unsaved)["action"], "tried", "{first:#}");
        assert_eq!(task_in(&first, &denied)["action"], "tried", "{first:#}");
        assert_eq!(first["intents"]["re_registered"], 1, "{first:#}");
        assert!(patrol.is_registered(cut_off.address()));
        patrol.half_an_interval_passes().await;
        let second = patrol.enforce().await;
        assert_eq!(target_in(&second, zombie)["action"], "acted", "{second:#}");
        let looked = |call: &Call| call.api == Api::DescribeTasks && call.is_about("/another/");
        assert!(patrol.world.calls().iter().any(looked), "owners are sought everywhere");
        patrol.intents_are_left_behind().await;
        let third = patrol.enforce().await;
        assert_eq!(third["intents"]["settled"], 1, "{third:#}");
        patrol.order(&json!({"doctor": {}})).await;
        assert_fits("ReaperRole", &NOT_CALLED_BY_REAPER, &patrol.world);
    });
}
