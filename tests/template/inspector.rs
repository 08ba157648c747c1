//! The inspector: people may ask it without being able to touch anything.

use crate::{list, properties};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn statements() -> Vec<&'static Value> {
    let policies = list(&properties("InspectorRole")["Policies"]);
    let statements = policies.into_iter().flat_map(|one| list(&one["PolicyDocument"]["Statement"]));
    statements.map(|one| one.get("Fn::If").map_or(one, |branches| &branches[1])).collect()
}

#[test]
fn its_role_reads_and_writes_its_log_and_nothing_else() {
    let actions = statements().into_iter().flat_map(|one| list(&one["Action"]));
    let actions: BTreeSet<_> = actions.map(|action| action.as_str().unwrap()).collect();
    let reads = [
        // Where the ledger is encrypted with a key of the user's own.
        "kms:Decrypt",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "elasticloadbalancing:DescribeTargetHealth",
        "s3:GetObject",
        "s3:ListBucket",
    ];
    let log = ["logs:CreateLogStream", "logs:PutLogEvents"];
    assert_eq!(actions, reads.into_iter().chain(log).collect());
    assert!(properties("InspectorRole").get("ManagedPolicyArns").is_none(), "no policy of others");
}

/// Its answers hold what stands in tasks: those of other clusters are not its business.
#[test]
fn it_sees_tasks_of_the_configured_clusters_and_objects_of_the_ledger_alone() {
    for statement in statements() {
        let action = list(&statement["Action"])[0].as_str().unwrap();
        if action.starts_with("ecs:") {
            let clusters = json!({"Fn::Split": [",", {"Ref": "Clusters"}]});
            assert_eq!(statement["Condition"], json!({"ArnEquals": {"ecs:cluster": clusters}}));
        }
        if action.starts_with("s3:") {
            for resource in list(&statement["Resource"]) {
                assert!(resource.to_string().contains("LedgerBucket"), "{resource}");
            }
        }
    }
}

#[test]
fn it_is_in_no_network_and_knows_no_token() {
    let function = properties("InspectorFunction");
    assert_eq!(function["VpcConfig"], json!({"Ref": "AWS::NoValue"}));
    assert_eq!(function["Environment"]["Variables"]["CONTAINER_AUTHORIZATION"], "");
    assert_eq!(function["Role"], json!({"Fn::GetAtt": ["InspectorRole", "Arn"]}));
}

#[test]
fn few_can_ask_at_once_and_nothing_asks_it_but_people() {
    assert_eq!(properties("InspectorFunction")["ReservedConcurrentExecutions"], 5);
    let template = crate::TEMPLATE["Resources"].as_object().unwrap();
    for (name, resource) in template {
        let asks =
            ["AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"];
        let is_one = asks.contains(&resource["Type"].as_str().unwrap());
        assert!(!(is_one && resource.to_string().contains("InspectorFunction")), "{name}");
    }
}

#[test]
fn it_is_told_what_the_others_are_told_but_for_the_token() {
    let variables = |name: &str| {
        let variables = &properties(name)["Environment"]["Variables"];
        let mut variables = variables.as_object().unwrap().clone();
        variables.remove("CONTAINER_AUTHORIZATION").unwrap();
        variables
    };
    assert_eq!(variables("InspectorFunction"), variables("ReaperFunction"));
}
