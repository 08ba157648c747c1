//! The template's roles allow what the functions send, and nothing that is not theirs, as another's evaluator of IAM
//! policies sees it.

use crate::judges::{ask, template};
use crate::recording::RECORDING;
use crate::tape::Stack;
use serde_json::{Value, json};
use std::sync::LazyLock;

const CLUSTER: &str = "arn:aws:ecs:us-east-1:000000000000:cluster/sessions";
const OTHER_CLUSTER: &str = "arn:aws:ecs:us-east-1:000000000000:cluster/other";
const TASK: &str = "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123456789abcdef";
const OTHER_TASK: &str = "arn:aws:ecs:us-east-1:000000000000:task/other/0123456789abcdef";
const ACCOUNT_S_TASK: &str = "arn:aws:ecs:us-east-1:111111111111:task/sessions/0123456789abcdef";
const GROUP: &str =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123456789abcdef";
const OTHER_GROUP: &str =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/other/0123456789abcdef";

const ALL: [&str; 3] = ["CompletionRole", "ReaperRole", "InspectorRole"];
const COMPLETION: &str = ALL[0];
const REAPER: &str = ALL[1];
const INSPECTOR: &str = ALL[2];

/// What must be denied: who, which action, on what, and with which condition keys.
fn forbidden() -> Vec<Value> {
    let ours = json!({"ecs:cluster": CLUSTER});
    let other = json!({"ecs:cluster": OTHER_CLUSTER});
    let tags = |keys: &[&str]| json!({"aws:TagKeys": keys});
    let ledger = |key: &str| format!("arn:aws:s3:::ledger/{key}");
    let artifact = "arn:aws:s3:::artifacts/build-1/artifacts/report.txt".to_owned();
    let marker_elsewhere = "arn:aws:s3:::other/build-1/debug/session_status.json".to_owned();
    let mut forbidden = Vec::new();
    let mut to = |roles: &[&str], action: &str, resource: &str, keys: &Value| {
        forbidden.extend(roles.iter().map(|role| json!([role, action, resource, keys])));
    };
    to(&ALL, "ecs:StopTask", OTHER_TASK, &other);
    to(&ALL, "ecs:StopTask", ACCOUNT_S_TASK, &ours);
    // A cluster of the same name in another account, or no cluster at all.
    to(&ALL, "ecs:StopTask", TASK, &json!({"ecs:cluster": CLUSTER.replace("0000", "1111")}));
    to(&ALL, "ecs:StopTask", TASK, &json!({}));
    to(&[INSPECTOR], "ecs:StopTask", TASK, &ours);
    to(&[COMPLETION, INSPECTOR], "ecs:DescribeTasks", OTHER_TASK, &other);
    to(&[COMPLETION, INSPECTOR], "ecs:ListTasks", "*", &other);
    to(&[COMPLETION, INSPECTOR], "ecs:ListClusters", "*", &json!({}));
    to(&[REAPER, INSPECTOR], "ecs:TagResource", TASK, &tags(&["session-ended-at"]));
    for keys in [&["cleanup-protection"][..], &["session-ended-at", "owner"], &[]] {
        to(&ALL, "ecs:TagResource", TASK, &tags(keys));
    }
    to(&ALL, "ecs:TagResource", CLUSTER, &tags(&["session-ended-at"]));
    to(&ALL, "ecs:UntagResource", TASK, &tags(&["session-ended-at"]));
    let definition = "arn:aws:ecs:us-east-1:000000000000:task-definition/session:1";
    to(&ALL, "ecs:RunTask", definition, &ours);
    for action in ["RegisterTargets", "DeregisterTargets"] {
        let action = format!("elasticloadbalancing:{action}");
        to(&ALL, &action, OTHER_GROUP, &json!({}));
        to(&[INSPECTOR], &action, GROUP, &json!({}));
    }
    for action in ["ModifyTargetGroup", "DeleteTargetGroup"] {
        to(&ALL, &format!("elasticloadbalancing:{action}"), GROUP, &json!({}));
    }
    for action in ["s3:PutObject", "s3:DeleteObject", "s3:GetObject"] {
        to(&ALL, action, &artifact, &json!({}));
        to(&ALL, action, &marker_elsewhere, &json!({}));
    }
    to(&ALL, "s3:ListBucket", "arn:aws:s3:::other", &json!({"s3:prefix": ""}));
    to(&[INSPECTOR], "s3:ListBucket", "arn:aws:s3:::artifacts", &json!({"s3:prefix": ""}));
    for key in ["suspects.json", "sweeps/1.json", "doctor/reaper.json"] {
        to(&[COMPLETION], "s3:PutObject", &ledger(key), &json!({}));
    }
    to(&[REAPER], "s3:PutObject", &ledger("doctor/completion.json"), &json!({}));
    for key in ["receipts/1.json", "tasks/1", "suspects.json", "sweeps/1.json", "unknown/1.json"] {
        to(&ALL, "s3:DeleteObject", &ledger(key), &json!({}));
        to(&[INSPECTOR], "s3:PutObject", &ledger(key), &json!({}));
    }
    to(&ALL, "s3:DeleteObjectVersion", &ledger("intents/1.json"), &json!({}));
    to(&ALL, "s3:PutBucketPolicy", "arn:aws:s3:::ledger", &json!({}));
    forbidden
}

static VERDICT: LazyLock<Value> = LazyLock::new(|| {
    let recording = &RECORDING.path;
    let stack = Stack {
        clusters: CLUSTER.to_owned(),
        target_group_arns: GROUP.to_owned(),
        artifact_bucket: "artifacts".to_owned(),
        artifact_prefix: String::new(),
    };
    let asked = json!({"stack": stack, "forbidden": forbidden()});
    ask("permissions.py", &[recording, &template(), &asked.to_string()])
});

fn found(list: &str) -> Vec<&'static str> {
    VERDICT[list].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn each_role_allows_all_that_its_function_sends() {
    assert_eq!(found("denied"), Vec::<&str>::new());
    let evaluated = VERDICT["evaluated"].as_u64().unwrap();
    assert!(evaluated > 1_000, "only {evaluated} are evaluated: the test can't tell");
}

#[test]
fn no_role_allows_a_foreign_task_group_bucket_or_tag() {
    assert_eq!(found("allowed"), Vec::<&str>::new());
}

/// The very calls of the stories, held against a stack of other clusters, groups and buckets.
#[test]
fn outside_its_own_clusters_groups_and_buckets_a_role_reads_and_writes_its_tag() {
    let by_design = [
        // ECS has no condition for the cluster of a task that is tagged; the tag's name is bounded instead.
        "CompletionRole: ecs:TagResource by TagTasksAsEnded",
        // Load balancers' reads can't be bounded by resource.
        "CompletionRole: elasticloadbalancing:DescribeTargetGroups by ReadTargetHealth",
        "CompletionRole: elasticloadbalancing:DescribeTargetHealth by ReadTargetHealth",
        "InspectorRole: elasticloadbalancing:DescribeTargetHealth by ReadTargetHealth",
        // Any cluster may own the address of a target.
        "ReaperRole: ecs:DescribeTasks by ReadTasksOfAllClusters",
        "ReaperRole: ecs:ListClusters by ListTasksOfAllClusters",
        "ReaperRole: ecs:ListTasks by ListTasksOfAllClusters",
        "ReaperRole: elasticloadbalancing:DescribeTargetGroups by ReadTargetHealth",
        "ReaperRole: elasticloadbalancing:DescribeTargetHealth by ReadTargetHealth",
    ];
    assert_eq!(found("foreign"), by_design);
}

#[test]
fn each_action_on_each_resource_that_a_role_allows_is_one_that_its_function_needs() {
    assert_eq!(found("unneeded"), Vec::<&str>::new());
}
