//! What the functions' roles may do. That it is no more than what they do is tested end to end.

use crate::{TEMPLATE, all, list, properties};
use serde_json::{Value, json};

const ROLES: [&str; 2] = ["CompletionRole", "ReaperRole"];

/// What a role may do: its own policy, and the one that both have.
fn statements(role: &str) -> Vec<&'static Value> {
    let own = list(&properties(role)["Policies"]);
    let own = own.into_iter().map(|policy| &policy["PolicyDocument"]);
    own.chain([&properties("CleanupPolicy")["PolicyDocument"]])
        .flat_map(|document| list(&document["Statement"]))
        .map(where_all_is_configured)
        .collect()
}

/// What a condition leaves where everything is configured: the most that a role may do.
fn where_all_is_configured(value: &'static Value) -> &'static Value {
    value.get("Fn::If").map_or(value, |branches| &branches[1])
}

/// The members of a list.
fn each(parameter: &str) -> Value {
    json!({"Fn::Split": [",", {"Ref": parameter}]})
}

fn statements_with(role: &str, action: &str) -> Vec<&'static Value> {
    let allows =
        |statement: &&Value| list(&statement["Action"]).iter().any(|known| **known == action);
    statements(role).into_iter().filter(allows).collect()
}

/// The same, where there must be some.
fn allowed(role: &str, action: &str) -> Vec<&'static Value> {
    let found = statements_with(role, action);
    assert!(!found.is_empty(), "nothing allows the {role} {action}");
    found
}

fn allowing(role: &str) -> Vec<&'static Value> {
    statements(role).into_iter().filter(|statement| statement["Effect"] == "Allow").collect()
}

#[test]
fn each_function_has_its_role_and_each_role_its_policies_alone() {
    for (function, role) in
        [("CompletionFunction", "CompletionRole"), ("ReaperFunction", "ReaperRole")]
    {
        assert_eq!(properties(function)["Role"], json!({"Fn::GetAtt": [role, "Arn"]}));
        let interfaces =
            "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess";
        let in_vpc = json!({"Fn::If": ["InVpc", {"Fn::Sub": interfaces}, {"Ref": "AWS::NoValue"}]});
        let managed = json!([{"Ref": "CleanupPolicy"}, in_vpc]);
        assert_eq!(properties(role)["ManagedPolicyArns"], managed, "{role}");
    }
    let roles: Vec<_> = all("AWS::IAM::Role").into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        roles,
        ["CompletionRole", "InspectorRole", "ReaperRole"],
        "SAM makes none of its own"
    );
}

#[test]
fn no_permission_is_a_wildcard() {
    for role in ROLES {
        for statement in allowing(role) {
            for action in list(&statement["Action"]) {
                assert!(!action.as_str().unwrap().contains('*'), "{role}: {statement}");
            }
        }
    }
}

#[test]
fn only_calls_that_take_no_resource_are_allowed_on_all() {
    let harmless = [
        "ecs:ListClusters",
        "ecs:ListTasks",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ];
    for role in ROLES {
        for statement in allowing(role) {
            if list(&statement["Resource"]).iter().any(|resource| **resource == "*") {
                let actions = list(&statement["Action"]);
                let are_harmless = actions.iter().all(|a| harmless.contains(&a.as_str().unwrap()));
                assert!(are_harmless, "{role}: {statement}");
            }
        }
    }
}

#[test]
fn tasks_are_stopped_in_the_configured_clusters_only() {
    for role in ROLES {
        for statement in allowed(role, "ecs:StopTask") {
            let clusters = json!({"ArnEquals": {"ecs:cluster": each("Clusters")}});
            assert_eq!(statement["Condition"], clusters, "{role}");
            assert_eq!(statement["Action"], "ecs:StopTask", "nothing else hides in it");
        }
    }
}

#[test]
fn the_completion_function_sees_tasks_of_the_configured_clusters_only() {
    for action in ["ecs:ListTasks", "ecs:DescribeTasks"] {
        for statement in allowed("CompletionRole", action) {
            let clusters = json!({"ArnEquals": {"ecs:cluster": each("Clusters")}});
            assert_eq!(statement["Condition"], clusters, "{action}");
        }
    }
    assert!(statements_with("CompletionRole", "ecs:ListClusters").is_empty());
}

#[test]
fn the_reaper_sees_tasks_of_every_cluster_because_any_may_own_an_address() {
    for action in ["ecs:ListClusters", "ecs:ListTasks", "ecs:DescribeTasks"] {
        for statement in allowed("ReaperRole", action) {
            assert!(statement.get("Condition").is_none(), "{action}: {statement}");
        }
    }
}

#[test]
fn only_our_own_tag_may_be_written_and_only_on_the_owner_s_word() {
    for statement in allowed("CompletionRole", "ecs:TagResource") {
        let keys = &statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"];
        assert_eq!(*keys, json!(["session-ended-at"]));
        assert_eq!(statement["Condition"]["Null"]["aws:TagKeys"], "false");
    }
    assert!(statements_with("ReaperRole", "ecs:TagResource").is_empty());
    for role in ROLES {
        assert!(statements_with(role, "ecs:UntagResource").is_empty());
    }
}

#[test]
fn owners_alone_start_tasks() {
    for role in ROLES {
        for action in ["ecs:RunTask", "ecs:StartTask", "iam:PassRole"] {
            assert!(statements_with(role, action).is_empty(), "{role}: {action}");
        }
    }
}

#[test]
fn targets_are_taken_and_put_back_in_the_configured_groups_only() {
    for role in ROLES {
        for action in ["RegisterTargets", "DeregisterTargets"] {
            for statement in allowed(role, &format!("elasticloadbalancing:{action}")) {
                assert_eq!(statement["Resource"], each("TargetGroupArns"), "{role}");
            }
        }
    }
}

/// The places that a role may do something with, in order.
fn places(role: &str, action: &str) -> Vec<&'static str> {
    let resources = allowed(role, action)
        .into_iter()
        .flat_map(|statement| list(&statement["Resource"]))
        .map(where_all_is_configured);
    let mut places: Vec<_> =
        resources.map(|resource| resource["Fn::Sub"].as_str().unwrap()).collect();
    places.sort_unstable();
    places
}

#[test]
fn objects_are_written_to_the_ledger_only_each_kind_by_those_who_write_it() {
    let [intents, receipts] = ["${LedgerBucket.Arn}/intents/*", "${LedgerBucket.Arn}/receipts/*"];
    let [suspects, sweeps] = ["${LedgerBucket.Arn}/suspects.json", "${LedgerBucket.Arn}/sweeps/*"];
    let [tasks, unknown] = ["${LedgerBucket.Arn}/tasks/*", "${LedgerBucket.Arn}/unknown/*"];
    let doctor =
        ["${LedgerBucket.Arn}/doctor/completion.json", "${LedgerBucket.Arn}/doctor/reaper.json"];
    let by_completion = [doctor[0], intents, receipts, tasks, unknown];
    assert_eq!(places("CompletionRole", "s3:PutObject"), by_completion);
    let by_reaper = [doctor[1], intents, receipts, suspects, sweeps, tasks, unknown];
    assert_eq!(places("ReaperRole", "s3:PutObject"), by_reaper);
    for role in ROLES {
        assert_eq!(places(role, "s3:DeleteObject"), [intents], "{role}");
    }
}

#[test]
fn the_ledger_is_private_encrypted_and_kept() {
    let ledger = properties("LedgerBucket");
    let blocked = ledger["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert!(blocked.len() == 4 && blocked.values().all(|block| *block == json!(true)));
    let encryption = &ledger["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["Fn::If"];
    let algorithm =
        |branch: usize| &encryption[branch]["ServerSideEncryptionByDefault"]["SSEAlgorithm"];
    assert_eq!([algorithm(1), algorithm(2)], ["aws:kms", "AES256"]);
    let bucket = &TEMPLATE["Resources"]["LedgerBucket"];
    assert_eq!(bucket["DeletionPolicy"], "RetainExceptOnCreate", "an empty one is nobody's record");
    assert_eq!(bucket["UpdateReplacePolicy"], "Retain");
}

/// The roles of functions in a VPC, each with the function that has it.
fn roles_in_the_vpc() -> Vec<(&'static str, &'static str)> {
    let functions = all("AWS::Lambda::Function").into_iter();
    let in_vpc = functions.filter(|(_, function)| function["VpcConfig"].get("Fn::If").is_some());
    in_vpc
        .map(|(_, function)| {
            let name = function["FunctionName"]["Fn::Sub"].as_str().unwrap();
            (function["Role"]["Fn::GetAtt"][0].as_str().unwrap(), name)
        })
        .collect()
}

/// Lambda attaches the function to the VPC by its role; code that was taken over must not do so elsewhere.
#[test]
fn the_permissions_by_which_lambda_attaches_a_function_are_denied_to_its_code() {
    assert_eq!(roles_in_the_vpc().len(), 2);
    for (role, function) in roles_in_the_vpc() {
        let denies: Vec<_> =
            statements(role).into_iter().filter(|one| one["Effect"] == "Deny").collect();
        let arn = format!(
            "arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{function}"
        );
        let condition = json!({"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::Sub": arn}}});
        assert_eq!(denies.len(), 1, "{role}");
        assert_eq!((&denies[0]["Action"], &denies[0]["Resource"]), (&json!("ec2:*"), &json!("*")));
        assert_eq!(denies[0]["Condition"], condition, "{role}");
    }
}

#[test]
fn of_the_artifacts_nothing_but_markers_is_read() {
    let bucket = "arn:${AWS::Partition}:s3:::${ArtifactBucket}";
    let markers = format!("{bucket}/${{ArtifactPrefix}}*/${{ArtifactMarker}}");
    for role in ROLES {
        let places = places(role, "s3:GetObject");
        let of_artifacts: Vec<_> =
            places.into_iter().filter(|p| p.contains("ArtifactBucket")).collect();
        assert_eq!(of_artifacts, [markers.as_str()], "{role}");
        // 404 instead of 403: HeadObject has no prefix that a condition could be about.
        for statement in allowed(role, "s3:ListBucket") {
            assert!(statement.get("Condition").is_none(), "{role}: {statement}");
        }
    }
}

#[test]
fn every_role_can_be_bounded() {
    let boundary = json!({"Fn::If":
        ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]});
    for (name, role) in all("AWS::IAM::Role") {
        assert_eq!(role["PermissionsBoundary"], boundary, "{name}");
    }
}

/// What holds a session's id or a token. Queues keep AWS's own key: a gap in a key's policy would lose events.
#[test]
fn one_key_encrypts_ledger_logs_and_environment_and_whoever_needs_it_may_use_it() {
    let key = json!({"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]});
    for (name, function) in all("AWS::Lambda::Function") {
        assert_eq!(function["KmsKeyArn"], key, "{name}");
    }
    for (name, logs) in all("AWS::Logs::LogGroup") {
        assert_eq!(logs["KmsKeyId"], key, "{name}");
    }
    let ledger =
        &properties("LedgerBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"];
    let by_default = &ledger[0]["Fn::If"][1]["ServerSideEncryptionByDefault"];
    assert_eq!(by_default["KMSMasterKeyID"], json!({"Ref": "KmsKeyArn"}));
    for role in ROLES {
        for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
            assert_eq!(allowed(role, action)[0]["Resource"], json!({"Ref": "KmsKeyArn"}), "{role}");
        }
    }
}

#[test]
fn an_owner_s_policy_says_that_sessions_have_ended_and_nothing_else() {
    let [statement] = list(&properties("OwnerPolicy")["PolicyDocument"]["Statement"])[..] else {
        panic!("one statement")
    };
    assert_eq!(
        (&statement["Effect"], &statement["Action"]),
        (&json!("Allow"), &json!("events:PutEvents"))
    );
    let bus = TEMPLATE["Outputs"]["EventBusArn"]["Value"].clone();
    assert_eq!(statement["Resource"], bus);
    let ended =
        json!({"events:source": {"Ref": "EventSource"}, "events:detail-type": "Session Ended"});
    assert_eq!(statement["Condition"], json!({"ForAllValues:StringEquals": ended}));
    let taken = &properties("SessionEndedRule")["EventPattern"];
    assert_eq!(taken["source"], json!([{"Ref": "EventSource"}]));
    assert_eq!(taken["detail-type"], json!(["Session Ended"]));
}

#[test]
fn receipts_and_reports_expire_but_no_intent_and_no_suspect() {
    let rules = &properties("LedgerBucket")["LifecycleConfiguration"]["Rules"];
    let prefixes: Vec<_> = list(rules).into_iter().map(|rule| &rule["Prefix"]).collect();
    assert_eq!(
        prefixes,
        ["receipts/", "tasks/", "unknown/", "sweeps/"],
        "an intent that expires is a target that stays away"
    );
}
