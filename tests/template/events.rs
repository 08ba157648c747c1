//! From the bus to the completion function.

use crate::{ROOT, TEMPLATE, all, default_of, list, properties, seconds};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn an_event_is_retried_alone_and_then_kept_in_the_dead_letter_queue() {
    let mapping = properties("CompletionFunctionQueue");
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(mapping["BatchSize"], 100);
    assert!(mapping["ScalingConfig"]["MaximumConcurrency"].is_u64());

    let dead_letters = json!({"Fn::GetAtt": ["DeadLetterQueue", "Arn"]});
    for queue in ["Queue", "EndingTasksQueue"] {
        let redrive = &properties(queue)["RedrivePolicy"];
        assert_eq!(redrive["deadLetterTargetArn"], dead_letters, "{queue}");
        assert_eq!(redrive["maxReceiveCount"], json!({"Ref": "MaxReceiveCount"}), "{queue}");
    }
    for rule in rules_that_fill_the_queue() {
        for target in list(&properties(rule)["Targets"]) {
            assert_eq!(target["DeadLetterConfig"]["Arn"], dead_letters, "{rule}");
            assert!(target["RetryPolicy"]["MaximumRetryAttempts"].is_u64(), "{rule}");
        }
    }
    for queue in ["Queue", "EndingTasksQueue", "DeadLetterQueue"] {
        assert_eq!(properties(queue)["SqsManagedSseEnabled"], true, "{queue}");
    }
}

/// The values of a field that a rule's pattern takes. The owners' source is a parameter.
fn taken(rule: &Value, field: &str) -> Vec<Value> {
    let known = |value: &Value| {
        let is_parameter = *value == json!({"Ref": "EventSource"});
        if is_parameter { default_of("EventSource").clone() } else { value.clone() }
    };
    rule["EventPattern"][field].as_array().into_iter().flatten().map(known).collect()
}

#[test]
fn every_event_of_which_there_is_a_sample_is_let_in_by_a_rule() {
    let mut seen = 0;
    for entry in std::fs::read_dir(format!("{ROOT}/events")).unwrap() {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        // A batch and an order of an operator come by no rule, and the schedule's has no pattern.
        if !sample["detail-type"].is_string() || sample["source"] == "aws.events" {
            continue;
        }
        let lets_in = |(_, rule): &(&str, &Value)| {
            ["source", "detail-type"]
                .iter()
                .all(|field| taken(rule, field).contains(&sample[field]))
        };
        assert!(all("AWS::Events::Rule").iter().any(lets_in), "no rule lets in {path:?}");
        seen += 1;
    }
    assert!(seen > 4, "only {seen} are seen: the test can't tell");
}

/// A Spot warning waits behind no batch, and its second try comes before SIGKILL.
#[test]
fn tasks_that_are_being_stopped_have_a_queue_of_their_own() {
    let mapping = properties("CompletionFunctionEndingTasks");
    assert_eq!(mapping["EventSourceArn"], json!({"Fn::GetAtt": ["EndingTasksQueue", "Arn"]}));
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(
        (&mapping["BatchSize"], &mapping["MaximumBatchingWindowInSeconds"]),
        (&json!(10), &Value::Null)
    );
    let visibility = visibility_timeout("EndingTasksQueue", "FunctionTimeout", "1");
    assert!(visibility < 120, "a second try begins within Fargate's longest stopTimeout");
    // Each event of a task that stops is taken by one rule.
    let detail = |rule: &str| properties(rule)["EventPattern"]["detail"].clone();
    assert_eq!(detail("TaskStoppedRule")["lastStatus"], json!(["STOPPED"]));
    assert_eq!(detail("TaskEndsRule")["lastStatus"], json!([{"anything-but": ["STOPPED"]}]));
    assert_eq!(detail("TaskEndsRule")["desiredStatus"], json!(["STOPPED"]));
    let target = |rule: &str| properties(rule)["Targets"][0]["Arn"].clone();
    assert_eq!(target("TaskEndsRule"), json!({"Fn::GetAtt": ["EndingTasksQueue", "Arn"]}));
    assert_eq!(target("TaskStoppedRule"), json!({"Fn::GetAtt": ["Queue", "Arn"]}));
}

/// A queue's visibility timeout by default: that of the mapping, for the function's own.
fn visibility_timeout(queue: &str, function: &str, factor: &str) -> u64 {
    let by_mapping = |factor: &Value| json!({"Fn::FindInMap": ["VisibilityTimeouts", {"Ref": function}, factor]});
    let of_queue = &properties(queue)["VisibilityTimeout"];
    let is_parameter = *of_queue == by_mapping(&json!({"Ref": "VisibilityFactor"}));
    assert!(is_parameter || *of_queue == by_mapping(&json!(factor)), "{queue}: {of_queue}");
    let factor =
        if is_parameter { default_of("VisibilityFactor").as_str().unwrap() } else { factor };
    let timeouts = &TEMPLATE["Mappings"]["VisibilityTimeouts"][seconds(function).to_string()];
    timeouts[factor].as_u64().unwrap()
}

/// Else a second attempt would begin while the first is at work. No parameter can make it so: there is none.
#[test]
fn whatever_is_set_an_event_is_hidden_for_longer_than_an_invocation_may_take() {
    let allowed = |parameter: &str| list(&TEMPLATE["Parameters"][parameter]["AllowedValues"]);
    let (functions, factors) = (allowed("FunctionTimeout"), allowed("VisibilityFactor"));
    let timeouts = TEMPLATE["Mappings"]["VisibilityTimeouts"].as_object().unwrap();
    assert_eq!(timeouts.len(), functions.len());
    for function in functions {
        let row = timeouts[&function.to_string()].as_object().unwrap();
        assert_eq!(row.len(), factors.len());
        for factor in &factors {
            let factor = factor.as_str().unwrap();
            let times: u64 = factor.parse().unwrap();
            assert_eq!(row[factor], times * function.as_u64().unwrap() + 1, "{function} {factor}");
        }
    }
}

#[test]
fn no_rule_takes_an_event_of_another_account() {
    for (name, rule) in all("AWS::Events::Rule") {
        let pattern = &rule["EventPattern"];
        if pattern.is_object() {
            assert_eq!(pattern["account"], json!([{"Ref": "AWS::AccountId"}]), "{name}");
        }
    }
}

#[test]
fn no_queue_takes_dead_letters_of_a_stranger() {
    let sources = &properties("DeadLetterQueue")["RedriveAllowPolicy"];
    assert_eq!(sources["redrivePermission"], "byQueue");
    let names = ["Queue", "EndingTasksQueue"]
        .map(|queue| properties(queue)["QueueName"]["Fn::Sub"].as_str().unwrap());
    let arn = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:";
    let arns = names.map(|name| json!({"Fn::Sub": format!("{arn}{name}")}));
    assert_eq!(sources["sourceQueueArns"], json!(arns));
    let sweeps = &properties("FailedSweepsQueue")["RedriveAllowPolicy"];
    assert_eq!(*sweeps, json!({"redrivePermission": "denyAll"}));
}

/// Of the three policies of queues and the ledger's.
#[test]
fn nothing_is_sent_or_read_without_encryption() {
    let queues: BTreeSet<_> = all("AWS::SQS::QueuePolicy")
        .into_iter()
        .flat_map(|(_, policy)| list(&policy["Queues"]))
        .map(|queue| queue["Ref"].as_str().unwrap())
        .collect();
    assert_eq!(queues, all("AWS::SQS::Queue").into_iter().map(|(name, _)| name).collect());
    let buckets = all("AWS::S3::BucketPolicy");
    for (name, policy) in all("AWS::SQS::QueuePolicy").into_iter().chain(buckets) {
        let statements = list(&policy["PolicyDocument"]["Statement"]);
        let denies = statements.into_iter().find(|statement| statement["Effect"] == "Deny");
        let denies = denies.unwrap_or_else(|| panic!("{name} denies nothing"));
        assert_eq!(denies["Principal"], "*", "{name}");
        assert!(["sqs:*", "s3:*"].map(Value::from).contains(&denies["Action"]), "{name}");
        assert_eq!(
            denies["Condition"],
            json!({"Bool": {"aws:SecureTransport": "false"}}),
            "{name}"
        );
        for queue in list(&policy["Queues"]).into_iter().filter_map(|queue| queue["Ref"].as_str()) {
            let arn = json!({"Fn::GetAtt": [queue, "Arn"]});
            assert!(list(&denies["Resource"]).contains(&&arn), "{name}: {queue}");
        }
    }
}

fn rules_that_fill_the_queue() -> Vec<&'static str> {
    let queues = ["Queue", "EndingTasksQueue"].map(|name| json!({"Fn::GetAtt": [name, "Arn"]}));
    let fills =
        |rule: &Value| list(&rule["Targets"]).iter().any(|target| queues.contains(&target["Arn"]));
    let rules = all("AWS::Events::Rule").into_iter().filter(|(_, rule)| fills(rule));
    rules.map(|(name, _)| name).collect()
}

#[test]
fn the_rules_that_fill_the_queue_may_and_nobody_else() {
    let statements = list(&properties("QueuePolicy")["PolicyDocument"]["Statement"]);
    let [allows] =
        statements.into_iter().filter(|one| one["Effect"] == "Allow").collect::<Vec<_>>()[..]
    else {
        panic!("one statement allows")
    };
    let allowed = list(&allows["Condition"]["ArnEquals"]["aws:SourceArn"]);
    let allowed: BTreeSet<_> = allowed.iter().map(|rule| rule["Fn::GetAtt"][0].as_str()).collect();
    assert_eq!(allowed, rules_that_fill_the_queue().into_iter().map(Some).collect());
}

#[test]
fn time_limits_fit_into_one_another() {
    let function = seconds("FunctionTimeout");
    let window = properties("CompletionFunctionQueue")["MaximumBatchingWindowInSeconds"].as_u64();
    let visibility = visibility_timeout("Queue", "FunctionTimeout", "6");
    assert!(visibility >= 6 * function + window.unwrap(), "AWS's own advice");

    let to_the_stop =
        seconds("UploadTimeout").max(seconds("TargetTimeout")) + seconds("StopTimeout");
    let to_the_proof = seconds("TargetTimeout") + seconds("VerifyTimeout");
    let longest = seconds("IdentifyTimeout") + to_the_stop.max(to_the_proof);
    let ends = longest + seconds("ReceiptTimeout") + seconds("DeadlineMargin");
    assert!(ends <= function, "a cleanup may take {ends} s, and the function has {function} s");
}
