//! What `template.yaml` promises: least privilege, nothing lost between bus and function, time-outs
//! that fit into one another, and rules that take exactly the events that are ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use serde_json::{Value, json};
use session_cleanup::config::VARIABLES;
use session_cleanup_tests::local_aws::LocalAws;
use std::process::Command;
use std::sync::LazyLock;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The template after SAM's transform: what is really deployed.
static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(format!("{ROOT}/.venv/bin/python"))
        .args(["-c", include_str!("template/transform.py"), &format!("{ROOT}/template.yaml")])
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .expect("Python is in .venv: run `make setup`");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "SAM can't transform the template: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
});

fn properties(resource: &str) -> &'static Value {
    let properties = &TEMPLATE["Resources"][resource]["Properties"];
    assert!(properties.is_object(), "there is no resource {resource}");
    properties
}

fn default_of(parameter: &str) -> &'static Value {
    &TEMPLATE["Parameters"][parameter]["Default"]
}

/// A value as a list: IAM takes one or many.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |many| many.iter().collect())
}

/// What the function's role may do.
fn statements() -> Vec<&'static Value> {
    let policies = list(&properties("CompletionRole")["Policies"]);
    policies.iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])).collect()
}

fn statements_with(action: &str) -> Vec<&'static Value> {
    let found: Vec<_> = statements()
        .into_iter()
        .filter(|statement| list(&statement["Action"]).iter().any(|known| **known == action))
        .collect();
    assert!(!found.is_empty(), "nothing allows {action}");
    found
}

#[test]
fn no_permission_is_a_wildcard() {
    for statement in statements() {
        for action in list(&statement["Action"]) {
            assert!(!action.as_str().unwrap().contains('*'), "{statement}");
        }
    }
}

#[test]
fn only_calls_that_take_no_resource_are_allowed_on_all() {
    for statement in statements() {
        if list(&statement["Resource"]).iter().any(|resource| **resource == "*") {
            let harmless = ["ecs:ListTasks", "elasticloadbalancing:DescribeTargetHealth"];
            let actions = list(&statement["Action"]);
            assert!(actions.iter().all(|a| harmless.contains(&a.as_str().unwrap())), "{statement}");
        }
    }
}

#[test]
fn tasks_are_listed_read_and_stopped_in_the_configured_clusters_only() {
    for action in ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"] {
        for statement in statements_with(action) {
            let clusters = json!({"ArnEquals": {"ecs:cluster": {"Ref": "Clusters"}}});
            assert_eq!(statement["Condition"], clusters, "{action}");
        }
    }
}

#[test]
fn only_our_own_tag_may_be_written() {
    for statement in statements_with("ecs:TagResource") {
        let keys = &statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"];
        assert_eq!(*keys, json!(["session-ended-at"]));
    }
}

#[test]
fn targets_are_taken_and_put_back_in_the_configured_groups_only() {
    for action in ["RegisterTargets", "DeregisterTargets"] {
        for statement in statements_with(&format!("elasticloadbalancing:{action}")) {
            assert_eq!(statement["Resource"], json!({"Ref": "TargetGroupArns"}));
        }
    }
}

#[test]
fn objects_are_written_to_the_ledger_only() {
    for action in ["s3:PutObject", "s3:DeleteObject"] {
        for statement in statements_with(action) {
            for resource in list(&statement["Resource"]) {
                let path = resource["Fn::Sub"].as_str().unwrap();
                assert!(path.starts_with("${LedgerBucket.Arn}/"), "{action} on {path}");
            }
        }
    }
}

#[test]
fn the_ledger_is_private_encrypted_and_kept() {
    let ledger = properties("LedgerBucket");
    let blocked = ledger["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert!(blocked.len() == 4 && blocked.values().all(|block| *block == json!(true)));
    assert!(ledger["BucketEncryption"].is_object());
    assert_eq!(TEMPLATE["Resources"]["LedgerBucket"]["DeletionPolicy"], "Retain");
    let expiring = list(&ledger["LifecycleConfiguration"]["Rules"]);
    let prefixes: Vec<_> = expiring.iter().map(|rule| &rule["Prefix"]).collect();
    assert_eq!(prefixes, ["receipts/"], "an intent that expires is a target that stays away");
}

#[test]
fn an_event_is_retried_alone_and_then_kept_in_the_dead_letter_queue() {
    let mapping = properties("CompletionFunctionQueue");
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(mapping["BatchSize"], 100);
    assert!(mapping["ScalingConfig"]["MaximumConcurrency"].is_u64());

    let dead_letters = json!({"Fn::GetAtt": ["DeadLetterQueue", "Arn"]});
    let redrive = &properties("Queue")["RedrivePolicy"];
    assert_eq!(redrive["deadLetterTargetArn"], dead_letters);
    assert_eq!(redrive["maxReceiveCount"], json!({"Ref": "MaxReceiveCount"}));
    for rule in ["SessionEndedRule", "TaskStoppedRule"] {
        for target in list(&properties(rule)["Targets"]) {
            assert_eq!(target["DeadLetterConfig"]["Arn"], dead_letters, "{rule}");
            assert!(target["RetryPolicy"]["MaximumRetryAttempts"].is_u64(), "{rule}");
        }
    }
    for queue in ["Queue", "DeadLetterQueue"] {
        assert_eq!(properties(queue)["SqsManagedSseEnabled"], true, "{queue}");
    }
}

#[test]
fn time_limits_fit_into_one_another() {
    let seconds = |name: &str| {
        let text = default_of(name).as_str().unwrap();
        text.trim_end_matches('s').parse::<u64>().unwrap()
    };
    let function = default_of("FunctionTimeout").as_u64().unwrap();
    let window = properties("CompletionFunctionQueue")["MaximumBatchingWindowInSeconds"].as_u64();
    let visibility = default_of("VisibilityTimeout").as_u64().unwrap();
    assert!(visibility >= 6 * function + window.unwrap(), "AWS's own advice");

    let to_the_stop =
        seconds("UploadTimeout").max(seconds("TargetTimeout")) + seconds("StopTimeout");
    let to_the_proof = seconds("TargetTimeout") + seconds("VerifyTimeout");
    let longest = seconds("IdentifyTimeout") + to_the_stop.max(to_the_proof);
    let ends = longest + seconds("ReceiptTimeout") + seconds("DeadlineMargin");
    assert!(ends <= function, "a cleanup may take {ends} s, and the function has {function} s");
}

#[test]
fn every_variable_is_a_parameter_of_the_same_name_and_default() {
    let set = properties("CompletionFunction")["Environment"]["Variables"].as_object().unwrap();
    let known: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
    for name in set.keys() {
        assert!(known.contains(&name.as_str()), "the template sets {name}, which nobody reads");
    }
    for variable in VARIABLES {
        let value = &set[variable.name];
        let parameter = camel_case(variable.name);
        let by_reference = json!({"Ref": parameter});
        let joined = json!({"Fn::Join": [",", {"Ref": parameter}]});
        assert!(*value == by_reference || *value == joined, "{} is {value}", variable.name);
        if let Some(default) = variable.default {
            let given = default_of(&parameter);
            let given = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
            assert_eq!(given, default, "{parameter}");
        }
    }
}

fn camel_case(name: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    name.split('_').map(word).collect()
}

#[tokio::test]
async fn the_deployed_rules_take_what_is_ours_and_nothing_else() {
    // Nobody is called: any address will do.
    let aws = LocalAws::start("template", "http://127.0.0.1:9").await.unwrap();
    let group =
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123456789abcdef";
    let parameters = [
        ("Clusters", "arn:aws:ecs:us-east-1:000000000000:cluster/sessions"),
        ("Families", "session"),
        ("TargetGroupArns", group),
        ("ArtifactBucket", "artifacts"),
    ];
    let stack = aws.deploy("rules", &parameters).await.unwrap_or_else(|error| panic!("{error}"));
    let sample = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(format!("{ROOT}/events/{name}.json")).unwrap())
            .unwrap()
    };
    let changed = |name: &str, path: &str, value: Value| {
        let mut event = sample(name);
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    let mut without_reason = sample("task-stopped");
    without_reason["detail"].as_object_mut().unwrap().remove("stoppedReason").unwrap();

    for (taken, why, event) in [
        (true, "an end", sample("session-ended")),
        (true, "an end without task", sample("session-ended-without-task-arn")),
        (true, "a death", sample("task-stopped")),
        (true, "a death without a reason", without_reason),
        (true, "a Spot warning", sample("task-stopping-spot")),
        (false, "our own stop", sample("our-own-stop")),
        (false, "another source", changed("session-ended", "/source", json!("someone.else"))),
        (false, "another type", changed("session-ended", "/detail-type", json!("Session Began"))),
        (false, "a service's task", changed("task-stopped", "/detail/group", json!("service:web"))),
        (
            false,
            "another cluster",
            changed(
                "task-stopped",
                "/detail/clusterArn",
                json!("arn:aws:ecs:us-east-1:000000000000:cluster/x"),
            ),
        ),
        (
            false,
            "a task that runs",
            changed("task-stopping-spot", "/detail/desiredStatus", json!("RUNNING")),
        ),
    ] {
        assert_eq!(stack.is_taken_by_a_rule(&event).await.unwrap(), taken, "{why}");
    }
}
